/*  verdicts - what the server decided about local changes, and what happens to those it
    refused, written to local_changes and to the rows.  */

#pragma once

#include "actors/agent/known.h"
#include "actors/agent/outbox.h"

typedef struct judged {
    int64_t made;     /* when it was recorded, wall clock */
    uint64_t attempt; /* that this is about, from 1 */
} judged_t;

typedef struct verdicts {
    overlay_t overlay;
    int64_t now;            /* wall clock */
    int64_t newest;         /* timestamp of a local change */
    bool folds;             /* there may be changes folded into others */
    outbox_count_t *counts; /* kept up */
    processed_t *processed; /* to be published; in the overlay's arena */
    judged_t *judged;       /* what else is told of each of them */
    size_t n_processed, room;
    const char **again; /* ids that are pending again */
    size_t n_again, again_room;
    size_t n_unknown; /* ids that are not ours */
    bool any_refused; /* and not planned yet */
} verdicts_t;

/*  Inside of the caller's transaction. One that was recorded before changes nothing.  */
CHECKED err_t verdicts_record(verdicts_t *self, const verdict_t *verdict, fault_t *fault);
/*  A pending change that cannot be sent, and why.  */
CHECKED err_t verdicts_refuse(verdicts_t *self, const char *id, const char *why,
                              fault_t *fault);
/*  The plan for a failed change; without a time, it waits for a person.  */
CHECKED err_t verdicts_plan(verdicts_t *self, const retry_t *retry, fault_t *fault);
/*  Failed changes whose time has come are pending again.  */
CHECKED err_t verdicts_release(verdicts_t *self, int64_t due, fault_t *fault);

/*  A refused change is pending again now, and its attempts are counted from the first.  */
CHECKED err_t verdicts_resume(verdicts_t *self, const known_t *known, fault_t *fault);
/*  A refused change is done, with what a person said in place of a verdict; its row is the
    server's. reason may be NULL.  */
CHECKED err_t verdicts_give_up(verdicts_t *self, const known_t *known, const char *verdict,
                               const char *reason, fault_t *fault);
