/*  staging - the parts of a server transaction larger than one frame, until its end.  */

#pragma once

#include "actors/common/db.h"
#include "schemas/message.h"

CHECKED err_t staging_clear(db_t *db, fault_t *fault);
/*  A transaction that begins anew replaces what was staged of it.  */
CHECKED err_t staging_add(db_t *db, const server_changes_t *stretch, fault_t *fault);
/*  What was staged, in order, and the changes of the stretch behind it.  */
CHECKED err_t staging_complete(db_t *db, const server_changes_t *stretch, arena_t *arena,
                               server_changes_t *whole, fault_t *fault);
