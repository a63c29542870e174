/*  held - server changes that could not be written: set aside in waybill_held, so that the rest
    goes on, and tried again when what they need may have come.

    At most one of each row is held, the newest: a change is the whole row, so a later one
    that can be written makes an earlier one void.  */

#pragma once

#include "actors/agent/apply.h"
#include "actors/agent/checked.h"

/*  In place of an older one of its row; change_id is its row of local_changes.  */
CHECKED err_t held_put(apply_t *self, const checked_t *checked, const char *change_id,
                       const fault_t *cause, fault_t *fault);
/*  Rows of the table have changed.  */
void held_touch(apply_t *self, const table_t *table);
/*  A newer version of the row has been written.  */
CHECKED err_t held_pass(apply_t *self, const table_t *table, const char *key, fault_t *fault);
/*  A snapshot has every row as it was at that position.  */
CHECKED err_t held_drop_before(apply_t *self, uint64_t lsn, fault_t *fault);
/*  Tries again those whose table, or one that it refers to, has changed in this transaction;
    all, if self->retry_all.  */
CHECKED err_t held_retry(apply_t *self, fault_t *fault);
