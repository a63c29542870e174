/*  bench - each figure beside the same work on the bare library, in one run.  */

#pragma once

#include "tools/verb.h"

enum { RUNS_MOST = 99 };

typedef struct bench {
    int runs;
    const char *dir; /* for databases: a real disk, not memory */
    bool quick;      /* only whether it works at all */
} bench_t;

/*  How much of the work was done per second; 0 after a complaint.  */
typedef double work_fn(const bench_t *bench);

typedef struct trial {
    const char *what;
    const char *unit; /* what is counted */
    bool as_time;     /* shown in µs each, and the ratio is ours : bare */
    double goal;      /* the ratio that must be reached, or not passed if as_time */
    work_fn *bare, *ours;
} trial_t;

extern const trial_t bench_bus_trials[2];    /* bench_bus.c */
extern const trial_t bench_record_trials[2]; /* bench_record.c */
extern const trial_t bench_apply_trials[1];  /* bench_apply.c */

/*  What an idle agent costs in 10 s; gives the exit status.  */
int bench_idle(const bench_t *bench); /* bench_idle.c */

/*  What a watched bus costs beside one that nobody watches. Gives the exit status.  */
int bench_tap(const bench_t *bench); /* bench_tap.c */

/*  What synchronising costs; name: only that figure. Gives the exit status.  */
int bench_sync(const verb_t *verb, const bench_t *bench, const char *name); /* bench_sync.c */

/*  What the server on PostgreSQL costs beside PostgreSQL itself; name: only that figure. Gives
   the exit status.  */
int bench_postgres(const verb_t *verb, const bench_t *bench,
                   const char *name); /* bench_postgres.c */
