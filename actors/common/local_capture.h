/*  local_capture - the triggers of a replica's table: whoever changes a row writes the local
    change as well, in the same transaction.

    A change written so has no txn until the recorder gives it one: a trigger cannot know which
    transaction it runs in. What the connection had changed so far (`writer`) stands beside it:
    of two changes in a row, the later has the greater number if one connection made both.  */

#pragma once

#include "actors/common/catalog.h"

/*  Does any table of the database have triggers of ours?  */
CHECKED err_t local_capture_any(db_t *db, bool *any, fault_t *fault);

/*  Makes the triggers of the table, or makes them anew if it has changed since; adopt: if there
    were none, its rows are recorded as inserted. Inside of the caller's transaction.
    ERR_INVALID_CHANGE if rows of the table cannot be told apart.  */
CHECKED err_t local_capture_make(table_t *table, bool adopt, fault_t *fault);
/*  Drops them, if there are any.  */
CHECKED err_t local_capture_drop(const table_t *table, fault_t *fault);

/*  Between the two, in a transaction of ours, nothing is captured. No other connection ever
   sees it: there is one writer at a time, and a rollback takes it back.  */
CHECKED err_t local_capture_mute(db_t *db, fault_t *fault);
CHECKED err_t local_capture_unmute(db_t *db, fault_t *fault);
