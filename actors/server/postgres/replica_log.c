/*  What the history says of a row that is written.  */

#include "actors/server/postgres/replica_private.h"

static const char *
text_of(const char *text)
{
    return text != NULL ? text : "";
}

/*  Where columns have versions an older writer may have won one of them: the row is as new as
    its newest column.  */
static err_t
made_at(const replica_t *self, const char *key, const origin_t *origin, int64_t *time,
        fault_t *fault)
{
    static const char sql[] =
        "SELECT updated_at FROM waybill_versions WHERE tbl = ?1 AND key = ?2";
    err_t err = OK;
    *time = origin->updated_at;
    if (!self->by_column)
        return OK;
    sqlite3_stmt *row = db_query(self->db, sql, fault, "tt", table_name(self->table), key);
    if (!db_step(self->db, row, &err, fault))
        return err;
    const int64_t before = sqlite3_column_int64(row, 0);
    *time = before > *time ? before : *time;
    sqlite3_reset(row);
    return OK;
}

static journal_row_t
journal_row(replica_t *self, const char *operation, const replica_row_t *row,
            const origin_t *origin)
{
    journal_row_t entry = {.table = table_name(self->table),
                           .key = row->key,
                           .operation = operation,
                           .made_at = origin->updated_at,
                           .origin = *origin,
                           .by_column = self->by_column};
    if (self->keeps_old && row->old != NULL)
        entry.old = replica_row_json(self, row->old, &self->old);
    return entry;
}

/*  Of a new row all, of another those that differ.  */
static err_t
add_column_versions(const replica_t *self, const replica_row_t *row, bool all,
                    const origin_t *origin, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_columns (tbl, key, col, updated_at, client_id)"
        " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tbl, key, col) DO UPDATE SET"
        " updated_at = excluded.updated_at, client_id = excluded.client_id";
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n; i++) {
        const bool written = all || !value_equal(&row->old[i], &row->values[i]);
        if (written && self->columns[i].key == 0)
            err = db_run(self->db, sql, NULL, fault, "tttit", table_name(self->table), row->key,
                         self->columns[i].name, origin->updated_at, text_of(origin->client_id));
    }
    return err;
}

static err_t
forget_column_versions(const replica_t *self, const char *key, fault_t *fault)
{
    return db_run(self->db, "DELETE FROM waybill_columns WHERE tbl = ?1 AND key = ?2", NULL,
                  fault, "tt", table_name(self->table), key);
}

/*  ------------------------------------------------------------------- both at once  */

err_t
replica_write(replica_t *self, const char *operation, const replica_row_t *row,
              const origin_t *origin, fault_t *fault)
{
    journal_row_t entry = journal_row(self, operation, row, origin);
    entry.data = replica_row_json(self, row->values, &self->data);
    err_t err = replica_put(self, row->values, fault);
    if (err == OK)
        err = made_at(self, row->key, origin, &entry.made_at, fault);
    if (err == OK)
        err = journal_add(self->journal, &entry, fault);
    if (err == OK && self->by_column)
        err = add_column_versions(self, row, row->old == NULL, origin, fault);
    return err;
}

err_t
replica_delete(replica_t *self, const replica_row_t *row, const origin_t *origin, bool *gone,
               fault_t *fault)
{
    journal_row_t entry = journal_row(self, "delete", row, origin);
    entry.data = replica_key_json(self, row->values, &self->data);
    err_t err = replica_remove(self, row->values, gone, fault);
    if (err != OK || !*gone)
        return err;
    err = journal_add(self->journal, &entry, fault);
    if (err == OK && self->by_column)
        err = forget_column_versions(self, row->key, fault);
    return err;
}
