#include "tools/bench_postgres.h"

#include "tools/measure.h"
#include "tools/verb.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct course {
    const char *name, *what;
    postgres_course_fn *run;
    size_t count;
    double goal;  /* of ours : bare; 0: none */
    bool as_time; /* in ms, and the ratio may not be more; else rows/s, and not less */
} course_t;

static const course_t courses[] = {
    {"read-1", "decoded and stored, 1 transaction", postgres_read, 1, 0.6, false},
    {"read-10000", "decoded and stored, 10,000 transactions", postgres_read, 10000, 0.6, false},
    {"live", "a commit until it is committed there", postgres_live, 500, 1.5, true},
    {"initial", "initial copy of 100,000 rows", postgres_initial, 100000, 1.0, false},
    {"apply", "10 writers, 1 upsert a transaction", postgres_apply, 1, 0.5, false},
    {"apply-100", "10 writers, 100 upserts a transaction", postgres_apply, 100, 0, false},
};

static const char *
figure_text(const course_t *course, double figure, char text[48])
{
    char number[NUMBER_TEXT];
    if (course->as_time)
        snprintf(text, 48, "%.2f ms", figure * 1000);
    else
        snprintf(text, 48, "%s rows/s", number_text((uint64_t) figure, number));
    return text;
}

static bool
print_course(const bench_t *bench, const course_t *course, const postgres_pair_t *pair)
{
    const double ratio = pair->ours / pair->bare;
    const bool judged = course->goal > 0 && !bench->quick;
    const bool good = course->as_time ? ratio <= course->goal : ratio >= course->goal;
    char bare[48], ours[48], goal[16] = "";
    if (course->goal > 0)
        snprintf(goal, sizeof goal, "%s %.1f", course->as_time ? "<=" : ">=", course->goal);
    printf("%-40s %18s %18s %7.2f   %-6s %s\n", course->what,
           figure_text(course, pair->bare, bare), figure_text(course, pair->ours, ours), ratio,
           goal,
           !judged ? "not judged"
           : good  ? "met"
                   : "MISSED");
    fflush(stdout);
    return good || !judged;
}

/*  Bare and ours take turns, so that a busy machine is unfair to both.  */
static int
run_course(postgres_site_t *site, const course_t *course)
{
    double bare[RUNS_MOST], ours[RUNS_MOST];
    const int runs = site->bench->quick ? 1 : site->bench->runs;
    for (int i = 0; i < runs; i++) {
        postgres_pair_t one = {0};
        if (!course->run(site, course->count, &one))
            return STATUS_USAGE;
        bare[i] = one.bare;
        ours[i] = one.ours;
    }
    const postgres_pair_t middle = {.bare = median(bare, runs), .ours = median(ours, runs)};
    return print_course(site->bench, course, &middle) ? STATUS_DONE : STATUS_NO;
}

static int
run_courses(postgres_site_t *site, const char *name)
{
    int worst = STATUS_DONE;
    printf("%-40s %18s %18s %7s   goal\n", "medians of the runs", "bare", "ours", "ratio");
    fflush(stdout);
    for (size_t i = 0; i < COUNT_OF(courses) && worst != STATUS_USAGE; i++) {
        if (name && strcmp(name, courses[i].name) != 0)
            continue;
        const int status = run_course(site, &courses[i]);
        worst = status > worst ? status : worst;
    }
    return worst;
}

static bool
is_course(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(courses); i++)
        if (strcmp(name, courses[i].name) == 0)
            return true;
    return false;
}

int
bench_postgres(const verb_t *verb, const bench_t *bench, const char *name)
{
    if (name && !is_course(name))
        return complain_usage(verb, "postgres %s: there is no such figure", name);
    postgres_site_t site = {0};
    const int status =
        postgres_site_open(&site, bench) ? run_courses(&site, name) : STATUS_USAGE;
    postgres_site_close(&site);
    return status;
}
