/*  following - reads the log of the database into the cache, a portion at a time.

    Where a table does not fit its replica any more, the database is asked how it is now: a
    column that came empty is added, a new table is made. What cannot be told from the log (a
    column with a default, dropped, renamed, of another type; a table that came with rows) is
    ERR_GAP: the cache must be filled anew.  */

#pragma once

#include "actors/server/postgres/cache.h"
#include "actors/server/postgres/tables.h"
#include "actors/server/postgres/wal_stream.h"

/*  What it works with is the owner's.  */
typedef struct following {
    cache_t *cache;
    wal_stream_t *stream;
    pg_t *pg;
    const settings_t *settings;
    pg_tables_t **tables;
    arena_t arena;
} following_t;

/*  Applies what has come, and commits nothing. *more: there may be more at once. Errors are
    those of wal_stream.h, cache.h, and ERR_GAP.  */
CHECKED err_t following_read(following_t *self, bool *more, fault_t *fault);

/*  Outside of a transaction: the table has those columns now (as in waybill_cache_tables), and
    the log has told all it will. ERR_GAP as above.  */
CHECKED err_t following_fit(following_t *self, const char *table, const char *columns,
                            fault_t *fault);
