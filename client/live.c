#include "client/live.h"

#include "client/reading.h"
#include "schemas/codec.h"
#include "schemas/row.h"
#include "schemas/text.h"

#include <stdlib.h>
#include <string.h>

struct waybill_live {
    waybill_live_t *next;
    waybill_t *handle;
    sqlite3_stmt *statement;
    reads_t reads;
    waybill_live_fn *callback;
    void *context;
    rows_t rows;
    bool noted, failed, closed;
    buffer_t packed, key;
};

typedef struct differences {
    waybill_difference_t *list;
    size_t n, room;
    arena_t arena;
    buffer_t json;
} differences_t;

/*  ------------------------------------------------------------------------------ noting  */

/*  Tables of the agent itself change with every change.  */
static bool
is_agents_own(const char *table)
{
    return strcmp(table, "local_changes") == 0 || strcmp(table, "sync_state") == 0
           || strncmp(table, "waybill_", strlen("waybill_")) == 0;
}

void
live_note(waybill_live_t *self, const char *table)
{
    for (size_t i = 0; !self->noted && i < self->reads.n; i++)
        self->noted =
            strcmp(self->reads.tables[i], table) == 0 || is_agents_own(self->reads.tables[i]);
}

void
live_note_all(waybill_live_t *self)
{
    self->noted = true;
}

void
live_retry(waybill_live_t *self)
{
    self->failed = false;
}

waybill_live_t *
live_next(const waybill_live_t *self)
{
    return self->next;
}

/*  ----------------------------------------------------------------------------- reading  */

/*  The first column, as bytes that tell a text from a number. Rows that have the same one are
    told apart by their turn.  */
static const char *
name_row(waybill_live_t *self, const rows_t *rows)
{
    bytes_t name;
    value_t value;
    row_reader_t columns = row_read(buffer_bytes(&self->packed));
    buffer_clear(&self->key);
    (void) row_next(&columns, &name, &value);
    if (value.kind == VALUE_REAL || value.kind == VALUE_INTEGER)
        buffer_add_format(&self->key, "%d %lld %a", (int) value.kind, (long long) value.integer,
                          value.real);
    else if (value.kind != VALUE_NULL)
        text_to_json(value.bytes, &self->key);
    const size_t size = self->key.size;
    for (size_t turn = 2; rows_find(rows, buffer_text(&self->key)) != NULL; turn++) {
        self->key.size = size;
        buffer_add_format(&self->key, " %zu", turn);
    }
    return buffer_text(&self->key);
}

static err_t
run_query(waybill_live_t *self, rows_t *rows, fault_t *fault)
{
    err_t err = OK;
    while (reader_step(self->handle->reader, self->statement, &err, fault)) {
        reader_pack(self->statement, 0, &self->packed);
        const char *key = name_row(self, rows);
        rows_put(rows, key, buffer_bytes(&self->packed));
    }
    return err;
}

/*  -------------------------------------------------------------------------- difference  */

static const char *
json_of(differences_t *self, const row_entry_t *entry)
{
    if (entry == NULL)
        return NULL;
    buffer_clear(&self->json);
    if (msgpack_to_json(entry->row, &self->json) != OK)
        return "{}"; /* cannot be: we packed it */
    return arena_text(&self->arena, buffer_text(&self->json));
}

static void
add_difference(differences_t *self, const row_entry_t *before, const row_entry_t *after)
{
    if (self->n == self->room) {
        self->room = self->room > 0 ? 2 * self->room : 64;
        self->list = mem_grow(self->list, self->room * sizeof *self->list);
    }
    self->list[self->n++] =
        (waybill_difference_t){.before = json_of(self, before), .after = json_of(self, after)};
}

static bool
same_row(const row_entry_t *a, const row_entry_t *b)
{
    return a != NULL && a->row.size == b->row.size
           && memcmp(a->row.data, b->row.data, a->row.size) == 0;
}

static void
compare(differences_t *self, const rows_t *before, const rows_t *after)
{
    for (const row_entry_t *entry = before->first; entry != NULL; entry = entry->next)
        if (rows_find(after, entry->key) == NULL)
            add_difference(self, entry, NULL);
    for (const row_entry_t *entry = after->first; entry != NULL; entry = entry->next) {
        const row_entry_t *old = rows_find(before, entry->key);
        if (!same_row(old, entry))
            add_difference(self, old, entry);
    }
}

