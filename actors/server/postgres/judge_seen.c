#include "actors/server/postgres/judge_seen.h"

#include <stdlib.h>
#include <string.h>

struct judge_seen {
    const settings_t *settings;
    db_t *db; /* NULL: it is not there yet */
    catalog_t *catalog;
    bool begun;
};

judge_seen_t *
judge_seen_new(const settings_t *settings)
{
    judge_seen_t *self = mem_new(sizeof *self);
    self->settings = settings;
    return self;
}

static void
let_go(judge_seen_t *self)
{
    catalog_close(&self->catalog);
    db_close(&self->db);
    self->begun = false;
}

void
judge_seen_destroy(judge_seen_t **self)
{
    if (*self == NULL)
        return;
    let_go(*self);
    free(*self);
    *self = NULL;
}

/*  Whoever fills it may not have begun.  */
static err_t
open_cache(judge_seen_t *self, fault_t *fault)
{
    if (self->db != NULL)
        return OK;
    const err_t err = db_open_reader(settings_server_file(self->settings), &self->db, fault);
    return err == OK ? catalog_open(self->db, &self->catalog, fault) : err;
}

/*  Without a cache, or with one that cannot be read now, nothing is known.  */
void
judge_seen_begin(judge_seen_t *self)
{
    fault_t none = {0};
    err_t err = open_cache(self, &none);
    if (err == OK)
        err = db_begin_read(self->db, &none);
    if (err == OK)
        err = catalog_refresh(self->catalog, &none);
    self->begun = err == OK && db_number(self->db, "SELECT captured FROM waybill_head", 0) > 0;
    if (err != OK)
        let_go(self);
}

void
judge_seen_end(judge_seen_t *self)
{
    if (self->db != NULL)
        db_rollback(self->db);
    self->begun = false;
}

int64_t
judge_seen_schema(judge_seen_t *self)
{
    fault_t none = {0};
    if (open_cache(self, &none) != OK)
        let_go(self);
    return self->db ? db_number(self->db, "PRAGMA schema_version", 0) : 0;
}

bool
judge_seen_is_there(const judge_seen_t *self)
{
    return self->begun;
}

/*  --------------------------------------------------------------------------------- rows  */

/*  False: there is none, or it cannot be told. *row is empty then.  */
static bool
read_row(judge_seen_t *self, const seen_row_t *wanted, buffer_t *row)
{
    fault_t none = {0};
    bool found = false;
    table_t *table = self->begun ? catalog_table(self->catalog, wanted->table) : NULL;
    if (table == NULL || table_key(table) == NULL)
        return false;
    return table_read(table, wanted->named, row, &found, &none) == OK && found;
}

static bool
is_other(bytes_t cached, bytes_t name, const value_t *now)
{
    bytes_t column;
    value_t value;
    row_reader_t reader = row_read(cached);
    while (row_next(&reader, &column, &value))
        if (column.size == name.size && memcmp(column.data, name.data, name.size) == 0)
            return !value_equal(&value, now);
    return false;
}

/*  A column that was added or dropped a moment ago does not make the row newer: whoever edited
    it before did not know of that.  */
static bool
is_same(bytes_t cached, bytes_t now)
{
    bytes_t name;
    value_t value;
    row_reader_t reader = row_read(now);
    if (cached.size == now.size && memcmp(cached.data, now.data, now.size) == 0)
        return true;
    while (row_next(&reader, &name, &value))
        if (is_other(cached, name, &value))
            return false;
    return true;
}

static bool
shows(judge_seen_t *self, const seen_row_t *wanted)
{
    buffer_t row = {0};
    const bool found = read_row(self, wanted, &row);
    const bool same = found ? wanted->row.size > 0 && is_same(buffer_bytes(&row), wanted->row)
                            : wanted->row.size == 0;
    buffer_release(&row);
    return same;
}

/*  ----------------------------------------------------------------------------- versions  */

void
judge_seen_captured(judge_seen_t *self, const seen_row_t *row, arena_t *arena,
                    version_t *version)
{
    static const char sql[] = "SELECT updated_at, client_id, lsn, deleted"
                              " FROM waybill_versions WHERE tbl = ?1 AND key = ?2";
    err_t err = OK;
    fault_t none = {0};
    *version = (version_t){0};
    if (!self->begun)
        return;
    sqlite3_stmt *found = db_query(self->db, sql, &none, "tt", row->table, row->key);
    if (!db_step(self->db, found, &err, &none))
        return;
    *version = (version_t){
        .known = true,
        .updated_at = sqlite3_column_int64(found, 0),
        .client_id = arena_text(arena, column_text(found, 1)),
        .lsn = (uint64_t) sqlite3_column_int64(found, 2),
        .deleted = sqlite3_column_int(found, 3) != 0,
        .exact = true,
    };
    sqlite3_reset(found);
}

bool
judge_seen_version(judge_seen_t *self, const seen_row_t *row, arena_t *arena,
                   version_t *version)
{
    *version = (version_t){0};
    if (!self->begun || !shows(self, row))
        return false;
    judge_seen_captured(self, row, arena, version);
    return true;
}

column_version_t *
judge_seen_columns(judge_seen_t *self, const seen_row_t *row, arena_t *arena, size_t *n)
{
    static const char count[] = "SELECT count(*) FROM waybill_columns"
                                " WHERE tbl = ?1 AND key = ?2";
    static const char sql[] = "SELECT col, updated_at, client_id FROM waybill_columns"
                              " WHERE tbl = ?1 AND key = ?2";
    err_t err = OK;
    fault_t none = {0};
    *n = 0;
    if (!self->begun)
        return NULL;
    sqlite3_stmt *rows = db_query(self->db, count, &none, "tt", row->table, row->key);
    size_t room =
        db_step(self->db, rows, &err, &none) ? (size_t) sqlite3_column_int64(rows, 0) : 0;
    sqlite3_reset(rows);
    column_version_t *columns = arena_new(arena, (room + 1) * sizeof *columns);
    rows = db_query(self->db, sql, &none, "tt", row->table, row->key);
    while (*n < room && db_step(self->db, rows, &err, &none))
        columns[(*n)++] = (column_version_t){
            .name = arena_text(arena, column_text(rows, 0)),
            .updated_at = sqlite3_column_int64(rows, 1),
            .client_id = arena_text(arena, column_text(rows, 2)),
        };
    sqlite3_reset(rows);
    return columns;
}

/*  What the cache does not have yet is empty as long as nobody has written it.  */
bool
judge_seen_shows(judge_seen_t *self, const seen_row_t *wanted, const char *column)
{
    buffer_t row = {0};
    value_t cached, now;
    bool same = read_row(self, wanted, &row) && row_find(wanted->row, column, &now);
    if (same)
        same = row_find(buffer_bytes(&row), column, &cached) ? value_equal(&cached, &now)
                                                             : now.kind == VALUE_NULL;
    buffer_release(&row);
    return same;
}
