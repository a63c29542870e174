/*  parents - does a row have the rows that its foreign keys refer to?

    SQLite's own enforcement is off where server changes are applied: a snapshot's pages and
    local changes above the server's rows break it on the way, and its cascades would do a
    second time what the server sends anyway.  */

#pragma once

#include "actors/common/catalog.h"

/*  What is known of each table, in arena. Zero, with an arena, is empty.  */
typedef struct parents {
    arena_t *arena;
    struct question *first;
} parents_t;

/*  Looks at the row as it stands in its table. ERR_ENTITY_NOT_FOUND names the table where a
    parent is missing.  */
CHECKED err_t parents_check(parents_t *self, db_t *db, const table_t *table, bytes_t row,
                            fault_t *fault);
