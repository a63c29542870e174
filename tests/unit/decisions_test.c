/*  What a recorded decision leaves behind: a database that is watched and checked as before. */

#include "tests/unit/capturing_sim.h"

static void
what_is_written_after_a_verdict_is_captured(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    decide(world, write_one(world, "insert", "a", "{}"), "applied", 10, NULL);
    run_sql(world, "UPDATE todo SET title = 'Tea' WHERE id = 'a'");
    assert_int_equal(fetch(world)->n_changes, 1);
    expect(world, "SELECT count(*) FROM waybill_guard", "0");
}

static void
what_is_written_after_a_verdict_is_held_to_its_foreign_keys(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE parent (id TEXT PRIMARY KEY);"
                   "CREATE TABLE todo (id TEXT PRIMARY KEY, of TEXT REFERENCES parent)");
    start_agent(world);
    decide(world, write_one(world, "insert", "a", "{}"), "applied", 10, NULL);
    assert_string_equal(write_refused(world, "insert", "b", "{\"of\": \"nobody\"}")->code,
                        "RULE_VIOLATION");
}

static void
a_change_that_was_put_off_has_no_attempt_more(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    decide(world, write_one(world, "insert", "a", "{}"), "retry", 10, NULL);
    expect(world, "SELECT state || attempts FROM local_changes", "failed0");
}

static void
a_verdict_on_a_change_that_is_done_changes_nothing(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{}");
    (void) write_one(world, "insert", "b", "{}");
    decide(world, write_one(world, "insert", "c", "{}"), "rejected", 10, NULL);
    decide(world, id, "applied", 10, NULL);
    decide(world, id, "applied", 10, NULL);
    decide(world, id, "rejected", 11, NULL);
    expect(world, "SELECT state || verdict FROM local_changes WHERE entity_id = 'a'",
           "doneapplied");
    expect(world, "SELECT group_concat(id) FROM todo", "a,b");
    const verdicts_recorded_t *counts =
        ASK(world, "recorder", outbox_counts, verdicts_recorded);
    assert_int_equal(counts->pending, 1);
    assert_int_equal(counts->failed, 1);
}

static void
a_frame_has_no_more_bytes_than_asked_for(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    char *json = mem_format("{\"title\": \"%01000d\"}", 0);
    for (char key[] = "a"; key[0] < 'd'; key[0]++)
        (void) write_one(world, "insert", key, json);
    free(json);
    const outbox_batch_t *batch =
        ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 100, .max_bytes = 2500);
    assert_int_equal(batch->n_changes, 2);
    assert_true(batch->more);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(what_is_written_after_a_verdict_is_captured),
        IN_WORLD(what_is_written_after_a_verdict_is_held_to_its_foreign_keys),
        IN_WORLD(a_change_that_was_put_off_has_no_attempt_more),
        IN_WORLD(a_verdict_on_a_change_that_is_done_changes_nothing),
        IN_WORLD(a_frame_has_no_more_bytes_than_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
