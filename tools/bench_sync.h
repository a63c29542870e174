/*  bench_sync - what synchronising costs, each figure with the floor it has to reach.  */

#pragma once

#include "tools/bench.h"

enum { FIGURES_MOST = 2 };

typedef struct figure {
    const char *what;
    const char *unit;
    double goal;
    bool at_most; /* else at least */
} figure_t;

/*  What one run gives.  */
typedef struct measured {
    double figures[FIGURES_MOST];
    double server_us, agents_us; /* processor time, of each change; 0: not looked at */
} measured_t;

/*  False after a complaint.  */
typedef bool course_fn(const bench_t *bench, measured_t *ours);

typedef struct course {
    const char *name;
    course_fn *run;
    work_fn *bare; /* the same writes by hand, a second; or NULL */
    bool once;     /* one run is enough, and long */
    figure_t figures[FIGURES_MOST];
} course_t;

/*  A hundredth of it, if nobody wants to know the figures.  */
size_t bench_size(const bench_t *bench, size_t n);

course_fn sync_initial, sync_upload, sync_fan_out, sync_catch_up; /* bench_sync_rates.c */
course_fn sync_live;                                              /* bench_sync_live.c */
course_fn sync_memory, sync_crowd;                                /* bench_sync_memory.c */
