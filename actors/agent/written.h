/*  written - did what was written get into its table?

    Rules of the application may throw a row away, or keep one that is deleted, without a word:
    RAISE(IGNORE), ON CONFLICT IGNORE. Whoever took that for done would lose it.  */

#pragma once

#include "actors/common/catalog.h"

/*  Right after row was inserted or upserted. ERR_RULE_VIOLATION: it is not there.  */
CHECKED err_t written_check(db_t *db, table_t *table, bytes_t row, fault_t *fault);
/*  After a delete that removed nothing. ERR_RULE_VIOLATION: the row is still there.  */
CHECKED err_t written_check_gone(table_t *table, bytes_t key, fault_t *fault);
/*  Has the stored row these values?  */
bool written_is_same(bytes_t row, bytes_t stored);