/*  rows become those that are known.  */
static void
tell(waybill_live_t *self, rows_t *rows)
{
    differences_t differences = {0};
    compare(&differences, &self->rows, rows);
    rows_release(&self->rows);
    self->rows = *rows;
    self->handle->n_delivered += differences.n > 0;
    if (differences.n > 0)
        self->callback(differences.list, differences.n, self->context);
    free(differences.list);
    buffer_release(&differences.json);
    arena_release(&differences.arena);
}

err_t
live_refresh(waybill_live_t *self, fault_t *fault)
{
    rows_t rows = {0};
    if (self->closed || self->failed || !self->noted)
        return OK;
    const err_t err = run_query(self, &rows, fault);
    self->failed = err != OK;
    self->noted = err != OK;
    if (err == OK)
        tell(self, &rows);
    else
        rows_release(&rows);
    return err;
}

/*  -------------------------------------------------------------------------------- life  */

static void
live_free(waybill_live_t *self)
{
    sqlite3_finalize(self->statement);
    reads_release(&self->reads);
    rows_release(&self->rows);
    buffer_release(&self->packed);
    buffer_release(&self->key);
    free(self);
}

void
lives_sweep(waybill_live_t **at, bool all)
{
    while (*at != NULL) {
        waybill_live_t *live = *at;
        if (!all && !live->closed) {
            at = &live->next;
            continue;
        }
        *at = live->next;
        live_free(live);
    }
}

static int
bind_value(sqlite3_stmt *statement, int index, const waybill_value_t *value)
{
    switch (value->kind) {
    case WAYBILL_INTEGER:
        return sqlite3_bind_int64(statement, index, value->integer);
    case WAYBILL_REAL:
        return sqlite3_bind_double(statement, index, value->real);
    case WAYBILL_TEXT:
        return sqlite3_bind_text64(statement, index, value->bytes, value->size,
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
    case WAYBILL_BLOB:
        return sqlite3_bind_blob64(statement, index, value->bytes, value->size,
                                   SQLITE_TRANSIENT);
    case WAYBILL_NULL:
        break;
    }
    return sqlite3_bind_null(statement, index);
}

static err_t
prepare(waybill_live_t *self, const waybill_query_t *query, fault_t *fault)
{
    const err_t err =
        reader_prepare(self->handle->reader, query->sql, &self->reads, &self->statement, fault);
    if (err != OK)
        return err;
    for (size_t i = 0; i < query->n_values; i++)
        if (bind_value(self->statement, (int) i + 1, &query->values[i]) != SQLITE_OK)
            return fault_set(fault, ERR_USAGE, "values[%zu]: the query has no place for it", i);
    return OK;
}

/*  Already in the list when the callback is called first: it may close it.  */
waybill_code_t
waybill_live_open(waybill_t *handle, const waybill_query_t *query, waybill_live_t **live)
{
    fault_t fault = {0};
    rows_t rows = {0};
    *live = NULL;
    if (query->sql == NULL || query->callback == NULL)
        return handle_refuse(handle, WAYBILL_USAGE, "sql, callback: one is missing");
    if (reading_begin(handle, &fault) != OK)
        return handle_say(handle, &fault);
    waybill_live_t *self = mem_new(sizeof *self);
    *self = (waybill_live_t){
        .handle = handle, .callback = query->callback, .context = query->context};
    err_t err = prepare(self, query, &fault);
    if (err == OK)
        err = run_query(self, &rows, &fault);
    if (err != OK) {
        rows_release(&rows);
        live_free(self);
        return handle_say(handle, &fault);
    }
    self->next = handle->lives;
    handle->lives = self;
    *live = self;
    tell(self, &rows);
    return WAYBILL_OK;
}

void
waybill_live_close(waybill_live_t **live)
{
    waybill_live_t *self = *live;
    *live = NULL;
    if (self == NULL)
        return;
    self->closed = true;
    if (!self->handle->dispatching)
        reading_sweep(self->handle);
}
