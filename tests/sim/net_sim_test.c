/*  Connections between simulated nodes: a caller that dials again and again, and an echo.  */

#include "runtime/sim.h"
#include "tests/sim/seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 200, FRAMES = 40, CONNS = 1000, BIG = 100000 };

/*  What both saw, whatever became of their instances.  */
static struct {
    uint64_t opened[CONNS], closed[CONNS]; /* by conn */
    uint64_t dials, refusals;
    uint64_t echoed, disorder, duplicates;
    uint64_t queued, drained;
    bool pause;
} seen;

static const net_limits_t limits = {.max_frame = 1 << 20};

/*  ------------------------------------------------------------------------------- echo  */

static err_t
echo_start(void *state, ctx_t *ctx)
{
    (void) state;
    fault_t fault;
    int port;
    return net_listen(ctx, "127.0.0.1:1", &limits, &port, &fault);
}

static err_t
echo_on_upgrade(void *state, ctx_t *ctx, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    (void) state;
    (void) ctx;
    bool ours = strcmp(upgrade->path, "/api") == 0 && strcmp(upgrade->query, "x=1") == 0
                && strcmp(upgrade->protocol, "test") == 0;
    answer->status = ours ? 101 : 404;
    answer->token = 7;
    return OK;
}

static err_t
echo_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state;
    seen.opened[conn] += token == 7;
    net_pause(ctx, conn, seen.pause);
    if (seen.pause)
        ctx_after(ctx, conn, 1000);
    return OK;
}

static err_t
echo_on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    net_pause(ctx, timer, false);
    return OK;
}

static err_t
echo_on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    (void) state;
    net_send(ctx, conn, frame, binary);
    return OK;
}

static err_t
on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    (void) state;
    (void) ctx;
    (void) status;
    (void) reason;
    seen.closed[conn]++;
    return OK;
}

static const net_handlers_t echo_net = {
    .on_upgrade = echo_on_upgrade,
    .on_open = echo_on_open,
    .on_frame = echo_on_frame,
    .on_close = on_close,
};

static const actor_class_t echo = {
    .name = "echo",
    .state_size = 1,
    .start = echo_start,
    .on_timer = echo_on_timer,
    .net = &echo_net,
};

/*  ----------------------------------------------------------------------------- caller  */

typedef struct caller {
    uint64_t next; /* number of the frame that should come back */
} caller_t;

static err_t
dial(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    (void) timer;
    fault_t fault;
    seen.dials++;
    if (net_dial(ctx, "ws://echo:1/api?x=1", "test", &limits, &fault) == 0)
        return ctx_fail(ctx, "%s", fault.text);
    return OK;
}

static err_t
caller_start(void *state, ctx_t *ctx)
{
    return dial(state, ctx, 0);
}

static err_t
caller_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    ((caller_t *) state)->next = 0;
    seen.opened[conn] += token == 0;
    for (uint64_t i = 0; i < FRAMES; i++)
        net_send(ctx, conn, (bytes_t){(const uint8_t *) &i, sizeof i}, true);
    if (seen.pause) {
        uint8_t *big = mem_new(BIG);
        net_send(ctx, conn, (bytes_t){big, BIG}, true);
        free(big);
    }
    seen.queued = net_queued(ctx, conn);
    return OK;
}

static err_t
caller_on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    (void) binary;
    caller_t *self = state;
    uint64_t number = 0;
    if (frame.size != sizeof number)
        return OK;
    memcpy(&number, frame.data, sizeof number);
    seen.duplicates += number < self->next;
    seen.disorder += number > self->next;
    seen.echoed++;
    if (number == self->next && ++self->next == FRAMES && !seen.pause)
        net_close(ctx, conn, 1000, "done");
    return OK;
}

static err_t
caller_on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    (void) state;
    (void) ctx;
    (void) conn;
    seen.drained++;
    return OK;
}

static err_t
caller_on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    seen.refusals += status == 0 && strcmp(reason, "refused") == 0;
    ctx_after(ctx, 1, 100);
    return on_close(state, ctx, conn, status, reason);
}

static const net_handlers_t caller_net = {
    .on_open = caller_on_open,
    .on_frame = caller_on_frame,
    .on_drained = caller_on_drained,
    .on_close = caller_on_close,
};

static const actor_class_t caller = {
    .name = "caller",
    .state_size = sizeof(caller_t),
    .start = caller_start,
    .on_timer = dial,
    .net = &caller_net,
};

