/*  row-handlers: plug-ins have their say about the server's changes, before they are written.

    The plug-in is an actor of the test, "judge": it shouts names, skips those that are rude,
   and can be told to be silent or to answer nonsense.  */

#include "tests/unit/agent_sim.h"

typedef enum mood { MOOD_GOOD, MOOD_SHORT, MOOD_REFUSING, MOOD_LATE, MOOD_OTHER_KEY } mood_t;

/*  An actor has no other way to know it: the test changes it between steps.  */
static mood_t mood;
static size_t n_asked;

static bytes_t
packed(ctx_t *ctx, const char *json)
{
    buffer_t row = {0};
    fault_t fault = {0};
    if (json_to_msgpack(json, strlen(json), &row, &fault) != OK)
        fail_msg("%s", fault.text);
    const bytes_t copy = arena_bytes(ctx_arena(ctx), buffer_bytes(&row));
    buffer_release(&row);
    return copy;
}

static row_decision_t
judge_one(ctx_t *ctx, const server_change_t *change)
{
    buffer_t json = {0};
    row_decision_t decision = {0};
    assert_int_equal(msgpack_to_json(change->data, &json), OK);
    if (strstr(buffer_text(&json), "rude"))
        decision.skip = "it is rude";
    else if (mood == MOOD_OTHER_KEY)
        decision.data = packed(ctx, "{\"id\":\"stranger\",\"name\":\"x\"}");
    else if (strcmp(change->operation, "delete") != 0)
        decision.data = packed(ctx, "{\"id\":\"u1\",\"name\":\"SHOUTED\"}");
    buffer_release(&json);
    return decision;
}

static err_t
on_rows_handle(void *state, ctx_t *ctx, const void *body)
{
    const rows_handle_t *question = body;
    (void) state;
    n_asked += question->n_changes;
    if (mood == MOOD_REFUSING)
        return ctx_refuse(ctx, ERR_REFUSED, "not today");
    if (mood == MOOD_LATE) {
        (void) ctx_ticket(ctx);
        return OK;
    }
    row_decision_t *decisions =
        arena_new(ctx_arena(ctx), (question->n_changes + 1) * sizeof *decisions);
    for (size_t i = 0; i < question->n_changes; i++)
        decisions[i] = judge_one(ctx, &question->changes[i]);
    REPLY(ctx, rows_handled, .decisions = decisions,
          .n_decisions = question->n_changes - (mood == MOOD_SHORT));
    return OK;
}

static handler_fn *const judge_handlers[MSG_COUNT] = {[MSG_rows_handle] = on_rows_handle};
static const actor_class_t judge = {
    .name = "judge", .summary = "for the test", .handlers = judge_handlers};

static table_settings_t judged = {.name = "User",
                                  .tables_capture = "default",
                                  .tables_handler = "default",
                                  .tables_plugin = "judge"};

static void
start_with_judge(world_t *world)
{
    mood = MOOD_GOOD;
    n_asked = 0;
    judged.tables_plugin = "judge";
    world->settings.tables = &judged;
    world->settings.n_tables = 1;
    sim_add(world->sim, world->node, &judge);
    start_agent(world);
    begin_history(world);
    run_sql(world, "CREATE TABLE User (id TEXT PRIMARY KEY, name TEXT);"
                   "CREATE TABLE Note (id TEXT PRIMARY KEY, name TEXT)");
}

static server_change_t
change_of(world_t *world, const char *table, const char *json, uint64_t lsn)
{
    server_change_t change = server_change(world, "insert", lsn, json);
    change.table = table;
    return change;
}

static server_changes_t
live(server_change_t *change)
{
    return (server_changes_t){.phase = "live",
                              .epoch = "e",
                              .prev = change->lsn - 1,
                              .lsn = change->lsn,
                              .last = true,
                              .changes = change,
                              .n_changes = 1};
}

/*  What became of it: the outcome, or why it was refused.  */
static const char *
send_row(world_t *world, const char *table, const char *json, uint64_t lsn)
{
    server_change_t change = change_of(world, table, json, lsn);
    const server_changes_t stretch = live(&change);
    sim_heard_t heard;
    const uint64_t ask =
        sim_ask(world->sim, world->node, "lsn-manager", MSG_server_changes, &stretch);
    while (!sim_take(world->sim, world->node, &heard) || heard.ask != ask)
        assert_true(sim_step(world->sim));
    if (heard.id == MSG_problem)
        return arena_text(&world->arena, ((const problem_t *) heard.body)->message);
    assert_int_equal(heard.id, MSG_changes_applied);
    return arena_text(&world->arena, ((const changes_applied_t *) heard.body)->outcome);
}

