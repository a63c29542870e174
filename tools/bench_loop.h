/*  bench_loop - the loop over SQLite that somebody would write by hand to do an agent's
    work: same tables, indexes and settings, one transaction a batch.  */

#pragma once

#include "tools/bench.h"

/*  Makes DIR/app.db with the table `items`; false after a complaint.  */
bool loop_make_file(const char *dir);

typedef enum loop_work {
    LOOP_RECORD, /* local changes */
    LOOP_APPLY,  /* the server's, with the position */
    LOOP_ROWS    /* rows alone, in batches of a thousand */
} loop_work_t;

/*  Does it for as many changes as BATCHES batches have; gives changes per second, 0 after a
 * complaint.  */
double loop_run(const bench_t *bench, loop_work_t work);
