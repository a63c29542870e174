/*  What the two flags of a change are at each step, and that the numbers of the status are
    those of the journal.  */

#include "tests/unit/agent_sim.h"

static const char *
flags(world_t *world)
{
    return text_of(world, "SELECT group_concat(processed_local || '/' || processed_sync, ' ')"
                          " FROM (SELECT * FROM local_changes ORDER BY rowid)");
}

/*  In the table at once, at the server when it has decided; one of the server's that cannot be
    written has not come into the table. A refused one goes to the server again.  */
static void
the_flags_follow_a_change(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    run_sql(world, "CREATE TRIGGER no BEFORE INSERT ON todo WHEN NEW.id = 's' BEGIN SELECT"
                   " raise(ABORT, 'no'); END");
    begin_history(world);
    const char *id = write_one(world, "insert", "a", "{}");
    assert_string_equal(flags(world), "1/0");
    decide(world, id, "applied", 11, NULL);
    assert_string_equal(flags(world), "1/1");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"s\"}"), "applied");
    assert_string_equal(flags(world), "1/1 0/1");
    id = write_one(world, "insert", "b", "{}");
    decide(world, id, "rejected", 12, NULL);
    assert_string_equal(flags(world), "1/1 0/1 1/0");
}

/*  As the status says, and as the journal has it.  */
static void
assert_numbers(world_t *world, const char *numbers)
{
    char text[40];
    const status_t *status = ASK(world, "service", status_get, status);
    (void) snprintf(text, sizeof text, "%d %d %d", (int) status->pending, (int) status->failed,
                    (int) status->parked);
    assert_string_equal(text, numbers);
    assert_string_equal(text_of(world, "SELECT count(*) FILTER (WHERE state = 'pending') || ' '"
                                       " || count(*) FILTER (WHERE state = 'failed') || ' ' ||"
                                       " count(*) FILTER (WHERE state = 'parked')"
                                       " FROM local_changes WHERE NOT from_server"),
                        numbers);
}

static void
act(world_t *world, const char *what)
{
    (void) ASK(world, "service", act, acted, .act = what, .all = true);
}

static void
the_numbers_of_the_status_are_the_journals_after_each_step(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 2;
    start_with_todo(world);
    begin_history(world);
    assert_numbers(world, "0 0 0");
    const char *first = write_one(world, "insert", "a", "{}");
    const char *second = write_one(world, "insert", "b", "{}");
    assert_numbers(world, "2 0 0");
    decide(world, first, "applied", 11, NULL);
    assert_numbers(world, "1 0 0");
    decide(world, second, "rejected", 12, NULL);
    assert_numbers(world, "0 1 0");
    sim_run_ms(world->sim, 5000);
    assert_numbers(world, "1 0 0");
    decide(world, second, "rejected", 13, NULL);
    sim_run_ms(world->sim, 100);
    assert_numbers(world, "0 0 1");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"s\"}"), "applied");
    assert_numbers(world, "0 0 1");
    act(world, "retry");
    assert_numbers(world, "1 0 0");
    decide(world, second, "rejected", 14, NULL);
    assert_numbers(world, "0 1 0");
    act(world, "discard");
    assert_numbers(world, "0 0 0");
}

/*  A trigger of the test notes each step.  */
static void
a_change_takes_known_steps_only(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 2;
    start_with_todo(world);
    begin_history(world);
    run_sql(world, "CREATE TABLE steps (step TEXT PRIMARY KEY NOT NULL)");
    run_sql(world, "CREATE TRIGGER note_steps AFTER UPDATE ON local_changes"
                   " WHEN OLD.state <> NEW.state BEGIN"
                   " INSERT OR IGNORE INTO steps VALUES (OLD.state || ' ' || NEW.state); END");
    decide(world, write_one(world, "insert", "a", "{}"), "applied", 11, NULL);
    decide(world, write_one(world, "insert", "b", "{}"), "merged", 12, NULL);
    const char *refused = write_one(world, "insert", "c", "{}");
    for (int i = 0; i < 2; i++) {
        decide(world, refused, "rejected", 13, NULL);
        sim_run_ms(world->sim, 5000);
    }
    act(world, "retry");
    decide(world, refused, "rejected", 14, NULL);
    act(world, "discard");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"s\"}"), "applied");
    assert_string_equal(text_of(world, "SELECT group_concat(step, ', ') FROM (SELECT step FROM"
                                       " steps ORDER BY step)"),
                        "failed done, failed parked, failed pending, parked pending,"
                        " pending done, pending failed");
}

static void
the_time_and_the_operation_are_those_of_the_write(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    sim_run_ms(world->sim, 60000);
    (void) write_one(world, "delete", "a", NULL);
    assert_string_equal(text_of(world, "SELECT group_concat(operation || ' ' || datetime("
                                       "timestamp / 1000, 'unixepoch')) FROM local_changes"),
                        "insert 2026-01-01 00:00:00,delete 2026-01-01 00:01:00");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_flags_follow_a_change),
        IN_WORLD(the_numbers_of_the_status_are_the_journals_after_each_step),
        IN_WORLD(a_change_takes_known_steps_only),
        IN_WORLD(the_time_and_the_operation_are_those_of_the_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
