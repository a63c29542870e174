/*  The registry in PostgreSQL: what holds of the one in SQLite (unit/leases, unit/users), two
    servers at once, and a database that does not answer.  */

#include "actors/server/postgres/identity.h"
#include "actors/server/registry.h"
#include "schemas/tables.h"
#include "tests/postgres/pg_place.h"

#include <signal.h>

enum { NOW = 1000000, PAUSE_MS = 10000 };

static pg_place_t place;

static registry_t *
open_registry(void)
{
    registry_t *registry = NULL;
    fault_t fault = {0};
    must(registry_open(&place.settings, REGISTRY_WRITES, &registry, &fault), &fault);
    return registry;
}

static int
make_place(void **state)
{
    (void) state;
    open_place(&place, NULL);
    exec(&place, postgres_sql);
    return 0;
}

static int
remove_place(void **state)
{
    (void) state;
    close_place(&place);
    return 0;
}

/*  --------------------------------------------------------------------------- leases  */

/*  Is the client who shows that lease let in? Then it is given the next.  */
static bool
is_let_in(registry_t *registry, const char *shown, const char *next)
{
    lease_t lease = {.client_id = "tablet", .shown = shown, .next = next, .taken = true};
    fault_t fault = {0};
    must(registry->class->take_leases(registry, &lease, 1, NOW, &fault), &fault);
    return !lease.taken;
}

static void
lets_a_client_in_that_shows_what_it_was_given_or_has_shown_last(void **state)
{
    registry_t *registry = open_registry();
    (void) state;
    assert_true(is_let_in(registry, "", "one"));
    assert_true(is_let_in(registry, "", "two"));
    assert_true(is_let_in(registry, "two", "three"));
    assert_true(is_let_in(registry, "two", "four"));
    assert_true(is_let_in(registry, "four", "five"));
    registry_close(&registry);
}

static void
knows_a_copy_by_its_old_lease_at_whatever_server(void **state)
{
    registry_t *one = open_registry();
    registry_t *other = open_registry();
    (void) state;
    assert_true(is_let_in(one, "", "one"));
    assert_true(is_let_in(other, "one", "two"));
    assert_true(is_let_in(one, "two", "three"));
    assert_false(is_let_in(other, "one", "four"));
    assert_false(is_let_in(other, "", "four"));
    assert_true(is_let_in(other, "three", "four"));
    registry_close(&one);
    registry_close(&other);
}

static void
welcomes_a_client_that_was_forgotten(void **state)
{
    registry_t *registry = open_registry();
    (void) state;
    assert_true(is_let_in(registry, "from an earlier life", "one"));
    assert_true(is_let_in(registry, "one", "two"));
    exec(&place, "UPDATE waybill.clients SET lease = '', next_lease = ''");
    assert_true(is_let_in(registry, "from an earlier life", "three"));
    registry_close(&registry);
}

static void
judges_all_leases_of_a_round_also_two_of_one_name(void **state)
{
    registry_t *registry = open_registry();
    fault_t fault = {0};
    (void) state;
    lease_t leases[] = {
        {.client_id = "a", .shown = "", .next = "a1"},
        {.client_id = "b", .shown = "", .next = "b1"},
        {.client_id = "a", .shown = "copy", .next = "a2"},
        {.client_id = "c", .shown = "", .next = "c1"},
        {.client_id = "a", .shown = "a1", .next = "a3"},
    };
    must(registry->class->take_leases(registry, leases, COUNT_OF(leases), NOW, &fault), &fault);
    static const bool taken[] = {false, false, true, false, false};
    for (size_t i = 0; i < COUNT_OF(leases); i++)
        assert_int_equal(leases[i].taken, taken[i]);
    char *kept = database_text(place.database, "SELECT client_id, lease, next_lease"
                                               " FROM waybill.clients ORDER BY 1");
    assert_string_equal(kept, "a|a1|a3\nb||b1\nc||c1");
    free(kept);
    registry_close(&registry);
}

