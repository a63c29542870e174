#include "actors/agent/sealing.h"

#include "schemas/codec.h"

#include <stdio.h>
#include <string.h>

#define UNSEALED                                                                               \
    " FROM local_changes INDEXED BY idx_local_changes_unsealed"                                \
    " WHERE from_server = 0 AND txn IS NULL"

enum { SLICE = 4 }; /* transactions of the largest size, about, at a time */

err_t
sealing_any(db_t *db, bool *any, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, "SELECT 1" UNSEALED " LIMIT 1", fault, "");
    *any = db_step(db, row, &err, fault);
    if (*any)
        sqlite3_reset(row);
    return err;
}

/*  ------------------------------------------------------------------------- what is there  */

typedef struct captured {
    int64_t seq;
    int64_t writer; /* as total_changes() in the writer's connection */
    size_t bytes;   /* in a frame, about */
    bool too_large;
} captured_t;

typedef struct slice {
    captured_t *items;
    size_t n, room;
    bool whole; /* nothing came after it */
} slice_t;

/*  Its JSON may be twice as long as what is sent, because of blobs.  */
static err_t
exceeds(const sealing_t *self, bytes_t data, bool *exceeds, fault_t *fault)
{
    buffer_t packed = {0};
    *exceeds = false;
    if (data.size <= self->max_bytes)
        return OK;
    const err_t err = stored_json_to_msgpack(data, &packed, fault);
    *exceeds = packed.size > self->max_bytes;
    buffer_release(&packed);
    return err;
}

static err_t
take(sealing_t *self, sqlite3_stmt *row, captured_t *captured, fault_t *fault)
{
    const bytes_t data = column_bytes(row, 6);
    self->changes[self->n_changes] = (change_recorded_t){
        .id = arena_text(self->arena, column_text(row, 1)),
        .entity_type = arena_text(self->arena, column_text(row, 2)),
        .entity_id = arena_text(self->arena, column_text(row, 3)),
        .operation = arena_text(self->arena, column_text(row, 4)),
        .timestamp = sqlite3_column_int64(row, 5),
    };
    const change_recorded_t *change = &self->changes[self->n_changes++];
    *captured = (captured_t){
        .seq = sqlite3_column_int64(row, 0),
        .writer = sqlite3_column_int64(row, 7),
        .bytes = data.size + strlen(change->entity_type) + strlen(change->entity_id)
                 + CHANGE_OVERHEAD,
    };
    return exceeds(self, data, &captured->too_large, fault);
}

/*  One more than a transaction may have: so that its end can be seen.  */
static err_t
make_room(sealing_t *self, slice_t *slice, fault_t *fault)
{
    static const char sql[] = "SELECT count(*) FROM (SELECT 1" UNSEALED " LIMIT ?1)";
    err_t err = OK;
    const uint64_t limit = self->max_changes + 1;
    sqlite3_stmt *row = db_query(self->db, sql, fault, "u", limit);
    if (!db_step(self->db, row, &err, fault))
        return err;
    slice->room = (size_t) sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    slice->items = arena_new(self->arena, slice->room * sizeof *slice->items);
    self->changes = arena_new(self->arena, slice->room * sizeof *self->changes);
    slice->whole = slice->room < limit;
    return OK;
}

/*  Not much more than one transaction may have in bytes, as well.  */
static err_t
read_slice(sealing_t *self, slice_t *slice, fault_t *fault)
{
    static const char sql[] =
        "SELECT rowid, id, entity_type, entity_id, operation, timestamp, data, writer" UNSEALED
        " ORDER BY rowid LIMIT ?1";
    size_t bytes = 0;
    err_t err = make_room(self, slice, fault);
    if (err != OK || slice->room == 0)
        return err;
    sqlite3_stmt *rows = db_query(self->db, sql, fault, "u", (uint64_t) slice->room);
    while (err == OK && bytes <= SLICE * self->max_bytes
           && db_step(self->db, rows, &err, fault)) {
        err = take(self, rows, &slice->items[slice->n], fault);
        bytes += slice->items[slice->n++].bytes;
    }
    sqlite3_reset(rows);
    slice->whole = slice->whole && slice->n == slice->room;
    return err;
}

/*  ------------------------------------------------------------------------------ sealing  */

/*  The rows before are sealed already, so all up to the last one are of this transaction.  */
static err_t
seal(sealing_t *self, const slice_t *slice, size_t first, size_t end, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes INDEXED BY idx_local_changes_unsealed"
                              " SET txn = ?1 WHERE from_server = 0 AND txn IS NULL"
                              " AND rowid <= ?2";
    return db_run(self->db, sql, NULL, fault, "ti", self->changes[first].id,
                  slice->items[end - 1].seq);
}

static err_t
park(sealing_t *self, const char *id, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET state = 'parked', error = ?2"
                              " WHERE id = ?1";
    static const char error_sql[] = "INSERT INTO waybill_errors VALUES (?1, 0, ?2, ?3, ?4)";
    char message[160];
    char error[200];
    (void) snprintf(message, sizeof message,
                    "it is larger than outbox.txn_bytes, %zu, and cannot be sent",
                    self->max_bytes);
    (void) snprintf(error, sizeof error, "%s: %s", err_name(ERR_TOO_LARGE), message);
    self->n_parked++;
    err_t err = db_run(self->db, sql, NULL, fault, "tt", id, error);
    if (err == OK)
        err = db_run(self->db, error_sql, NULL, fault, "titt", id, self->now,
                     err_name(ERR_TOO_LARGE), message);
    return err;
}

static err_t
park_too_large(sealing_t *self, const slice_t *slice, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n_changes; i++)
        if (slice->items[i].too_large)
            err = park(self, self->changes[i].id, fault);
    return err;
}

static bool
is_of_another(const captured_t *before, const captured_t *captured)
{
    return captured->seq != before->seq + 1 || captured->writer <= before->writer;
}

/*  Where the transaction that begins at first ends; *cut: by its size.  */
static size_t
find_end(const sealing_t *self, const slice_t *slice, size_t first, bool *cut)
{
    size_t bytes = 0;
    *cut = false;
    for (size_t i = first; i < slice->n; i++) {
        bytes += slice->items[i].bytes;
        if (i > first && is_of_another(&slice->items[i - 1], &slice->items[i]))
            return i;
        *cut = i > first && (i - first >= self->max_changes || bytes > self->max_bytes);
        if (*cut)
            return i;
    }
    return slice->n;
}

/*  The last one of a slice waits if it may go on behind it.  */
static err_t
seal_slice(sealing_t *self, const slice_t *slice, fault_t *fault)
{
    bool cut = false;
    size_t first = 0;
    err_t err = OK;
    for (size_t end; err == OK && first < slice->n; first = end) {
        end = find_end(self, slice, first, &cut);
        if (end == slice->n && !slice->whole)
            break;
        err = seal(self, slice, first, end, fault);
        self->n_cut += cut;
    }
    self->n_changes = first;
    return err;
}

err_t
sealing_run(sealing_t *self, fault_t *fault)
{
    slice_t slice = {0};
    self->n_changes = 0;
    err_t err = read_slice(self, &slice, fault);
    if (err == OK)
        err = seal_slice(self, &slice, fault);
    if (err == OK)
        err = park_too_large(self, &slice, fault);
    if (err == OK && self->n_changes > 0)
        self->newest = self->changes[self->n_changes - 1].timestamp;
    self->more = !slice.whole;
    return err;
}
