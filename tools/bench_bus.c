/*  The bus: actors in a threaded host, beside bare inproc sockets between two threads.  */

#include "runtime/host.h"
#include "tools/bench.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <pthread.h>
#include <string.h>
#include <zmq.h>

enum {
    PARCELS = 300000,
    ROUND_TRIPS = 20000,
    PARCEL_BYTES = 200,
    LOAD_BYTES = 178, /* makes a packed parcel of 200 bytes */
};

/*  What the actors of one run tell the program: their settings.  */
typedef struct run {
    host_t *host;
    uint64_t start_ns, end_ns;
} run_t;

/*  --------------------------------------------------------------------- our parcels  */

typedef struct source {
    uint64_t sent;
} source_t;

static void
send_more(source_t *self, ctx_t *ctx)
{
    static const uint8_t load[LOAD_BYTES];
    for (; self->sent < PARCELS && ctx_credit(ctx, "bench-sink") > 0; self->sent++)
        SEND(ctx, "bench-sink", parcel, .number = self->sent, .load = {load, sizeof load});
}

static err_t
source_start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 1); /* when everybody has started */
    return OK;
}

static err_t
source_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) timer;
    run_t *run = *(run_t *const *) ctx_settings(ctx);
    run->start_ns = now_ns();
    send_more(state, ctx);
    return OK;
}

static err_t
source_credit(void *state, ctx_t *ctx, const char *to)
{
    (void) to;
    send_more(state, ctx);
    return OK;
}

typedef struct sink {
    uint64_t received;
} sink_t;

static void
end_run(ctx_t *ctx)
{
    run_t *run = *(run_t *const *) ctx_settings(ctx);
    run->end_ns = now_ns();
    host_stop(run->host);
}

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    sink_t *self = state;
    if (++self->received == PARCELS)
        end_run(ctx);
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_parcel] = on_parcel};

static const actor_class_t sink_class = {
    .name = "bench-sink",
    .summary = "Counts parcels",
    .state_size = sizeof(sink_t),
    .handlers = sink_handlers,
};

static handler_fn *const source_handlers[MSG_COUNT] = {0};

static const actor_class_t source_class = {
    .name = "bench-source",
    .summary = "Sends parcels as fast as it may",
    .state_size = sizeof(source_t),
    .sends = (const edge_t[]){{"bench-sink", MSG_parcel}, {0}},
    .start = source_start,
    .handlers = source_handlers,
    .on_timer = source_timer,
    .on_credit = source_credit,
};

/*  ----------------------------------------------------------------- our round trips  */

typedef struct asker {
    uint64_t answers;
} asker_t;

static err_t
asker_start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 1);
    return OK;
}

static err_t
asker_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    (void) timer;
    run_t *run = *(run_t *const *) ctx_settings(ctx);
    run->start_ns = now_ns();
    REQUEST(ctx, "bench-echo", 0, ping, .number = 0);
    return OK;
}

static err_t
on_pong(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    asker_t *self = state;
    if (++self->answers == ROUND_TRIPS)
        end_run(ctx);
    else
        REQUEST(ctx, "bench-echo", 0, ping, .number = self->answers);
    return OK;
}

static handler_fn *const asker_handlers[MSG_COUNT] = {[MSG_pong] = on_pong};

static const actor_class_t asker_class = {
    .name = "bench-asker",
    .summary = "Asks again when it is answered",
    .state_size = sizeof(asker_t),
    .sends = (const edge_t[]){{"bench-echo", MSG_ping}, {0}},
    .start = asker_start,
    .handlers = asker_handlers,
    .on_timer = asker_timer,
};

static err_t
on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const ping_t *ping = body;
    REPLY(ctx, pong, .number = ping->number);
    return OK;
}

static handler_fn *const echo_handlers[MSG_COUNT] = {[MSG_ping] = on_ping};

static const actor_class_t echo_class = {
    .name = "bench-echo",
    .summary = "Answers",
    .handlers = echo_handlers,
};

/*  Runs two actors until one of them ends it; gives what was done per second.  */
static double
run_pair(const actor_class_t *first, const actor_class_t *second, double work)
{
    run_t run = {0}, *shared = &run;
    fault_t fault = {0};
    run.host = host_new(&(host_options_t){.name = "bench", .settings = &shared});
    host_add(run.host, first);
    host_add(run.host, second);
    err_t err = host_start(run.host, &fault);
    if (err == OK)
        err = host_run(run.host, &fault);
    host_destroy(&run.host);
    if (err != OK)
        return complain("%s", fault.text), 0;
    return work / ((double) (run.end_ns - run.start_ns) / 1e9);
}

static double
our_parcels(const bench_t *bench)
{
    (void) bench;
    return run_pair(&sink_class, &source_class, PARCELS);
}

static double
our_round_trips(const bench_t *bench)
{
    (void) bench;
    return run_pair(&echo_class, &asker_class, ROUND_TRIPS);
}

/*  ---------------------------------------------------------------- the bare library  */

static void *
bare_sender(void *socket)
{
    static const char parcel[PARCEL_BYTES];
    for (int i = 0; i < PARCELS; i++)
        zmq_send(socket, parcel, sizeof parcel, 0);
    return NULL;
}

static void *
bare_echo(void *socket)
{
    char ping[16];
    for (int i = 0; i < ROUND_TRIPS; i++) {
        zmq_recv(socket, ping, sizeof ping, 0);
        zmq_send(socket, ping, sizeof ping, 0);
    }
    return NULL;
}

static void
receive_parcels(void *socket)
{
    char parcel[PARCEL_BYTES];
    for (int i = 0; i < PARCELS; i++)
        zmq_recv(socket, parcel, sizeof parcel, 0);
}

static void
ask_bare(void *socket)
{
    char ping[16] = {0};
    for (int i = 0; i < ROUND_TRIPS; i++) {
        zmq_send(socket, ping, sizeof ping, 0);
        zmq_recv(socket, ping, sizeof ping, 0);
    }
}

static void *
unlimited_socket(void *context, int type)
{
    void *socket = zmq_socket(context, type);
    int none = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    return socket;
}

/*  here works in this thread, there in another; gives the seconds it took.  */
static double
run_bare(int here_type, int there_type, void (*here)(void *), void *(*there)(void *) )
{
    void *context = zmq_ctx_new();
    void *mine = unlimited_socket(context, here_type);
    void *theirs = unlimited_socket(context, there_type);
    zmq_bind(mine, "inproc://bench");
    zmq_connect(theirs, "inproc://bench");

    pthread_t thread;
    uint64_t start = now_ns();
    pthread_create(&thread, NULL, there, theirs);
    here(mine);
    double seconds = seconds_since(start);
    pthread_join(thread, NULL);
    zmq_close(theirs);
    zmq_close(mine);
    zmq_ctx_term(context);
    return seconds;
}

static double
bare_parcels(const bench_t *bench)
{
    (void) bench;
    return PARCELS / run_bare(ZMQ_PULL, ZMQ_PUSH, receive_parcels, bare_sender);
}

static double
bare_round_trips(const bench_t *bench)
{
    (void) bench;
    return ROUND_TRIPS / run_bare(ZMQ_PAIR, ZMQ_PAIR, ask_bare, bare_echo);
}

const trial_t bench_bus_trials[2] = {
    {
        .what = "bus: 200-byte messages, one way",
        .unit = "messages",
        .goal = 0.5,
        .bare = bare_parcels,
        .ours = our_parcels,
    },
    {
        .what = "bus: round trip",
        .as_time = true,
        .goal = 2.5,
        .bare = bare_round_trips,
        .ours = our_round_trips,
    },
};
