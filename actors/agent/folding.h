/*  folding - several pending changes of one row are sent as one (outbox.merge).

    Updates are folded into the first change of their row, an insert or an update, and go to
    the server in its place and under its id; their rows of local_changes stay, and get its
    verdict. Only what was never handed out is folded: the server must not know the id yet.
    Only local transactions of one change: the others are judged as a whole. And no update of a
    column that other rows are bound to, by a foreign key or a unique index of this database,
    because an update that is folded overtakes what was recorded in between.  */

#pragma once

#include "actors/agent/walk.h"

/*  Folds what lies behind seq after. *any: whether there was something to fold.  */
CHECKED err_t folding_run(const outbox_reader_t *reader, uint64_t after, bool *any,
                          fault_t *fault);
/*  Adds to the change what was folded into it: its columns and time; bytes is
    what they come to.  */
CHECKED err_t folding_complete(const outbox_reader_t *reader, walk_row_t *row, fault_t *fault);