/*  As it is on a database that was put back.  */
static void
forgets_leases_when_another_history_begins(void **state)
{
    registry_t *registry = open_registry();
    identity_t *identity = NULL;
    identity_found_t found = {0};
    fault_t fault = {0};
    (void) state;
    identity_known_t known = {.system = {.id = "1", .timeline = 1},
                              .epoch = "",
                              .slot = "",
                              .new_epoch = "first",
                              .wall_ms = NOW};
    must(identity_new(&place.settings, &identity, &fault), &fault);
    must(identity_check(identity, place.pg, &known, &found, &fault), &fault);
    assert_true(is_let_in(registry, "", "one"));
    assert_true(is_let_in(registry, "one", "two"));
    assert_false(is_let_in(registry, "of the copy", "three"));
    known.system = (wal_system_t){.id = "2", .timeline = 1};
    known.new_epoch = "second";
    must(identity_check(identity, place.pg, &known, &found, &fault), &fault);
    assert_string_equal(found.epoch, "second");
    assert_true(is_let_in(registry, "of the copy", "three"));
    identity_destroy(&identity);
    registry_close(&registry);
}

/*  ---------------------------------------------------------------------------- users  */

static err_t
claim(registry_t *registry, const char *client_id, const char *user)
{
    fault_t fault = {0};
    return registry->class->claim(registry, client_id, user, NOW, &fault);
}

static void
gives_a_client_id_to_the_first_who_uses_it(void **state)
{
    registry_t *registry = open_registry();
    (void) state;
    assert_int_equal(claim(registry, "tablet", ""), OK);
    assert_int_equal(database_number(place.database, "SELECT count(*) FROM waybill.clients"),
                     0);
    assert_int_equal(claim(registry, "tablet", "ann"), OK);
    assert_int_equal(claim(registry, "tablet", "ann"), OK);
    assert_int_equal(claim(registry, "tablet", "bob"), ERR_PERMISSION_DENIED);
    registry_close(&registry);
}

/*  Where users were not known before.  */
static void
gives_a_client_that_is_known_to_its_first_user(void **state)
{
    registry_t *registry = open_registry();
    (void) state;
    assert_true(is_let_in(registry, "", "one"));
    assert_int_equal(claim(registry, "tablet", "ann"), OK);
    assert_true(is_let_in(registry, "one", "two"));
    assert_int_equal(claim(registry, "tablet", "bob"), ERR_PERMISSION_DENIED);
    registry_close(&registry);
}

/*  ------------------------------------------------------------------------ positions  */

static void
keeps_where_clients_stand(void **state)
{
    registry_t *registry = open_registry();
    fault_t fault = {0};
    (void) state;
    assert_int_equal(claim(registry, "a", "ann"), OK);
    const acked_t acked[] = {{"a", 7}, {"b", 8}, {"a", 9}};
    must(registry->class->save(registry, acked, COUNT_OF(acked), NOW, &fault), &fault);
    char *kept =
        database_text(place.database, "SELECT client_id, lsn, user_id FROM waybill.clients"
                                      " ORDER BY 1");
    assert_string_equal(kept, "a|9|ann\nb|8|");
    free(kept);
    registry_close(&registry);
}

/*  ------------------------------------------------------------------ rejected changes  */

static void
shows_rejected_changes_newest_first_page_by_page(void **state)
{
    registry_t *registry = open_registry();
    arena_t arena = {0};
    fault_t fault = {0};
    (void) state;
    exec(&place, "INSERT INTO waybill.changes_history (time, client_id, change_id, tbl,"
                 " operation, data, code, message) SELECT n, 'a', 'c' || n, 'todo', 'insert',"
                 " NULL, 'STALE', 'no' FROM generate_series(1, 3) AS n");
    const rejected_get_t first = {.limit = 2};
    const rejected_page_t *page =
        registry->class->rejected(registry, &first, NOW, &arena, &fault);
    assert_non_null(page);
    assert_int_equal(page->n_changes, 2);
    assert_true(page->more);
    assert_string_equal(page->changes[0].change_id, "c3");
    const rejected_get_t rest = {.limit = 2, .after = page->changes[1].seq};
    page = registry->class->rejected(registry, &rest, NOW, &arena, &fault);
    assert_int_equal(page->n_changes, 1);
    assert_false(page->more);
    assert_string_equal(page->changes[0].code, "STALE");
    assert_string_equal(page->changes[0].data, "");
    arena_release(&arena);
    registry_close(&registry);
}

