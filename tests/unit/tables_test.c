/*  The agent's own tables: columns, defaults and rules of local_changes as they are promised,
   and what the columns say on a change's way.  */

#include "schemas/tables.h"
#include "tests/unit/agent_sim.h"

/*  -------------------------------------------------------------------- in memory, bare  */

static int
make_tables(void **state)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, agent_sql, NULL, NULL, NULL), SQLITE_OK);
    *state = db;
    return 0;
}

static int
drop_tables(void **state)
{
    return sqlite3_close(*state);
}

/*  The first column of all rows must be these lines.  */
static void
expect_lines(sqlite3 *db, const char *sql, const char *lines)
{
    sqlite3_stmt *rows = NULL;
    buffer_t seen = {0};
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW)
        buffer_add_format(&seen, "%s\n", (const char *) sqlite3_column_text(rows, 0));
    sqlite3_finalize(rows);
    assert_string_equal(buffer_text(&seen), lines);
    buffer_release(&seen);
}

static int
insert(sqlite3 *db, const char *values)
{
    char *sql = mem_format("INSERT INTO local_changes (id, entity_type, entity_id, operation,"
                           " data, timestamp) VALUES (%s)",
                           values);
    const int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    free(sql);
    return result;
}

static void
local_changes_has_the_promised_columns(void **state)
{
    expect_lines(*state,
                 "SELECT name || ' ' || type || iif(pk, ' PRIMARY KEY', '')"
                 " || iif(\"notnull\", ' NOT NULL', '')"
                 " || coalesce(' DEFAULT ' || dflt_value, '')"
                 " FROM pragma_table_info('local_changes') WHERE cid < 14",
                 "id TEXT PRIMARY KEY NOT NULL\n"
                 "entity_type TEXT NOT NULL\n"
                 "entity_id TEXT NOT NULL\n"
                 "operation TEXT NOT NULL\n"
                 "data JSONB\n"
                 "timestamp BIGINT NOT NULL\n"
                 "processed_local BOOLEAN DEFAULT FALSE\n"
                 "processed_sync BOOLEAN DEFAULT FALSE\n"
                 "error TEXT\n"
                 "attempts INTEGER DEFAULT 0\n"
                 "from_server BOOLEAN NOT NULL DEFAULT FALSE\n"
                 "skip_reason TEXT\n"
                 "lsn BIGINT\n"
                 "client_id TEXT\n");
}

static void
local_changes_has_the_promised_indexes(void **state)
{
    expect_lines(*state,
                 "SELECT l.name || ': ' || (SELECT group_concat(name) FROM pragma_index_info"
                 "(l.name)) FROM pragma_index_list('local_changes') AS l WHERE origin = 'c'"
                 " ORDER BY l.name",
                 "idx_local_changes_decided: lsn\n"
                 "idx_local_changes_entity: entity_type,entity_id\n"
                 "idx_local_changes_processed_local: timestamp\n"
                 "idx_local_changes_processed_sync: timestamp\n"
                 "idx_local_changes_refused: next_attempt\n"
                 "idx_local_changes_unsealed: from_server\n");
}

static void
a_new_change_is_neither_processed_nor_tried(void **state)
{
    assert_int_equal(insert(*state, "'c', 'todo', 'a', 'insert', '{}', 1"), SQLITE_OK);
    expect_lines(*state,
                 "SELECT processed_local || processed_sync || attempts || from_server || state"
                 " || (error IS NULL) FROM local_changes",
                 "0000pending1\n");
}

static void
strange_operations_and_deletes_with_data_are_refused(void **state)
{
    assert_int_equal(insert(*state, "'c', 'todo', 'a', 'replace', '{}', 1"), SQLITE_CONSTRAINT);
    assert_int_equal(insert(*state, "'c', 'todo', 'a', 'delete', '{}', 1"), SQLITE_CONSTRAINT);
    assert_int_equal(insert(*state, "'c', 'todo', 'a', NULL, '{}', 1"), SQLITE_CONSTRAINT);
    assert_int_equal(insert(*state, "'c', 'todo', NULL, 'insert', '{}', 1"), SQLITE_CONSTRAINT);
    assert_int_equal(insert(*state, "'c', 'todo', 'a', 'delete', NULL, 1"), SQLITE_OK);
    assert_int_equal(insert(*state, "'c', 'todo', 'b', 'delete', NULL, 1"), SQLITE_CONSTRAINT);
}

