#include "client/reader.h"

#include "schemas/row.h"

#include <stdlib.h>
#include <string.h>

/*  How long a read waits for a lock, which readers of a write-ahead log hardly ever meet.  */
enum { LOCK_MS = 100 };

struct reader {
    sqlite3 *db;
    sqlite3_stmt *version;
};

/*  ------------------------------------------------------------------------------ life  */

static err_t
fault_of(sqlite3 *db, const char *what, fault_t *fault)
{
    static const struct {
        int code;
        err_t err;
    } known[] = {{SQLITE_BUSY, ERR_BUSY},
                 {SQLITE_LOCKED, ERR_BUSY},
                 {SQLITE_CORRUPT, ERR_CORRUPT},
                 {SQLITE_NOTADB, ERR_NOT_DATABASE},
                 {SQLITE_FULL, ERR_FULL}};
    err_t err = ERR_STORAGE;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (known[i].code == (sqlite3_errcode(db) & 0xff))
            err = known[i].err;
    return fault_set(fault, err, "%s: %s", what, sqlite3_errmsg(db));
}

err_t
reader_open(const char *path, reader_t **self, fault_t *fault)
{
    reader_t *made = mem_new(sizeof *made);
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &made->db, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(made->db, LOCK_MS);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(made->db, "PRAGMA data_version", -1,
                                  SQLITE_PREPARE_PERSISTENT, &made->version, NULL);
    if (code == SQLITE_OK) {
        *self = made;
        return OK;
    }
    const err_t err = fault_of(made->db, path, fault);
    reader_close(&made);
    return err;
}

void
reader_close(reader_t **self)
{
    if (*self == NULL)
        return;
    sqlite3_finalize((*self)->version);
    sqlite3_close((*self)->db);
    free(*self);
    *self = NULL;
}

int64_t
reader_version(reader_t *self)
{
    const int64_t version =
        sqlite3_step(self->version) == SQLITE_ROW ? sqlite3_column_int64(self->version, 0) : -1;
    sqlite3_reset(self->version);
    return version;
}

/*  -------------------------------------------------------------------------- statements  */

void
reads_release(reads_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        free(self->tables[i]);
    free(self->tables);
    *self = (reads_t){0};
}

static void
add_table(reads_t *self, const char *table)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->tables[i], table) == 0)
            return;
    self->tables = mem_grow(self->tables, (self->n + 1) * sizeof *self->tables);
    self->tables[self->n++] = mem_text(table);
}

/*  SQLite's signature: it tells of each column that a statement would read.  */
static int /* NOLINTNEXTLINE(readability-function-size) */
on_access(void *context, int action, const char *table, const char *column,
          const char *database, const char *trigger)
{
    (void) column;
    (void) database;
    (void) trigger;
    if (action == SQLITE_READ && table != NULL)
        add_table(context, table);
    return SQLITE_OK;
}

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n;")] == '\0';
}

err_t
reader_prepare(reader_t *self, const char *sql, reads_t *reads, sqlite3_stmt **statement,
               fault_t *fault)
{
    const char *rest = "";
    if (reads != NULL)
        sqlite3_set_authorizer(self->db, on_access, reads);
    const int code =
        sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, &rest);
    sqlite3_set_authorizer(self->db, NULL, NULL);
    if (code != SQLITE_OK)
        return fault_set(fault, ERR_USAGE, "sql: %s", sqlite3_errmsg(self->db));
    if (*statement != NULL && sqlite3_column_count(*statement) > 0
        && sqlite3_stmt_readonly(*statement) && is_blank(rest))
        return OK;
    sqlite3_finalize(*statement);
    *statement = NULL;
    return fault_set(fault, ERR_USAGE, "sql: one SELECT is wanted");
}

bool
reader_step(reader_t *self, sqlite3_stmt *statement, err_t *err, fault_t *fault)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    *err = code == SQLITE_DONE ? OK : fault_of(self->db, sqlite3_sql(statement), fault);
    sqlite3_reset(statement);
    return false;
}

/*  -------------------------------------------------------------------------------- rows  */

static bytes_t
bytes_in(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    const size_t size = (size_t) sqlite3_column_bytes(statement, column);
    return (bytes_t){data != NULL ? data : "", size};
}

static value_t
value_in(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return (value_t){.kind = VALUE_INTEGER,
                         .integer = sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
        return (value_t){.kind = VALUE_REAL, .real = sqlite3_column_double(statement, column)};
    case SQLITE_TEXT:
        return (value_t){.kind = VALUE_TEXT, .bytes = bytes_in(statement, column)};
    case SQLITE_BLOB:
        return (value_t){.kind = VALUE_BLOB, .bytes = bytes_in(statement, column)};
    default:
        return (value_t){.kind = VALUE_NULL};
    }
}

void
reader_pack(sqlite3_stmt *statement, int first, buffer_t *out)
{
    const int n = sqlite3_column_count(statement);
    buffer_clear(out);
    row_begin(out, (size_t) (n - first));
    for (int i = first; i < n; i++) {
        const value_t value = value_in(statement, i);
        row_add_name(out, sqlite3_column_name(statement, i));
        row_add(out, &value);
    }
}
