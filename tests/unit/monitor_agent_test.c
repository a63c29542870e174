/*  The monitor page of an agent: what it shows is what the database has, what is done there is
    done, and it costs nothing while nobody looks.  */

#include "tests/unit/agent_sim.h"
#include "tests/unit/exposition_parser.h"
#include "tests/unit/monitor_visitor.h"

static int
set_up(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
    invite(world->sim, &world->settings);
    return result;
}

static int
tear_down(void **state)
{
    forget_visitor();
    return remove_world(state);
}

/*  A change that the server has refused, and that waits for a person.  */
static const char *
park_one(world_t *world, const char *key)
{
    char *json = mem_format("{\"id\": \"%s\", \"title\": \"t\"}", key);
    const char *id = write_one(world, "insert", key, json);
    verdict_t verdict = {
        .id = id, .verdict = "rejected", .code = "PERMISSION_DENIED", .message = "not you"};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
    free(json);
    sim_run_ms(world->sim, 1000);
    return id;
}

/*  The answer to a wish that must be granted.  */
static json_t *
have_done(const char *wish)
{
    json_t *answer = ask_for(wish);
    if (!json_is_true(json_object_get(answer, "ok")))
        fail_msg("%s: %s", wish, member(answer, "message"));
    return answer;
}

static const char *
state_of(world_t *world, const char *id)
{
    char *sql = mem_format("SELECT state FROM local_changes WHERE id = '%s'", id);
    const char *state = text_of(world, sql);
    free(sql);
    return state;
}

/*  ------------------------------------------------------------------------- questions  */

static void
tells_its_state(void **state)
{
    world_t *world = *state;
    write_one(world, "insert", "a", "{\"id\": \"a\"}");
    json_t *told = get_json("/api/state");
    json_t *status = json_object_get(told, "status");
    assert_string_equal(member(told, "role"), "agent");
    assert_string_equal(member(told, "version"), WAYBILL_VERSION);
    assert_string_equal(member(told, "monitor"), "http://" PAGE "/");
    assert_string_equal(member(status, "state"), "stopped");
    assert_string_equal(member(status, "db"), world->path);
    assert_int_equal(number(status, "pending"), 1);
    assert_null(json_object_get(told, "server"));
    json_decref(told);
}

static void
lists_the_changes_of_the_database(void **state)
{
    world_t *world = *state;
    const char *pending = write_one(world, "insert", "a", "{\"id\": \"a\"}");
    const char *parked = park_one(world, "b");
    json_t *all = get_json("/api/changes?filter=all&limit=1");
    json_t *some = get_json("/api/changes?filter=parked");
    json_t *first = json_array_get(json_object_get(all, "changes"), 0);
    assert_int_equal(json_array_size(json_object_get(all, "changes")), 1);
    assert_true(json_is_true(json_object_get(all, "more")));
    assert_string_equal(member(first, "id"), pending);
    char *path =
        mem_format("/api/changes?filter=all&after=%" PRId64, (int64_t) number(first, "seq"));
    json_t *rest = get_json(path);
    assert_int_equal(json_array_size(json_object_get(rest, "changes")), 1);
    assert_string_equal(member(json_array_get(json_object_get(some, "changes"), 0), "id"),
                        parked);
    free(path);
    json_decref(all);
    json_decref(some);
    json_decref(rest);
}

static void
shows_one_change_with_its_past_errors(void **state)
{
    char *path = mem_format("/api/change?id=%s", park_one(*state, "b"));
    json_t *found = get_json(path);
    json_t *error = json_array_get(json_object_get(found, "errors"), 0);
    assert_int_equal(json_array_size(json_object_get(found, "changes")), 1);
    assert_string_equal(member(error, "code"), "PERMISSION_DENIED");
    assert_string_equal(member(error, "message"), "not you");
    json_decref(found);
    free(path);
}

static void
refuses_questions_that_make_no_sense(void **state)
{
    static const char *const paths[] = {
        "/api/changes?filter=some", "/api/changes?after=-1",
        "/api/changes?limit=x",     "/api/change",
        "/api/change?id=%zz",       "/api/deadletters?after=a",
    };
    (void) state;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_non_null(strstr(get(paths[i], 400), "\"USAGE\""));
    assert_string_equal(get("/api/clients", 404), "Not Found\n");
    assert_string_equal(get("/api/nothing", 404), "Not Found\n");
}

