/*  wal_stream_test - the log of a real database through a slot: from where to where, what is
    confirmed, and what is said of trouble.  */

#include "tests/postgres/wal_stream_world.h"

static void
tells_which_system_it_is_and_how_far(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    char *id =
        database_text(place->database, "SELECT system_identifier FROM pg_control_system()");
    assert_string_equal(place->system.id, id);
    assert_int_equal(place->system.timeline, 1);
    assert_true(place->system.lsn > 0);
    free(id);
    place_destroy(place);
}

static void
a_new_slot_gives_the_rows_that_were_there(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    database_run(place->database, "INSERT INTO todo VALUES (1)");
    const wal_snapshot_t snapshot = create(place);
    database_run(place->database, "INSERT INTO todo VALUES (2)");
    char *sql = mem_format("BEGIN ISOLATION LEVEL REPEATABLE READ;"
                           "SET TRANSACTION SNAPSHOT '%s'",
                           snapshot.name);
    database_run(place->database, sql);
    assert_int_equal(database_number(place->database, "SELECT count(*) FROM todo"), 1);
    database_run(place->database, "COMMIT");
    start(place, snapshot.consistent);
    assert_next_insert(place, "2");
    free(sql);
    place_destroy(place);
}

static void
a_slot_waits_for_open_transactions_without_blocking(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    wal_snapshot_t snapshot;
    bool done = true;
    database_run(place->database, "BEGIN; INSERT INTO todo VALUES (1)");
    assert_int_equal(wal_stream_create(place->stream, place->slot, &place->fault), OK);
    slot_await(place, "count(*) = 1");
    assert_int_equal(wal_stream_created(place->stream, &snapshot, &done, &place->fault), OK);
    assert_false(done);
    database_run(place->database, "COMMIT");
    while (!done) {
        wait_for_socket(place);
        assert_int_equal(wal_stream_created(place->stream, &snapshot, &done, &place->fault),
                         OK);
    }
    place_destroy(place);
}

static void
transactions_come_whole_with_values_in_our_formats(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    start(place, create(place).consistent);
    database_run(place->database, "INSERT INTO todo VALUES (7, '2024-02-03 04:05:06+05:45')");
    const uint64_t final = read_until(place, PGOUTPUT_BEGIN)->lsn;
    assert_string_equal(read_until(place, PGOUTPUT_RELATION)->table, "todo");
    const bytes_t at = read_until(place, PGOUTPUT_INSERT)->fresh.values[1].text;
    assert_memory_equal(at.data, "2024-02-02 22:20:06+00", at.size);
    assert_true(read_until(place, PGOUTPUT_COMMIT)->lsn == final);
    assert_true(place->row.end > final);
    place_destroy(place);
}

static void
goes_on_behind_what_was_seen(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    const uint64_t consistent = create(place).consistent;
    database_run(place->database, "INSERT INTO todo VALUES (1)");
    database_run(place->database, "INSERT INTO todo VALUES (2)");
    start(place, consistent);
    assert_next_insert(place, "1");
    const uint64_t first = read_until(place, PGOUTPUT_COMMIT)->lsn;
    open_again(place);
    start(place, first + 1);
    assert_next_insert(place, "2");
    open_again(place);
    start(place, first);
    assert_next_insert(place, "1");
    place_destroy(place);
}

static void
what_was_confirmed_never_comes_again(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    const uint64_t consistent = create(place).consistent;
    start(place, consistent);
    database_run(place->database, "INSERT INTO todo VALUES (1)");
    database_run(place->database, "INSERT INTO todo VALUES (2)");
    const uint64_t end = read_until(place, PGOUTPUT_COMMIT)->end;
    confirm(place, end);
    char text[LSN_TEXT];
    char *reached = mem_format("confirmed_flush_lsn = '%s'", lsn_text(end, text));
    slot_await(place, reached);
    open_again(place);
    start(place, consistent);
    assert_next_insert(place, "2");
    free(reached);
    place_destroy(place);
}

/*  Reads until a keepalive; confirms it, as whoever has nothing unfinished does.  */
static void
follow(place_t *self)
{
    do
        assert_int_equal(next(self), OK);
    while (self->message.kind != WAL_KEEPALIVE);
    confirm(self, self->message.end);
}

static void
traffic_of_other_tables_does_not_keep_the_log(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    start(place, create(place).consistent);
    follow(place);
    database_run(place->database, "INSERT INTO other SELECT i, repeat('x', 100)"
                                  " FROM generate_series(1, 1000) i");
    char *now = database_text(place->database, "SELECT pg_current_wal_lsn()");
    uint64_t written = 0;
    assert_true(lsn_parse(now, &written));
    while (place->message.end < written)
        follow(place);
    char *reached = mem_format("confirmed_flush_lsn >= '%s'", now);
    slot_await(place, reached);
    free(reached);
    free(now);
    place_destroy(place);
}

