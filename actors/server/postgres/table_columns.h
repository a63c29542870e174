/*  table_columns - the columns of a table in the words of its Relation message, to see later
    whether they are still the same.  */

#pragma once

#include "actors/server/postgres/pg.h"

/*  As cache.sql says; lives in arena.  */
CHECKED err_t table_columns_read(pg_t *pg, uint32_t table, arena_t *arena, const char **columns,
                                 fault_t *fault);
