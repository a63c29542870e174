/*  capture = triggers on an agent: what any program writes with plain SQL is given a local
    transaction and goes to the server, whether the agent runs or not; what the agent itself
    writes is not captured again.  */

#include "tests/unit/capturing_sim.h"

/*  As "operation key", in the order recorded.  */
static const char recorded[] =
    "SELECT group_concat(operation || ' ' || entity_id) FROM (SELECT * FROM local_changes"
    " ORDER BY rowid)";
static const char transactions[] = "SELECT count(DISTINCT txn) || ' of ' || count(txn)"
                                   " FROM local_changes";

/*  ------------------------------------------------------------------------------- sealing  */

static void
plain_sql_of_a_transaction_is_handed_out_as_one(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    run_sql(world,
            "BEGIN; INSERT INTO todo VALUES ('a', 'Tea', 0);"
            "UPDATE todo SET done = 1; INSERT INTO todo VALUES ('b', 'Milk', 0); COMMIT");
    const outbox_batch_t *batch = fetch(world);
    assert_int_equal(batch->n_changes, 3);
    assert_int_equal(batch->pending, 3);
    assert_string_equal(batch->changes[0].operation, "insert");
    assert_string_equal(batch->changes[1].operation, "update");
    assert_string_equal(batch->changes[0].txn, batch->changes[0].id);
    assert_string_equal(batch->changes[2].txn, batch->changes[0].id);
    assert_memory_equal(batch->changes[1].data.data,
                        row(world, "{\"id\": \"a\", \"done\": 1}").data,
                        batch->changes[1].data.size);
}

static void
programs_that_write_in_turn_have_transactions_of_their_own(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0)");
    run_sql(world, "INSERT INTO todo VALUES ('b', 'Tea', 0)");
    run_sql(world, "BEGIN; UPDATE todo SET done = 1 WHERE id = 'a';"
                   "UPDATE todo SET done = 1 WHERE id = 'b'; COMMIT");
    assert_int_equal(fetch(world)->n_changes, 4);
    expect(world, transactions, "3 of 4");
}

/*  By the application or by the server: one writer at a time.  */
static void
what_is_recorded_between_parts_transactions(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    sqlite3 *db = open_database(world);
    assert_int_equal(sqlite3_exec(db, "INSERT INTO todo VALUES ('a', 'Tea', 0)", 0, 0, 0), 0);
    (void) apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"Milk\"}");
    assert_int_equal(sqlite3_exec(db, "INSERT INTO todo VALUES ('c', 'Tea', 0)", 0, 0, 0), 0);
    sqlite3_close(db);
    expect(world, transactions, "0 of 0");
    assert_int_equal(fetch(world)->n_changes, 2);
    expect(world, recorded, "insert a,insert b,insert c");
    expect(world, transactions, "2 of 2");
}

static void
rows_written_while_the_agent_is_down_are_handed_out_when_it_starts(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    sim_crash(world->sim, world->node);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0); DELETE FROM todo");
    start_agent(world);
    sim_run_ms(world->sim, 100);
    expect(world, transactions, "1 of 2");
    assert_int_equal(fetch(world)->n_changes, 2);
}

static void
each_captured_change_is_told_to_subscribers(void **state)
{
    size_t n = 0;
    world_t *world = *state;
    start_capturing(world);
    sim_hear(world->sim, world->node, "change_recorded");
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0), ('b', 'Milk', 0)");
    (void) sim_ask(world->sim, world->node, "recorder", MSG_outbox_counts,
                   &(outbox_counts_t){});
    sim_run_ms(world->sim, 100);
    while (sim_take(world->sim, world->node, &world->heard))
        n += world->heard.id == MSG_change_recorded;
    assert_int_equal(n, 2);
}

/*  The fence is the first change that has no transaction yet.  */
static void
nothing_unsealed_is_handed_out_and_nothing_overtakes_it(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "insert", "b", "{\"title\": \"Tea\"}");
    (void) write_one(world, "insert", "c", "{\"title\": \"Tea\"}");
    run_sql(world, "UPDATE local_changes SET txn = NULL WHERE entity_id = 'b'");
    assert_int_equal(fetch(world)->n_changes, 1);
}

