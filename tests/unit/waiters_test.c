/*  Waiting for what becomes of changes, through the service.  */

#include "tests/unit/agent_sim.h"

static uint64_t
begin_waiting(world_t *world, const char *const *ids, size_t n, uint64_t timeout_ms)
{
    return sim_ask(
        world->sim, world->node, "service", MSG_await_verdicts,
        &(await_verdicts_t){.ids = (const char **) ids, .n_ids = n, .timeout_ms = timeout_ms});
}

static const verdicts_awaited_t *
answer(world_t *world, uint64_t asked)
{
    return await_answer(world->sim, world->node, asked, MSG_verdicts_awaited, &world->heard);
}

static void
decide_quietly(world_t *world, const char *id, const char *word)
{
    verdict_t verdict = {.id = id, .verdict = word, .lsn = 20, .code = "RULE_VIOLATION"};
    sim_tell(world->sim, world->node, "recorder", MSG_record_verdicts,
             &(record_verdicts_t){.verdicts = &verdict, .n_verdicts = 1});
}

static void
answers_when_the_last_change_is_decided(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *ids[] = {write_one(world, "insert", "a", "{}"),
                         write_one(world, "insert", "b", "{}")};
    const uint64_t asked = begin_waiting(world, ids, 2, 0);
    decide_quietly(world, ids[1], "merged");
    sim_run_ms(world->sim, 100);
    assert_false(sim_take(world->sim, world->node, &world->heard));
    decide_quietly(world, ids[0], "applied");
    const verdicts_awaited_t *awaited = answer(world, asked);
    assert_true(awaited->complete);
    assert_string_equal(awaited->results[0].id, ids[0]);
    assert_string_equal(awaited->results[0].result, "applied");
    assert_int_equal(awaited->results[0].lsn, 20);
    assert_string_equal(awaited->results[1].result, "merged");
}

/*  However long it would have waited.  */
static void
answers_when_it_is_decided_and_not_when_the_time_is_over(void **state)
{
    enum { HOURS = 10 * 3600000 };
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{}");
    const uint64_t asked = begin_waiting(world, &id, 1, HOURS);
    sim_run_ms(world->sim, 100);
    decide_quietly(world, id, "applied");
    sim_run_ms(world->sim, 100);
    assert_true(sim_take(world->sim, world->node, &world->heard));
    assert_int_equal(world->heard.ask, asked);
}

static void
answers_at_once_about_decided_changes(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{}");
    decide(world, id, "applied", 20, NULL);
    assert_string_equal(
        ASK(world, "service", await_verdicts, verdicts_awaited, .ids = &id, .n_ids = 1)
            ->results[0]
            .result,
        "applied");
}

static void
a_refusal_ends_the_wait_with_its_cause(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{}");
    const uint64_t asked = begin_waiting(world, &id, 1, 0);
    decide_quietly(world, id, "rejected");
    const verdicts_awaited_t *awaited = answer(world, asked);
    assert_true(awaited->complete);
    assert_string_equal(awaited->results[0].result, "failed");
    assert_string_equal(awaited->results[0].code, "RULE_VIOLATION");
}

static void
tells_what_has_come_when_the_time_is_over(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *ids[] = {write_one(world, "insert", "a", "{}"),
                         write_one(world, "insert", "b", "{}")};
    decide(world, ids[0], "applied", 20, NULL);
    const verdicts_awaited_t *awaited = answer(world, begin_waiting(world, ids, 2, 1000));
    assert_false(awaited->complete);
    assert_int_equal(awaited->n_results, 1);
    assert_string_equal(awaited->results[0].id, ids[0]);
}

static void
knows_nothing_of_changes_that_were_not_made_here(void **state)
{
    world_t *world = *state;
    const char *id = "nobody";
    start_with_todo(world);
    assert_string_equal(
        ASK(world, "service", await_verdicts, problem, .ids = &id, .n_ids = 1)->code,
        "NOT_FOUND");
    assert_string_equal(ASK(world, "service", await_verdicts, problem)->code, "USAGE");
}

static void
many_wait_each_for_their_own(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *a = write_one(world, "insert", "a", "{}");
    const char *b = write_one(world, "insert", "b", "{}");
    const uint64_t first = begin_waiting(world, &a, 1, 500);
    const uint64_t second = begin_waiting(world, &b, 1, 10000);
    assert_false(answer(world, first)->complete);
    decide_quietly(world, b, "applied");
    assert_true(answer(world, second)->complete);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(answers_when_the_last_change_is_decided),
        IN_WORLD(answers_when_it_is_decided_and_not_when_the_time_is_over),
        IN_WORLD(answers_at_once_about_decided_changes),
        IN_WORLD(a_refusal_ends_the_wait_with_its_cause),
        IN_WORLD(tells_what_has_come_when_the_time_is_over),
        IN_WORLD(knows_nothing_of_changes_that_were_not_made_here),
        IN_WORLD(many_wait_each_for_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