/*  ------------------------------------------------------------------------------ the runs  */

static void
start(sim_t *sim, int node)
{
    fault_t fault;
    if (sim_start(sim, node, &fault) != OK)
        fail_msg("%s", fault.text);
}

static sim_t *
begin(uint64_t seed, const sim_faults_t *faults)
{
    memset(&seen, 0, sizeof seen);
    sim_t *sim = sim_new(seed, faults);
    sim_add(sim, sim_node(sim, "server", "echo:1", NULL), &echo);
    sim_add(sim, sim_node(sim, "client", NULL, NULL), &caller);
    start(sim, 1);
    return sim;
}

static void
cutting(uint64_t seed, buffer_t *complaints)
{
    static const sim_faults_t faults = {.net_delay_ms = 50, .net_cut = 200};
    sim_t *sim = begin(seed, &faults);
    start(sim, 0);
    sim_run_ms(sim, 20000);
    sim_link(sim, 1, false);
    sim_run_ms(sim, 90);
    uint64_t opened = 0, wrong = 0;
    for (size_t i = 0; i < CONNS; i++) {
        opened += seen.opened[i];
        wrong += seen.opened[i] > 1 || seen.closed[i] > 1 || seen.closed[i] < seen.opened[i];
    }
    if (wrong > 0 || opened < 20 || seen.echoed < FRAMES || seen.disorder + seen.duplicates > 0)
        buffer_add_format(complaints,
                          "%" PRIu64 " opened, %" PRIu64 " not closed once, %" PRIu64
                          " echoed, %" PRIu64 " out of order\n",
                          opened, wrong, seen.echoed, seen.disorder);
    sim_destroy(&sim);
}

static void
a_cut_is_told_to_both_ends_once(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("net_sim_test", SEEDS, cutting), 0);
}

static void
frames_come_twice_when_chance_wants_it(void **state)
{
    (void) state;
    static const sim_faults_t faults = {.net_delay_ms = 50, .net_duplicate = 1000};
    sim_t *sim = begin(1, &faults);
    start(sim, 0);
    sim_run_ms(sim, 5000);
    assert_true(seen.duplicates > 0);
    assert_int_equal(seen.disorder, 0);
    sim_destroy(&sim);
}

static void
a_node_that_is_down_refuses(void **state)
{
    (void) state;
    static const sim_faults_t faults = {.net_delay_ms = 5};
    sim_t *sim = begin(1, &faults);
    sim_run_ms(sim, 1000);
    assert_true(seen.refusals > 5);
    assert_int_equal(seen.refusals, seen.dials - (seen.refusals < seen.dials));
    start(sim, 0);
    sim_run_ms(sim, 1000);
    assert_true(seen.echoed >= FRAMES);
    sim_destroy(&sim);
}

static void
a_crashed_node_hangs_up_on_its_peers(void **state)
{
    (void) state;
    static const sim_faults_t faults = {.net_delay_ms = 5};
    sim_t *sim = begin(1, &faults);
    seen.pause = true;
    start(sim, 0);
    sim_run_ms(sim, 120);
    sim_crash(sim, 0);
    uint64_t refused = seen.refusals;
    sim_run_ms(sim, 1000);
    assert_true(seen.refusals > refused);
    for (size_t i = 0; i < CONNS; i++)
        assert_true(seen.closed[i] <= 1);
    sim_destroy(&sim);
}

static void
a_paused_reader_fills_the_sender_s_queue(void **state)
{
    (void) state;
    static const sim_faults_t faults = {.net_delay_ms = 5};
    sim_t *sim = begin(1, &faults);
    seen.pause = true;
    start(sim, 0);
    sim_run_ms(sim, 900);
    assert_int_equal(seen.queued, FRAMES * sizeof(uint64_t) + BIG);
    assert_int_equal(seen.echoed + seen.drained, 0);
    sim_run_ms(sim, 900);
    assert_int_equal(seen.echoed, FRAMES);
    assert_true(seen.drained > 0);
    sim_destroy(&sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_told_to_both_ends_once),
        cmocka_unit_test(frames_come_twice_when_chance_wants_it),
        cmocka_unit_test(a_node_that_is_down_refuses),
        cmocka_unit_test(a_crashed_node_hangs_up_on_its_peers),
        cmocka_unit_test(a_paused_reader_fills_the_sender_s_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
