/*  Tables that differ from their replicas, though no row was written to tell of it:
   dropped, altered, renamed, or published in part. The log is given the time to tell first.  */

#include "actors/server/postgres/feed.h"
#include "actors/server/postgres/table_pieces.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATOR "\x1f" /* no name has it */

typedef struct drift {
    const char *table;
    const char *columns; /* that it has now; NULL: it is gone */
} drift_t;

/*  All tables of the schema at once: (name, columns as in waybill_cache_tables, oid).  */
static err_t
read_columns(feed_t *self, ctx_t *ctx, PGresult **result, fault_t *fault)
{
    static const char sql[] =
        "SELECT c.relname, coalesce(string_agg(atttypid || ' ' || atttypmod || ' ' || attname"
        " || E'\\n', '' ORDER BY attnum), ''), c.oid FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_attribute AS a ON attrelid = c.oid AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = ''"
        " WHERE s.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition GROUP BY "
        "c.oid, c.relname";
    const settings_t *settings = ctx_settings(ctx);
    return pg_run(self->pg, sql, result, fault, "t", settings->postgres_schema);
}

/*  Columns of the table; NULL if there is none, or another of that name. id 0: any.  */
static const char *
columns_in(const PGresult *result, const char *table, uint32_t id)
{
    for (int i = 0; i < PQntuples(result); i++)
        if (strcmp(pg_text_at(result, i, 0), table) == 0
            && (id == 0 || id == (uint32_t) pg_number_at(result, i, 2)))
            return pg_text_at(result, i, 1);
    return NULL;
}

static bool
is_cached(const cache_table_t *tables, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tables[i].name, name) == 0)
            return true;
    return false;
}

/*  One that is published, and not in the cache.  */
static void
find_missing(const feed_t *self, const cache_table_t *tables, size_t n, const PGresult *result,
             drift_t *drift)
{
    for (size_t i = 0; i < pg_tables_count(self->tables); i++) {
        const pg_table_t *table = pg_tables_at(self->tables, i);
        if (pg_table_is_synchronised(table) && !is_cached(tables, n, table->name))
            *drift = (drift_t){table->name, columns_in(result, table->name, table->id)};
    }
}

/*  What is left out is not in the log: the replica would be wrong without a word.  */
static bool
is_partial(const feed_t *self, const char *name)
{
    const pg_table_t *table = pg_tables_find(self->tables, name);
    return table != NULL && table->partial;
}

/*  A table that is another one now; table NULL: there is none.  */
static err_t
find_drift(feed_t *self, const PGresult *result, arena_t *arena, drift_t *drift, fault_t *fault)
{
    cache_table_t *tables = NULL;
    size_t n = 0;
    const err_t err = cache_tables(self->cache, arena, &tables, &n, fault);
    *drift = (drift_t){0};
    if (err != OK)
        return err;
    find_missing(self, tables, n, result, drift);
    for (size_t i = 0; i < n; i++) {
        const char *columns = columns_in(result, tables[i].name, tables[i].id);
        if (columns == NULL || strcmp(columns, tables[i].columns) != 0
            || is_partial(self, tables[i].name))
            *drift = (drift_t){tables[i].name, columns};
    }
    return OK;
}

/*  Notes since when it is so.  */
static err_t
note_drift(feed_t *self, const drift_t *drift, fault_t *fault)
{
    static const char sql[] = "SELECT pg_current_wal_insert_lsn() - '0/0'";
    char *now = drift->table == NULL ? NULL
                                     : mem_format("%s" SEPARATOR "%s", drift->table,
                                                  drift->columns ? drift->columns : "");
    const bool same = now != NULL && self->drift != NULL && strcmp(self->drift, now) == 0;
    free(self->drift);
    self->drift = now;
    if (now == NULL || same)
        return OK;
    self->drifted_at = INT64_MAX;
    return pg_number(self->pg, sql, &self->drifted_at, fault, "");
}

err_t
feed_look_for_drift(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    PGresult *result = NULL;
    drift_t drift = {0};
    err_t err = read_columns(self, ctx, &result, fault);
    if (err == OK)
        err = find_drift(self, result, ctx_arena(ctx), &drift, fault);
    if (err == OK)
        err = note_drift(self, &drift, fault);
    PQclear(result);
    return err;
}

/*  An empty one that came is known from now on; rows that came or went with one must be read
    again.  */
err_t
feed_look_for_pieces(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    const char *known = "";
    table_pieces_t pieces = {0};
    err_t err = cache_pieces(self->cache, ctx_arena(ctx), &known, fault);
    if (err == OK)
        err = table_pieces_read(self->pg, ctx_settings(ctx), known, ctx_arena(ctx), &pieces,
                                fault);
    if (err == OK && pieces.moved)
        err = fault_set(fault, ERR_GAP, "rows came or went with a partition of a table");
    if (err != OK || strcmp(known, pieces.ids) == 0)
        return err;
    return cache_set_pieces(self->cache, pieces.ids, fault);
}

/*  Only when the cache has seen everything up to the place where it was noticed first.  */
err_t
feed_settle_drift(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    if (self->drift == NULL || cache_is_begun(self->cache)
        || cache_state(self->cache)->captured < (uint64_t) self->drifted_at)
        return OK;
    const size_t size = strcspn(self->drift, SEPARATOR);
    const char *table = arena_text_of(ctx_arena(ctx), self->drift, size);
    const char *columns = arena_text(ctx_arena(ctx), self->drift + size + 1);
    free(self->drift);
    self->drift = NULL;
    if (columns[0] != '\0')
        return following_fit(&self->following, table, columns, fault);
    ctx_log(ctx, LOG_info, "table %s is gone", table);
    return cache_drop(self->cache, table, fault);
}
