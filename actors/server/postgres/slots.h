/*  slots - the replication slots of the servers of a database, as an operator sees them.

    A slot whose server stays away makes the database keep its log. Dropping it is safe: the
    server reads the database anew when it comes back, and no agent loses anything.  */

#pragma once

#include "actors/server/postgres/pg.h"

typedef struct slot {
    const char *server; /* empty: none is registered with it */
    const char *name;
    bool there;
    bool active;
    bool dropped;       /* marked as dropped on purpose */
    const char *status; /* wal_status; empty if it is not there */
    int64_t kept;       /* bytes of log */
    int64_t left;       /* bytes until it is lost; -1: no limit */
    int64_t seen;       /* last sign of life, ms since 1970; 0: never */
    int64_t beat;
} slot_t;

/*  Zero is empty.  */
typedef struct slots {
    arena_t arena;
    slot_t *list;
    size_t n;
} slots_t;

/*  By name.  */
CHECKED err_t slots_read(pg_t *pg, slots_t *slots, fault_t *fault);
void slots_release(slots_t *self);

/*  Marks it first: a server that finds its slot gone without the mark takes the database for
    another one. ERR_BUSY: a server uses it now; it is left alone.  */
CHECKED err_t slots_drop(pg_t *pg, const slot_t *slot, fault_t *fault);