static void
a_transaction_too_large_for_one_is_cut_in_order(void **state)
{
    world_t *world = *state;
    world->settings.outbox_txn_changes = 10;
    start_capturing(world);
    run_sql(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 25)"
                   " INSERT INTO todo SELECT printf('%02d', i), 'Tea', 0 FROM n");
    (void) fetch(world);
    sim_run_ms(world->sim, 1000);
    assert_int_equal(fetch(world)->n_changes, 25);
    expect(world, transactions, "3 of 25");
    expect(world,
           "SELECT group_concat(first || '-' || n) FROM (SELECT min(entity_id) AS first,"
           " count(*) AS n FROM local_changes GROUP BY txn ORDER BY min(rowid))",
           "01-10,11-10,21-5");
}

static void
bytes_count_as_well(void **state)
{
    world_t *world = *state;
    world->settings.outbox_txn_bytes = 4096;
    start_capturing(world);
    run_sql(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20)"
                   " INSERT INTO todo SELECT i, printf('%01000d', 7), 0 FROM n");
    (void) fetch(world);
    sim_run_ms(world->sim, 1000);
    assert_int_equal(fetch(world)->n_changes, 20);
    expect(world, transactions, "7 of 20");
}

static void
a_change_too_large_for_any_frame_is_parked_with_the_reason(void **state)
{
    world_t *world = *state;
    world->settings.outbox_txn_bytes = 4096;
    start_capturing(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', printf('%05000d', 7), 0)");
    run_sql(world, "INSERT INTO todo VALUES ('b', 'Tea', 0)");
    const outbox_batch_t *batch = fetch(world);
    assert_int_equal(batch->n_changes, 1);
    assert_int_equal(batch->pending, 1);
    expect(world,
           "SELECT entity_id || ' ' || substr(error, 1, 9) FROM local_changes"
           " WHERE state = 'parked'",
           "a TOO_LARGE");
    expect(world, "SELECT code FROM waybill_errors", "TOO_LARGE");
}

/*  -------------------------------------------------------------------------- not captured  */

static void
what_the_server_sends_is_not_captured(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}"),
                        "applied");
    assert_string_equal(apply(world, "update", 12, "{\"id\": \"a\", \"title\": \"No\"}"),
                        "applied");
    assert_string_equal(apply(world, "delete", 13, "{\"id\": \"a\"}"), "applied");
    expect(world, "SELECT count(*) FROM local_changes WHERE NOT from_server", "0");
    run_sql(world, "INSERT INTO todo VALUES ('b', 'Tea', 0)");
    expect(world, "SELECT count(*) FROM local_changes WHERE NOT from_server", "1");
    expect(world, "SELECT base FROM local_changes WHERE NOT from_server", "13");
}

static void
what_an_application_records_through_the_agent_is_recorded_once(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    (void) write_refused(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "delete", "a", NULL);
    expect(world, recorded, "insert a,update a,delete a");
    run_sql(world, "INSERT INTO todo VALUES ('b', 'Tea', 0)");
    expect(world, recorded, "insert a,update a,delete a,insert b");
}

static void
a_row_that_triggers_have_recorded_is_not_recorded_again(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0)");
    entry_t change = entry(world, "insert", "a", "{\"title\": \"Tea\"}");
    const problem_t *problem = ASK(world, "service", write, problem, .changes = &change,
                                   .n_changes = 1, .written = true);
    assert_non_null(strstr(problem->message, "triggers"));
    expect(world, recorded, "insert a");
}

/*  A time that ran ahead in one way of recording holds in the other.  */
static void
time_never_falls_from_one_way_of_recording_to_the_other(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    run_sql(world, "UPDATE sync_state SET clock = 90000000000000;"
                   "INSERT INTO todo VALUES ('a', 'Tea', 0)");
    (void) write_one(world, "insert", "b", "{\"title\": \"Tea\"}");
    run_sql(world, "INSERT INTO todo VALUES ('c', 'Tea', 0)");
    expect(world,
           "SELECT sum(timestamp < 90000000000001) || ' ' || (SELECT group_concat(entity_id)"
           " FROM (SELECT entity_id FROM local_changes ORDER BY timestamp, rowid))"
           " FROM local_changes",
           "0 a,b,c");
}

