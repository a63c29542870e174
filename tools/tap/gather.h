/*  gather - what goes by on the tap for a while.  */

#pragma once

#include "bus/tap_client.h"

typedef struct gather {
    const char *run_dir;
    tap_want_t want;
    uint64_t ms; /* UINT64_MAX: until somebody presses Ctrl-C */
    /*  False: that was enough.  */
    bool (*take)(void *taker, const tap_record_t *record);
    void *taker;
} gather_t;

/*  Gives the exit status, after a complaint if it is not 0.  */
int gather_run(const gather_t *self);
