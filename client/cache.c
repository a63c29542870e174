#include "client/cache.h"

#include "client/reading.h"
#include "client/table_sql.h"
#include "schemas/row.h"

#include <stdlib.h>
#include <string.h>

/*  Rows noted one by one; of more than that, all are read at once.  */
enum { NOTED_AT_MOST = 1000 };

struct waybill_cache {
    waybill_cache_t *next;
    waybill_t *handle;
    table_sql_t sql;
    sqlite3_stmt *all, *one; /* one may be NULL */
    size_t max_rows;
    rows_t rows;
    rows_t noted;   /* keys of rows to be read */
    bool noted_all; /* read the whole table */
    bool failed;    /* wait for the next tick */
    bool closed;
    buffer_t packed, json;
};

/*  ------------------------------------------------------------------------------ noting  */

void
cache_note_all(waybill_cache_t *self)
{
    rows_release(&self->noted);
    self->noted_all = true;
}

void
cache_note(waybill_cache_t *self, const char *table, const char *id)
{
    if (self->noted_all || strcmp(self->sql.name, table) != 0)
        return;
    if (self->one == NULL || self->noted.count >= NOTED_AT_MOST)
        cache_note_all(self);
    else
        rows_put(&self->noted, id, (bytes_t){(const uint8_t *) "", 0});
}

void
cache_retry(waybill_cache_t *self)
{
    self->failed = false;
}

waybill_cache_t *
cache_next(const waybill_cache_t *self)
{
    return self->next;
}

/*  ----------------------------------------------------------------------------- reading  */

/*  NULL in the key: no row that is synchronised.  */
static void
take_row(waybill_cache_t *self, sqlite3_stmt *statement, rows_t *into)
{
    const char *key = (const char *) sqlite3_column_text(statement, 0);
    if (key == NULL)
        return;
    reader_pack(statement, 1, &self->packed);
    rows_put(into, key, buffer_bytes(&self->packed));
}

static err_t
read_all(waybill_cache_t *self, fault_t *fault)
{
    err_t err = OK;
    rows_t rows = {0};
    while (rows.count <= self->max_rows
           && reader_step(self->handle->reader, self->all, &err, fault))
        take_row(self, self->all, &rows);
    sqlite3_reset(self->all);
    if (err == OK && rows.count > self->max_rows)
        err = fault_set(fault, ERR_TOO_LARGE, "table %.64s has more than %zu rows",
                        self->sql.name, self->max_rows);
    rows_t *gone = err == OK ? &self->rows : &rows;
    rows_release(gone);
    if (err == OK)
        self->rows = rows;
    return err;
}

static err_t
read_one(waybill_cache_t *self, const char *key, fault_t *fault)
{
    err_t err = OK;
    rows_remove(&self->rows, key);
    sqlite3_bind_text(self->one, 1, key, -1, SQLITE_TRANSIENT);
    while (reader_step(self->handle->reader, self->one, &err, fault))
        take_row(self, self->one, &self->rows);
    return err;
}

static err_t
read_noted(waybill_cache_t *self, fault_t *fault)
{
    err_t err = OK;
    while (err == OK && self->noted.first != NULL) {
        err = read_one(self, self->noted.first->key, fault);
        if (err == OK)
            rows_remove(&self->noted, self->noted.first->key);
    }
    if (err == OK && self->rows.count > self->max_rows)
        self->noted_all = true; /* which refuses, and says so */
    return err;
}

err_t
cache_refresh(waybill_cache_t *self, fault_t *fault)
{
    err_t err = OK;
    if (self->closed || self->failed)
        return OK;
    if (!self->noted_all)
        err = read_noted(self, fault);
    if (err == OK && self->noted_all)
        err = read_all(self, fault);
    self->failed = err != OK;
    self->noted_all = err != OK;
    return err;
}

/*  -------------------------------------------------------------------------------- life  */

static void
cache_free(waybill_cache_t *self)
{
    sqlite3_finalize(self->all);
    sqlite3_finalize(self->one);
    table_sql_release(&self->sql);
    rows_release(&self->rows);
    rows_release(&self->noted);
    buffer_release(&self->packed);
    buffer_release(&self->json);
    free(self);
}

void
caches_sweep(waybill_cache_t **at, bool all)
{
    while (*at != NULL) {
        waybill_cache_t *cache = *at;
        if (!all && !cache->closed) {
            at = &cache->next;
            continue;
        }
        *at = cache->next;
        cache_free(cache);
    }
}

static err_t
prepare(waybill_cache_t *self, const char *table, fault_t *fault)
{
    reader_t *reader = self->handle->reader;
    err_t err = table_sql_make(reader, table, &self->sql, fault);
    if (err == OK)
        err = reader_prepare(reader, buffer_text(&self->sql.all), NULL, &self->all, fault);
    if (err == OK && self->sql.one.size > 0)
        err = reader_prepare(reader, buffer_text(&self->sql.one), NULL, &self->one, fault);
    return err == OK ? read_all(self, fault) : err;
}

waybill_code_t
waybill_cache_open(waybill_t *handle, const char *table, size_t max_rows,
                   waybill_cache_t **cache)
{
    fault_t fault = {0};
    *cache = NULL;
    if (reading_begin(handle, &fault) != OK)
        return handle_say(handle, &fault);
    waybill_cache_t *self = mem_new(sizeof *self);
    self->handle = handle;
    self->max_rows = max_rows;
    if (prepare(self, table, &fault) != OK) {
        cache_free(self);
        return handle_say(handle, &fault);
    }
    self->next = handle->caches;
    handle->caches = self;
    *cache = self;
    return WAYBILL_OK;
}

void
waybill_cache_close(waybill_cache_t **cache)
{
    waybill_cache_t *self = *cache;
    *cache = NULL;
    if (self == NULL)
        return;
    self->closed = true;
    if (!self->handle->dispatching)
        reading_sweep(self->handle);
}

/*  ------------------------------------------------------------------------------ asking  */

size_t
waybill_cache_count(const waybill_cache_t *self)
{
    return self->rows.count;
}

static const char *
json_of(waybill_cache_t *self, const row_entry_t *entry)
{
    buffer_clear(&self->json);
    if (msgpack_to_json(entry->row, &self->json) != OK)
        return "{}"; /* cannot be: we packed it */
    return buffer_text(&self->json);
}

const char *
waybill_cache_get(waybill_cache_t *self, const char *id)
{
    const row_entry_t *entry = rows_find(&self->rows, id);
    return entry != NULL ? json_of(self, entry) : NULL;
}

bool
waybill_cache_value(const waybill_cache_t *self, const char *id, const char *column,
                    waybill_value_t *value)
{
    static const waybill_value_kind_t kinds[] = {
        [VALUE_NULL] = WAYBILL_NULL, [VALUE_INTEGER] = WAYBILL_INTEGER,
        [VALUE_REAL] = WAYBILL_REAL, [VALUE_TEXT] = WAYBILL_TEXT,
        [VALUE_BLOB] = WAYBILL_BLOB,
    };
    value_t found;
    const row_entry_t *entry = rows_find(&self->rows, id);
    if (entry == NULL || !row_find(entry->row, column, &found))
        return false;
    *value = (waybill_value_t){.kind = kinds[found.kind],
                               .integer = found.integer,
                               .real = found.real,
                               .bytes = found.bytes.data,
                               .size = found.bytes.size};
    return true;
}

void
waybill_cache_each(waybill_cache_t *self, waybill_row_fn *callback, void *context)
{
    const row_entry_t *entry = self->rows.first;
    while (entry != NULL && callback(entry->key, json_of(self, entry), context))
        entry = entry->next;
}
