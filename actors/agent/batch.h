/*  batch - stretches of the server's stream that share a transaction.  */

#pragma once

#include "actors/agent/apply.h"
#include "actors/settings.h"

enum { DOOMED_AT_MOST = 16 };

typedef struct stretch {
    const server_schema_t *schema; /* one of them; they live as long as the round */
    const server_changes_t *changes;
    applied_t applied;
    uint64_t lsn;       /* position afterwards */
    const char *reason; /* refused: why */
} stretch_t;

typedef struct batch {
    stretch_t *stretches;
    size_t n;
    const settings_t *capture; /* which tables have triggers; NULL: none */
    apply_t blank;             /* what every attempt begins with */
    apply_t apply;             /* the last attempt */
    doomed_t doomed[DOOMED_AT_MOST];
    size_t n_doomed;
} batch_t;

/*  All of it, or nothing.  */
CHECKED err_t batch_commit(batch_t *self, fault_t *fault);
/*  Each change in a trial of its own: those at fault are set aside, and the rest is committed.
    One that ends the whole transaction is known by its place, and left out of the next
    attempt.  */
CHECKED err_t batch_commit_carefully(batch_t *self, fault_t *fault);