static void
making_them_again_changes_nothing(void **state)
{
    static const char schema[] = "SELECT group_concat(sql) FROM sqlite_schema";
    sqlite3 *db = *state;
    sqlite3_stmt *row = NULL;
    assert_int_equal(insert(db, "'c', 'todo', 'a', 'insert', '{}', 1"), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, schema, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    char *before = mem_format("%s\n", (const char *) sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    assert_int_equal(sqlite3_exec(db, agent_sql, NULL, NULL, NULL), SQLITE_OK);
    expect_lines(db, schema, before);
    expect_lines(db, "SELECT id FROM local_changes", "c\n");
    free(before);
}

/*  -------------------------------------------------------------------- an agent at work  */

/*  What the columns of the newest change say.  */
static const char way_sql[] =
    "SELECT from_server || ' ' || processed_local || processed_sync || ' ' || state || ' '"
    " || attempts || ' ' || coalesce(error, '-') || ' ' || coalesce(lsn, '-')"
    " FROM local_changes ORDER BY rowid DESC";

static void
refuse(world_t *world, const char *id, const char *code)
{
    verdict_t verdict = {
        .id = id, .verdict = "rejected", .code = code, .message = "no", .lsn = 11};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
}

static void
columns_follow_a_change_to_its_verdict(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_string_equal(text_of(world, way_sql), "0 10 pending 0 - -");
    refuse(world, id, "FULL");
    assert_string_equal(text_of(world, way_sql), "0 10 failed 1 FULL: no -");
    sim_run_ms(world->sim, SOON_MS);
    assert_string_equal(text_of(world, way_sql), "0 10 pending 1 FULL: no -");
    refuse(world, id, "RULE_VIOLATION");
    assert_string_equal(text_of(world, way_sql), "0 10 failed 2 RULE_VIOLATION: no -");
    sim_run_ms(world->sim, SOON_MS);
    decide(world, id, "applied", 12, NULL);
    assert_string_equal(text_of(world, way_sql), "0 11 done 2 - 12");
    assert_string_equal(text_of(world, "SELECT group_concat(attempt || code || message)"
                                       " FROM waybill_errors"),
                        "1FULLno,2RULE_VIOLATIONno");
}

static void
many_changes_of_a_row_keep_their_order(void **state)
{
    enum { MANY = 1000 };
    const char *ids[MANY];
    char json[40];
    world_t *world = *state;
    start_with_todo(world);
    for (int i = 0; i < MANY; i++) {
        (void) snprintf(json, sizeof json, "{\"title\": \"%d\"}", i);
        ids[i] = write_one(world, i == 0 ? "insert" : "update", "a", json);
    }
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "999");
    assert_string_equal(
        text_of(world, "SELECT count(*) FROM local_changes WHERE processed_local"), "1000");
    const outbox_batch_t *batch = ASK(world, "recorder", outbox_fetch, outbox_batch,
                                      .limit = 2 * MANY, .max_bytes = 10000000);
    assert_int_equal(batch->n_changes, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_string_equal(batch->changes[i].id, ids[i]);
}

static void
a_merged_change_is_a_success_and_not_tried_again(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    decide(world, id, "merged", 12, "{\"id\": \"a\", \"title\": \"Milk\"}");
    sim_run_ms(world->sim, SOON_MS);
    assert_string_equal(text_of(world, way_sql), "0 11 done 0 - 12");
}

static void
a_change_of_the_server_is_not_sent_back(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}");
    assert_string_equal(text_of(world, way_sql), "1 11 done 0 - 11");
    assert_int_equal(
        ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 10, .max_bytes = 10000)
            ->n_changes,
        0);
}

static void
an_unknown_operation_of_the_server_is_refused(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    assert_string_equal(apply(world, "upsert", 11, "{\"id\": \"a\"}"), "refused");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "0");
}

/*  How long it waits after so many refusals; part of that is chance.  */
static int64_t
wait_after(world_t *world, const char *id)
{
    refuse(world, id, "FULL");
    sim_run_ms(world->sim, 10);
    const char *wait = text_of(world, "SELECT next_attempt - (SELECT max(time) FROM"
                                      " waybill_errors) FROM local_changes");
    return strtoll(wait, NULL, 10);
}

static void
each_retry_waits_twice_as_long_up_to_the_cap(void **state)
{
    static const int64_t longest[] = {1000, 2000, 4000, 8000, 8000};
    world_t *world = *state;
    world->settings.retry_attempts = 10;
    world->settings.retry_base_ms = 1000;
    world->settings.retry_cap_ms = 8000;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    for (size_t i = 0; i < COUNT_OF(longest); i++) {
        const int64_t wait = wait_after(world, id);
        assert_in_range(wait, longest[i] / 2, longest[i] + 10); /* planned a moment later */
        sim_run_ms(world->sim, SOON_MS);
    }
}

static void
time_offline_is_no_attempt(void **state)
{
    world_t *world = *state;
    world->settings.agent_connect = true; /* nobody is there */
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    sim_run_ms(world->sim, 10 * SOON_MS);
    assert_string_equal(text_of(world, way_sql), "0 10 pending 0 - -");
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, make_tables, drop_tables)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLES(local_changes_has_the_promised_columns),
        WITH_TABLES(local_changes_has_the_promised_indexes),
        WITH_TABLES(a_new_change_is_neither_processed_nor_tried),
        WITH_TABLES(strange_operations_and_deletes_with_data_are_refused),
        WITH_TABLES(making_them_again_changes_nothing),
        IN_WORLD(columns_follow_a_change_to_its_verdict),
        IN_WORLD(many_changes_of_a_row_keep_their_order),
        IN_WORLD(a_merged_change_is_a_success_and_not_tried_again),
        IN_WORLD(a_change_of_the_server_is_not_sent_back),
        IN_WORLD(an_unknown_operation_of_the_server_is_refused),
        IN_WORLD(each_retry_waits_twice_as_long_up_to_the_cap),
        IN_WORLD(time_offline_is_no_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
