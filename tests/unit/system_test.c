/*  What a process tells of itself, asked through the actor `system`.  */

#include "actors/common/actors.h"
#include "actors/settings.h"
#include "runtime/sim.h"
#include "runtime/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHANGE "0192f0c1-2b3c-7d4e-8f50-617283940a1b"

/*  ------------------------------------------------------- a sink, and a source to watch  */

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    COUNT(ctx, changes_sent, 2);
    ctx_observe(ctx, METRIC_apply_time, 5);
    ctx_step(ctx, STEP_sent, CHANGE, 0);
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_parcel] = on_parcel};
static const actor_class_t sink = {
    .name = "sink",
    .summary = "Takes parcels",
    .hears = (const char *const[]){"changes_*", NULL},
    .handlers = sink_handlers,
};

static err_t
send_three(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_step(ctx, STEP_recorded, CHANGE, 7);
    for (uint64_t number = 0; number < 3; number++)
        SEND(ctx, "sink", parcel, .number = number);
    system_note_monitor(ctx, "http://127.0.0.1:4711/");
    return OK;
}

static const actor_class_t source = {
    .name = "source",
    .sends = (const edge_t[]){{"sink", MSG_parcel}, {0}},
    .start = send_three,
};

/*  ----------------------------------------------------------------------------- a world  */

static int
make_sim(void **state)
{
    static const sim_faults_t no_faults = {0};
    static const settings_t settings = {.process_restart_limit = 5};
    sim_t *sim = sim_new(1, &no_faults);
    assert_int_equal(sim_node(sim, "agent", NULL, &settings), 0);
    sim_add(sim, 0, &system_actor);
    sim_add(sim, 0, &sink);
    sim_add(sim, 0, &source);
    fault_t fault = {0};
    assert_int_equal(sim_start(sim, 0, &fault), OK);
    *state = sim;
    return 0;
}

static int
remove_sim(void **state)
{
    sim_destroy((sim_t **) state);
    return 0;
}

/*  Valid until the next question.  */
static const void *
ask(sim_t *sim, message_id_t question, const void *body, message_id_t answer)
{
    sim_heard_t heard;
    sim_ask(sim, 0, "system", question, body);
    sim_run_ms(sim, 1000);
    assert_true(sim_take(sim, 0, &heard));
    assert_int_equal(heard.id, answer);
    return heard.body;
}

static const tree_t *
ask_tree(sim_t *sim)
{
    return ask(sim, MSG_tree_get, NULL, MSG_tree);
}

static const stats_t *
ask_stats(sim_t *sim)
{
    return ask(sim, MSG_stats_get, NULL, MSG_stats);
}

static const actor_info_t *
actor_of(const tree_t *tree, const char *name)
{
    for (size_t i = 0; i < tree->n_actors; i++)
        if (strcmp(tree->actors[i].name, name) == 0)
            return &tree->actors[i];
    fail_msg("there is no %s", name);
    return NULL;
}

static const actor_stats_t *
stats_of(const stats_t *stats, const char *name)
{
    for (size_t i = 0; i < stats->n_actors; i++)
        if (strcmp(stats->actors[i].name, name) == 0)
            return &stats->actors[i];
    fail_msg("there is no %s", name);
    return NULL;
}

static const metric_t *
metric_named(const stats_t *stats, const char *name)
{
    for (size_t i = 0; i < stats->n_metrics; i++)
        if (strcmp(stats->metrics[i].name, name) == 0)
            return &stats->metrics[i];
    fail_msg("there is no %s", name);
    return NULL;
}

/*  ------------------------------------------------------------------------------- tree  */

static void
the_tree_names_actors_in_the_order_they_start(void **state)
{
    const tree_t *tree = ask_tree(*state);
    assert_string_equal(tree->role, "agent");
    assert_int_equal(tree->n_actors, 3);
    assert_string_equal(tree->actors[0].name, "system");
    assert_string_equal(tree->actors[1].name, "sink");
    assert_string_equal(tree->actors[2].name, "source");
    for (size_t i = 0; i < tree->n_actors; i++) {
        assert_string_equal(tree->actors[i].kind, "built-in");
        assert_string_equal(tree->actors[i].state, "ready");
    }
}

static void
the_tree_tells_what_an_actor_takes_hears_and_sends(void **state)
{
    const tree_t *tree = ask_tree(*state);
    const actor_info_t *taker = actor_of(tree, "sink");
    assert_string_equal(taker->summary, "Takes parcels");
    assert_int_equal(taker->n_takes, 1);
    assert_string_equal(taker->takes[0], "parcel");
    assert_int_equal(taker->n_hears, 1);
    assert_string_equal(taker->hears[0], "changes_*");
    const actor_info_t *sender = actor_of(tree, "source");
    assert_int_equal(sender->n_sends, 1);
    assert_string_equal(sender->sends[0], "parcel sink");
}

static void
the_tree_tells_what_went_over_a_link(void **state)
{
    const tree_t *tree = ask_tree(*state);
    assert_int_equal(tree->n_links, 1);
    assert_string_equal(tree->links[0].from, "source");
    assert_string_equal(tree->links[0].to, "sink");
    assert_int_equal(tree->links[0].sent, 3);
}

static void
the_tree_tells_where_the_page_is(void **state)
{
    assert_string_equal(ask_tree(*state)->monitor, "http://127.0.0.1:4711/");
}

