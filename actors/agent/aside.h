/*  aside - server changes that this database refuses, in waybill_held: the newest of each row.

    The processor puts there what it cannot write and tries it again (held.h); the recorder, the
    server's row that a verdict or an act uncovers. local_changes has each as failed.  */

#pragma once

#include "actors/agent/overlay.h"

typedef struct aside {
    const char *change_id; /* its row in local_changes */
    const char *table, *key;
    const server_change_t *change; /* with its position */
    const fault_t *cause;
    int64_t now; /* wall clock */
} aside_t;

CHECKED err_t aside_count(db_t *db, uint64_t *n, fault_t *fault);
/*  In place of an older one of its row.  */
CHECKED err_t aside_put(db_t *db, const aside_t *aside, fault_t *fault);
/*  A version of the row has been written that is as new as lsn: what is older is void.  */
CHECKED err_t aside_forget(db_t *db, const char *table, const char *key, uint64_t lsn,
                           fault_t *fault);
/*  Puts the version there, as a change of the server, unless a newer one is there.  */
CHECKED err_t aside_put_version(const overlay_t *overlay, table_t *table,
                                const version_t *version, const fault_t *cause, fault_t *fault);
