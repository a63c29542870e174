/*  The plans of the agent's statements: none goes through all rows of a table.  */

#include "tests/unit/agent_sim.h"

/*  Every statement that its connections run; each ends with a zero.  */
static buffer_t statements;

static int
note_statement(unsigned type, void *nobody, void *statement, void *text)
{
    (void) nobody;
    (void) statement;
    const char *sql = text;
    if (type == SQLITE_TRACE_STMT && strncmp(sql, "--", 2) != 0) /* a comment: a trigger */
        buffer_add(&statements, sql, strlen(sql) + 1);
    return 0;
}

static int
follow(sqlite3 *db, char **complaint, const void *api)
{
    (void) complaint;
    (void) api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, note_statement, NULL);
}

/*  Every way a change can go: written, refused, tried again, decided, and made elsewhere.  */
static void
work(world_t *world)
{
    start_with_todo(world);
    begin_history(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    decide(world, id, "rejected", 11, NULL);
    sim_run_ms(world->sim, SOON_MS);
    (void) ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 10, .max_bytes = 10000);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Milk\"}");
    decide(world, id, "applied", 12, NULL);
    (void) apply(world, "insert", 12, "{\"id\": \"b\"}");
    (void) ASK(world, "recorder", outbox_counts, verdicts_recorded);
    static const char *const filters[] = {"pending", "failed", "all"};
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        (void) ASK(world, "service", changes_list, changes_page, .filter = filters[i]);
}

/*  What people do, what is set aside, what is folded, what other programs write, and what is
    forgotten in the end.  */
static void
work_more(world_t *world)
{
    world->settings.outbox_merge = true;
    world->settings.retry_attempts = 1;
    world->settings.journal_keep_rows = 3;
    world->settings.agent_capture = "triggers";
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT UNIQUE, done INTEGER)");
    start_agent(world);
    begin_history(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    run_sql(world, "UPDATE todo SET done = 2 WHERE id = 'a'");
    (void) ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 10, .max_bytes = 10000);
    (void) ASK(world, "service", await_verdicts, verdicts_awaited, .ids = &id, .n_ids = 1,
               .timeout_ms = 10);
    decide(world, id, "rejected", 10, "{\"id\": \"a\", \"title\": \"Tea\"}");
    sim_run_ms(world->sim, SOON_MS);
    (void) ASK(world, "service", changes_list, changes_page, .filter = "parked");
    (void) ASK(world, "service", change_get, change_found, .id = id);
    (void) ASK(world, "service", act, acted, .act = "retry", .ids = &id, .n_ids = 1);
    decide(world, id, "rejected", 10, NULL);
    sim_run_ms(world->sim, SOON_MS);
    (void) ASK(world, "service", act, acted, .act = "discard", .all = true);
    for (uint64_t lsn = 11; lsn < 18; lsn++)
        (void) apply(world, "insert", lsn,
                     lsn % 2 ? "{\"id\": \"b\", \"title\": \"Milk\"}"
                             : "{\"id\": \"c\", \"title\": \"Milk\"}");
    sim_run_ms(world->sim, 200000);
}

/*  All of them from some row on, one after the other, is meant where the end is said.  */
static bool
is_through(const char *sql, const char *step)
{
    if (strcmp(step, "SCAN local_changes") == 0 || strcmp(step, "SCAN todo") == 0)
        return true;
    const bool long_way = strstr(step, "USING INTEGER PRIMARY KEY (rowid>?)") != NULL;
    return long_way && strstr(sql, "LIMIT") == NULL
           && strstr(sql, "> ?1 ORDER BY rowid") == NULL
           && strstr(sql, "> 0 ORDER BY rowid") == NULL;
}

/*  Whether one step of its plan goes through a whole table of changes or of rows.  */
static bool
reads_all_rows(sqlite3 *db, const char *sql)
{
    bool all = false;
    sqlite3_stmt *plan = NULL;
    char *explain = mem_format("EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *step = (const char *) sqlite3_column_text(plan, 3);
        all = all || is_through(sql, step);
    }
    sqlite3_finalize(plan);
    free(explain);
    return all;
}

static void
expect_no_long_way(world_t *world, void (*live)(world_t *))
{
    size_t n = 0;
    sqlite3_auto_extension((void (*)(void)) follow);
    live(world);
    sqlite3_reset_auto_extension();
    sqlite3 *db = open_database(world);
    assert_true(reads_all_rows(db, "SELECT * FROM local_changes"));
    assert_true(reads_all_rows(db, "UPDATE todo SET done = 1"));
    const char *end = buffer_text(&statements) + statements.size;
    for (const char *sql = buffer_text(&statements); sql < end; sql += strlen(sql) + 1) {
        const bool ours = strstr(sql, "local_changes") || strstr(sql, "todo");
        if (ours && strncmp(sql, "CREATE", 6) != 0 && reads_all_rows(db, sql))
            fail_msg("%s", sql);
        n += ours;
    }
    assert_true(n > 10);
    sqlite3_close(db);
    buffer_release(&statements);
}

static void
no_statement_reads_all_rows_of_a_table(void **state)
{
    expect_no_long_way(*state, work);
}

static void
nor_does_one_where_people_and_triggers_are_at_work(void **state)
{
    expect_no_long_way(*state, work_more);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(no_statement_reads_all_rows_of_a_table),
        IN_WORLD(nor_does_one_where_people_and_triggers_are_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
