/*  A plug-in goes while somebody who writes to it, and logs its steps, is recorded: replayed,
   it does the same.  */

#include "runtime/host.h"
#include "runtime/replay.h"
#include "tests/unit/plugin_world.h"

#include <unistd.h>

enum { TICK_MS = 5, LATER_MS = 100, PATIENCE_MS = 60000 };

static char file[] = "/tmp/replay_plugs.XXXXXX/talker.tape";
static char failure[600];

/*  ------------------------------------------------------------- who writes to it  */

static err_t
start_talking(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, TICK_MS);
    return OK;
}

static err_t
talk(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    ctx_step(ctx, STEP_recorded, "0190a6c8-0000-7000-8000-000000000001", 0);
    SEND(ctx, "worker", parcel, .number = ctx_random(ctx) % 1000);
    ctx_after(ctx, timer, TICK_MS);
    return OK;
}

static const actor_class_t talker = {
    .name = "talker",
    .sends = (const edge_t[]){{"worker", MSG_parcel}, {0}},
    .start = start_talking,
    .on_timer = talk,
};

/*  --------------------------------------------- who records it, and removes the plug-in  */

static err_t
begin(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, LATER_MS); /* the link is in use when it begins */
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    if (timer == 1)
        REQUEST(ctx, "talker", 0, recording_start, .actor = "talker", .file = file);
    else
        REQUEST(ctx, "talker", 0, recording_stop, .actor = "talker");
    return OK;
}

static err_t
on_started(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    ctx_supervise(ctx, MSG_plugin_remove, &(plugin_remove_t){.name = "worker"}, 0, PATIENCE_MS);
    return OK;
}

static err_t
on_removed(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    ctx_after(ctx, 2, LATER_MS);
    return OK;
}

static err_t
on_stopped(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    host_stop(host);
    return OK;
}

static err_t
on_failure(void *state, ctx_t *ctx, const failure_t *what)
{
    (void) state, (void) ctx;
    snprintf(failure, sizeof failure, "%s", what->text);
    host_stop(host);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_recording_started] = on_started,
    [MSG_recording_stopped] = on_stopped,
    [MSG_plugin_removed] = on_removed,
};
static const actor_class_t conductor = {
    .name = "conductor",
    .sends =
        (const edge_t[]){{"talker", MSG_recording_start}, {"talker", MSG_recording_stop}, {0}},
    .start = begin,
    .handlers = handlers,
    .on_timer = on_timer,
    .on_error = on_failure,
};

/*  ------------------------------------------------------------------------- the test  */

static void
record(void)
{
    const plugin_value_t values[] = {{"colour", "blue"}};
    const plugin_order_t order = {
        .name = "worker", .file = worker_file(), .settings = values, .n_settings = 1};
    fault_t fault = {0};
    host = host_new(&(host_options_t){.name = "test",
                                      .log = quiet,
                                      .log_level = LOG_info,
                                      .log_steps = true,
                                      .program = WAYBILL});
    host_add(host, &talker);
    host_add(host, &conductor);
    if (host_add_plugin(host, &order, &fault) != OK || host_start(host, &fault) != OK
        || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
    assert_string_equal(failure, "");
}

static void
one_that_goes_is_on_the_tape_and_steps_in_the_log_are(void **state)
{
    (void) state;
    fault_t fault = {0};
    replay_result_t result;
    tape_reader_t *tape = NULL;
    record();
    if (tape_open(file, &tape, &fault) != OK
        || replay_run(tape, &talker, NULL, &result, &fault) != OK)
        fail_msg("%s", fault.text);
    if (result.event != 0)
        fail_msg("event %zu: expected %s; got %s", result.event, buffer_text(&result.expected),
                 buffer_text(&result.got));
    replay_result_release(&result);
    tape_reader_destroy(&tape);
}

static int
make_place(void **state)
{
    (void) state;
    char *slash = strrchr(file, '/');
    *slash = '\0';
    bool made = mkdtemp(file) != NULL;
    *slash = '/';
    return made ? 0 : -1;
}

static int
remove_place(void **state)
{
    (void) state;
    unlink(file);
    *strrchr(file, '/') = '\0';
    return rmdir(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_goes_is_on_the_tape_and_steps_in_the_log_are),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
