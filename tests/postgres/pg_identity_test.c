/*  pg_identity_test - which history a database is: each thing that can have happened to
   database, slot and cache, and what follows.  */

#include "tests/postgres/identity_world.h"

/*  ------------------------------------------------------------- deciding  */

static void
a_new_database_gets_an_epoch_and_the_server_a_row(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    assert_true(check(&server)->rebuild);
    assert_epoch(&server, FIRST);
    assert_int_equal(server.found.beat, 1);
    assert_true(strlen(server.found.token) == UUID_TEXT - 1);
    assert_int_equal(number_of(&server.place, "SELECT count(*) FROM waybill.identity"
                                              " WHERE system_id = '7' AND timeline = 1"),
                     1);
    assert_int_equal(number_of(&server.place, "SELECT count(*) FROM waybill.servers"
                                              " WHERE slot = 'waybill_' || name"
                                              " AND beat = 1 AND seen = 1700000000000"
                                              " AND NOT dropped"),
                     1);
    close_server(&server);
}

static void
goes_on_where_everything_fits(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    const identity_found_t before = server.found;
    assert_goes_on(&server);
    assert_int_equal(server.found.beat, 2);
    assert_string_equal(server.found.token, before.token);
    close_server(&server);
}

static void
a_new_cache_is_filled_in_the_same_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.epoch = server.known.slot = "";
    server.known.beat = 0;
    server.known.captured = server.known.confirmed = 0;
    assert_fills_again(&server, "not filled");
    assert_int_equal(server.found.beat, 2);
    close_server(&server);
}

static void
another_system_is_another_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    strcpy(server.known.system.id, "8");
    assert_begins_anew(&server, "another system");
    assert_int_equal(number_of(&server.place, "SELECT system_id::bigint FROM waybill.identity"),
                     8);
    close_server(&server);
}

static void
another_timeline_is_another_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.system.timeline = 2;
    assert_begins_anew(&server, "timeline");
    assert_int_equal(number_of(&server.place, "SELECT timeline FROM waybill.identity"), 2);
    close_server(&server);
}

static void
a_database_that_forgot_beats_is_an_older_copy(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.beat = 7;
    assert_begins_anew(&server, "older copy");
    assert_int_equal(server.found.beat, 8);
    close_server(&server);
}

static void
a_database_from_before_this_server_is_an_older_copy(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    exec(&server.place, "DELETE FROM waybill.servers");
    assert_begins_anew(&server, "older copy");
    close_server(&server);
}

static void
an_older_copy_is_noticed_while_the_cache_is_being_filled(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.slot = "";
    server.known.beat = 7;
    assert_begins_anew(&server, "older copy");
    close_server(&server);
}

static void
a_log_that_ends_before_the_cache_is_an_older_copy(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.captured = 1000001;
    assert_begins_anew(&server, "its log ends before");
    close_server(&server);
}

static void
a_history_that_another_server_began_is_joined(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.epoch = "33333333-3333-7333-8333-333333333333";
    server.known.beat = 7;
    assert_fills_again(&server, "new history");
    close_server(&server);
}

static void
a_schema_that_was_dropped_is_another_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    exec(&server.place, "DROP SCHEMA waybill CASCADE");
    must(identity_prepare(server.identity, server.place.pg, &server.fault), &server.fault);
    assert_begins_anew(&server, "new to waybill");
    close_server(&server);
}

static void
a_slot_dropped_on_purpose_leaves_the_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    exec(&server.place, "UPDATE waybill.servers SET dropped = true");
    must(identity_drop_slot(server.identity, server.place.pg, &server.fault), &server.fault);
    assert_fills_again(&server, "on purpose");
    run(&server, make_slot, identity_slot(server.identity));
    must(identity_took_slot(server.identity, server.place.pg, &server.fault), &server.fault);
    assert_int_equal(
        number_of(&server.place, "SELECT count(*) FROM waybill.servers WHERE dropped"), 0);
    close_server(&server);
}

static void
a_slot_that_vanished_is_another_history(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    run(&server, "SELECT pg_drop_replication_slot('%s')", identity_slot(server.identity));
    assert_begins_anew(&server, "slot of this server is gone");
    close_server(&server);
}

static void
a_lost_slot_leaves_the_history(void **state)
{
    (void) state;
    server_t server;
    cluster_t *cluster = CLUSTER("--set", "max_slot_wal_keep_size=1MB");
    open_server(&server, cluster);
    follow(&server);
    for (int i = 0; i < 4; i++)
        exec(&server.place, "CREATE TABLE gone (id INT); DROP TABLE gone;"
                            "SELECT pg_switch_wal()");
    exec(&server.place, "CHECKPOINT");
    assert_fills_again(&server, "lost");
    identity_pulse_t pulse;
    must(identity_beat(server.identity, server.place.pg, &(identity_moment_t){FIRST, 1}, &pulse,
                       &server.fault),
         &server.fault);
    assert_true(pulse.moved);
    assert_int_equal(pulse.most_bytes, 1024 * 1024);
    close_server(&server);
    cluster_destroy(&cluster);
}

static void
a_cache_older_than_its_slot_is_filled_again(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.confirmed = 1;
    assert_fills_again(&server, "the cache is older");
    close_server(&server);
}

static void
a_server_that_was_renamed_fills_its_cache_again(void **state)
{
    (void) state;
    server_t server;
    open_server(&server, NULL);
    follow(&server);
    server.known.slot = "waybill_before";
    server.known.beat = 7;
    assert_fills_again(&server, "another name");
    close_server(&server);
}

static void
a_slot_of_another_database_is_refused(void **state)
{
    (void) state;
    server_t server;
    server_t other;
    open_server(&server, NULL);
    open_server(&other, NULL);
    follow(&other);
    identity_destroy(&server.identity);
    server.place.settings.postgres_name = other.name;
    server.identity = identity_of(&server.place.settings);
    assert_int_equal(identity_check(server.identity, server.place.pg, &server.known,
                                    &server.found, &server.fault),
                     ERR_CONFIG);
    assert_non_null(strstr(server.fault.text, "postgres.name"));
    close_server(&other);
    close_server(&server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_gets_an_epoch_and_the_server_a_row),
        cmocka_unit_test(goes_on_where_everything_fits),
        cmocka_unit_test(a_new_cache_is_filled_in_the_same_history),
        cmocka_unit_test(another_system_is_another_history),
        cmocka_unit_test(another_timeline_is_another_history),
        cmocka_unit_test(a_database_that_forgot_beats_is_an_older_copy),
        cmocka_unit_test(a_database_from_before_this_server_is_an_older_copy),
        cmocka_unit_test(an_older_copy_is_noticed_while_the_cache_is_being_filled),
        cmocka_unit_test(a_log_that_ends_before_the_cache_is_an_older_copy),
        cmocka_unit_test(a_history_that_another_server_began_is_joined),
        cmocka_unit_test(a_schema_that_was_dropped_is_another_history),
        cmocka_unit_test(a_slot_dropped_on_purpose_leaves_the_history),
        cmocka_unit_test(a_slot_that_vanished_is_another_history),
        cmocka_unit_test(a_lost_slot_leaves_the_history),
        cmocka_unit_test(a_cache_older_than_its_slot_is_filled_again),
        cmocka_unit_test(a_server_that_was_renamed_fills_its_cache_again),
        cmocka_unit_test(a_slot_of_another_database_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
