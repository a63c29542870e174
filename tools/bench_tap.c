/*  The tap: the bus saturated with nobody watching, with somebody, and with somebody who is
   gone or stopped. The watcher is a process of its own, as `waybill tap` is.  */

#include "bus/tap_client.h"
#include "runtime/host.h"
#include "tools/bench.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PARCELS = 3000000,
    QUICK_PARCELS = 20000,
    LOAD_BYTES = 178,
    TICK_MS = 1,
    CALM_TICKS = 300
};

/*  What a run and its actors share: their settings.  */
typedef struct run {
    host_t *host;
    uint64_t parcels;
    int attached; /* readable: begin; -1: at once */
    uint64_t start_ns, end_ns, start_cpu_ns, end_cpu_ns;
} run_t;

typedef struct figures {
    double rate;   /* parcels a second */
    double cpu_ns; /* of the whole process, for each */
} figures_t;

static uint64_t
cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u
           + (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

/*  ------------------------------------------------------------------------ the actors  */

static run_t *
run_of(ctx_t *ctx)
{
    return *(run_t *const *) ctx_settings(ctx);
}

typedef struct source {
    uint64_t sent;
    bool pouring;
    unsigned calm;
} source_t;

static void
send_one(source_t *self, ctx_t *ctx)
{
    static const uint8_t load[LOAD_BYTES];
    SEND(ctx, "bench-sink", parcel, .number = self->sent++, .load = {load, sizeof load});
}

static err_t
pour(void *state, ctx_t *ctx, const char *to)
{
    source_t *self = state;
    while (self->pouring && self->sent < run_of(ctx)->parcels && ctx_credit(ctx, to) > 0)
        send_one(self, ctx);
    return OK;
}

/*  Until the watcher is there, a parcel now and then is what it has to see. Then, after a while
    in which one that has gone is noticed, all of them.  */
static err_t
tick(void *state, ctx_t *ctx, uint64_t timer)
{
    source_t *self = state;
    run_t *run = run_of(ctx);
    if (run->attached < 0 && ++self->calm >= CALM_TICKS) {
        self->pouring = true;
        self->sent = 0;
        run->start_ns = now_ns();
        run->start_cpu_ns = cpu_ns();
        return pour(state, ctx, "bench-sink");
    }
    send_one(self, ctx);
    ctx_after(ctx, timer, TICK_MS);
    return OK;
}

static err_t
on_attached(void *state, ctx_t *ctx, int fd, int ready)
{
    (void) state, (void) ready;
    ctx_unwatch_fd(ctx, fd);
    run_of(ctx)->attached = -1;
    return OK;
}

static err_t
start_source(void *state, ctx_t *ctx)
{
    (void) state;
    if (run_of(ctx)->attached >= 0)
        ctx_watch_fd(ctx, run_of(ctx)->attached);
    ctx_after(ctx, 1, TICK_MS);
    return OK;
}

static const actor_class_t source = {
    .name = "bench-source",
    .summary = "Sends parcels as fast as it may",
    .state_size = sizeof(source_t),
    .sends = (const edge_t[]){{"bench-sink", MSG_parcel}, {0}},
    .start = start_source,
    .on_timer = tick,
    .on_fd = on_attached,
    .on_credit = pour,
};

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    run_t *run = run_of(ctx);
    const parcel_t *parcel = body;
    if (run->start_ns == 0 || parcel->number + 1 < run->parcels)
        return OK;
    run->end_ns = now_ns();
    run->end_cpu_ns = cpu_ns();
    host_stop(run->host);
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_parcel] = on_parcel};
static const actor_class_t sink = {
    .name = "bench-sink", .summary = "Counts parcels", .handlers = sink_handlers};

/*  ----------------------------------------------------------------------- the watchers  */

typedef enum watcher { WATCHER_NONE, WATCHER_GONE, WATCHER_READS, WATCHER_STOPPED } watcher_t;

