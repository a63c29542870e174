/*  verdicts - what the server decided about local changes, and what happens to those it
    refused, written to local_changes and to the rows.  */

#pragma once

#include "actors/agent/outbox.h"
#include "actors/agent/overlay.h"

typedef struct verdicts {
    overlay_t overlay;
    int64_t now;            /* wall clock */
    outbox_count_t *counts; /* kept up */
    processed_t *processed; /* to be published; room for one each verdict or retry */
    size_t n_processed;
    size_t n_unknown; /* ids that are not ours */
} verdicts_t;

/*  Inside of the caller's transaction. One that was recorded before changes nothing.  */
CHECKED err_t verdicts_record(verdicts_t *self, const verdict_t *verdict, fault_t *fault);
/*  The plan for a failed change; without a time, it waits for a person.  */
CHECKED err_t verdicts_plan(verdicts_t *self, const retry_t *retry, fault_t *fault);
/*  Failed changes whose time has come are pending again.  */
CHECKED err_t verdicts_release(verdicts_t *self, int64_t due, fault_t *fault);
