/*  Who may checkpoint, and when the log starts anew.  */

#include "tests/unit/db_place.h"

static void
counts_the_pages_of_the_log(void **state)
{
    db_t *db = open_db(state);
    run(db, "CREATE TABLE t (x)");
    const int before = db_wal_pages(db);
    assert_true(before > 0);
    run(db, "INSERT INTO t VALUES (randomblob(40000))");
    assert_true(db_wal_pages(db) >= before + 10);
    db_close(&db);
}

static void
the_log_starts_anew_after_a_checkpoint(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    db_t *copier = open_db(state);
    db_t *lock = open_db(state);
    run(db, "CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(400000))");
    assert_true(db_wal_pages(db) > 90);
    assert_int_equal(db_checkpoint(copier, lock, &fault), OK);
    run(db, "INSERT INTO t VALUES (1)");
    assert_true(db_wal_pages(db) < 10);
    db_close(&lock);
    db_close(&copier);
    db_close(&db);
}

static void
does_not_checkpoint_under_a_writer(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    db_t *copier = open_db(state);
    db_t *lock = open_db(state);
    assert_int_equal(db_begin(db, &fault), OK);
    assert_int_equal(db_checkpoint(copier, lock, &fault), ERR_BUSY);
    assert_int_equal(db_commit(db, &fault), OK);
    assert_int_equal(db_checkpoint(copier, lock, &fault), OK);
    db_close(&lock);
    db_close(&copier);
    db_close(&db);
}

static void
leaves_the_log_that_an_old_reader_still_needs(void **state)
{
    fault_t fault = {0};
    db_t *db = open_db(state);
    db_t *copier = open_db(state);
    db_t *lock = open_db(state);
    db_t *reader = open_db(state);
    run(db, "CREATE TABLE t (x)");
    assert_int_equal(db_begin_read(reader, &fault), OK);
    run(db, "INSERT INTO t VALUES (1)");
    assert_int_equal(db_checkpoint(copier, lock, &fault), ERR_BUSY);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM t", -1), 0);
    db_rollback(reader);
    assert_int_equal(db_number(reader, "SELECT count(*) FROM t", -1), 1);
    assert_int_equal(db_checkpoint(copier, lock, &fault), OK);
    db_close(&reader);
    db_close(&lock);
    db_close(&copier);
    db_close(&db);
}

/*  A statement left at a row would hold its snapshot for ever.  */
static void
a_forgotten_statement_does_not_outlive_its_transaction(void **state)
{
    bool row = false;
    fault_t fault = {0};
    db_t *db = open_db(state);
    db_t *copier = open_db(state);
    db_t *lock = open_db(state);
    run(db, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)");
    assert_int_equal(db_begin(db, &fault), OK);
    assert_int_equal(db_run(db, "SELECT x FROM t", &row, &fault, ""), OK);
    assert_true(row);
    assert_int_equal(db_commit(db, &fault), OK);
    run(lock, "INSERT INTO t VALUES (3)");
    assert_int_equal(db_checkpoint(copier, lock, &fault), OK);
    db_close(&lock);
    db_close(&copier);
    db_close(&db);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(counts_the_pages_of_the_log),
        EACH(the_log_starts_anew_after_a_checkpoint),
        EACH(does_not_checkpoint_under_a_writer),
        EACH(leaves_the_log_that_an_old_reader_still_needs),
        EACH(a_forgotten_statement_does_not_outlive_its_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
