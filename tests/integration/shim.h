/*  shim - what a test tells the shim in a process that it has started, while that runs: a file
    that both have mapped. All zero: the system is as it is.  */

#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct shim {
    volatile int64_t calls;   /* counted so far: writes, syncs, and what else leaves a trace */
    volatile int64_t kill_at; /* that call kills the process before it is made; 0: none */
    volatile int64_t full;    /* writes to files fail with ENOSPC */
    volatile int64_t clock_s; /* the wall clock is so many seconds ahead */
} shim_t;
