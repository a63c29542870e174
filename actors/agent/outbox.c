#include "actors/agent/outbox.h"

#include "actors/agent/journal.h"
#include "actors/agent/text_set.h"
#include "schemas/codec.h"

#include <string.h>

err_t
outbox_count(db_t *db, outbox_count_t *counts, fault_t *fault)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state ="
        " 'failed'), count(*) FILTER (WHERE state = 'parked')"
        " FROM local_changes WHERE processed_sync = 0 AND from_server = 0"
        " AND txn IS NOT NULL";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    *counts = (outbox_count_t){0};
    if (!db_step(db, row, &err, fault))
        return err;
    counts->pending = (uint64_t) sqlite3_column_int64(row, 0);
    counts->failed = (uint64_t) sqlite3_column_int64(row, 1);
    counts->parked = (uint64_t) sqlite3_column_int64(row, 2);
    sqlite3_reset(row);
    return OK;
}

/*  ------------------------------------------------------------------------- fetching  */

typedef struct outbox_row {
    uint64_t seq;
    bool waits; /* refused: for its retry, or for a person */
    const char *key;
    client_change_t change;
    size_t bytes; /* about, in a frame */
} outbox_row_t;

/*  Changes of one local transaction; they lie together.  */
typedef struct group {
    outbox_row_t *rows;
    size_t n, room;
    size_t bytes;
} group_t;

typedef struct reading {
    const outbox_reader_t *reader;
    const outbox_fetch_t *request;
    group_t group;
    text_set_t held; /* rows and transactions that wait for others */
    client_change_t *changes;
    size_t n, room;
    size_t bytes;
    uint64_t last;
    bool full; /* a transaction did not fit any more */
} reading_t;

/*  "table\nkey": neither a table of the catalog nor a key can be mistaken for another.  */
static const char *
row_name(const reading_t *self, const outbox_row_t *row)
{
    buffer_t name = {0};
    buffer_add_format(&name, "%s\n%s", row->change.table, row->key);
    const char *kept = arena_text(self->reader->arena, buffer_text(&name));
    buffer_release(&name);
    return kept;
}

/*  A refused change holds back what depends on it: its local transaction, and later changes
    of its rows.  */
static bool
is_held(const reading_t *self)
{
    for (size_t i = 0; i < self->group.n; i++) {
        const outbox_row_t *row = &self->group.rows[i];
        if (row->waits || text_set_has(&self->held, row->change.txn)
            || text_set_has(&self->held, row_name(self, row)))
            return true;
    }
    return false;
}

static void
hold(reading_t *self)
{
    for (size_t i = 0; i < self->group.n; i++) {
        text_set_add(&self->held, self->group.rows[i].change.txn);
        text_set_add(&self->held, row_name(self, &self->group.rows[i]));
    }
}

static void
hand_out(reading_t *self)
{
    arena_t *arena = self->reader->arena;
    const size_t n = self->n + self->group.n;
    if (n > self->room) {
        client_change_t *changes = arena_new(arena, n * 2 * sizeof *changes);
        for (size_t i = 0; i < self->n; i++)
            changes[i] = self->changes[i];
        self->changes = changes;
        self->room = n * 2;
    }
    for (size_t i = 0; i < self->group.n; i++)
        self->changes[self->n++] = self->group.rows[i].change;
    self->bytes += self->group.bytes;
}

static bool
fits(const reading_t *self)
{
    return self->n == 0
           || (self->n + self->group.n <= self->request->limit
               && self->bytes + self->group.bytes <= self->request->max_bytes);
}

/*  Transactions before request->after were sent: they are looked at only for what they
    hold back.  */
static void
end_group(reading_t *self)
{
    group_t *group = &self->group;
    if (group->n == 0)
        return;
    const uint64_t last = group->rows[group->n - 1].seq;
    const bool held = self->reader->blocked && is_held(self);
    if (held)
        hold(self);
    else if (last > self->request->after && !fits(self))
        self->full = true;
    else if (last > self->request->after)
        hand_out(self);
    if (!self->full && last > self->last)
        self->last = last;
    group->n = 0;
    group->bytes = 0;
}

/*  A delete is stored without data; it travels with its key. If the table is gone, the
    server will say so.  */