static _Noreturn void
watch(const char *run_dir, watcher_t watcher, int attached)
{
    tap_client_t *client = NULL;
    const tap_record_t *record;
    while (tap_client_open(run_dir, TAP_HEADERS, &client, NULL) != OK)
        usleep(1000);
    while (tap_client_next(client, 1000, &record) != OK)
        continue;
    if (write(attached, "", 1) != 1)
        _exit(STATUS_NO);
    if (watcher == WATCHER_STOPPED)
        (void) raise(SIGSTOP);
    while (watcher == WATCHER_READS && tap_client_next(client, -1, &record) != ERR_OFFLINE)
        continue;
    _exit(STATUS_DONE);
}

/*  ------------------------------------------------------------------------------ runs  */

static err_t
run_host(run_t *run, const char *run_dir, fault_t *fault)
{
    run_t *shared = run;
    run->host =
        host_new(&(host_options_t){.name = "bench", .run_dir = run_dir, .settings = &shared});
    host_add(run->host, &sink);
    host_add(run->host, &source);
    err_t err = host_start(run->host, fault);
    if (err == OK)
        err = host_run(run->host, fault);
    host_destroy(&run->host);
    return err;
}

static bool
measure(const bench_t *bench, watcher_t watcher, figures_t *figures)
{
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    fault_t fault = {0};
    run_t run = {.parcels = bench->quick ? QUICK_PARCELS : PARCELS, .attached = -1};
    char *run_dir = mem_format("%s/run", bench->dir);
    if (watcher != WATCHER_NONE && pipe(ends) == 0 && (pid = fork()) == 0)
        watch(run_dir, watcher, ends[1]);
    run.attached = ends[0];
    err_t err = run_host(&run, run_dir, &fault);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(ends[0]);
        close(ends[1]);
    }
    free(run_dir);
    if (err != OK)
        return complain("%s", fault.text), false;
    double parcels = (double) run.parcels;
    figures->rate = parcels / ((double) (run.end_ns - run.start_ns) / 1e9);
    figures->cpu_ns = (double) (run.end_cpu_ns - run.start_cpu_ns) / parcels;
    return true;
}

static const struct {
    const char *what;
    watcher_t watcher;
    double goal; /* most that it may cost */
} rows[] = {
    {"nobody watches, nobody has", WATCHER_NONE, 0},
    {"somebody has, and is gone", WATCHER_GONE, 0.01},
    {"headers are read", WATCHER_READS, 0.05},
    {"the reader is stopped", WATCHER_STOPPED, 0.05},
};

/*  The best of the runs: whatever else the machine does can only make it worse.  */
static bool
keep_best(const bench_t *bench, figures_t best[COUNT_OF(rows)])
{
    for (int i = 0; i < bench->runs; i++)
        for (size_t row = 0; row < COUNT_OF(rows); row++) {
            figures_t now;
            if (!measure(bench, rows[row].watcher, &now))
                return false;
            if (now.rate > best[row].rate)
                best[row].rate = now.rate;
            if (best[row].cpu_ns <= 0 || now.cpu_ns < best[row].cpu_ns)
                best[row].cpu_ns = now.cpu_ns;
        }
    return true;
}

int
bench_tap(const bench_t *bench)
{
    figures_t best[COUNT_OF(rows)] = {0};
    if (!keep_best(bench, best))
        return STATUS_USAGE;
    int status = STATUS_DONE;
    printf("%-30s %16s %8s %12s %8s   goal\n", "best of the runs", "messages/s", "cost",
           "processor", "cost");
    printf("%-30s %16.0f %8s %9.0f ns\n", rows[0].what, best[0].rate, "", best[0].cpu_ns);
    for (size_t row = 1; row < COUNT_OF(rows); row++) {
        double slower = 1 - best[row].rate / best[0].rate;
        double work = best[row].cpu_ns / best[0].cpu_ns - 1;
        bool good = slower <= rows[row].goal || bench->quick;
        printf("%-30s %16.0f %7.1f%% %9.0f ns %7.1f%%   <= %.0f%% %s\n", rows[row].what,
               best[row].rate, 100 * slower, best[row].cpu_ns, 100 * work, 100 * rows[row].goal,
               good ? "reached" : "MISSED");
        status = good ? status : STATUS_NO;
    }
    return status;
}