static void
tells_counts_and_actors(void **state)
{
    (void) state;
    json_t *stats = get_json("/api/stats");
    json_t *tree = get_json("/api/tree");
    assert_true(json_array_size(json_object_get(stats, "actors")) > 5);
    assert_true(json_array_size(json_object_get(stats, "metrics")) >= METRIC_COUNT);
    assert_int_equal(json_array_size(json_object_get(tree, "actors")),
                     json_array_size(json_object_get(stats, "actors")));
    assert_string_equal(member(tree, "monitor"), "http://" PAGE "/");
    json_decref(stats);
    json_decref(tree);
}

/*  A message that its receiver does not take.  */
static void
shows_dead_letters(void **state)
{
    world_t *world = *state;
    sim_tell(world->sim, world->node, "recorder", MSG_parcel, &(parcel_t){.number = 1});
    sim_run_ms(world->sim, 100);
    json_t *dead = get_json("/api/deadletters?limit=10");
    json_t *letter = json_array_get(json_object_get(dead, "letters"), 0);
    assert_int_equal(json_array_size(json_object_get(dead, "letters")), 1);
    assert_string_equal(member(letter, "type"), "parcel");
    assert_string_equal(member(letter, "to"), "recorder");
    assert_string_equal(member(letter, "reason"), "UNKNOWN");
    json_decref(dead);
}

static void
tells_supervisors_that_it_works(void **state)
{
    (void) state;
    assert_string_equal(get("/healthz", 200), "ok\n");
    assert_string_equal(get("/readyz", 200), "ready: changes are recorded\n"
                                             "not connected to the server: stopped\n");
}

static void
hands_out_the_page(void **state)
{
    (void) state;
    assert_non_null(strstr(get("/", 200), "<!DOCTYPE html>"));
    assert_int_equal(strlen(get("/page.js", 200)) > 0, true);
    assert_int_equal(strlen(get("/page.css", 200)) > 0, true);
}

static void
answers_so_many_requests_a_second(void **state)
{
    size_t refused = 0;
    (void) state;
    for (int i = 0; i < 300; i++) {
        visitor.n_conns = 1;
        visit("http://" PAGE "/");
        sim_run_ms(visitor.sim, 1);
        refused += visitor.status == 429;
    }
    assert_in_range(refused, 50, 150);
    sim_run_ms(visitor.sim, 5000);
    (void) get("/", 200);
}

/*  ---------------------------------------------------------------------------- events  */

static void
tells_the_state_first_and_counts_each_second(void **state)
{
    (void) state;
    watch();
    sim_run_ms(visitor.sim, 5500);
    json_t *first = json_array_get(visitor.frames, 0);
    assert_string_equal(member(first, "type"), "state");
    assert_string_equal(member(json_object_get(first, "status"), "state"), "stopped");
    assert_int_equal(count_frames("state"), 1);
    assert_in_range(count_frames("stats"), 5, 7);
}

static void
tells_of_changes_as_they_come(void **state)
{
    world_t *world = *state;
    watch();
    (void) await_frame("stats");
    json_array_clear(visitor.frames);
    const char *id = write_one(world, "insert", "a", "{\"id\": \"a\"}");
    json_t *counts = json_object_get(await_frame("changes"), "counts");
    assert_int_equal(number(counts, "pending"), 1);
    assert_int_equal(number(json_object_get(await_frame("state"), "status"), "pending"), 1);

    json_array_clear(visitor.frames);
    decide(world, id, "applied", 11, NULL);
    json_t *processed = json_array_get(json_object_get(await_frame("processed"), "changes"), 0);
    assert_string_equal(member(processed, "id"), id);
    counts = json_object_get(await_frame("changes"), "counts");
    assert_int_equal(number(counts, "pending"), 0);
}

static void
tells_that_lists_have_moved_where_their_counts_have_not(void **state)
{
    world_t *world = *state;
    watch();
    (void) await_frame("stats");
    json_array_clear(visitor.frames);
    decide(world, write_one(world, "insert", "a", "{\"id\": \"a\"}"), "applied", 11, NULL);
    json_t *counts = json_object_get(await_frame("changes"), "counts");
    assert_int_equal(number(counts, "pending"), 0);
}

