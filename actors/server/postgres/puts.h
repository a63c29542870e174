/*  puts - rows on their way into the tables of the cache.

    Those of one table that come one after the other are kept back for a moment and written
    several at a time: most of what one costs is beginning and ending a statement.  */

#pragma once

#include "actors/common/db.h"

enum { PUTS_AT_ONCE = 16, PUTS_MOST_VALUES = 2000 };

/*  How the rows of a table are put. Statements last as long as their connection.  */
typedef struct put_plan {
    sqlite3_stmt *one;
    sqlite3_stmt *many; /* PUTS_AT_ONCE of them; NULL: it has too many columns for that */
    size_t n;           /* columns */
} put_plan_t;

typedef struct puts puts_t;

puts_t *puts_new(db_t *db);
void puts_destroy(puts_t **self);

/*  The values need not last.  */
CHECKED err_t puts_add(puts_t *self, const put_plan_t *plan, const value_t *values,
                       fault_t *fault);
/*  Writes what was kept back: before the end of the transaction, and before anybody reads.  */
CHECKED err_t puts_write(puts_t *self, fault_t *fault);
/*  Forgets it: the transaction was rolled back.  */
void puts_forget(puts_t *self);
