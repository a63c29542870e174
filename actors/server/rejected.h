/*  rejected - changes of clients that the server rejected, for people.  */

#pragma once

#include "actors/common/db.h"
#include "runtime/actor.h"

/*  Answers the request with rows of changes_history, newest first; a page ends early if they
    are large.  */
CHECKED err_t rejected_tell(ctx_t *ctx, db_t *db, const rejected_get_t *request);
