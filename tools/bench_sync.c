#include "tools/bench_sync.h"

#include "tools/bench_loop.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <stdio.h>
#include <string.h>

enum { QUICK = 100 };

size_t
bench_size(const bench_t *bench, size_t n)
{
    return bench->quick ? n / QUICK : n;
}

/*  ------------------------------------------------------------------ the bare library  */

static double
bare_rows(const bench_t *bench)
{
    return loop_run(bench, LOOP_ROWS);
}

static double
bare_apply(const bench_t *bench)
{
    return loop_run(bench, LOOP_APPLY);
}

static bool
run_share(const bench_t *bench, const trial_t *trial, measured_t *ours)
{
    const double bare = trial->bare(bench), rate = trial->ours(bench);
    ours->figures[0] = bare > 0 ? rate / bare : 0;
    return bare > 0 && rate > 0;
}

static bool
run_record(const bench_t *bench, measured_t *ours)
{
    return run_share(bench, &bench_record_trials[0], ours);
}

static bool
run_apply(const bench_t *bench, measured_t *ours)
{
    return run_share(bench, &bench_apply_trials[0], ours);
}

/*  --------------------------------------------------------------------------- courses  */

static const course_t courses[] = {
    {.name = "record",
     .run = run_record,
     .figures = {{"record, beside a bare loop", "of it", 0.8, false}}},
    {.name = "apply",
     .run = run_apply,
     .figures = {{"apply, beside a bare loop", "of it", 0.7, false}}},
    {.name = "initial",
     .run = sync_initial,
     .bare = bare_rows,
     .figures = {{"initial sync of 100,000 rows", "rows/s", 100000, false}}},
    {.name = "upload",
     .run = sync_upload,
     .bare = bare_apply,
     .figures = {{"upload of 10,000 queued changes", "changes/s", 20000, false}}},
    {.name = "fan-out",
     .run = sync_fan_out,
     .bare = bare_apply,
     .figures = {{"fan-out of 20,000 changes while live", "changes/s", 35000, false}}},
    {.name = "catch-up",
     .run = sync_catch_up,
     .bare = bare_apply,
     .figures = {{"catch-up with 20,000 changes", "changes/s", 35000, false}}},
    {.name = "live",
     .run = sync_live,
     .figures = {{"a live write until another agent has it", "ms median", 2, true},
                 {"the same, all but one in a hundred", "ms p99", 8, true}}},
    {.name = "memory",
     .run = sync_memory,
     .once = true,
     .figures = {{"an agent's memory after 1,000,000 rows", "MB", 40, true}}},
    {.name = "crowd",
     .run = sync_crowd,
     .once = true,
     .figures = {{"a server's memory, 1,000 idle clients", "MB", 200, true}}},
};

/*  --------------------------------------------------------------------------- running  */

static const char *
figure_text(double figure, const char *unit, char text[48])
{
    char number[NUMBER_TEXT];
    if (figure >= 1000)
        snprintf(text, 48, "%s %s", number_text((uint64_t) figure, number), unit);
    else
        snprintf(text, 48, "%.*f %s", figure < 10 ? 2 : 1, figure, unit);
    return text;
}

static bool
print_figure(const bench_t *bench, const figure_t *figure, double ours, double bare,
             const measured_t *times)
{
    char goal[48], text[48], ratio[32] = "", cpu[48] = "";
    const bool good = figure->at_most ? ours <= figure->goal : ours >= figure->goal;
    const char *result = bench->quick ? "not judged" : good ? "met" : "MISSED";
    if (bare > 0)
        snprintf(ratio, sizeof ratio, "%.2f", ours / bare);
    if (times->server_us > 0)
        snprintf(cpu, sizeof cpu, "%.1f + %.1f µs", times->server_us, times->agents_us);
    /* µ takes two bytes. */
    printf("%-40s %s %-16s %-20s %7s  %*s  %s\n", figure->what,
           figure->at_most ? "<=" : ">=", figure_text(figure->goal, figure->unit, goal),
           figure_text(ours, figure->unit, text), ratio, cpu[0] ? 17 : 16, cpu, result);
    fflush(stdout);
    return good || bench->quick;
}

/*  Bare and ours take turns, so that a busy machine is unfair to both.  */
static int
run_course(const bench_t *bench, const course_t *course)
{
    double ours[FIGURES_MOST][RUNS_MOST], bare[RUNS_MOST] = {0}, times[2][RUNS_MOST];
    const int runs = course->once || bench->quick ? 1 : bench->runs;
    for (int i = 0; i < runs; i++) {
        measured_t one = {0};
        if (!course->run(bench, &one))
            return STATUS_USAGE;
        for (size_t k = 0; k < FIGURES_MOST; k++)
            ours[k][i] = one.figures[k];
        times[0][i] = one.server_us;
        times[1][i] = one.agents_us;
        if (course->bare)
            bare[i] = course->bare(bench);
    }
    const measured_t cpu = {.server_us = median(times[0], runs),
                            .agents_us = median(times[1], runs)};
    bool good = true;
    for (size_t k = 0; k < FIGURES_MOST && course->figures[k].what; k++)
        good = print_figure(bench, &course->figures[k], median(ours[k], runs),
                            median(bare, runs), &cpu)
               && good;
    return good ? STATUS_DONE : STATUS_NO;
}

int
bench_sync(const verb_t *verb, const bench_t *bench, const char *name)
{
    int worst = STATUS_DONE;
    bool found = false;
    printf("%-40s %-19s %-20s %7s  %16s\n", "medians of the runs", "goal", "ours", "to bare",
           "server + agent");
    fflush(stdout);
    for (size_t i = 0; i < COUNT_OF(courses) && worst != STATUS_USAGE; i++) {
        if (name && strcmp(name, courses[i].name) != 0)
            continue;
        const int status = run_course(bench, &courses[i]);
        worst = status > worst ? status : worst;
        found = true;
    }
    return found ? worst : complain_usage(verb, "sync %s: there is no such figure", name);
}
