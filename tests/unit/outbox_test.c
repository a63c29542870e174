/*  In which order changes go to the server, and which go again.  */

#include "tests/unit/agent_sim.h"

static const outbox_batch_t *
fetch(world_t *world, uint64_t after, uint64_t limit)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .after = after, .limit = limit,
               .max_bytes = 100000);
}

static void
write_many(world_t *world, const char *const *keys, const char **ids)
{
    for (; *keys; keys++)
        *ids++ = write_one(world, "insert", *keys, "{}");
}

static void
resumes_with_the_first_change_that_has_no_verdict(void **state)
{
    world_t *world = *state;
    const char *ids[3];
    start_with_todo(world);
    write_many(world, (const char *const[]){"a", "b", "c", NULL}, ids);
    assert_int_equal(fetch(world, 0, 100)->n_changes, 3);
    decide(world, ids[0], "applied", 11, NULL);
    const outbox_batch_t *again = fetch(world, 0, 100);
    assert_int_equal(again->n_changes, 2);
    assert_string_equal(again->changes[0].id, ids[1]);
    assert_string_equal(again->changes[1].id, ids[2]);
}

static void
puts_new_changes_at_the_end(void **state)
{
    world_t *world = *state;
    const char *ids[4];
    start_with_todo(world);
    write_many(world, (const char *const[]){"a", "b", "c", NULL}, ids);
    const uint64_t last = fetch(world, 0, 1)->last;
    ids[3] = write_one(world, "insert", "d", "{}");
    const outbox_batch_t *rest = fetch(world, last, 100);
    assert_int_equal(rest->n_changes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(rest->changes[i].id, ids[i + 1]);
}

static void
sends_only_what_was_refused_again(void **state)
{
    world_t *world = *state;
    const char *ids[3];
    start_with_todo(world);
    write_many(world, (const char *const[]){"a", "b", "c", NULL}, ids);
    decide(world, ids[0], "applied", 11, NULL);
    decide(world, ids[1], "rejected", 11, NULL);
    decide(world, ids[2], "applied", 12, NULL);
    assert_int_equal(fetch(world, 0, 100)->n_changes, 0);
    sim_run_ms(world->sim, 5000);
    const outbox_batch_t *again = fetch(world, 0, 100);
    assert_int_equal(again->n_changes, 1);
    assert_string_equal(again->changes[0].id, ids[1]);
}

/*  --------------------------------------------------------------- classes of errors  */

/*  The same answer whenever it is asked; gives the state it comes to.  */
static const char *
answer_always(world_t *world, const char *word, const char *code)
{
    const char *id = write_one(world, "upsert", "a", "{}");
    for (int i = 0; i < 8; i++) {
        verdict_t verdict = {.id = id, .verdict = word, .code = code, .lsn = 20};
        (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
                   .n_verdicts = 1);
        sim_run_ms(world->sim, 400000);
    }
    return text_of(world, "SELECT state || attempts FROM local_changes");
}

static void
assert_comes_to(world_t *world, const char *word, const char *code, const char *end)
{
    start_with_todo(world);
    assert_string_equal(answer_always(world, word, code), end);
}

static void
what_may_pass_is_tried_for_ever(void **state)
{
    assert_comes_to(*state, "retry", "RETRY_LATER", "pending0");
}

static void
a_missing_row_is_tried_so_often_and_then_parked(void **state)
{
    assert_comes_to(*state, "rejected", "ENTITY_NOT_FOUND", "parked3");
}

static void
a_broken_rule_is_tried_so_often_and_then_parked(void **state)
{
    assert_comes_to(*state, "rejected", "RULE_VIOLATION", "parked3");
}

static void
a_missing_right_is_tried_so_often_and_then_parked(void **state)
{
    assert_comes_to(*state, "rejected", "PERMISSION_DENIED", "parked3");
}

static void
a_stale_change_is_tried_so_often_and_then_parked(void **state)
{
    assert_comes_to(*state, "rejected", "STALE", "parked3");
}

static void
an_error_that_nobody_knows_counts_as_a_refusal(void **state)
{
    assert_comes_to(*state, "rejected", "TOMORROWS_ERROR", "parked3");
}

static void
a_merged_change_is_done(void **state)
{
    assert_comes_to(*state, "merged", NULL, "done0");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(resumes_with_the_first_change_that_has_no_verdict),
        IN_WORLD(puts_new_changes_at_the_end),
        IN_WORLD(sends_only_what_was_refused_again),
        IN_WORLD(what_may_pass_is_tried_for_ever),
        IN_WORLD(a_missing_row_is_tried_so_often_and_then_parked),
        IN_WORLD(a_broken_rule_is_tried_so_often_and_then_parked),
        IN_WORLD(a_missing_right_is_tried_so_often_and_then_parked),
        IN_WORLD(a_stale_change_is_tried_so_often_and_then_parked),
        IN_WORLD(an_error_that_nobody_knows_counts_as_a_refusal),
        IN_WORLD(a_merged_change_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
