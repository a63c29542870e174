/*  What a transaction promises: all of it or nothing, on a full disk as well.  */

#include "tests/unit/db_place.h"

static void
gives_up_on_a_lock_that_another_holds(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    db_t *other = open_db(state);
    assert_int_equal(db_begin(other, &fault), OK);
    assert_int_equal(db_begin(db, &fault), ERR_BUSY);
    db_rollback(other);
    assert_int_equal(db_begin(db, &fault), OK);
    assert_int_equal(db_commit(db, &fault), OK);
    db_close(&other);
    db_close(&db);
}

static void
keeps_what_was_committed_and_nothing_else(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x)");
    assert_int_equal(db_begin(db, &fault), OK);
    run(db, "INSERT INTO t VALUES (1)");
    assert_int_equal(db_commit(db, &fault), OK);
    assert_int_equal(db_begin(db, &fault), OK);
    run(db, "INSERT INTO t VALUES (2)");
    db_rollback(db);
    assert_int_equal(db_number(db, "SELECT sum(x) FROM t", -1), 1);
    db_close(&db);
}

static void
takes_back_a_savepoint_alone(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x)");
    assert_int_equal(db_begin(db, &fault), OK);
    run(db, "INSERT INTO t VALUES (1)");
    assert_int_equal(db_savepoint(db, "one", &fault), OK);
    run(db, "INSERT INTO t VALUES (2)");
    db_rollback_to(db, "one");
    assert_int_equal(db_release(db, "one", &fault), OK);
    assert_int_equal(db_commit(db, &fault), OK);
    assert_int_equal(db_number(db, "SELECT sum(x) FROM t", -1), 1);
    db_close(&db);
}

static void
fill(db_t *db, err_t *err, fault_t *fault)
{
    for (int i = 0; i < 1000 && *err == OK; i++)
        *err = db_run(db, "INSERT INTO t VALUES (randomblob(4000))", NULL, fault, "");
}

static void
a_full_disk_refuses_and_loses_nothing(void **state)
{
    err_t err = OK;
    fault_t fault = {0};
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x); INSERT INTO t VALUES ('kept'); PRAGMA max_page_count = 20");
    assert_int_equal(db_begin(db, &fault), OK);
    fill(db, &err, &fault);
    assert_int_equal(err, ERR_FULL);
    assert_non_null(strstr(fault.text, "space"));
    db_rollback(db);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t WHERE x = 'kept'", -1), 1);
    assert_int_equal(db_number(db, "SELECT count(*) FROM t", -1), 1);
    db_close(&db);
}

/*  SQLite has then ended the transaction by itself; what came after would commit alone.  */
static void
refuses_everything_after_the_transaction_was_lost(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x PRIMARY KEY); INSERT INTO t VALUES (1)");
    assert_int_equal(db_begin(db, &fault), OK);
    run(db, "INSERT INTO t VALUES (2)");
    assert_int_equal(db_run(db, "INSERT OR ROLLBACK INTO t VALUES (1)", NULL, &fault, ""),
                     ERR_RULE_VIOLATION);
    assert_int_equal(db_savepoint(db, "next", &fault), ERR_RULE_VIOLATION);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES (3)", NULL, &fault, ""),
                     ERR_RULE_VIOLATION);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (4)", &fault), ERR_RULE_VIOLATION);
    assert_int_equal(db_commit(db, &fault), ERR_RULE_VIOLATION);
    assert_int_equal(db_number(db, "SELECT sum(x) FROM t", -1), 1);
    assert_int_equal(db_begin(db, &fault), OK);
    run(db, "INSERT INTO t VALUES (5)");
    assert_int_equal(db_commit(db, &fault), OK);
    db_close(&db);
}

static void
a_broken_rule_is_named(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    run(db, "CREATE TABLE todo (id PRIMARY KEY, title UNIQUE); INSERT INTO todo VALUES (1, 2)");
    assert_int_equal(
        db_run(db, "INSERT INTO todo VALUES (2, ?1)", NULL, &fault, "i", (int64_t) 2),
        ERR_RULE_VIOLATION);
    assert_non_null(strstr(fault.text, "todo.title"));
    db_close(&db);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(gives_up_on_a_lock_that_another_holds),
        EACH(keeps_what_was_committed_and_nothing_else),
        EACH(takes_back_a_savepoint_alone),
        EACH(a_full_disk_refuses_and_loses_nothing),
        EACH(refuses_everything_after_the_transaction_was_lost),
        EACH(a_broken_rule_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
