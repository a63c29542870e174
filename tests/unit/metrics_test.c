/*  What the actors count and measure: each metric of schemas/metrics.def says what is true.  */

#include "tests/unit/watched_sim.h"

#define AGENT(actor, name) VALUE(world, world->node, actor, name)
#define SERVER(actor, name) VALUE(world, server.node, actor, name)
#define AT_OTHER(actor, name) VALUE(world, other.node, actor, name)

static void
a_change_is_counted_on_its_way(void **state)
{
    world_t *world = *state;
    start_three(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    (void) write_one(world, "update", "a", "{\"title\": \"Tea\"}");
    await_quiet(world);
    assert_int_equal(AGENT("recorder", changes_recorded), 2);
    assert_int_equal(AGENT("connection-manager", changes_sent), 2);
    assert_int_equal(SERVER("client-changes", client_changes_applied), 2);
    assert_int_equal(AGENT("recorder", verdicts_applied), 2);
    assert_int_equal(SERVER("listener", changes_distributed), 2);
    assert_int_equal(AT_OTHER("processor", server_changes_applied), 2);
    assert_int_equal(AGENT("processor", server_changes_applied), 0);
}

static void
times_are_taken_where_they_pass(void **state)
{
    world_t *world = *state;
    start_three(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    await_quiet(world);
    assert_int_equal(MEASURED(world, world->node, "recorder", record_time), 1);
    assert_int_equal(MEASURED(world, world->node, "recorder", verdict_time), 1);
    assert_true(MEASURED(world, world->node, "recorder", commit_time) >= 2);
    assert_true(MEASURED(world, other.node, "processor", apply_time) >= 1);
    assert_int_equal(MEASURED(world, server.node, "client-changes", judge_time), 1);
    assert_int_equal(MEASURED(world, server.node, "client-changes", commit_time), 1);
}

static void
verdicts_are_counted_by_their_kind(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *first = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    const char *second = write_one(world, "insert", "b", "{\"title\": \"Tea\"}");
    decide(world, first, "merged", 20, "{\"id\": \"a\", \"title\": \"Theirs\"}");
    decide(world, second, "rejected", 20, NULL);
    assert_int_equal(AGENT("recorder", verdicts_merged), 1);
    assert_int_equal(AGENT("recorder", verdicts_refused), 1);
    assert_int_equal(AGENT("recorder", verdicts_applied), 0);
    assert_int_equal(AGENT("recorder", changes_failed), 1);
}

static void
the_outbox_is_what_the_database_has(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    const char *bad = write_one(world, "insert", "b", "{\"title\": \"Tea\"}");
    assert_int_equal(AGENT("recorder", changes_pending), 2);
    decide(world, bad, "rejected", 20, NULL);
    sim_run_ms(world->sim, 1000);
    assert_int_equal(AGENT("recorder", changes_pending), 1);
    assert_int_equal(AGENT("recorder", changes_parked), 1);
    sim_stop(world->sim, world->node);
    start_agent(world);
    assert_int_equal(AGENT("recorder", changes_pending), 1);
    assert_int_equal(AGENT("recorder", changes_parked), 1);
}

static verdict_t sent_verdict;

static void
submit(world_t *world, const char *change_id, const char *operation, int64_t updated_at,
       const char *json)
{
    client_change_t change = {.id = change_id,
                              .table = "todo",
                              .operation = operation,
                              .updated_at = updated_at,
                              .data = row(world, json)};
    const uint64_t asked =
        sim_ask(world->sim, server.node, "client-changes", MSG_client_changes,
                &(client_changes_t){
                    .session = 7, .client_id = "stranger", .changes = &change, .n_changes = 1});
    const client_verdicts_t *answer =
        await_answer(world->sim, server.node, asked, MSG_client_verdicts, &world->heard);
    sent_verdict = answer->verdicts[0];
}

static void
the_server_counts_what_it_judges(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    submit(world, "c1", "insert", 1000, "{\"id\": \"a\", \"title\": \"Milk\"}");
    submit(world, "c1", "insert", 1000, "{\"id\": \"a\", \"title\": \"Milk\"}");
    submit(world, "c2", "update", 900, "{\"id\": \"a\", \"title\": \"Older\"}");
    submit(world, "c3", "update", 2000, "{\"id\": \"b\", \"title\": \"Nowhere\"}");
    assert_int_equal(SERVER("client-changes", client_changes_applied), 1);
    assert_int_equal(SERVER("client-changes", client_changes_duplicate), 1);
    assert_int_equal(SERVER("client-changes", client_changes_merged), 1);
    assert_int_equal(SERVER("client-changes", client_changes_rejected), 1);
    assert_int_equal(SERVER("client-changes", client_changes_put_off), 0);
}

static void
what_the_server_puts_off_is_counted_and_not_judged(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    run_on_server(either("ALTER TABLE waybill_head RENAME TO gone",
                         "ALTER TABLE client_changes RENAME TO gone"));
    submit(world, "c1", "insert", 1000, "{\"id\": \"a\", \"title\": \"Milk\"}");
    assert_string_equal(sent_verdict.verdict, "retry");
    assert_int_equal(SERVER("client-changes", client_changes_put_off), 1);
    expect_steps(world, server.node, "client-changes", "c1", "");
}

static void
a_connection_is_shown_while_it_lasts(void **state)
{
    world_t *world = *state;
    start_three(world);
    assert_int_equal(AGENT("connection-manager", connected), 1);
    assert_int_equal(AGENT("connection-manager", connects), 1);
    assert_int_equal(AGENT("connection-manager", connects_failed), 0);
    assert_int_equal(SERVER("listener", clients), 2);
    assert_true(MEASURED(world, world->node, "connection-manager", round_trip) >= 1);
    assert_true(AGENT("connection-manager", bytes_in) > 0);
    assert_true(AGENT("connection-manager", bytes_out) > 0);
    assert_true(SERVER("listener", bytes_in) > 0);
    assert_true(SERVER("listener", bytes_out) > 0);
    sim_link(world->sim, world->node, false);
    sim_run_ms(world->sim, 100);
    assert_int_equal(AGENT("connection-manager", connected), 0);
    assert_true(AGENT("connection-manager", connects_failed) >= 1);
    assert_true(MEASURED(world, world->node, "connection-manager", backoff) >= 1);
    assert_int_equal(SERVER("listener", clients), 1);
}

static bool
is_behind(void *arg)
{
    world_t *world = arg;
    return AGENT("connection-manager", lag) >= 1; /* on PostgreSQL in bytes of its log */
}

static void
the_lag_is_what_has_come_and_is_not_committed(void **state)
{
    world_t *world = *state;
    start_three(world);
    assert_int_equal(AGENT("connection-manager", lag), 0);
    run_on_server("INSERT INTO todo VALUES ('x', 'Foreign')");
    if (!on_postgres())
        sim_tell(world->sim, server.node, "replicator", MSG_committed, &(committed_t){0});
    assert_true(sim_until(world->sim, is_behind, world, 60000));
    await_quiet(world);
    assert_int_equal(AGENT("connection-manager", lag), 0);
}

static void
history_and_capture_are_shown(void **state)
{
    world_t *world = *state;
    start_three(world);
    run_on_server("INSERT INTO todo VALUES ('x', 'Foreign')");
    tell_replicator(world);
    assert_int_equal(SERVER("replicator", log_lsn),
                     backend_number(&server.backend, "SELECT lsn FROM waybill_head"));
    assert_int_equal(SERVER("replicator", log_rows), 1);
    assert_int_equal(SERVER("replicator", log_bytes), 0);
    /* There others commit as well. */
    assert_in_range(MEASURED(world, server.node, "replicator", capture_time), 1,
                    on_postgres() ? UINT64_MAX : 1);
}

static void
bytes_of_the_history_are_shown_where_they_are_limited(void **state)
{
    world_t *world = *state;
    add_server(world);
    server.settings.stream_history_bytes = 1000000;
    start_server(world);
    run_on_server("INSERT INTO todo VALUES ('x', 'Foreign')");
    tell_replicator(world);
    tell_replicator(world);
    assert_true(SERVER("replicator", log_bytes) > 0);
}

static void
rows_of_a_snapshot_are_counted_apart(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    run_on_server("INSERT INTO todo VALUES ('a', 'Milk'), ('b', 'Tea')");
    start_agent(world);
    connect_agent(world);
    await_synced(world);
    assert_int_equal(SERVER("listener", rows_distributed), 2);
    assert_int_equal(SERVER("listener", changes_distributed), 0);
    assert_int_equal(AGENT("processor", server_changes_applied), 2);
}

static void
pages_of_the_write_ahead_log_are_shown(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    sim_run_ms(world->sim, 100);
    assert_true(AGENT("checkpointer", wal_pages) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(a_change_is_counted_on_its_way),
        IN_PAIR(times_are_taken_where_they_pass),
        IN_PAIR(verdicts_are_counted_by_their_kind),
        IN_PAIR(the_outbox_is_what_the_database_has),
        IN_PAIR(the_server_counts_what_it_judges),
        IN_PAIR(what_the_server_puts_off_is_counted_and_not_judged),
        IN_PAIR(a_connection_is_shown_while_it_lasts),
        IN_PAIR(the_lag_is_what_has_come_and_is_not_committed),
        IN_PAIR(history_and_capture_are_shown),
        IN_PAIR(bytes_of_the_history_are_shown_where_they_are_limited),
        IN_PAIR(rows_of_a_snapshot_are_counted_apart),
        IN_PAIR(pages_of_the_write_ahead_log_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
