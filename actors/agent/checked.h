/*  checked - the changes of a stretch, looked up and checked before anything is written.  */

#pragma once

#include "actors/agent/overlay.h"

typedef struct checked {
    const server_change_t *change;
    table_t *table;
    const char *key; /* of the row, as text */
    uint64_t lsn;
    bool deletes;
} checked_t;

CHECKED err_t checked_one(const overlay_t *overlay, const server_change_t *change,
                          checked_t *checked, fault_t *fault);

/*  One for each change of the stretch, in the overlay's arena. ERR_INVALID_CHANGE names what
    does not fit.  */
CHECKED err_t checked_read(const overlay_t *overlay, const server_changes_t *stretch,
                           checked_t **checked, fault_t *fault);