static void
a_plugin_puts_another_row_in_place(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    assert_string_equal(send_row(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11),
                        "applied");
    assert_string_equal(text_of(world, "SELECT name FROM User WHERE id = 'u1'"), "SHOUTED");
    assert_int_equal(n_asked, 1);
}

static void
a_plugin_skips_a_row_with_its_reason(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    assert_string_equal(send_row(world, "User", "{\"id\":\"u2\",\"name\":\"rude\"}", 11),
                        "applied");
    assert_string_equal(text_of(world, "SELECT count(*) FROM User"), "0");
    assert_string_equal(text_of(world, "SELECT skip_reason FROM local_changes"), "it is rude");
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "11");
}

static void
a_row_of_a_snapshot_is_skipped_with_its_reason(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    server_change_t change = change_of(world, "User", "{\"id\":\"u2\",\"name\":\"rude\"}", 20);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 20, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 20, .table = "User", .changes = &change, .n_changes = 1,
               .final = true);
    assert_string_equal(text_of(world, "SELECT count(*) FROM User"), "0");
    assert_string_equal(text_of(world, "SELECT skip_reason FROM local_changes"), "it is rude");
}

static void
other_tables_are_none_of_its_business(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    assert_string_equal(send_row(world, "Note", "{\"id\":\"n1\",\"name\":\"ann\"}", 11),
                        "applied");
    assert_string_equal(text_of(world, "SELECT name FROM Note"), "ann");
    assert_int_equal(n_asked, 0);
}

static void
what_a_plugin_refuses_stops_the_stream(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    mood = MOOD_REFUSING;
    assert_string_equal(send_row(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11),
                        "plug-in judge: not today");
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "10");
    /* What comes later is not let past it. */
    mood = MOOD_GOOD;
    assert_string_equal(send_row(world, "Note", "{\"id\":\"n1\",\"name\":\"ann\"}", 12),
                        "refused");
    assert_string_equal(text_of(world, "SELECT count(*) FROM Note"), "0");
}

static void
an_answer_that_is_too_short_is_none(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    mood = MOOD_SHORT;
    assert_non_null(strstr(send_row(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11),
                           "it did not decide about each row"));
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "10");
}

static void
a_plugin_cannot_write_another_row(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    mood = MOOD_OTHER_KEY;
    assert_string_equal(send_row(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11),
                        "refused");
    assert_string_equal(text_of(world, "SELECT count(*) FROM User"), "0");
}

static void
nothing_passes_a_stretch_that_waits(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    mood = MOOD_LATE;
    server_change_t first = change_of(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11);
    server_change_t second = change_of(world, "Note", "{\"id\":\"n1\",\"name\":\"ann\"}", 12);
    const server_changes_t stretches[] = {live(&first), live(&second)};
    sim_ask(world->sim, world->node, "lsn-manager", MSG_server_changes, &stretches[0]);
    sim_ask(world->sim, world->node, "lsn-manager", MSG_server_changes, &stretches[1]);
    sim_run_ms(world->sim, 5000);
    assert_string_equal(text_of(world, "SELECT count(*) FROM Note"), "0");
    /* The plug-in never answers: its time runs out, and both come to nothing. */
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "10");
}

static void
a_plugin_that_is_not_there_stops_the_stream(void **state)
{
    world_t *world = *state;
    start_with_judge(world);
    judged.tables_plugin = "nobody";
    assert_non_null(
        strstr(send_row(world, "User", "{\"id\":\"u1\",\"name\":\"ann\"}", 11), "nobody"));
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "10");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_plugin_puts_another_row_in_place),
        IN_WORLD(a_plugin_skips_a_row_with_its_reason),
        IN_WORLD(a_row_of_a_snapshot_is_skipped_with_its_reason),
        IN_WORLD(other_tables_are_none_of_its_business),
        IN_WORLD(what_a_plugin_refuses_stops_the_stream),
        IN_WORLD(an_answer_that_is_too_short_is_none),
        IN_WORLD(a_plugin_cannot_write_another_row),
        IN_WORLD(nothing_passes_a_stretch_that_waits),
        IN_WORLD(a_plugin_that_is_not_there_stops_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
