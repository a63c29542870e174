/*  Snapshots: where a replica stands meanwhile, and what must not outlive one.  */

#include "tests/unit/agent_sim.h"

static const char position_sql[] = "SELECT epoch || lsn FROM sync_state";
static const char title_sql[] = "SELECT group_concat(title) FROM todo WHERE id = 'a'";

static server_changes_t
stretch(const char *phase, const char *epoch, uint64_t lsn)
{
    return (server_changes_t){.phase = phase, .epoch = epoch, .lsn = lsn, .last = true};
}

static server_changes_t
page(server_change_t *changes, size_t n, const char *epoch, uint64_t lsn)
{
    server_changes_t page = stretch("snapshot", epoch, lsn);
    page.table = "todo";
    page.final = true;
    page.changes = changes;
    page.n_changes = n;
    return page;
}

static const char *
outcome_of(world_t *world, uint64_t asked)
{
    const changes_applied_t *applied =
        await_answer(world->sim, world->node, asked, MSG_changes_applied, &world->heard);
    return arena_text(&world->arena, applied->outcome);
}

static uint64_t
send(world_t *world, server_changes_t changes)
{
    return sim_ask(world->sim, world->node, "lsn-manager", MSG_server_changes, &changes);
}

static const char *
hear(world_t *world, server_changes_t changes)
{
    return outcome_of(world, send(world, changes));
}

static void
take_snapshot(world_t *world, server_change_t *changes, size_t n, const char *epoch,
              uint64_t lsn)
{
    assert_string_equal(hear(world, stretch("snapshot_begin", epoch, lsn)), "applied");
    assert_string_equal(hear(world, page(changes, n, epoch, lsn)), "applied");
    assert_string_equal(hear(world, stretch("snapshot_end", epoch, lsn)), "applied");
}

static void
a_replica_stands_nowhere_in_the_middle_of_a_snapshot(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    assert_string_equal(text_of(world, position_sql), "e10");
    assert_string_equal(hear(world, stretch("snapshot_begin", "e", 20)), "applied");
    assert_string_equal(text_of(world, position_sql), "e0");
}

/*  Even if all of it was on its way already.  */
static void
a_snapshot_does_not_end_that_lacks_a_page(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    server_change_t bad = server_change(world, "insert", 20, "{\"id\": \"a\", \"no\": 1}");
    const uint64_t asked[] = {
        send(world, stretch("snapshot_begin", "e", 20)), send(world, page(&bad, 1, "e", 20)),
        send(world, page(NULL, 0, "e", 20)), send(world, stretch("snapshot_end", "e", 20))};
    assert_string_equal(outcome_of(world, asked[3]), "refused");
    assert_string_equal(text_of(world, position_sql), "0");
}

static void
nothing_older_that_was_set_aside_comes_back_after_a_snapshot(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT);"
                   "CREATE TRIGGER no BEFORE INSERT ON todo WHEN NEW.title = 'bad'"
                   " BEGIN SELECT RAISE(ABORT, 'no'); END");
    start_agent(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_held"), "1");
    take_snapshot(world, NULL, 0, "e", 20);
    run_sql(world, "DROP TRIGGER no");
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, title_sql), "NULL");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_held"), "0");
}

/*  The server lost the days in which it had applied the change.  */
static void
a_position_of_another_history_stands_above_nothing(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    decide(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "applied", 50,
           NULL);
    server_change_t row =
        server_change(world, "insert", 20, "{\"id\": \"a\", \"title\": \"S\"}");
    take_snapshot(world, &row, 1, "f", 20);
    assert_string_equal(text_of(world, title_sql), "S");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_replica_stands_nowhere_in_the_middle_of_a_snapshot),
        IN_WORLD(a_snapshot_does_not_end_that_lacks_a_page),
        IN_WORLD(nothing_older_that_was_set_aside_comes_back_after_a_snapshot),
        IN_WORLD(a_position_of_another_history_stands_above_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
