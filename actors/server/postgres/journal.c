#include "actors/server/postgres/journal.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 16,
    MOST_BYTES = 64 * 1024, /* kept back */
    MOST_VALUES = 9,
};

struct journal {
    db_t *db;
    journal_row_t rows[AT_ONCE];
    size_t n, size;
    arena_t arena;
};

/*  ---------------------------------------------------------------------- statements  */

#define FOUR_TIMES(text) text ", " text ", " text ", " text
#define AT_ONCE_TIMES(text) FOUR_TIMES(FOUR_TIMES(text))

#define ENTRY "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
#define INSERT_ENTRIES                                                                         \
    "INSERT INTO change_log (lsn, updated_at, client_id, change_id, time, tbl, operation,"     \
    " data, old) VALUES "

#define VERSION "(?, ?, ?, ?, ?, ?)"
#define INSERT_VERSIONS                                                                        \
    "INSERT INTO waybill_versions (lsn, updated_at, client_id, tbl, key, deleted) VALUES "
#define OR_REPLACE                                                                             \
    " ON CONFLICT (tbl, key) DO UPDATE SET lsn = excluded.lsn, deleted = excluded.deleted,"    \
    " updated_at = excluded.updated_at, client_id = excluded.client_id"
/*  The row is as new as its newest column.  */
#define OR_MERGE                                                                               \
    " ON CONFLICT (tbl, key) DO UPDATE SET lsn = excluded.lsn, deleted = excluded.deleted,"    \
    " updated_at = max(updated_at, excluded.updated_at), client_id ="                          \
    " iif(excluded.updated_at < updated_at, client_id, excluded.client_id)"

static const char add_entry[] = INSERT_ENTRIES ENTRY;
static const char add_entries[] = INSERT_ENTRIES AT_ONCE_TIMES(ENTRY);
static const char put_version[] = INSERT_VERSIONS VERSION OR_REPLACE;
static const char put_versions[] = INSERT_VERSIONS AT_ONCE_TIMES(VERSION) OR_REPLACE;
static const char merge_version[] = INSERT_VERSIONS VERSION OR_MERGE;

/*  -------------------------------------------------------------------------- values  */

static value_t
number_of(int64_t number)
{
    return (value_t){.kind = VALUE_INTEGER, .integer = number};
}

static value_t
text_of(const char *text)
{
    if (text == NULL)
        return (value_t){0};
    return (value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) text, strlen(text)}};
}

static value_t
json_of(bytes_t json)
{
    return (value_t){.kind = json.size > 0 ? VALUE_TEXT : VALUE_NULL, .bytes = json};
}

/*  They put the values of a row in the order of its statement, and tell how many there are.  */
typedef size_t values_fn(const journal_row_t *row, value_t values[MOST_VALUES]);

static size_t
entry_values(const journal_row_t *row, value_t values[MOST_VALUES])
{
    size_t n = 0;
    values[n++] = number_of((int64_t) row->origin.lsn);
    values[n++] = number_of(row->made_at);
    values[n++] = text_of(row->origin.client_id);
    values[n++] = text_of(row->origin.change_id);
    values[n++] = number_of(row->origin.time_ms);
    values[n++] = text_of(row->table);
    values[n++] = text_of(row->operation);
    values[n++] = json_of(row->data);
    values[n++] = json_of(row->old);
    return n;
}

static size_t
version_values(const journal_row_t *row, value_t values[MOST_VALUES])
{
    size_t n = 0;
    values[n++] = number_of((int64_t) row->origin.lsn);
    values[n++] = number_of(row->origin.updated_at);
    values[n++] = text_of(row->origin.client_id != NULL ? row->origin.client_id : "");
    values[n++] = text_of(row->table);
    values[n++] = text_of(row->key);
    values[n++] = number_of(strcmp(row->operation, "delete") == 0);
    return n;
}

/*  A statement, what it has of each row, and how many rows it takes.  */
typedef struct task {
    const char *sql;
    values_fn *values_of;
    size_t n;
} task_t;

static err_t
run(journal_t *self, task_t task, const journal_row_t *rows, fault_t *fault)
{
    value_t values[MOST_VALUES];
    err_t err = OK;
    int place = 0;
    sqlite3_stmt *statement = db_statement(self->db, task.sql, fault);
    for (size_t i = 0; statement != NULL && i < task.n; i++) {
        const size_t of_row = task.values_of(&rows[i], values);
        for (size_t j = 0; j < of_row; j++)
            if (bind_value(statement, ++place, &values[j]) != SQLITE_OK)
                return db_error(self->db, fault, "the history");
    }
    (void) db_step(self->db, statement, &err, fault);
    return err;
}

/*  -------------------------------------------------------------------------- writing  */

static err_t
write_one(journal_t *self, const journal_row_t *row, fault_t *fault)
{
    const task_t add = {add_entry, entry_values, 1};
    const task_t put = {row->by_column ? merge_version : put_version, version_values, 1};
    const err_t err = run(self, add, row, fault);
    return err == OK ? run(self, put, row, fault) : err;
}

static err_t
write_all(journal_t *self, fault_t *fault)
{
    const task_t add = {add_entries, entry_values, AT_ONCE};
    const task_t put = {put_versions, version_values, AT_ONCE};
    const err_t err = run(self, add, self->rows, fault);
    return err == OK ? run(self, put, self->rows, fault) : err;
}

err_t
journal_write(journal_t *self, fault_t *fault)
{
    err_t err = OK;
    if (self->n == AT_ONCE)
        err = write_all(self, fault);
    else
        for (size_t i = 0; err == OK && i < self->n; i++)
            err = write_one(self, &self->rows[i], fault);
    if (err == OK)
        journal_forget(self);
    return err;
}

/*  -------------------------------------------------------------------------- keeping  */

static const char *
keep_text(journal_t *self, const char *text)
{
    return text != NULL ? arena_text(&self->arena, text) : NULL;
}

static bytes_t
keep_json(journal_t *self, bytes_t json)
{
    return json.size > 0 ? arena_bytes(&self->arena, json) : (bytes_t){0};
}

static void
keep(journal_t *self, const journal_row_t *row)
{
    journal_row_t *kept = &self->rows[self->n++];
    *kept = *row;
    kept->table = keep_text(self, row->table);
    kept->key = keep_text(self, row->key);
    kept->data = keep_json(self, row->data);
    kept->old = keep_json(self, row->old);
    kept->origin.client_id = keep_text(self, row->origin.client_id);
    kept->origin.change_id = keep_text(self, row->origin.change_id);
    self->size += row->data.size + row->old.size;
}

/*  The version of a row by column is read again with its next change, so it is not kept back;
    nor is what is large, so as not to be copied.  */
err_t
journal_add(journal_t *self, const journal_row_t *row, fault_t *fault)
{
    const bool at_once = row->by_column || row->data.size + row->old.size > MOST_BYTES;
    err_t err = OK;
    if (at_once || self->n == AT_ONCE || self->size > MOST_BYTES)
        err = journal_write(self, fault);
    if (err == OK && at_once)
        return write_one(self, row, fault);
    if (err == OK)
        keep(self, row);
    return err;
}

void
journal_forget(journal_t *self)
{
    self->n = self->size = 0;
    arena_clear(&self->arena);
}

/*  ------------------------------------------------------------------------------ life  */

journal_t *
journal_new(db_t *db)
{
    journal_t *self = mem_new(sizeof *self);
    self->db = db;
    return self;
}

void
journal_destroy(journal_t **self)
{
    if (*self == NULL)
        return;
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}
