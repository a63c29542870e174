/*  derived - which rows of a transaction triggers of the application wrote, and what its client
    must hear of them.

    Such rows are news to the client as well, so its name is taken off them in the log. So is it
    off what the client wrote to the same row afterwards: what is sent last of a row must be
   what was written last. A change whose own row a trigger wrote once more is *again: the row
   goes back with the verdict.  */

#pragma once

#include "actors/server/embedded/work.h"

/*  A change of the transaction that is about to be sealed, and the row that it named.  */
typedef struct derived_change {
    const char *id;
    const char *table;
    const char *key; /* as table_key_text() has it */
    size_t place;    /* the caller's */
    bool again;      /* filled in */
} derived_change_t;

/*  Sorts changes by their ids.  */
CHECKED err_t derived_disown(const work_t *work, derived_change_t *changes, size_t n,
                             fault_t *fault);
