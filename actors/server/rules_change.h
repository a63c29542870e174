/*  rules_change - since when the rules for reading are as they are.

    Other rules show other rows: clients that stand before the change need a snapshot. It
    takes a position of its own, so that who stands at it has seen it.  */

#pragma once

#include "actors/common/db.h"
#include "actors/settings.h"

/*  At the start, inside a transaction that writes, with nothing unsealed.  */
CHECKED err_t rules_remember(db_t *db, const settings_t *settings, fault_t *fault);
/*  The position of the last change; 0 if there was none.  */
CHECKED err_t rules_since(db_t *db, uint64_t *lsn, fault_t *fault);
