/*  What is kept of the journal, and what goes.  */

#include "tests/unit/agent_sim.h"

enum { DAY_MS = 86400000 };

static void
start_forgetful(world_t *world)
{
    world->settings.journal_keep_ms = DAY_MS;
    world->settings.journal_keep_rows = 0;
    start_with_todo(world);
    begin_history(world);
}

/*  As if it had all happened two days ago.  */
static void
age(world_t *world)
{
    run_sql(world, "UPDATE local_changes SET timestamp = timestamp - 172800000");
}

static void
pass_time(world_t *world)
{
    sim_run_ms(world->sim, 130000);
}

static const char *
ids_kept(world_t *world)
{
    return text_of(world, "SELECT group_concat(entity_id || from_server) FROM (SELECT *"
                          " FROM local_changes ORDER BY rowid)");
}

static void
removes_what_is_done_and_too_old_with_its_errors(void **state)
{
    world_t *world = *state;
    start_forgetful(world);
    const char *id = write_one(world, "insert", "a", "{}");
    decide(world, id, "rejected", 11, NULL);
    sim_run_ms(world->sim, 5000);
    decide(world, id, "applied", 11, NULL);
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_errors"), "1");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"b\"}"), "applied");
    age(world);
    (void) write_one(world, "insert", "c", "{}");
    pass_time(world);
    assert_string_equal(ids_kept(world), "c0");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_errors"), "0");
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a,b,c");
}

static void
keeps_what_is_not_decided(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_forgetful(world);
    (void) write_one(world, "insert", "a", "{}");
    decide(world, write_one(world, "insert", "b", "{}"), "rejected", 10, NULL);
    age(world);
    (void) write_one(world, "insert", "c", "{}");
    pass_time(world);
    assert_string_equal(ids_kept(world), "a0,b0,c0");
}

/*  An older version of the row may still come from the server.  */
static void
keeps_what_stands_above_the_servers_stream(void **state)
{
    world_t *world = *state;
    start_forgetful(world);
    decide(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "applied", 12,
           NULL);
    age(world);
    pass_time(world);
    assert_string_equal(ids_kept(world), "a0");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Older\"}"),
                        "applied");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Mine");
    assert_string_equal(apply(world, "insert", 12, "{\"id\": \"b\"}"), "applied");
    age(world);
    pass_time(world);
    assert_string_equal(ids_kept(world), "NULL");
}

/*  It is written below them when it can be written at last.  */
static void
keeps_what_stands_above_a_change_that_is_set_aside(void **state)
{
    world_t *world = *state;
    world->settings.journal_keep_ms = DAY_MS;
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT);"
                   "CREATE TABLE rule (held INTEGER); INSERT INTO rule VALUES (1);"
                   "CREATE TRIGGER no BEFORE INSERT ON todo WHEN NEW.title = 'Older' AND EXISTS"
                   " (SELECT 1 FROM rule) BEGIN SELECT RAISE(ABORT, 'no'); END");
    start_agent(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Older\"}");
    decide(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "applied", 12,
           NULL);
    (void) apply(world, "insert", 12, "{\"id\": \"b\"}");
    age(world);
    pass_time(world);
    assert_string_equal(ids_kept(world), "a1,a0");
    run_sql(world, "DELETE FROM rule");
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_held"), "0");
    assert_string_equal(text_of(world, "SELECT title FROM todo WHERE id = 'a'"), "Mine");
}

static void
keeps_so_many_rows_about(void **state)
{
    world_t *world = *state;
    world->settings.journal_keep_ms = 0;
    world->settings.journal_keep_rows = 3;
    start_with_todo(world);
    begin_history(world);
    for (uint64_t i = 0; i < 6; i++)
        (void) apply(world, "insert", 11 + i, "{\"id\": \"a\"}");
    pass_time(world);
    assert_string_equal(text_of(world, "SELECT group_concat(lsn) FROM local_changes"),
                        "14,15,16");
}

static void
keeps_everything_if_told_so(void **state)
{
    world_t *world = *state;
    world->settings.journal_keep_ms = 0;
    start_with_todo(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\"}");
    age(world);
    pass_time(world);
    assert_string_equal(ids_kept(world), "a1");
}

static void
removes_more_than_one_portion(void **state)
{
    world_t *world = *state;
    start_forgetful(world);
    run_sql(world,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
            " INSERT INTO local_changes (id, entity_type, entity_id, operation, timestamp,"
            " processed_local, processed_sync, from_server, state)"
            " SELECT i, 'todo', i, 'delete', 1000, 1, 1, 1, 'done' FROM n");
    (void) write_one(world, "insert", "c", "{}");
    pass_time(world);
    assert_string_equal(ids_kept(world), "c0");
}

static void
never_dates_a_change_before_one_that_was_removed(void **state)
{
    world_t *world = *state;
    start_forgetful(world);
    decide(world, write_one(world, "insert", "a", "{}"), "applied", 10, NULL);
    run_sql(world, "UPDATE local_changes SET timestamp = 9000000000000");
    world->settings.journal_keep_ms = 0;
    world->settings.journal_keep_rows = 1;
    sim_stop(world->sim, world->node);
    start_agent(world);
    (void) apply(world, "insert", 11, "{\"id\": \"b\"}");
    pass_time(world);
    assert_string_equal(ids_kept(world), "b1");
    sim_stop(world->sim, world->node);
    start_agent(world);
    (void) write_one(world, "insert", "c", "{}");
    assert_string_equal(text_of(world, "SELECT timestamp >= 9000000000000 FROM local_changes"
                                       " WHERE entity_id = 'c'"),
                        "1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(removes_what_is_done_and_too_old_with_its_errors),
        IN_WORLD(keeps_what_is_not_decided),
        IN_WORLD(keeps_what_stands_above_the_servers_stream),
        IN_WORLD(keeps_what_stands_above_a_change_that_is_set_aside),
        IN_WORLD(keeps_so_many_rows_about),
        IN_WORLD(keeps_everything_if_told_so),
        IN_WORLD(removes_more_than_one_portion),
        IN_WORLD(never_dates_a_change_before_one_that_was_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
