/*  staging - the parts of a server transaction larger than one frame, until its end.

    Each part is kept as it came, packed, and given back one at a time: however large the
    transaction is, only one part of it is in memory.  */

#pragma once

#include "actors/common/db.h"
#include "schemas/message.h"

CHECKED err_t staging_clear(db_t *db, fault_t *fault);
/*  Forgets what is staged if the stretch begins that transaction anew.  */
CHECKED err_t staging_meet(db_t *db, const server_changes_t *stretch, fault_t *fault);
CHECKED err_t staging_add(db_t *db, const server_changes_t *stretch, fault_t *fault);
/*  The part after *seq (0: the first one) into arena, and *seq moves to it; without
    changes if there is none.  */
CHECKED err_t staging_next(db_t *db, int64_t *seq, arena_t *arena, server_changes_t *part,
                           fault_t *fault);
