/*  table_pieces - the partitions of partitioned tables, to see later which came and went.

    The log tells of rows under the name of the whole table, and of each; but not of those that
    come or go with a partition that is attached, detached or dropped.  */

#pragma once

#include "actors/server/postgres/pg.h"
#include "actors/settings.h"

typedef struct table_pieces {
    const char *ids; /* oids with blanks between, of all tables of the schema; in arena */
    bool moved;      /* one that was known is gone, or another came with rows */
} table_pieces_t;

/*  known: ids as they were, to compare with.  */
CHECKED err_t table_pieces_read(pg_t *pg, const settings_t *settings, const char *known,
                                arena_t *arena, table_pieces_t *pieces, fault_t *fault);
