/*  sealing - what triggers have captured is given its local transaction; then it may be sent.

    A trigger cannot know which transaction it runs in, so a captured change has no txn. Whoever
    holds the write lock sees whole transactions only: what is found then is sealed as one, but
    for what must have been written by different ones: where another change lies between, and
    where the writer's count of changes does not grow, which it does within a connection.

    It is committed already and cannot be refused for its size. One larger than the limits is
    cut into pieces, in order, each judged by itself; a single change that is too large for any
    frame is parked.  */

#pragma once

#include "actors/agent/outbox.h"

typedef struct sealing {
    db_t *db;
    arena_t *arena;
    size_t max_changes, max_bytes; /* of one local transaction */
    int64_t now;

    change_recorded_t *changes; /* what was sealed, to be published */
    size_t n_changes;
    size_t n_cut;    /* transactions ended by their size */
    size_t n_parked; /* among the changes */
    int64_t newest;  /* their timestamp */
    bool more;       /* call it again */
} sealing_t;

/*  Does anything wait to be sealed? One step in an index.  */
CHECKED err_t sealing_any(db_t *db, bool *any, fault_t *fault);
/*  Inside of the caller's write transaction; about max_changes at a time.  */
CHECKED err_t sealing_run(sealing_t *self, fault_t *fault);