/*  ------------------------------------------------------------------------- trouble  */

static err_t
claim_at(registry_t *registry, int64_t wall_ms)
{
    fault_t fault = {0};
    return registry->class->claim(registry, "tablet", "ann", wall_ms, &fault);
}

static void
leaves_a_database_that_does_not_answer_alone_for_a_while(void **state)
{
    cluster_t *cluster = CLUSTER(NULL);
    (void) state;
    pg_place_t own;
    open_place(&own, cluster);
    exec(&own, postgres_sql);
    registry_t *registry = NULL;
    fault_t fault = {0};
    must(registry_open(&own.settings, REGISTRY_WRITES, &registry, &fault), &fault);
    assert_int_equal(claim_at(registry, NOW), OK);
    cluster_stop(cluster, true);
    assert_int_equal(claim_at(registry, NOW + 1), ERR_OFFLINE);
    cluster_start(cluster);
    assert_int_equal(claim_at(registry, NOW + 2), ERR_OFFLINE);
    assert_int_equal(claim_at(registry, NOW + PAUSE_MS), ERR_OFFLINE);
    assert_int_equal(claim_at(registry, NOW + 1 + PAUSE_MS), OK);
    registry_close(&registry);
    close_place(&own);
    cluster_destroy(&cluster);
}

/*  Neither it nor its system says that it is gone.  */
static void
gives_a_database_up_that_is_silent(void **state)
{
    registry_t *registry = open_registry();
    (void) state;
    assert_int_equal(claim_at(registry, NOW), OK);
    const pid_t backend = (pid_t) database_number(
        place.database, "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                        " AND application_name = 'waybill registry'");
    assert_int_equal(kill(backend, SIGSTOP), 0);
    const err_t err = claim_at(registry, NOW + 1);
    assert_int_equal(kill(backend, SIGCONT), 0);
    assert_int_equal(err, ERR_OFFLINE);
    assert_int_equal(claim_at(registry, NOW + 2), ERR_OFFLINE);
    assert_int_equal(claim_at(registry, NOW + 2 + PAUSE_MS), OK);
    registry_close(&registry);
}

/*  Somebody holds the row: whoever asks is told soon, and is not kept waiting by the next.  */
static void
does_not_wait_for_a_lock_for_long(void **state)
{
    registry_t *registry = open_registry();
    fault_t fault = {0};
    (void) state;
    lease_t lease = {.client_id = "tablet", .shown = "", .next = "one"};
    assert_true(is_let_in(registry, "", "one"));
    database_run(place.database, "BEGIN; UPDATE waybill.clients SET seen = 0");
    const err_t err = registry->class->take_leases(registry, &lease, 1, NOW, &fault);
    assert_true(err_is_transient(err));
    database_run(place.database, "ROLLBACK");
    must(registry->class->take_leases(registry, &lease, 1, NOW + 2 * PAUSE_MS, &fault), &fault);
    registry_close(&registry);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(lets_a_client_in_that_shows_what_it_was_given_or_has_shown_last),
        IN_PLACE(knows_a_copy_by_its_old_lease_at_whatever_server),
        IN_PLACE(welcomes_a_client_that_was_forgotten),
        IN_PLACE(judges_all_leases_of_a_round_also_two_of_one_name),
        IN_PLACE(forgets_leases_when_another_history_begins),
        IN_PLACE(gives_a_client_id_to_the_first_who_uses_it),
        IN_PLACE(gives_a_client_that_is_known_to_its_first_user),
        IN_PLACE(keeps_where_clients_stand),
        IN_PLACE(shows_rejected_changes_newest_first_page_by_page),
        cmocka_unit_test(leaves_a_database_that_does_not_answer_alone_for_a_while),
        IN_PLACE(gives_a_database_up_that_is_silent),
        IN_PLACE(does_not_wait_for_a_lock_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
