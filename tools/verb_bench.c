/*  bench - measures, and puts the bare library's figure beside ours.  */

#include "tools/bench.h"
#include "tools/measure.h"
#include "tools/verbs.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct family {
    const char *name;
    const trial_t *trials;
    size_t n_trials;
} family_t;

static const family_t families[] = {
    {"bus", bench_bus_trials, COUNT_OF(bench_bus_trials)},
    {"record", bench_record_trials, COUNT_OF(bench_record_trials)},
    {"apply", bench_apply_trials, COUNT_OF(bench_apply_trials)},
};

static void
figure_text(const trial_t *trial, double rate, char text[64])
{
    char number[NUMBER_TEXT];
    if (trial->as_time)
        snprintf(text, 64, "%.1f µs", 1e6 / rate);
    else
        snprintf(text, 64, "%s %s/s", number_text((uint64_t) rate, number), trial->unit);
}

static bool
print_trial(const trial_t *trial, double bare, double ours)
{
    double ratio = trial->as_time ? bare / ours : ours / bare;
    bool good = trial->as_time ? ratio <= trial->goal : ratio >= trial->goal;
    char bare_text[64], ours_text[64];
    figure_text(trial, bare, bare_text);
    figure_text(trial, ours, ours_text);
    printf("%-44s %22s %22s %7.2f   %s %.1f %s\n", trial->what, bare_text, ours_text, ratio,
           trial->as_time ? "<=" : ">=", trial->goal, good ? "reached" : "MISSED");
    fflush(stdout);
    return good;
}

/*  Bare and ours take turns, so that a busy machine is unfair to both.  */
static int
run_trial(const bench_t *bench, const trial_t *trial)
{
    double bare[RUNS_MOST], ours[RUNS_MOST];
    for (int i = 0; i < bench->runs; i++) {
        bare[i] = trial->bare(bench);
        ours[i] = bare[i] > 0 ? trial->ours(bench) : 0;
        if (ours[i] <= 0)
            return STATUS_USAGE;
    }
    bool good = print_trial(trial, median(bare, bench->runs), median(ours, bench->runs));
    return good ? STATUS_DONE : STATUS_NO;
}

static int
run_family(const bench_t *bench, const family_t *family)
{
    printf("%-44s %22s %22s %7s   goal\n", "medians of the runs", "bare", "ours", "ratio");
    int worst = STATUS_DONE;
    for (size_t i = 0; i < family->n_trials && worst != STATUS_USAGE; i++) {
        int status = run_trial(bench, &family->trials[i]);
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int
run_named(const verb_t *verb, const bench_t *bench, const char *name, const char *figure)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (strcmp(families[i].name, name) == 0)
            return run_family(bench, &families[i]);
    if (strcmp(name, "idle") == 0)
        return bench_idle(bench);
    if (strcmp(name, "tap") == 0)
        return bench_tap(bench);
    if (strcmp(name, "sync") == 0)
        return bench_sync(verb, bench, figure);
    if (strcmp(name, "postgres") == 0)
        return bench_postgres(verb, bench, figure);
    return complain_usage(verb, "%s: no such bench", name);
}

/*  The process that measures. Its servers and agents end when it does.  */
static volatile pid_t worker;

static void
pass_on(int number)
{
    kill(worker, number);
}

static int
await_everybody(void)
{
    int status = STATUS_NO, ended;
    for (pid_t pid; (pid = waitpid(-1, &ended, 0)) > 0 || errno == EINTR;)
        if (pid == worker)
            status = WIFEXITED(ended) ? WEXITSTATUS(ended) : STATUS_NO;
    return status;
}

/*  Measures in a process of its own, so that whatever ends it, somebody is left to clean up
    behind the last one of them.  */
static int
run_apart(const verb_t *verb, const bench_t *bench, const char *name, const char *figure)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    worker = fork();
    if (worker == 0)
        exit(run_named(verb, bench, name, figure));
    signal(SIGINT, pass_on);
    signal(SIGTERM, pass_on);
    return await_everybody();
}

static int
remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void) about;
    (void) type;
    (void) place;
    return remove(path);
}

static int
bench(args_t *args)
{
    int64_t runs = 5;
    bool quick = false;
    const char *parent = getenv("TMPDIR");
    const option_rule_t rules[] = {
        {"runs", OPTION_NUMBER, &runs, 1, RUNS_MOST},
        {"dir", OPTION_TEXT, &parent, 0, 0},
        {"quick", OPTION_FLAG, &quick, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 1, 2, &status))
        return status;

    char *dir = mem_format("%s/waybill-bench.XXXXXX", parent ? parent : "/var/tmp");
    if (mkdtemp(dir)) {
        bench_t self = {.runs = (int) runs, .dir = dir, .quick = quick};
        status = run_apart(args->verb, &self, args->values[0],
                           args->count > 1 ? args->values[1] : NULL);
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    } else {
        complain("%s: %s; choose a directory with --dir", dir, strerror(errno));
        status = STATUS_USAGE;
    }
    free(dir);
    return status;
}

const verb_t verb_bench = {
    .name = "bench",
    .summary = "measure, beside the same work on the bare library",
    .usage =
        "usage: waybill bench bus|record|apply|idle|tap|sync|postgres [FIGURE] [--runs N] "
        "[--dir DIR] [--quick]\n\n"
        "  bus       200-byte messages from actor to actor, and round trips, beside bare\n"
        "            ZeroMQ inproc sockets between two threads\n"
        "  record    durable changes through the service, in batches of 100, beside a loop\n"
        "            over SQLite with the same table, indexes, batch and synchronous=FULL\n"
        "  apply     the server's changes, beside the same loop\n"
        "  idle      processor time and SQL statements of an agent with nothing to do\n"
        "  tap       the bus saturated while nobody, somebody or a stopped reader watches it\n"
        "  sync      a server and agents as processes, everything durable, each figure with\n"
        "            its goal, or one of record, apply, initial, upload, fan-out, catch-up,\n"
        "            live, memory and crowd\n"
        "  postgres  the server on PostgreSQL, beside what PostgreSQL does with the same "
        "rows:\n"
        "            a reader that throws the stream away, a subscription, prepared upserts;\n"
        "            or one of read-1, read-10000, live, initial, apply and apply-100. It\n"
        "            starts private clusters with Debian's programs\n\n"
        "Bare and ours take turns; medians are printed, and their ratio. Use a release "
        "build.\n\n"
        "  --runs N        how often each; default 5\n"
        "  --dir DIR       where the databases are made; default $TMPDIR, else /var/tmp\n"
        "  --quick         sync, postgres: a hundredth of it, once: only whether it works\n\n"
        "Exit status 1: a goal was missed.\n",
    .run = bench,
};
