/*  Leases: which database is a client's, and which is a copy of it.  */

#include "actors/common/own_tables.h"
#include "actors/server/registry.h"
#include "schemas/tables.h"
#include "tests/unit/db_place.h"

static registry_t *
open_server(void **state)
{
    const place_t *place = *state;
    db_t *db = open_db(state);
    registry_t *registry = NULL;
    fault_t fault = {0};
    assert_int_equal(db_begin(db, &fault), OK);
    assert_int_equal(own_tables_make(db, server_sql, &fault), OK);
    assert_int_equal(db_commit(db, &fault), OK);
    db_close(&db);
    const settings_t settings = {.server_db = place->path};
    if (registry_open(&settings, REGISTRY_WRITES, &registry, &fault) != OK)
        fail_msg("%s", fault.text);
    return registry;
}

/*  Is the client who shows that lease let in? Then it is given the next.  */
static bool
is_let_in(registry_t *registry, const char *shown, const char *next)
{
    lease_t lease = {.client_id = "tablet", .shown = shown, .next = next};
    fault_t fault = {0};
    if (registry->class->take_leases(registry, &lease, 1, 1, &fault) != OK)
        fail_msg("%s", fault.text);
    return !lease.taken;
}

static void
lets_a_client_in_that_shows_what_it_was_given(void **state)
{
    registry_t *registry = open_server(state);
    assert_true(is_let_in(registry, "", "one"));
    assert_true(is_let_in(registry, "one", "two"));
    assert_true(is_let_in(registry, "two", "three"));
    registry_close(&registry);
}

static void
lets_a_client_in_that_lost_what_it_was_given(void **state)
{
    registry_t *registry = open_server(state);
    assert_true(is_let_in(registry, "", "one"));
    assert_true(is_let_in(registry, "", "two"));
    assert_true(is_let_in(registry, "two", "three"));
    assert_true(is_let_in(registry, "two", "four"));
    assert_true(is_let_in(registry, "four", "five"));
    registry_close(&registry);
}

static void
knows_a_copy_by_its_old_lease(void **state)
{
    registry_t *registry = open_server(state);
    assert_true(is_let_in(registry, "", "one"));
    assert_true(is_let_in(registry, "one", "two"));
    assert_true(is_let_in(registry, "two", "three"));
    assert_false(is_let_in(registry, "one", "four"));
    assert_false(is_let_in(registry, "", "four"));
    assert_false(is_let_in(registry, "four", "five"));
    assert_true(is_let_in(registry, "three", "four"));
    registry_close(&registry);
}

static void
welcomes_a_client_that_the_server_has_forgotten(void **state)
{
    registry_t *registry = open_server(state);
    assert_true(is_let_in(registry, "from an earlier life", "one"));
    assert_true(is_let_in(registry, "one", "two"));
    registry_close(&registry);
}

static void
welcomes_a_client_that_was_known_before_there_were_leases(void **state)
{
    registry_t *registry = open_server(state);
    db_t *db = open_db(state);
    run(db, "INSERT INTO waybill_clients (client_id, lsn, seen) VALUES ('tablet', 7, 1)");
    assert_true(is_let_in(registry, "", "one"));
    assert_int_equal(db_number(db, "SELECT lsn FROM waybill_clients", 0), 7);
    db_close(&db);
    registry_close(&registry);
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