static void
does_nothing_while_nobody_watches(void **state)
{
    world_t *world = *state;
    watch();
    (void) await_frame("stats");
    hang_up();
    sim_run_ms(world->sim, 2000);
    const uint64_t before =
        port_stats(cell_port(sim_cell(world->sim, world->node, "monitor"))).sent;
    for (int i = 0; i < 20; i++)
        (void) write_one(world, "upsert", "a", "{\"id\": \"a\"}");
    sim_run_ms(world->sim, 600000);
    assert_int_equal(port_stats(cell_port(sim_cell(world->sim, world->node, "monitor"))).sent,
                     before);
}

/*  It hears nothing for a while in which much happens; nobody waits for it.  */
static void
drops_what_a_slow_page_does_not_take_and_says_how_much(void **state)
{
    world_t *world = *state;
    watch();
    (void) await_frame("stats");
    turn_ear();
    json_array_clear(visitor.frames);
    for (int i = 0; i < 2000; i++) {
        const char *id = write_one(world, "upsert", "a", "{\"id\": \"a\", \"title\": \"t\"}");
        decide(world, id, "applied", (uint64_t) i + 11, NULL);
    }
    assert_string_equal(
        text_of(world, "SELECT count(*) FROM local_changes WHERE state = 'done'"), "2000");
    turn_ear();
    const json_int_t lost = number(await_frame("lost"), "count");
    assert_true(lost > 0);
    sim_run_ms(world->sim, 3000);
    assert_true(value_of(get("/metrics", 200), "waybill_monitor_events_dropped_total")
                >= (double) lost);
    /* Some of the lost were counts. */
    assert_in_range(count_frames("processed") + (size_t) lost, 2000, 2100);
}

static void
so_many_pages_may_be_open(void **state)
{
    (void) state;
    for (int i = 0; i < 17; i++) {
        visit("ws://" PAGE "/api/events");
        sim_run_ms(visitor.sim, 10);
    }
    assert_int_equal(visitor.ended, 1);
    assert_int_equal(visitor.status, 503);
    hang_up();
    visitor.n_conns = 0;
    json_array_clear(visitor.frames);
    watch();
    (void) await_frame("state");
}

/*  ------------------------------------------------------------------------------ acts  */

static void
retries_what_it_is_told_to(void **state)
{
    world_t *world = *state;
    const char *id = park_one(world, "a");
    assert_string_equal(state_of(world, id), "parked");
    watch();
    char *wish =
        mem_format("{\"ask\":7,\"do\":\"act\",\"act\":\"retry\",\"ids\":[\"%s\"]}", id);
    json_t *answer = ask_for(wish);
    assert_int_equal(number(answer, "ask"), 7);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(answer, "ids"), 0)),
                        id);
    assert_string_equal(state_of(world, id), "pending");
    free(wish);
}

static void
skips_with_the_reason_that_was_given(void **state)
{
    world_t *world = *state;
    const char *id = park_one(world, "a");
    watch();
    char *wish = mem_format("{\"ask\":1,\"do\":\"act\",\"act\":\"skip\",\"ids\":[\"%s\"]}", id);
    json_t *answer = ask_for(wish);
    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_non_null(strstr(member(answer, "message"), "reason"));
    assert_string_equal(state_of(world, id), "parked");
    free(wish);

    wish = mem_format("{\"ask\":2,\"do\":\"act\",\"act\":\"skip\",\"ids\":[\"%s\"],"
                      "\"reason\":\"not needed\"}",
                      id);
    (void) have_done(wish);
    assert_string_equal(text_of(world, "SELECT verdict || skip_reason FROM local_changes"),
                        "skippednot needed");
    free(wish);
}

static void
discards_what_it_is_told_to(void **state)
{
    world_t *world = *state;
    const char *id = park_one(world, "a");
    watch();
    char *wish =
        mem_format("{\"ask\":1,\"do\":\"act\",\"act\":\"discard\",\"ids\":[\"%s\"]}", id);
    (void) have_done(wish);
    assert_string_equal(text_of(world, "SELECT verdict FROM local_changes"), "discarded");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    free(wish);
}

