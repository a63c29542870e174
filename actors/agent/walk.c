#include "actors/agent/walk.h"

#include "actors/agent/folding.h"
#include "actors/agent/holds.h"
#include "actors/agent/journal.h"
#include "schemas/codec.h"

#include <string.h>

typedef struct walking {
    outbox_reader_t reader; /* its arena is that of the group */
    arena_t scratch;
    walk_visit_fn *visit;
    void *arg;
    walk_group_t group;
    holds_t holds;
    bool blocked; /* some change holds others back */
    bool over;
} walking_t;

/*  ------------------------------------------------------------------------- groups  */

static err_t
end_group(walking_t *self, fault_t *fault)
{
    walk_group_t *group = &self->group;
    err_t err = OK;
    group->held_by = NULL;
    if (group->n == 0 || self->over)
        return OK;
    self->blocked = self->blocked || group->flawed;
    if (self->blocked)
        err = holds_judge(&self->holds, group, fault);
    if (err == OK)
        self->over = !self->visit(self->arg, group);
    *group = (walk_group_t){0};
    arena_clear(&self->scratch);
    return err;
}

static void
add_row(walking_t *self, const walk_row_t *row)
{
    walk_group_t *group = &self->group;
    if (group->n == group->room) {
        group->room = group->room ? group->room * 2 : 16;
        walk_row_t *rows = arena_new(self->reader.arena, group->room * sizeof *rows);
        for (size_t i = 0; i < group->n; i++)
            rows[i] = group->rows[i];
        group->rows = rows;
    }
    group->rows[group->n++] = *row;
    group->bytes += row->bytes;
    group->flawed = group->flawed || row->flaw != NULL;
}

/*  --------------------------------------------------------------------------- rows  */

/*  A delete is stored without data; it travels with its key.  */
static void
take_delete(const walking_t *self, walk_row_t *row)
{
    static const uint8_t empty_map = 0x80;
    arena_t *arena = self->reader.arena;
    table_t *table = catalog_table(self->reader.catalog, row->change.table);
    row->change.data = (bytes_t){&empty_map, 1};
    if (table == NULL || table_key(table) == NULL)
        return;
    bytes_t key;
    fault_t none = {0};
    if (table_key_named(table, row->key, arena, &key, &none) == OK)
        row->change.data = key;
}

/*  Whoever can write to the database can write here, so nothing is taken for granted.  */
static void
take_data(const walking_t *self, bytes_t text, walk_row_t *row)
{
    buffer_t data = {0};
    fault_t fault = {0};
    arena_t *arena = self->reader.arena;
    err_t err = stored_json_to_msgpack(text, &data, &fault);
    if (err == OK)
        err = row_check(buffer_bytes(&data), &fault);
    if (err == OK)
        row->change.data = arena_bytes(arena, buffer_bytes(&data));
    else
        row->flaw = arena_text(arena, fault.text);
    buffer_release(&data);
}

static void
take(const walking_t *self, sqlite3_stmt *rows, walk_row_t *row)
{
    const bytes_t text = column_bytes(rows, 6);
    const bool deletes = strcmp(row->change.operation, "delete") == 0;
    row->bytes = text.size + CHANGE_OVERHEAD;
    if (catalog_table(self->reader.catalog, row->change.table) == NULL)
        row->flaw = "there is no such table any more";
    else if (deletes)
        take_delete(self, row);
    else
        take_data(self, text, row);
}

static const char *
keep_optional(const walking_t *self, sqlite3_stmt *rows, int column)
{
    if (sqlite3_column_type(rows, column) == SQLITE_NULL)
        return NULL;
    return arena_text(self->reader.arena, column_text(rows, column));
}

/*  An error begins with its name, and a colon.  */
static bool
is_put_off(const char *error)
{
    const char *name = err_name(ERR_RETRY_LATER);
    const size_t size = strlen(name);
    return strncmp(error, name, size) == 0 && error[size] == ':';
}

static err_t
take_row(walking_t *self, sqlite3_stmt *rows, fault_t *fault)
{
    arena_t *arena = self->reader.arena;
    err_t err = OK;
    const walk_group_t *group = &self->group;
    if (group->n > 0 && strcmp(group->rows[0].change.txn, column_text(rows, 2)) != 0)
        err = end_group(self, fault);
    if (err != OK || self->over)
        return err;
    walk_row_t row = {
        .seq = (uint64_t) sqlite3_column_int64(rows, 0),
        .waits = strcmp(column_text(rows, 8), "pending") != 0,
        .key = arena_text(arena, column_text(rows, 4)),
        .change = {.id = arena_text(arena, column_text(rows, 1)),
                   .txn = arena_text(arena, column_text(rows, 2)),
                   .table = arena_text(arena, column_text(rows, 3)),
                   .operation = arena_text(arena, column_text(rows, 5)),
                   .updated_at = sqlite3_column_int64(rows, 7),
                   .base = (uint64_t) sqlite3_column_int64(rows, 9),
                   .origin = keep_optional(self, rows, 10)},
    };
    row.put_off =
        strcmp(column_text(rows, 8), "failed") == 0 && is_put_off(column_text(rows, 11));
    take(self, rows, &row);
    if (self->reader.folds && row.flaw == NULL)
        err = folding_complete(&self->reader, &row, fault);
    add_row(self, &row);
    return err;
}

/*  The index of undecided rows is in the order of their time, which never falls, so it is in
    the order of rowid as well. What triggers have captured is not whole until it is sealed,
    and nothing may overtake it. What was folded into another goes with that one.  */
static const char walk_sql[] =
    "SELECT rowid, id, txn, entity_type, entity_id, operation, data, timestamp,"
    " state, base, nullif(client_id, (SELECT client_id FROM sync_state)),"
    " error"
    " FROM local_changes INDEXED BY idx_local_changes_processed_sync"
    " WHERE processed_sync = 0 AND from_server = 0 AND rowid > ?1 AND folded_into IS NULL"
    " AND timestamp >= coalesce((SELECT timestamp FROM local_changes WHERE rowid = ?1), 0)"
    " AND rowid < coalesce((SELECT min(rowid) FROM local_changes"
    " INDEXED BY idx_local_changes_unsealed WHERE from_server = 0 AND txn IS NULL), ?2)"
    " ORDER BY timestamp, rowid";

err_t
walk_outbox(const outbox_reader_t *reader, uint64_t after, walk_visit_fn *visit, void *arg,
            fault_t *fault)
{
    walking_t self = {.reader = *reader,
                      .visit = visit,
                      .arg = arg,
                      .holds = {.db = reader->db, .arena = reader->arena},
                      .blocked = reader->blocked};
    err_t err = OK;
    self.reader.arena = self.holds.scratch = &self.scratch;
    sqlite3_stmt *rows =
        db_query(reader->db, walk_sql, fault, "ui", reader->blocked ? 0 : after, INT64_MAX);
    while (err == OK && !self.over && db_step(reader->db, rows, &err, fault))
        err = take_row(&self, rows, fault);
    if (err == OK)
        err = end_group(&self, fault);
    sqlite3_reset(rows);
    holds_release(&self.holds);
    arena_release(&self.scratch);
    return err;
}
