/*  What the cache has of tables.  */

#include "actors/server/postgres/cache_private.h"

err_t
cache_tables(cache_t *self, arena_t *arena, cache_table_t **tables, size_t *n, fault_t *fault)
{
    static const char sql[] =
        "SELECT tbl, columns, id, count(*) OVER () FROM waybill_cache_tables ORDER BY tbl";
    err_t err = OK;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "");
    *tables = NULL;
    for (*n = 0; db_step(self->db, rows, &err, fault); (*n)++) {
        if (*tables == NULL)
            *tables =
                arena_new(arena, (size_t) sqlite3_column_int64(rows, 3) * sizeof **tables);
        (*tables)[*n] = (cache_table_t){.name = arena_text(arena, column_text(rows, 0)),
                                        .columns = arena_text(arena, column_text(rows, 1)),
                                        .id = (uint32_t) sqlite3_column_int64(rows, 2)};
    }
    return err;
}

err_t
cache_pieces(cache_t *self, arena_t *arena, const char **ids, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(self->db, "SELECT pieces FROM waybill_cache", fault, "");
    *ids = "";
    if (!db_step(self->db, row, &err, fault))
        return err;
    *ids = arena_text(arena, column_text(row, 0));
    sqlite3_reset(row);
    return OK;
}

err_t
cache_set_pieces(cache_t *self, const char *ids, fault_t *fault)
{
    const err_t err = cache_begin(self, fault);
    return err == OK
               ? db_run(self->db, "UPDATE waybill_cache SET pieces = ?1", NULL, fault, "t", ids)
               : err;
}

static err_t
drop(cache_t *self, const char *table, fault_t *fault)
{
    buffer_t sql = {0};
    buffer_add_text(&sql, "DROP TABLE IF EXISTS ");
    sql_name(&sql, table);
    err_t err = db_exec(self->db, buffer_text(&sql), fault);
    buffer_release(&sql);
    if (err == OK)
        err = db_run(self->db, "DELETE FROM waybill_cache_tables WHERE tbl = ?1", NULL, fault,
                     "t", table);
    return err == OK ? cache_refresh(self, fault) : err;
}

err_t
cache_drop(cache_t *self, const char *table, fault_t *fault)
{
    err_t err = cache_begin(self, fault);
    if (err == OK)
        err = drop(self, table, fault);
    if (err == OK)
        return cache_save(self, fault);
    cache_rollback(self);
    return err;
}

err_t
cache_extend(cache_t *self, const table_schema_t *schema, const char *columns, fault_t *fault)
{
    const err_t err = cache_fit(self, schema, columns, fault);
    if (err == OK)
        return cache_save(self, fault);
    cache_rollback(self);
    return err;
}
