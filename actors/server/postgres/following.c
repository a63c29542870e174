#include "actors/server/postgres/following.h"

#include "actors/server/postgres/table_columns.h"

#include <string.h>

enum { MESSAGES_AT_ONCE = 2000 };

/*  ----------------------------------------------------------------------- misfits  */

static err_t
must_fill(const char *table, const char *why, fault_t *fault)
{
    return fault_set(fault, ERR_GAP, "table %s %s", table, why);
}

static bool
is_known(const table_schema_t *replica, const char *name)
{
    for (size_t i = 0; i < replica->n_columns; i++)
        if (strcmp(replica->columns[i].name, name) == 0)
            return true;
    return false;
}

/*  Does every row that was there have something in it? The log does not tell. The default may
   be gone again, and what it gave to those rows is still there; and what takes no NULL was
   filled somehow.  */
static err_t
is_filled(following_t *self, const pg_table_t *table, const pg_column_t *column, bool *filled,
          fault_t *fault)
{
    static const char sql[] = "SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid ="
                              " $1::bigint::oid AND attname = $2 AND atthasmissing";
    int64_t n = 0;
    const err_t err =
        pg_number(self->pg, sql, &n, fault, "it", (int64_t) table->id, column->name);
    *filled = column->has_default || column->not_null || n > 0;
    return err;
}

/*  columns: as cache_fit() has it.  */
static err_t
add_columns(following_t *self, const pg_table_t *table, const char *columns, fault_t *fault)
{
    table_schema_t replica = {0};
    bool filled = false;
    err_t err = cache_describe(self->cache, table->name, &self->arena, &replica, fault);
    for (size_t i = 0; err == OK && !filled && i < table->n_columns; i++)
        if (!table->columns[i].generated && !is_known(&replica, table->columns[i].name))
            err = is_filled(self, table, &table->columns[i], &filled, fault);
    if (err != OK)
        return err;
    if (filled)
        return must_fill(table->name, "has a new column with a default", fault);
    const table_schema_t schema = pg_table_describe(table, &self->arena);
    return columns != NULL ? cache_extend(self->cache, &schema, columns, fault)
                           : cache_fit(self->cache, &schema, NULL, fault);
}

static err_t
add_table(following_t *self, const pg_table_t *table, fault_t *fault)
{
    const char *columns = "";
    const table_schema_t schema = pg_table_describe(table, &self->arena);
    const err_t err = table_columns_read(self->pg, table->id, &self->arena, &columns, fault);
    return err == OK ? cache_fit(self->cache, &schema, columns, fault) : err;
}

/*  Answers what cache_apply() called ERR_STALE.  */
static err_t
make_fit(following_t *self, fault_t *fault)
{
    const char *name = NULL;
    const cache_misfit_t misfit = cache_misfit(self->cache, &name);
    const err_t err = pg_tables_read(self->pg, self->settings, self->tables, fault);
    if (err != OK)
        return err;
    const pg_table_t *table = pg_tables_find(*self->tables, name);
    const bool has_rows = misfit != CACHE_NEW_TABLE && misfit != CACHE_UNKNOWN_TABLE;
    if (table == NULL || (table->fix != NULL && !has_rows)) {
        cache_ignore(self->cache, name);
        return OK;
    }
    if (table->fix != NULL)
        return must_fill(name, "cannot be synchronised any more", fault);
    switch (misfit) {
    case CACHE_FITS:
        return OK;
    case CACHE_NEW_TABLE:
        return add_table(self, table, fault);
    case CACHE_NEW_COLUMNS:
        return add_columns(self, table, NULL, fault);
    case CACHE_UNKNOWN_TABLE:
        return must_fill(name, "was published by hand, perhaps with rows", fault);
    case CACHE_OTHER_COLUMNS:
        return must_fill(name, "has other columns than before", fault);
    case CACHE_OTHER_TABLE:
        return must_fill(name, "is another table than before, or has another key", fault);
    }
    return OK;
}

err_t
following_fit(following_t *self, const char *table, const char *columns, fault_t *fault)
{
    arena_clear(&self->arena);
    if (!cache_has_columns(self->cache, table, columns))
        return must_fill(table, "is not what it was", fault);
    const err_t err = pg_tables_read(self->pg, self->settings, self->tables, fault);
    if (err != OK)
        return err;
    const pg_table_t *now = pg_tables_find(*self->tables, table);
    if (now != NULL && now->partial)
        return must_fill(table, "is not published as a whole any more", fault);
    return now != NULL ? add_columns(self, now, columns, fault)
                       : must_fill(table, "is not what it was", fault);
}

/*  ----------------------------------------------------------------------- reading  */

static err_t
apply(following_t *self, bytes_t bytes, fault_t *fault)
{
    enum { TRIES = 3 };
    pgoutput_message_t message;
    arena_clear(&self->arena);
    err_t err = pgoutput_read(bytes, &self->arena, &message, fault);
    if (err == OK)
        err = cache_apply(self->cache, &message, fault);
    for (int i = 0; err == ERR_STALE && i < TRIES; i++) {
        err = make_fit(self, fault);
        if (err == OK)
            err = cache_apply(self->cache, &message, fault);
    }
    return err == ERR_STALE ? must_fill("?", "does not fit its replica", fault) : err;
}

static err_t
take(following_t *self, const wal_message_t *message, fault_t *fault)
{
    if (message->kind == WAL_DATA)
        return apply(self, message->bytes, fault);
    if (message->kind == WAL_KEEPALIVE)
        cache_note(self->cache, message->end);
    return OK;
}

err_t
following_read(following_t *self, bool *more, fault_t *fault)
{
    wal_message_t message = {.kind = WAL_DATA};
    err_t err = OK;
    for (int i = 0; err == OK && i < MESSAGES_AT_ONCE && message.kind != WAL_NOTHING; i++) {
        err = wal_stream_next(self->stream, &message, fault);
        if (err == OK)
            err = take(self, &message, fault);
    }
    *more = message.kind != WAL_NOTHING;
    return err;
}
