/*  rules_change - since when the rules for reading are as they are.

    Other rules show other rows: clients that stand before the change need a snapshot. It
    takes a position of its own, so that who stands at it has seen it.  */

#pragma once

#include "actors/common/db.h"
#include "actors/settings.h"

/*  At the start, inside a transaction that writes, with nothing unsealed.  */
CHECKED err_t rules_remember(db_t *db, const settings_t *settings, fault_t *fault);
/*  Other servers of the database may have other rules, and whoever comes from one of them has
   seen other rows: to clients, a history under other rules is another one. So some digits of
   its epoch, as they see it, are of the rules; without any, none.  */
void rules_mark(const settings_t *settings, char epoch[UUID_TEXT]);
/*  The position of the last change; 0 if there was none.  */
CHECKED err_t rules_since(db_t *db, uint64_t *lsn, fault_t *fault);
