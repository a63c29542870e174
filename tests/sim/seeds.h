/*  seeds - runs a simulation once a seed, and names every seed that fails with the command
    that repeats it.  */

#pragma once

#include "schemas/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*  Adds to complaints whatever is wrong.  */
typedef void seed_fn(uint64_t seed, buffer_t *complaints);

static inline bool
seed_fails(const char *program, uint64_t seed, seed_fn *run)
{
    buffer_t complaints = {0};
    run(seed, &complaints);
    bool failed = complaints.size > 0;
    if (failed)
        fprintf(stderr,
                "seed %" PRIu64 ": %srepeat: WAYBILL_SEED=%" PRIu64 " build/dev/bin/%s\n", seed,
                buffer_text(&complaints), seed, program);
    buffer_release(&complaints);
    return failed;
}

/*  How many of the seeds 1 to n fail; WAYBILL_SEEDS=FROM-TO runs those instead, and
    WAYBILL_SEED=N just that one.  */
static inline int
seeds_failing(const char *program, uint64_t n, seed_fn *run)
{
    const char *only = secure_getenv("WAYBILL_SEED");
    const char *range = only ? only : secure_getenv("WAYBILL_SEEDS");
    char *end = NULL;
    uint64_t first = range ? strtoull(range, &end, 10) : 1;
    uint64_t last = only ? first : range && *end == '-' ? strtoull(end + 1, NULL, 10) : n;
    int failing = 0;
    for (uint64_t seed = first; seed <= last; seed++)
        failing += seed_fails(program, seed, run);
    return failing;
}