static void
resumes_and_pauses(void **state)
{
    (void) state;
    watch();
    (void) have_done("{\"ask\":1,\"do\":\"resume\"}");
    json_t *status = json_object_get(await_frame("state"), "status");
    assert_string_not_equal(member(status, "state"), "stopped");
    (void) have_done("{\"ask\":2,\"do\":\"pause\"}");
    sim_run_ms(visitor.sim, 2000);
    json_t *told = get_json("/api/state");
    assert_string_equal(member(json_object_get(told, "status"), "state"), "stopped");
    assert_non_null(strstr(member(json_object_get(told, "status"), "reason"), "monitor page"));
    json_decref(told);
}

static void
refuses_wishes_that_make_no_sense(void **state)
{
    static const struct {
        const char *wish, *code;
    } rows[] = {
        {"", "MALFORMED"},
        {"[]", "MALFORMED"},
        {"{\"ask\":\"x\",\"do\":\"pause\"}", "MALFORMED"},
        {"{\"ask\":1}", "MALFORMED"},
        {"{\"ask\":1,\"do\":\"format\"}", "USAGE"},
        {"{\"ask\":1,\"do\":\"act\"}", "USAGE"},
        {"{\"ask\":1,\"do\":\"act\",\"act\":\"retry\",\"ids\":[\"nobody\"]}", "NOT_FOUND"},
        {"{\"ask\":1,\"do\":\"follow\"}", "NOT_FOUND"}, /* a simulation has no tap */
    };
    (void) state;
    watch();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *answer = ask_for(rows[i].wish);
        assert_true(json_is_false(json_object_get(answer, "ok")));
        if (strcmp(member(answer, "code"), rows[i].code) != 0)
            fail_msg("%s: %s, not %s", rows[i].wish, member(answer, "code"), rows[i].code);
    }
}

static void
hangs_up_on_who_says_too_much(void **state)
{
    (void) state;
    watch();
    for (int i = 0; i < 300; i++)
        say("{\"ask\":1,\"do\":\"unfollow\"}");
    sim_run_ms(visitor.sim, 100);
    assert_int_equal(visitor.ended, 1);
    assert_int_equal(visitor.status, 1008);
}

#define WITH_PAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/*  ---------------------------------------------------------------------------- without  */

static void
has_no_page_where_it_is_off(void **state)
{
    world_t *world = *state;
    world->settings.monitor_listen = "off";
    start_with_todo(world);
    invite(world->sim, &world->settings);
    visit("http://" PAGE "/");
    sim_run_ms(world->sim, 100);
    assert_int_equal(visitor.ended, 1);
    assert_int_equal(visitor.status, 0);
    forget_visitor();
}

static void
does_not_start_where_others_could_look(void **state)
{
    world_t *world = *state;
    fault_t fault = {0};
    world->settings.monitor_listen = "0.0.0.0:0";
    assert_int_not_equal(sim_start(world->sim, world->node, &fault), OK);
    assert_non_null(strstr(fault.text, "monitor.token_file"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAGE(tells_its_state),
        WITH_PAGE(lists_the_changes_of_the_database),
        WITH_PAGE(shows_one_change_with_its_past_errors),
        WITH_PAGE(refuses_questions_that_make_no_sense),
        WITH_PAGE(tells_counts_and_actors),
        WITH_PAGE(shows_dead_letters),
        WITH_PAGE(tells_supervisors_that_it_works),
        WITH_PAGE(hands_out_the_page),
        WITH_PAGE(answers_so_many_requests_a_second),
        WITH_PAGE(tells_the_state_first_and_counts_each_second),
        WITH_PAGE(tells_of_changes_as_they_come),
        WITH_PAGE(tells_that_lists_have_moved_where_their_counts_have_not),
        WITH_PAGE(does_nothing_while_nobody_watches),
        WITH_PAGE(drops_what_a_slow_page_does_not_take_and_says_how_much),
        WITH_PAGE(so_many_pages_may_be_open),
        WITH_PAGE(retries_what_it_is_told_to),
        WITH_PAGE(skips_with_the_reason_that_was_given),
        WITH_PAGE(discards_what_it_is_told_to),
        WITH_PAGE(resumes_and_pauses),
        WITH_PAGE(refuses_wishes_that_make_no_sense),
        WITH_PAGE(hangs_up_on_who_says_too_much),
        IN_WORLD(has_no_page_where_it_is_off),
        IN_WORLD(does_not_start_where_others_could_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
