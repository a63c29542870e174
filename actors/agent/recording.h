/*  recording - what the recorder does with the jobs of a round: decisions, then writes, in a
    transaction each; then the answers.  */

#pragma once

#include "actors/agent/capturing.h"
#include "actors/agent/outbox.h"
#include "actors/agent/waiters.h"
#include "actors/agent/writes.h"
#include "runtime/actor.h"

/*  One request or command of the round; its body lives as long as the round.  */
typedef struct job {
    message_id_t id;
    ticket_t ticket;
    const void *body;
    recorded_t *recorded; /* write: one a change */
    uint64_t asked_us;    /* write: when */
    bool repeated;        /* write: recorded already, and only to be answered */
    const void *result;   /* act: what to answer */
    fault_t fault;        /* err not OK: it came to nothing */
} job_t;

typedef struct recorder {
    db_t *db;
    catalog_t *catalog;
    int64_t newest; /* timestamp of a local change; never falls */
    outbox_count_t counts;
    capturing_t capturing;
    job_t *jobs; /* of this round */
    size_t n_jobs, room;
    waiters_t waiters;
    bool folds;      /* there may be changes folded into others */
    uint64_t handed; /* seq: up to here the server may know the changes */
    bool sweeping;   /* old rows are being removed, or will be looked for */
    int64_t swept;   /* seq: looked at up to here */
} recorder_t;

/*  Reads where the database stands.  */
CHECKED err_t recording_begin(recorder_t *self, fault_t *fault);
/*  Commits the transaction that is open, and takes the time.  */
CHECKED err_t recording_commit(recorder_t *self, ctx_t *ctx, fault_t *fault);
/*  Commits, answers, publishes and hints.  */
void recording_settle(recorder_t *self, ctx_t *ctx);
/*  How many changes there are in the outbox, for whoever watches.  */
void recording_show_counts(const recorder_t *self, ctx_t *ctx);
/*  For reading in this round.  */
outbox_reader_t recording_reader(const recorder_t *self, ctx_t *ctx);
