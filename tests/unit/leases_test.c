/*  Leases: which database is a client's, and which is a copy of it.  */

#include "actors/common/own_tables.h"
#include "actors/server/leases.h"
#include "schemas/tables.h"
#include "tests/unit/db_place.h"

static db_t *
open_server(void **state)
{
    db_t *db = open_db(state);
    fault_t fault = {0};
    assert_int_equal(db_begin(db, &fault), OK);
    assert_int_equal(own_tables_make(db, server_sql, &fault), OK);
    assert_int_equal(db_commit(db, &fault), OK);
    return db;
}

/*  Is the client who shows that lease let in? Then it is given the next.  */
static bool
is_let_in(db_t *db, const char *shown, const char *next)
{
    const lease_t lease = {.client_id = "tablet", .shown = shown, .next = next};
    bool taken = true;
    fault_t fault = {0};
    if (leases_take(db, &lease, 1, &taken, &fault) != OK)
        fail_msg("%s", fault.text);
    return !taken;
}

static void
lets_a_client_in_that_shows_what_it_was_given(void **state)
{
    db_t *db = open_server(state);
    assert_true(is_let_in(db, "", "one"));
    assert_true(is_let_in(db, "one", "two"));
    assert_true(is_let_in(db, "two", "three"));
    db_close(&db);
}

static void
lets_a_client_in_that_lost_what_it_was_given(void **state)
{
    db_t *db = open_server(state);
    assert_true(is_let_in(db, "", "one"));
    assert_true(is_let_in(db, "", "two"));
    assert_true(is_let_in(db, "two", "three"));
    assert_true(is_let_in(db, "two", "four"));
    assert_true(is_let_in(db, "four", "five"));
    db_close(&db);
}

static void
knows_a_copy_by_its_old_lease(void **state)
{
    db_t *db = open_server(state);
    assert_true(is_let_in(db, "", "one"));
    assert_true(is_let_in(db, "one", "two"));
    assert_true(is_let_in(db, "two", "three"));
    assert_false(is_let_in(db, "one", "four"));
    assert_false(is_let_in(db, "", "four"));
    assert_false(is_let_in(db, "four", "five"));
    assert_true(is_let_in(db, "three", "four"));
    db_close(&db);
}

static void
welcomes_a_client_that_the_server_has_forgotten(void **state)
{
    db_t *db = open_server(state);
    assert_true(is_let_in(db, "from an earlier life", "one"));
    assert_true(is_let_in(db, "one", "two"));
    db_close(&db);
}

static void
welcomes_a_client_that_was_known_before_there_were_leases(void **state)
{
    db_t *db = open_server(state);
    run(db, "INSERT INTO waybill_clients (client_id, lsn, seen) VALUES ('tablet', 7, 1)");
    assert_true(is_let_in(db, "", "one"));
    assert_int_equal(db_number(db, "SELECT lsn FROM waybill_clients", 0), 7);
    db_close(&db);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(lets_a_client_in_that_shows_what_it_was_given),
        IN_PLACE(lets_a_client_in_that_lost_what_it_was_given),
        IN_PLACE(knows_a_copy_by_its_old_lease),
        IN_PLACE(welcomes_a_client_that_the_server_has_forgotten),
        IN_PLACE(welcomes_a_client_that_was_known_before_there_were_leases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