static void
an_actor_that_failed_says_why_and_how_often(void **state)
{
    sim_t *sim = *state;
    cell_fail(sim_cell(sim, 0, "sink"), "a test");
    const actor_info_t *failed = actor_of(ask_tree(sim), "sink");
    assert_int_equal(failed->restarts, 1);
    assert_string_equal(failed->reason, "a test");
}

/*  ------------------------------------------------------------------------------ stats  */

static void
stats_count_what_each_actor_did(void **state)
{
    sim_run_ms(*state, 10);
    const stats_t *stats = ask_stats(*state);
    assert_int_equal(stats_of(stats, "source")->sent, 3);
    assert_int_equal(stats_of(stats, "sink")->received, 3);
    assert_int_equal(stats_of(stats, "sink")->done, 3);
    assert_int_equal(stats_of(stats, "sink")->depth, 0);
    assert_string_equal(stats_of(stats, "sink")->state, "ready");
}

static uint64_t
sum_of(const bucket_t *buckets, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += buckets[i].count;
    return sum;
}

static void
stats_count_messages_by_type(void **state)
{
    sim_run_ms(*state, 10);
    const stats_t *stats = ask_stats(*state);
    size_t i = 0;
    while (i < stats->n_types && strcmp(stats->types[i].type, "parcel") != 0)
        i++;
    assert_in_range(i, 0, stats->n_types - 1);
    const type_stats_t *parcels = &stats->types[i];
    assert_int_equal(parcels->received, 3);
    assert_true(parcels->bytes >= 3 * strlen("number"));
    assert_true(sum_of(parcels->waited, parcels->n_waited) > 0);
}

static void
stats_have_times_of_a_sample_of_messages(void **state)
{
    sim_run_ms(*state, 10);
    const actor_stats_t *taker = stats_of(ask_stats(*state), "sink");
    uint64_t handled = sum_of(taker->handled, taker->n_handled);
    assert_true(handled > 0 && handled <= 3);
    assert_int_equal(sum_of(taker->waited, taker->n_waited), handled);
}

static void
what_nobody_handles_is_in_the_mailbox(void **state)
{
    sim_t *sim = *state;
    cell_fail(sim_cell(sim, 0, "sink"), "before it takes anything");
    sim_ask(sim, 0, "system", MSG_stats_get, NULL);
    sim_heard_t heard = {0};
    while (!sim_take(sim, 0, &heard))
        assert_true(sim_step(sim));
    const actor_stats_t *stats = stats_of(heard.body, "sink");
    assert_string_equal(stats->state, "backoff");
    assert_int_equal(stats->depth, 3);
}

static void
stats_add_up_the_metrics_of_all_actors(void **state)
{
    sim_run_ms(*state, 10);
    const stats_t *stats = ask_stats(*state);
    assert_int_equal(stats->n_metrics, METRIC_COUNT);
    const metric_t *sent = metric_named(stats, "changes_sent_total");
    assert_int_equal(sent->value, 6);
    assert_string_equal(sent->kind, "counter");
    const metric_t *apply = metric_named(stats, "apply_seconds");
    assert_string_equal(apply->kind, "histogram");
    assert_int_equal(apply->value, 15);
    assert_int_equal(apply->n_buckets, 4);
    assert_int_equal(apply->buckets[3].below, 8);
    assert_int_equal(apply->buckets[3].count, 3);
    assert_int_equal(metric_named(stats, "verdicts_total{verdict=\"merged\"}")->value, 0);
}

/*  ------------------------------------------------------------------------------ steps  */

static void
steps_of_a_change_come_in_the_order_taken(void **state)
{
    sim_t *sim = *state;
    sim_run_ms(sim, 10);
    const change_steps_t *steps = ask(
        sim, MSG_change_steps_get, &(change_steps_get_t){.change = CHANGE}, MSG_change_steps);
    assert_int_equal(steps->n_steps, 4);
    assert_string_equal(steps->steps[0].name, "recorded");
    assert_string_equal(steps->steps[0].actor, "source");
    assert_int_equal(steps->steps[0].detail, 7);
    for (size_t i = 1; i < 4; i++) {
        assert_string_equal(steps->steps[i].name, "sent");
        assert_true(steps->steps[i].time_us >= steps->steps[i - 1].time_us);
    }
    assert_true(steps->steps[0].time_us >= UINT64_C(1767225600000000)); /* 2026 */
}

static void
of_another_change_nothing_is_known(void **state)
{
    const change_steps_get_t question = {.change = "else"};
    const change_steps_t *steps =
        ask(*state, MSG_change_steps_get, &question, MSG_change_steps);
    assert_int_equal(steps->n_steps, 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_sim, remove_sim)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_tree_names_actors_in_the_order_they_start),
        EACH(the_tree_tells_what_an_actor_takes_hears_and_sends),
        EACH(the_tree_tells_what_went_over_a_link),
        EACH(the_tree_tells_where_the_page_is),
        EACH(an_actor_that_failed_says_why_and_how_often),
        EACH(stats_count_what_each_actor_did),
        EACH(stats_count_messages_by_type),
        EACH(stats_have_times_of_a_sample_of_messages),
        EACH(what_nobody_handles_is_in_the_mailbox),
        EACH(stats_add_up_the_metrics_of_all_actors),
        EACH(steps_of_a_change_come_in_the_order_taken),
        EACH(of_another_change_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