/*  ------------------------------------------------------------------------------ verdicts  */

static const char *
captured_id(world_t *world, const char *key)
{
    char sql[160];
    (void) fetch(world);
    (void) snprintf(sql, sizeof sql,
                    "SELECT id FROM local_changes WHERE entity_id = '%s' AND NOT from_server"
                    " ORDER BY rowid DESC",
                    key);
    return text_of(world, sql);
}

static void
a_rejected_row_goes_back_to_the_server_s_and_that_is_not_captured(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\", \"done\": 0}");
    run_sql(world, "UPDATE todo SET title = 'No'");
    run_sql(world, "INSERT INTO todo VALUES ('b', 'Milk', 0)");
    decide(world, captured_id(world, "a"), "rejected", 0,
           "{\"id\": \"a\", \"title\": \"Tea\", \"done\": 0}");
    decide(world, captured_id(world, "b"), "rejected", 0, NULL);
    expect(world, "SELECT group_concat(id || title || done) FROM todo", "aTea0");
    expect(world, "SELECT count(*) FROM local_changes WHERE NOT from_server", "2");
}

static void
a_rejected_row_with_children_goes_away(void **state)
{
    world_t *world = *state;
    world->settings.agent_capture = "triggers";
    run_sql(world, START_SQL "; CREATE TABLE note (id INTEGER PRIMARY KEY,"
                             " todo NOT NULL REFERENCES todo(id))");
    start_agent(world);
    begin_history(world);
    run_sql(world, "PRAGMA foreign_keys = ON; BEGIN; INSERT INTO todo VALUES ('a', 'Tea', 0);"
                   "INSERT INTO note VALUES (1, 'a'); COMMIT");
    decide(world, captured_id(world, "a"), "rejected", 0, NULL);
    decide(world, captured_id(world, "1"), "rejected", 0, NULL);
    expect(world, "SELECT count(*) FROM todo, note", "0");
    expect(world, "SELECT count(*) FROM local_changes", "2");
}

static void
a_captured_column_stands_above_the_server_s_row(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\", \"done\": 0}");
    run_sql(world, "UPDATE todo SET done = 1");
    (void) apply(world, "update", 12, "{\"id\": \"a\", \"title\": \"Milk\", \"done\": 0}");
    expect(world, "SELECT title || done FROM todo", "Milk1");
    decide(world, captured_id(world, "a"), "rejected", 0, NULL);
    expect(world, "SELECT title || done FROM todo", "Milk0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(plain_sql_of_a_transaction_is_handed_out_as_one),
        IN_WORLD(programs_that_write_in_turn_have_transactions_of_their_own),
        IN_WORLD(what_is_recorded_between_parts_transactions),
        IN_WORLD(rows_written_while_the_agent_is_down_are_handed_out_when_it_starts),
        IN_WORLD(each_captured_change_is_told_to_subscribers),
        IN_WORLD(nothing_unsealed_is_handed_out_and_nothing_overtakes_it),
        IN_WORLD(a_transaction_too_large_for_one_is_cut_in_order),
        IN_WORLD(bytes_count_as_well),
        IN_WORLD(a_change_too_large_for_any_frame_is_parked_with_the_reason),
        IN_WORLD(what_the_server_sends_is_not_captured),
        IN_WORLD(what_an_application_records_through_the_agent_is_recorded_once),
        IN_WORLD(a_row_that_triggers_have_recorded_is_not_recorded_again),
        IN_WORLD(time_never_falls_from_one_way_of_recording_to_the_other),
        IN_WORLD(a_rejected_row_goes_back_to_the_server_s_and_that_is_not_captured),
        IN_WORLD(a_rejected_row_with_children_goes_away),
        IN_WORLD(a_captured_column_stands_above_the_server_s_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
