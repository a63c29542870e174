/*  A recorded actor, replayed, does what it did; one that does something else is caught at the
    first thing that differs; a file that is no whole recording is refused.  */

#include "runtime/replay.h"
#include "runtime/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PINGS = 50, TICK_MS = 30, PATIENCE_MS = 60000 };

/*  -------------------------------------------------- an actor that does a bit of all  */

typedef struct busy {
    uint64_t pings, pongs;
    char uuid[UUID_TEXT];
} busy_t;

static err_t
start_busy(void *state, ctx_t *ctx)
{
    busy_t *self = state;
    ctx_uuid(ctx, self->uuid);
    ctx_log(ctx, LOG_info, "busy as %s", self->uuid);
    ctx_after(ctx, 1, TICK_MS);
    return OK;
}

static err_t
on_tick(void *state, ctx_t *ctx, uint64_t timer)
{
    busy_t *self = state;
    REQUEST(ctx, "echo", self->pings, ping, .number = ctx_random(ctx) % 1000);
    PUBLISH(ctx, actor_state, .actor = self->uuid, .state = "busy", .restarts = self->pings);
    if (++self->pings < PINGS)
        ctx_after(ctx, timer, TICK_MS + ctx_random(ctx) % 10);
    return OK;
}

static err_t
on_pong(void *state, ctx_t *ctx, const void *body)
{
    busy_t *self = state;
    self->pongs++;
    SEND(ctx, "echo", parcel, .number = ((const pong_t *) body)->number + ctx_token(ctx));
    ctx_log(ctx, LOG_debug, "at %lld", (long long) ctx_wall_ms(ctx));
    return OK;
}

/*  The same but for a constant.  */
static err_t
on_pong_changed(void *state, ctx_t *ctx, const void *body)
{
    busy_t *self = state;
    uint64_t more = ++self->pongs > 10;
    SEND(ctx, "echo", parcel,
         .number = ((const pong_t *) body)->number + ctx_token(ctx) + more);
    ctx_log(ctx, LOG_debug, "at %lld", (long long) ctx_wall_ms(ctx));
    return OK;
}

static err_t
ask_busy(void *state, ctx_t *ctx, const void *body)
{
    const busy_t *self = state;
    REPLY(ctx, pong, .number = ((const ping_t *) body)->number + self->pongs);
    return OK;
}

#define BUSY(pong)                                                                             \
    {                                                                                          \
        .name = "busy", .state_size = sizeof(busy_t), .start = start_busy,                     \
        .sends = (const edge_t[]){{"echo", MSG_ping}, {"echo", MSG_parcel}, {0}},              \
        .on_timer = on_tick, .handlers = (handler_fn *const[MSG_COUNT])                        \
        {                                                                                      \
            [MSG_pong] = (pong), [MSG_ping] = ask_busy                                         \
        }                                                                                      \
    }
static const actor_class_t busy = BUSY(on_pong);
static const actor_class_t changed = BUSY(on_pong_changed);

static err_t
on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    REPLY(ctx, pong, .number = ((const ping_t *) body)->number);
    return OK;
}

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    return OK;
}

static handler_fn *const echo_handlers[MSG_COUNT] = {
    [MSG_ping] = on_ping,
    [MSG_parcel] = on_parcel,
    [MSG_actor_state] = on_parcel,
    [MSG_log_line] = on_parcel,
};
/*  Lines that busy logs while it starts do not come here, recorded or replayed.  */
static const actor_class_t echo = {
    .name = "echo",
    .hears = (const char *const[]){"actor_state", "log_line", NULL},
    .handlers = echo_handlers,
};

/*  ------------------------------------------------------------------------ recording  */

static char *directory, *file;

static bool
has_come(void *sim)
{
    sim_heard_t heard;
    while (sim_take(sim, 0, &heard))
        if (heard.id == MSG_problem)
            fail_msg("%s", ((const problem_t *) heard.body)->message);
        else if (heard.id == MSG_recording_started || heard.id == MSG_recording_stopped)
            return true;
    return false;
}

static int
record(void **state)
{
    (void) state;
    static char template[64];
    static const sim_faults_t faults = {.bus_delay_ms = 20};
    fault_t fault;
    strcpy(template, "/tmp/replay_test.XXXXXX");
    directory = mkdtemp(template);
    file = mem_format("%s/busy.tape", directory);
    sim_t *sim = sim_new(1, &faults);
    int node = sim_node(sim, "here", NULL, NULL);
    sim_add(sim, node, &echo);
    sim_add(sim, node, &busy);
    assert_int_equal(sim_start(sim, node, &fault), OK);
    sim_run_ms(sim, 500); /* links are in use when it begins */
    sim_ask(sim, node, "busy", MSG_recording_start, &(recording_start_t){"busy", file});
    assert_true(sim_until(sim, has_come, sim, PATIENCE_MS));
    sim_run_ms(sim, 1000);
    sim_ask(sim, node, "busy", MSG_ping, &(ping_t){.number = 3});
    sim_run_ms(sim, 1000);
    sim_ask(sim, node, "busy", MSG_recording_stop, &(recording_stop_t){"busy"});
    assert_true(sim_until(sim, has_come, sim, PATIENCE_MS));
    sim_destroy(&sim);
    return 0;
}