static bytes_t
delete_row(const reading_t *self, const outbox_row_t *row)
{
    static const uint8_t empty_map = 0x80;
    arena_t *arena = self->reader->arena;
    table_t *table = catalog_table(self->reader->catalog, row->change.table);
    if (table == NULL || table_key(table) == NULL)
        return (bytes_t){&empty_map, 1};
    bytes_t key;
    fault_t none = {0};
    if (table_key_named(table, row->key, arena, &key, &none) != OK)
        return (bytes_t){&empty_map, 1};
    return key;
}

static err_t
read_data(const reading_t *self, sqlite3_stmt *rows, outbox_row_t *row, fault_t *fault)
{
    const bytes_t text = column_bytes(rows, 6);
    row->bytes = text.size + CHANGE_OVERHEAD;
    if (text.size == 0) {
        row->change.data = delete_row(self, row);
        return OK;
    }
    buffer_t data = {0};
    const err_t err = json_to_msgpack((const char *) text.data, text.size, &data, fault);
    if (err == OK)
        row->change.data = arena_bytes(self->reader->arena, buffer_bytes(&data));
    buffer_release(&data);
    return err;
}

static const char *
keep_optional(const reading_t *self, sqlite3_stmt *rows, int column)
{
    if (sqlite3_column_type(rows, column) == SQLITE_NULL)
        return NULL;
    return arena_text(self->reader->arena, column_text(rows, column));
}

static void
make_room(reading_t *self)
{
    group_t *group = &self->group;
    if (group->n < group->room)
        return;
    group->room = group->room ? group->room * 2 : 16;
    outbox_row_t *rows = arena_new(self->reader->arena, group->room * sizeof *rows);
    for (size_t i = 0; i < group->n; i++)
        rows[i] = group->rows[i];
    group->rows = rows;
}

static err_t
take_row(reading_t *self, sqlite3_stmt *rows, fault_t *fault)
{
    arena_t *arena = self->reader->arena;
    outbox_row_t row = {
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
    const group_t *group = &self->group;
    if (group->n > 0 && strcmp(group->rows[0].change.txn, row.change.txn) != 0)
        end_group(self);
    if (self->full)
        return OK;
    const err_t err = read_data(self, rows, &row, fault);
    make_room(self);
    self->group.rows[self->group.n++] = row;
    self->group.bytes += row.bytes;
    return err;
}

static bool
is_enough(const reading_t *self)
{
    return self->full
           || (self->n > 0
               && (self->n >= self->request->limit || self->bytes >= self->request->max_bytes));
}

/*  The index of undecided rows is in the order of their time, which never falls, so it is in
    the order of rowid as well. What triggers have captured is not whole until it is sealed,
    and nothing may overtake it.  */
static const char fetch_sql[] =
    "SELECT rowid, id, txn, entity_type, entity_id, operation, data, timestamp,"
    " state, base, nullif(client_id, (SELECT client_id FROM sync_state))"
    " FROM local_changes INDEXED BY idx_local_changes_processed_sync"
    " WHERE processed_sync = 0 AND from_server = 0 AND rowid > ?1"
    " AND timestamp >= coalesce((SELECT timestamp FROM local_changes WHERE rowid = ?1), 0)"
    " AND rowid < coalesce((SELECT min(rowid) FROM local_changes"
    " INDEXED BY idx_local_changes_unsealed WHERE from_server = 0 AND txn IS NULL), ?2)"
    " ORDER BY timestamp, rowid";

err_t
outbox_read(const outbox_reader_t *reader, const outbox_fetch_t *request, outbox_batch_t *batch,
            fault_t *fault)
{
    reading_t self = {.reader = reader, .request = request, .last = request->after};
    err_t err = OK;
    sqlite3_stmt *rows = db_query(reader->db, fetch_sql, fault, "ui",
                                  reader->blocked ? 0 : request->after, INT64_MAX);
    while (err == OK && !is_enough(&self) && db_step(reader->db, rows, &err, fault))
        err = take_row(&self, rows, fault);
    self.full = self.full || is_enough(&self);
    if (err == OK && !self.full)
        end_group(&self);
    sqlite3_reset(rows);
    text_set_release(&self.held);
    *batch = (outbox_batch_t){
        .changes = self.changes, .n_changes = self.n, .last = self.last, .more = self.full};
    return err;
}