static void
what_the_database_asks_is_answered_though_nothing_is_confirmed(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    char *sql =
        mem_format("ALTER DATABASE %s SET wal_sender_timeout = '3s'", place->database->name);
    database_run(place->database, sql);
    open_stream(place);
    assert_int_equal(wal_stream_pause_ms(place->stream), 1000);
    start(place, create(place).consistent);
    for (int pings = 0; pings < 5;) {
        assert_int_equal(next(place), OK);
        pings += place->message.kind == WAL_KEEPALIVE;
    }
    assert_int_equal(slot_number(place, "active::int"), 1);
    free(sql);
    place_destroy(place);
}

/*  While it is busy with that, timers may be late.  */
static void
much_that_came_is_told_without_being_asked(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    start(place, create(place).consistent);
    database_run(place->database,
                 "SELECT pg_logical_emit_message(true, 'x', repeat('x', 500000))"
                 " FROM generate_series(1, 4)");
    read_until(place, PGOUTPUT_COMMIT);
    assert_int_equal(wal_stream_next(place->stream, &place->message, &place->fault), OK);
    database_await(place->database,
                   "SELECT write_lsn IS NOT NULL FROM pg_stat_replication, pg_replication_slots"
                   " WHERE pid = active_pid AND database = current_database()");
    place_destroy(place);
}

static void
a_slot_in_use_is_told_with_who_uses_it(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    const uint64_t consistent = create(place).consistent;
    start(place, consistent);
    follow(place);
    wal_stream_t *first = place->stream;
    place->stream = wal_stream_new(&place->settings);
    open_stream(place);
    start(place, consistent);
    assert_int_equal(end(place), ERR_EXISTS);
    char *pid =
        mem_format("is active for PID %lld", (long long) slot_number(place, "active_pid"));
    assert_non_null(strstr(place->fault.text, pid));
    assert_non_null(strstr(place->fault.text, place->slot));
    assert_non_null(strstr(place->fault.text, "postgres.name"));
    wal_stream_destroy(&first);
    free(pid);
    place_destroy(place);
}

static void
a_slot_that_is_not_there_is_told(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    start(place, 0);
    assert_int_equal(end(place), ERR_NOT_FOUND);
    assert_non_null(strstr(place->fault.text, "does not exist"));
    place_destroy(place);
}

static void
a_slot_is_not_made_twice(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    wal_snapshot_t snapshot;
    bool done = false;
    create(place);
    assert_int_equal(wal_stream_create(place->stream, place->slot, &place->fault), OK);
    err_t err = OK;
    while (err == OK) {
        assert_false(done);
        wait_for_socket(place);
        err = wal_stream_created(place->stream, &snapshot, &done, &place->fault);
    }
    assert_int_equal(err, ERR_EXISTS);
    place_destroy(place);
}

static void
a_slot_from_before_the_publication_cannot_be_gone_on_with(void **state)
{
    (void) state;
    place_t *place = place_new(NULL);
    database_run(place->database, "DROP PUBLICATION waybill");
    const uint64_t consistent = create(place).consistent;
    database_run(place->database, "INSERT INTO todo VALUES (1);"
                                  "CREATE PUBLICATION waybill FOR TABLE todo");
    start(place, consistent);
    assert_int_equal(end(place), ERR_GAP);
    assert_non_null(strstr(place->fault.text, "does not exist"));
    place_destroy(place);
}

static void
the_end_of_the_database_is_told(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER(NULL);
    place_t *place = place_new(cluster);
    start(place, create(place).consistent);
    follow(place);
    cluster_stop(cluster, true);
    assert_int_equal(end(place), ERR_OFFLINE);
    cluster_start(cluster);
    database_await(place->database, "SELECT true");
    open_stream(place);
    start(place, 0);
    database_run(place->database, "INSERT INTO todo VALUES (3)");
    assert_next_insert(place, "3");
    place_destroy(place);
    cluster_destroy(&cluster);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_which_system_it_is_and_how_far),
        cmocka_unit_test(a_new_slot_gives_the_rows_that_were_there),
        cmocka_unit_test(a_slot_waits_for_open_transactions_without_blocking),
        cmocka_unit_test(transactions_come_whole_with_values_in_our_formats),
        cmocka_unit_test(goes_on_behind_what_was_seen),
        cmocka_unit_test(what_was_confirmed_never_comes_again),
        cmocka_unit_test(traffic_of_other_tables_does_not_keep_the_log),
        cmocka_unit_test(what_the_database_asks_is_answered_though_nothing_is_confirmed),
        cmocka_unit_test(much_that_came_is_told_without_being_asked),
        cmocka_unit_test(a_slot_in_use_is_told_with_who_uses_it),
        cmocka_unit_test(a_slot_that_is_not_there_is_told),
        cmocka_unit_test(a_slot_is_not_made_twice),
        cmocka_unit_test(a_slot_from_before_the_publication_cannot_be_gone_on_with),
        cmocka_unit_test(the_end_of_the_database_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
