/*  covered - the rows that local changes may stand above, for one transaction of server
    changes.

    Mostly there are none or few, and all other rows need not be looked up one by one.  */

#pragma once

#include "actors/agent/text_set.h"
#include "actors/common/db.h"

/*  Zero: none.  */
typedef struct covered {
    text_set_t rows;
    bool too_many; /* to list: it may be any row */
} covered_t;

/*  Those that stand above versions at lsn or newer, or need them to be kept.  */
CHECKED err_t covered_read(covered_t *self, db_t *db, uint64_t lsn, fault_t *fault);
bool covered_has(const covered_t *self, const char *table, const char *key);
void covered_release(covered_t *self);
