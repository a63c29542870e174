/*  A tap that does not read, or dies, costs the watched nothing: no message, no order.  */

#include "runtime/host.h"
#include "tests/orphan.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { MANY = 100000, PATIENCE_MS = 60000, TICK_MS = 1 };

static host_t *host;
static atomic_int received, out_of_order, complaints;
static atomic_bool watched;

static void
listen(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (strstr(line->text, "dead letter"))
        atomic_fetch_add(&complaints, 1);
}

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx;
    int n = atomic_fetch_add(&received, 1);
    if ((int) ((const parcel_t *) body)->number != n)
        atomic_fetch_add(&out_of_order, 1);
    if (n + 1 == MANY)
        host_stop(host);
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_parcel] = on_parcel};
static const actor_class_t sink = {.name = "sink", .handlers = sink_handlers};

static err_t
pour(void *state, ctx_t *ctx, const char *to)
{
    uint64_t *sent = state;
    while (*sent < MANY && ctx_credit(ctx, to) > 0) {
        SEND(ctx, "sink", parcel, .number = *sent);
        ++*sent;
    }
    return OK;
}

/*  A parcel now and then, until somebody is seen to watch; then all of them.  */
static err_t
tick(void *state, ctx_t *ctx, uint64_t timer)
{
    uint64_t *sent = state;
    if (atomic_load(&watched))
        return pour(state, ctx, "sink");
    SEND(ctx, "sink", parcel, .number = *sent);
    ++*sent;
    ctx_after(ctx, timer, TICK_MS);
    return OK;
}

static err_t
start_source(void *state, ctx_t *ctx)
{
    return tick(state, ctx, 1);
}

static err_t
go_on(void *state, ctx_t *ctx, const char *to)
{
    return atomic_load(&watched) ? pour(state, ctx, to) : OK;
}

static const actor_class_t source = {
    .name = "source",
    .state_size = sizeof(uint64_t),
    .sends = (const edge_t[]){{"sink", MSG_parcel}, {0}},
    .start = start_source,
    .on_timer = tick,
    .on_credit = go_on,
};

/*  Subscribes, waits for one record to come, and never reads any.  */
static void *
stall(void *zmq, const char *run_dir)
{
    const int patience = PATIENCE_MS;
    const int none = 0;
    const int one = 1;
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/tap.sock", run_dir);
    void *sub = zmq_socket(zmq, ZMQ_SUB);
    zmq_setsockopt(sub, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(sub, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
    assert_int_equal(zmq_connect(sub, endpoint), 0);
    zmq_pollitem_t item = {.socket = sub, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, patience), 1);
    return sub;
}

/*  All parcels, while somebody watches as `watch` does. It gives what is to be closed then, if
    anything. Before there are threads, `begin` (NULL: nothing) may fork.  */
static void
pour_all_beside(void (*begin)(const char *run_dir),
                void *(*watch)(void *zmq, const char *run_dir))
{
    char run_dir[] = "/tmp/host_tap.XXXXXX";
    assert_non_null(mkdtemp(run_dir));
    if (begin)
        begin(run_dir);
    host_options_t options = {
        .name = "test", .run_dir = run_dir, .log_level = LOG_warning, .log = listen};
    received = out_of_order = complaints = 0;
    watched = false;
    host = host_new(&options);
    host_add(host, &sink);
    host_add(host, &source);
    fault_t fault = {0};
    if (host_start(host, &fault) != OK)
        fail_msg("%s", fault.text);
    void *zmq = zmq_ctx_new();
    void *sub = watch(zmq, run_dir);
    atomic_store(&watched, true);
    assert_int_equal(host_run(host, &fault), OK);
    host_destroy(&host);
    assert_int_equal(received, MANY);
    assert_int_equal(out_of_order, 0);
    assert_int_equal(complaints, 0);
    if (sub)
        zmq_close(sub);
    zmq_ctx_term(zmq);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", run_dir);
    assert_int_equal(system(command), 0); /* NOLINT: a path of our own making */
}

static void
a_stalled_tap_loses_nobody_a_message(void **state)
{
    (void) state;
    pour_all_beside(NULL, stall);
}

/*  A process of its own that is killed once it has seen a record. It begins before the host,
   whose threads may hold locks that nobody gives back in a child; ZeroMQ connects once there is
    something to connect to.  */
static pid_t doomed;

static void
fork_doomed(const char *run_dir)
{
    doomed = fork_bound();
    if (doomed == 0) {
        (void) stall(zmq_ctx_new(), run_dir);
        (void) raise(SIGKILL);
    }
}

static void *
await_its_death(void *zmq, const char *run_dir)
{
    int status;
    (void) zmq, (void) run_dir;
    assert_int_equal(waitpid(doomed, &status, 0), doomed);
    assert_true(WIFSIGNALED(status));
    return NULL;
}

static void
a_killed_tap_loses_nobody_a_message(void **state)
{
    (void) state;
    pour_all_beside(fork_doomed, await_its_death);
}

/*  Reads a bundle, and then does something else for a while.  */
static pid_t crawler;
static int crawling[2];

static void
fork_crawler(const char *run_dir)
{
    assert_int_equal(pipe(crawling), 0);
    crawler = fork_bound();
    if (crawler != 0)
        return;
    void *sub = stall(zmq_ctx_new(), run_dir);
    if (write(crawling[1], "", 1) != 1)
        _exit(1);
    for (;;) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        (void) zmq_msg_recv(&frame, sub, 0);
        zmq_msg_close(&frame);
        poll(NULL, 0, TICK_MS);
    }
}

