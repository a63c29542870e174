/*  leases - how a client's database is told from a copy of it.

    At each connection a client shows the lease it was given at the one before, and is given
    the next. It may have lost its power before it wrote that down, so the one it has shown
    last is good as well. Any other lease is a copy's: since the copy was made, somebody else
    went on under this name. (S4-67)  */

#pragma once

#include "actors/common/db.h"

typedef struct lease {
    const char *client_id;
    const char *shown; /* may be empty: it was never given one */
    const char *next;  /* to be given now */
} lease_t;

/*  Inside a transaction that writes. *taken: the name is in use by another database, and
    nothing was changed. A client that is not known here is welcome under its name: the
    server may have forgotten it.  */
CHECKED err_t leases_take(db_t *db, const lease_t *lease, int64_t wall_ms, bool *taken,
                          fault_t *fault);
