/*  columns - the last writer wins by column: which columns of a change may be written.

    Each column that was ever written under this policy has a version of its own; one without
    has none to lose to. Two clients that edit different columns of one row offline both keep
    their edits.  */

#pragma once

#include "actors/server/embedded/validator.h"

/*  Of a change to a row that is there: leaves in validated->row the key and the columns that
    win, and decides to merge if there is none.  */
CHECKED err_t columns_choose(const work_t *work, validated_t *validated, fault_t *fault);
/*  The version of what was written: the triggers see only values that have changed, and a
    column that was set to what it was has been written, too.  */
CHECKED err_t columns_note(const work_t *work, const validated_t *validated, fault_t *fault);
