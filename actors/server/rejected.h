/*  rejected - changes of clients that the server rejected, for people.  */

#pragma once

#include "actors/common/db.h"
#include "schemas/message.h"

/*  Rows of changes_history, newest first; a page ends early if they are large. All of it
    lives in arena.  */
CHECKED err_t rejected_read(db_t *db, const rejected_get_t *request, arena_t *arena,
                            rejected_page_t *page, fault_t *fault);