static void *
await_crawler(void *zmq, const char *run_dir)
{
    char one;
    (void) zmq, (void) run_dir;
    assert_int_equal(read(crawling[0], &one, 1), 1);
    close(crawling[0]);
    close(crawling[1]);
    return NULL;
}

static void
a_slow_tap_loses_nobody_a_message(void **state)
{
    (void) state;
    pour_all_beside(fork_crawler, await_crawler);
    assert_int_equal(kill(crawler, SIGKILL), 0);
    assert_int_equal(waitpid(crawler, NULL, 0), crawler);
}

/*  ----------------------------------------------------------- an actor that watches  */

static atomic_int seen, of_itself;

static err_t
begin_to_watch(void *state, ctx_t *ctx)
{
    (void) state;
    return ctx_watch_tap(ctx, TAP_PAYLOADS);
}

/*  What it says itself would come back to it without an end.  */
static err_t
on_tapped(void *state, ctx_t *ctx, const tap_record_t *record)
{
    (void) state;
    PUBLISH(ctx, actor_state, .actor = "watcher", .state = "watching");
    if (strcmp(record->actor, "watcher") == 0)
        atomic_fetch_add(&of_itself, 1);
    if (strcmp(record->envelope.type, "parcel") == 0 && record->payload.data)
        atomic_fetch_add(&seen, 1);
    atomic_store(&watched, true);
    return OK;
}

static err_t
on_heard_state(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    return OK;
}

static handler_fn *const watcher_handlers[MSG_COUNT] = {[MSG_actor_state] = on_heard_state};
static const actor_class_t watcher = {
    .name = "watcher",
    .hears = (const char *const[]){"actor_state", NULL},
    .handlers = watcher_handlers,
    .start = begin_to_watch,
    .on_tapped = on_tapped,
};

static void
an_actor_watches_the_others_and_never_itself(void **state)
{
    (void) state;
    char run_dir[] = "/tmp/host_tap.XXXXXX";
    assert_non_null(mkdtemp(run_dir));
    host_options_t options = {
        .name = "test", .run_dir = run_dir, .log_level = LOG_warning, .log = listen};
    received = out_of_order = seen = of_itself = 0;
    watched = false;
    host = host_new(&options);
    host_add(host, &watcher);
    host_add(host, &sink);
    host_add(host, &source);
    fault_t fault = {0};
    if (host_start(host, &fault) != OK)
        fail_msg("%s", fault.text);
    assert_int_equal(host_run(host, &fault), OK);
    host_destroy(&host);
    assert_int_equal(received, MANY);
    assert_true(seen > 0);
    assert_int_equal(of_itself, 0);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", run_dir);
    assert_int_equal(system(command), 0); /* NOLINT: a path of our own making */
}

/*  It wants to watch where nothing can be watched, and goes on without.  */
static err_t
ask_in_vain(void *state, ctx_t *ctx)
{
    (void) state;
    atomic_store(&seen, (int) ctx_watch_tap(ctx, TAP_HEADERS));
    atomic_store(&watched, true);
    return OK;
}

static const actor_class_t disappointed = {
    .name = "watcher", .start = ask_in_vain, .on_tapped = on_tapped};

static void
a_process_without_a_tap_refuses_to_be_watched(void **state)
{
    (void) state;
    received = seen = 0;
    host = host_new(&(host_options_t){.name = "test", .log = listen});
    host_add(host, &disappointed);
    host_add(host, &sink);
    host_add(host, &source);
    fault_t fault = {0};
    assert_int_equal(host_start(host, &fault), OK);
    assert_int_equal(host_run(host, &fault), OK);
    host_destroy(&host);
    assert_int_equal(seen, ERR_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stalled_tap_loses_nobody_a_message),
        cmocka_unit_test(a_killed_tap_loses_nobody_a_message),
        cmocka_unit_test(a_slow_tap_loses_nobody_a_message),
        cmocka_unit_test(an_actor_watches_the_others_and_never_itself),
        cmocka_unit_test(a_process_without_a_tap_refuses_to_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
