/*  Several pending changes of one row, sent as one: outbox.merge.  */

#include "tests/unit/agent_sim.h"

static const outbox_batch_t *
fetch(world_t *world)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 100,
               .max_bytes = 100000);
}

static void
start_merging(world_t *world)
{
    world->settings.outbox_merge = true;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
}

/*  Gives the id of the first of them.  */
static const char *
write_three(world_t *world)
{
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\", \"done\": 0}");
    (void) write_one(world, "update", "a", "{\"title\": \"Milk\"}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    return id;
}

static const char *
ends(world_t *world)
{
    return text_of(world, "SELECT group_concat(state || ifnull(verdict, '-')) FROM"
                          " local_changes");
}

static const char *
data_of(world_t *world, const client_change_t *change)
{
    buffer_t text = {0};
    assert_int_equal(msgpack_to_json(change->data, &text), OK);
    const char *kept = arena_text(&world->arena, buffer_text(&text));
    buffer_release(&text);
    return kept;
}

static void
sends_several_changes_of_a_row_as_one(void **state)
{
    world_t *world = *state;
    start_merging(world);
    const char *id = write_three(world);
    const outbox_batch_t *batch = fetch(world);
    assert_int_equal(batch->n_changes, 1);
    assert_int_equal(batch->pending, 3);
    assert_string_equal(batch->changes[0].id, id);
    assert_string_equal(batch->changes[0].operation, "insert");
    assert_string_equal(data_of(world, &batch->changes[0]),
                        "{\"id\":\"a\",\"title\":\"Milk\",\"done\":1}");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes WHERE folded_into ="
                                       " (SELECT id FROM local_changes)"),
                        "2");
}

static void
gives_all_of_them_the_verdict_of_the_one(void **state)
{
    world_t *world = *state;
    start_merging(world);
    const char *id = write_three(world);
    (void) fetch(world);
    decide(world, id, "applied", 20, "{\"id\": \"a\", \"title\": \"MILK\", \"done\": 1}");
    assert_string_equal(ends(world), "doneapplied,doneapplied,doneapplied");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "MILK1");
    assert_int_equal(fetch(world)->pending, 0);
}

static void
a_person_decides_about_all_of_them(void **state)
{
    world_t *world = *state;
    start_merging(world);
    const char *id = write_three(world);
    (void) fetch(world);
    decide(world, id, "rejected", 20, NULL);
    sim_run_ms(world->sim, 1000);
    assert_string_equal(ends(world), "parkedrejected,parkedrejected,parkedrejected");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_int_equal(
        ASK(world, "service", act, acted, .act = "retry", .ids = &id, .n_ids = 1)->n_ids, 3);
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "Milk1");
    assert_int_equal(fetch(world)->n_changes, 1);
    decide(world, id, "applied", 21, NULL);
    assert_string_equal(ends(world), "doneapplied,doneapplied,doneapplied");
}

static void
all_of_them_are_tried_again_together(void **state)
{
    world_t *world = *state;
    start_merging(world);
    const char *id = write_three(world);
    (void) fetch(world);
    decide(world, id, "retry", 0, NULL);
    assert_string_equal(ends(world), "failed-,failed-,failed-");
    sim_run_ms(world->sim, 5000);
    assert_string_equal(ends(world), "pending-,pending-,pending-");
    assert_int_equal(fetch(world)->n_changes, 1);
}

/*  The server may know it already, as it was.  */
static void
adds_nothing_to_a_change_that_was_handed_out(void **state)
{
    world_t *world = *state;
    start_merging(world);
    (void) write_one(world, "insert", "a", "{}");
    assert_int_equal(fetch(world)->n_changes, 1);
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    assert_int_equal(fetch(world)->n_changes, 2);
}

static void
adds_nothing_to_what_was_there_before_the_start(void **state)
{
    world_t *world = *state;
    start_merging(world);
    (void) write_three(world);
    sim_crash(world->sim, world->node);
    start_agent(world);
    assert_int_equal(fetch(world)->n_changes, 3);
}

static void
sends_the_same_again_after_a_restart(void **state)
{
    world_t *world = *state;
    start_merging(world);
    (void) write_three(world);
    (void) fetch(world);
    sim_crash(world->sim, world->node);
    start_agent(world);
    (void) write_one(world, "update", "a", "{\"done\": 2}");
    const outbox_batch_t *batch = fetch(world);
    assert_int_equal(batch->n_changes, 2);
    assert_string_equal(data_of(world, &batch->changes[0]),
                        "{\"id\":\"a\",\"title\":\"Milk\",\"done\":1}");
}

static void
passes_no_delete(void **state)
{
    world_t *world = *state;
    start_merging(world);
    (void) write_one(world, "insert", "a", "{}");
    (void) write_one(world, "delete", "a", NULL);
    (void) write_one(world, "insert", "a", "{}");
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    const outbox_batch_t *batch = fetch(world);
    assert_int_equal(batch->n_changes, 3);
    assert_string_equal(batch->changes[1].operation, "delete");
    assert_string_equal(data_of(world, &batch->changes[2]), "{\"id\":\"a\",\"done\":1}");
}

static void
leaves_transactions_of_several_changes_alone(void **state)
{
    world_t *world = *state;
    start_merging(world);
    (void) write_one(world, "insert", "a", "{}");
    entry_t changes[] = {entry(world, "update", "a", "{\"done\": 1}"),
                         entry(world, "insert", "b", "{}")};
    (void) ASK(world, "service", write, written, .changes = changes, .n_changes = 2);
    (void) write_one(world, "update", "a", "{\"done\": 2}");
    assert_int_equal(fetch(world)->n_changes, 4);
}

static void
leaves_columns_alone_that_other_rows_are_bound_to(void **state)
{
    world_t *world = *state;
    world->settings.outbox_merge = true;
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT UNIQUE, done INTEGER,"
                   " after TEXT REFERENCES todo)");
    start_agent(world);
    (void) write_one(world, "insert", "a", "{}");
    (void) write_one(world, "insert", "b", "{}");
    (void) write_one(world, "update", "a", "{\"title\": \"Tea\"}");
    (void) write_one(world, "update", "b", "{\"after\": \"a\"}");
    (void) write_one(world, "update", "b", "{\"done\": 1}");
    assert_int_equal(fetch(world)->n_changes, 4);
}

static void
sends_each_change_if_not_told_otherwise(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_three(world);
    assert_int_equal(fetch(world)->n_changes, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(sends_several_changes_of_a_row_as_one),
        IN_WORLD(gives_all_of_them_the_verdict_of_the_one),
        IN_WORLD(a_person_decides_about_all_of_them),
        IN_WORLD(all_of_them_are_tried_again_together),
        IN_WORLD(adds_nothing_to_a_change_that_was_handed_out),
        IN_WORLD(adds_nothing_to_what_was_there_before_the_start),
        IN_WORLD(sends_the_same_again_after_a_restart),
        IN_WORLD(passes_no_delete),
        IN_WORLD(leaves_transactions_of_several_changes_alone),
        IN_WORLD(leaves_columns_alone_that_other_rows_are_bound_to),
        IN_WORLD(sends_each_change_if_not_told_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