static int
forget(void **state)
{
    (void) state;
    unlink(file);
    free(file);
    return rmdir(directory);
}

static tape_reader_t *
open_tape(void)
{
    tape_reader_t *tape = NULL;
    fault_t fault;
    if (tape_open(file, &tape, &fault) != OK)
        fail_msg("%s", fault.text);
    return tape;
}

/*  ------------------------------------------------------------------------ replaying  */

static void
the_same_inputs_bring_the_same_outputs(void **state)
{
    (void) state;
    fault_t fault;
    replay_result_t result;
    tape_reader_t *tape = open_tape();
    assert_int_equal(replay_run(tape, &busy, NULL, &result, &fault), OK);
    if (result.event != 0)
        fail_msg("event %zu: expected %s; got %s", result.event, buffer_text(&result.expected),
                 buffer_text(&result.got));
    assert_true(result.inputs > PINGS);
    assert_true(result.outputs > PINGS);
    replay_result_release(&result);
    tape_reader_destroy(&tape);
}

static void
a_changed_actor_is_caught_at_its_first_other_output(void **state)
{
    (void) state;
    fault_t fault;
    replay_result_t result;
    tape_reader_t *tape = open_tape();
    assert_int_equal(replay_run(tape, &changed, NULL, &result, &fault), OK);
    assert_true(result.event > 0);
    assert_int_equal(tape_at(tape, result.event).kind, TAPE_put);
    assert_non_null(strstr(buffer_text(&result.expected), "parcel busy -> echo {\"number\":"));
    assert_non_null(strstr(buffer_text(&result.got), "parcel busy -> echo {\"number\":"));
    assert_string_not_equal(buffer_text(&result.expected), buffer_text(&result.got));
    size_t input = tape_input_of(tape, result.event);
    assert_int_equal(tape_at(tape, input).kind, TAPE_letter); /* the eleventh pong */
    size_t cause = tape_cause_of(tape, input);
    assert_int_equal(tape_at(tape, cause).kind, TAPE_put); /* its ping */
    assert_int_equal(tape_at(tape, tape_input_of(tape, cause)).kind, TAPE_turn);
    replay_result_release(&result);
    tape_reader_destroy(&tape);
}

static void
another_actor_is_caught_at_its_start(void **state)
{
    (void) state;
    fault_t fault;
    replay_result_t result;
    tape_reader_t *tape = open_tape();
    assert_int_equal(replay_run(tape, &echo, NULL, &result, &fault), OK);
    assert_true(result.event > 0 && result.event < 10);
    replay_result_release(&result);
    tape_reader_destroy(&tape);
}

/*  ----------------------------------------------------------------------- the file  */

static size_t
read_file(uint8_t **data)
{
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    struct stat about;
    assert_int_equal(fstat(fileno(in), &about), 0);
    *data = mem_new((size_t) about.st_size);
    assert_int_equal(fread(*data, 1, (size_t) about.st_size, in), about.st_size);
    assert_int_equal(fclose(in), 0);
    return (size_t) about.st_size;
}

static void
refuses_every_part_of_a_recording(void **state)
{
    (void) state;
    uint8_t *whole;
    size_t size = read_file(&whole);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
        tape_reader_t *tape = NULL;
        fault_t fault;
        uint8_t *part = mem_new(cut + 1);
        memcpy(part, whole, cut);
        assert_int_equal(tape_open_bytes(part, cut, &tape, &fault), ERR_MALFORMED);
    }
    free(whole);
}

static void
refuses_a_recording_with_any_byte_changed(void **state)
{
    (void) state;
    uint8_t *whole;
    size_t size = read_file(&whole);
    for (size_t at = 0; at < size; at += 1 + at / 16) {
        tape_reader_t *tape = NULL;
        fault_t fault;
        uint8_t *copy = mem_new(size);
        memcpy(copy, whole, size);
        copy[at] ^= 0x11;
        assert_int_equal(tape_open_bytes(copy, size, &tape, &fault), ERR_MALFORMED);
    }
    free(whole);
}

static void
is_for_its_owner_alone_and_takes_no_name_that_is_in_use(void **state)
{
    (void) state;
    struct stat about;
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    tape_t *tape = NULL;
    fault_t fault;
    const tape_head_t head = {.actor = "a", .program = "b", .settings = ""};
    assert_int_equal(tape_new(file, &head, &tape, &fault), ERR_EXISTS);
    assert_int_equal(tape_new("some.tape", &head, &tape, &fault), ERR_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_inputs_bring_the_same_outputs),
        cmocka_unit_test(a_changed_actor_is_caught_at_its_first_other_output),
        cmocka_unit_test(another_actor_is_caught_at_its_start),
        cmocka_unit_test(refuses_every_part_of_a_recording),
        cmocka_unit_test(refuses_a_recording_with_any_byte_changed),
        cmocka_unit_test(is_for_its_owner_alone_and_takes_no_name_that_is_in_use),
    };
    return cmocka_run_group_tests(tests, record, forget);
}
