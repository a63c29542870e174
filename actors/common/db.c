#include "actors/common/db.h"

#include "actors/common/db_setup.h"
#include "actors/common/sql_error.h"
#include "actors/common/statement_cache.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db {
    sqlite3 *handle;
    char *path;
    statement_cache_t statements;
    int wal_pages;
    uint64_t statements_run;
    bool begun; /* between begin and commit or rollback, as the caller sees it */
    fault_t
        lost; /* why SQLite rolled the transaction back under the caller; err OK: it did not */
};

static int
note_commit(void *self, sqlite3 *handle, const char *name, int pages)
{
    (void) handle;
    (void) name;
    ((db_t *) self)->wal_pages = pages;
    return SQLITE_OK;
}

static err_t
adopt(const char *path, sqlite3 *handle, err_t err, db_t **self)
{
    if (err != OK) {
        sqlite3_close_v2(handle);
        *self = NULL;
        return err;
    }
    *self = mem_new(sizeof **self);
    (*self)->handle = handle;
    (*self)->path = mem_text(path);
    sqlite3_wal_hook(handle, note_commit, *self);
    return OK;
}

err_t
db_open(const char *path, bool create, db_t **self, fault_t *fault)
{
    sqlite3 *handle = NULL;
    const err_t err = db_setup_writer(path, create, &handle, fault);
    return adopt(path, handle, err, self);
}

err_t
db_open_reader(const char *path, db_t **self, fault_t *fault)
{
    sqlite3 *handle = NULL;
    const err_t err = db_setup_reader(path, &handle, fault);
    return adopt(path, handle, err, self);
}

err_t
db_open_memory(db_t **self, fault_t *fault)
{
    sqlite3 *handle = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    err_t err = OK;
    if (sqlite3_open_v2(":memory:", &handle, flags, NULL) != SQLITE_OK)
        err = sql_error(handle, ":memory:", "opening it", fault);
    return adopt(":memory:", handle, err, self);
}

void
db_close(db_t **self)
{
    if (*self == NULL)
        return;
    db_rollback(*self);
    statement_cache_release(&(*self)->statements);
    sqlite3_close_v2((*self)->handle);
    free((*self)->path);
    free(*self);
    *self = NULL;
}

/*  ------------------------------------------------------------------------- errors  */

/*  Some errors (disk full, I/O, out of memory) end the whole transaction by themselves.
    What the caller runs next would then commit on its own, so everything is refused until
    the caller has rolled back, too.  */
static void
notice_lost_transaction(db_t *self, const fault_t *fault)
{
    if (self->begun && self->lost.err == OK && sqlite3_get_autocommit(self->handle))
        self->lost = *fault;
}

err_t
db_error(db_t *self, fault_t *fault, const char *doing)
{
    fault_t own = {0};
    const err_t err = sql_error(self->handle, self->path, doing, &own);
    notice_lost_transaction(self, &own);
    if (fault != NULL)
        *fault = own;
    return err;
}

static err_t
refuse_lost(const db_t *self, fault_t *fault)
{
    if (self->lost.err != OK && fault != NULL)
        *fault = self->lost;
    return self->lost.err;
}

/*  Names the statement by its first word: the whole text would crowd out the cause.  */
static err_t
statement_error(db_t *self, fault_t *fault, const char *sql)
{
    char verb[16];
    (void) snprintf(verb, sizeof verb, "%.*s", (int) strcspn(sql, " \n"), sql);
    return db_error(self, fault, verb);
}

/*  --------------------------------------------------------------------- statements  */

sqlite3_stmt *
db_statement(db_t *self, const char *sql, fault_t *fault)
{
    sqlite3_stmt *statement = statement_cache_find(&self->statements, sql);
    if (statement != NULL) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        return statement;
    }
    if (sqlite3_prepare_v3(self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL)
        != SQLITE_OK) {
        (void) statement_error(self, fault, sql);
        return NULL;
    }
    statement_cache_put(&self->statements, sql, statement);
    return statement;
}

static int
bind_blob(sqlite3_stmt *statement, int index, bytes_t bytes)
{
    return bind_value(statement, index, &(value_t){.kind = VALUE_BLOB, .bytes = bytes});
}

static int
bind_letter(sqlite3_stmt *statement, int index, char letter, va_list *arguments)
{
    switch (letter) {
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'u':
        return sqlite3_bind_int64(statement, index, (int64_t) va_arg(*arguments, uint64_t));
    case 't':
        return sqlite3_bind_text(statement, index, va_arg(*arguments, const char *), -1,
                                 SQLITE_STATIC);
    case 'b':
        return bind_blob(statement, index, va_arg(*arguments, bytes_t));
    case 'v':
        return bind_value(statement, index, va_arg(*arguments, const value_t *));
    case 'n':
        return sqlite3_bind_null(statement, index);
    default:
        return SQLITE_MISUSE;
    }
}

static sqlite3_stmt *
query(db_t *self, const char *sql, fault_t *fault, const char *letters, va_list *arguments)
{
    sqlite3_stmt *statement = db_statement(self, sql, fault);
    if (statement == NULL)
        return NULL;
    for (int i = 0; letters[i] != '\0'; i++) {
        const int code = bind_letter(statement, i + 1, letters[i], arguments);
        assert(code != SQLITE_MISUSE && code != SQLITE_RANGE);
        if (code != SQLITE_OK) {
            (void) statement_error(self, fault, sql);
            return NULL;
        }
    }
    return statement;
}

sqlite3_stmt *
db_query(db_t *self, const char *sql, fault_t *fault, const char *letters, ...)
{
    va_list arguments;
    va_start(arguments, letters);
    sqlite3_stmt *statement = query(self, sql, fault, letters, &arguments);
    va_end(arguments);
    return statement;
}

bool
db_step(db_t *self, sqlite3_stmt *statement, err_t *err, fault_t *fault)
{
    *err = refuse_lost(self, fault);
    if (*err == OK && statement == NULL)
        *err = db_error(self, fault, "preparing a statement");
    if (*err != OK)
        return false;

    if (!sqlite3_stmt_busy(statement))
        self->statements_run++;
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        *err = statement_error(self, fault, sqlite3_sql(statement));
    sqlite3_reset(statement);
    return false;
}

err_t
db_run(db_t *self, const char *sql, bool *row, fault_t *fault, const char *letters, ...)
{
    va_list arguments;
    va_start(arguments, letters);
    sqlite3_stmt *statement = query(self, sql, fault, letters, &arguments);
    va_end(arguments);

    err_t err = OK;
    const bool found = db_step(self, statement, &err, fault);
    if (row != NULL)
        *row = found;
    else
        sqlite3_reset(statement);
    return err;
}

err_t
db_exec(db_t *self, const char *sql, fault_t *fault)
{
    const err_t lost = refuse_lost(self, fault);
    if (lost != OK)
        return lost;
    self->statements_run++;
    if (sqlite3_exec(self->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(self, fault, "running SQL");
    return OK;
}

int64_t
db_number(db_t *self, const char *sql, int64_t otherwise)
{
    err_t err = OK;
    sqlite3_stmt *statement = db_statement(self, sql, NULL);
    if (!db_step(self, statement, &err, NULL))
        return otherwise;
    const bool null = sqlite3_column_type(statement, 0) == SQLITE_NULL;
    const int64_t number = null ? otherwise : sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return number;
}

/*  ------------------------------------------------------------------- transactions  */

static err_t
begin(db_t *self, const char *sql, fault_t *fault)
{
    assert(!self->begun || self->lost.err != OK);
    self->lost = (fault_t){0};
    self->begun = false;
    const err_t err = db_run(self, sql, NULL, fault, "");
    self->begun = err == OK;
    return err;
}

err_t
db_begin(db_t *self, fault_t *fault)
{
    return begin(self, "BEGIN IMMEDIATE", fault);
}

/*  BEGIN alone takes no snapshot; the first read does.  */
err_t
db_begin_read(db_t *self, fault_t *fault)
{
    err_t err = begin(self, "BEGIN", fault);
    if (err == OK)
        err = db_run(self, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, fault, "");
    if (err != OK)
        db_rollback(self);
    return err;
}

/*  A statement left in the middle of its rows would keep its snapshot open, and with it the
    log from being copied.  */
static void
reset_statements(db_t *self)
{
    sqlite3_stmt *each = NULL;
    while ((each = sqlite3_next_stmt(self->handle, each)) != NULL)
        if (sqlite3_stmt_busy(each))
            sqlite3_reset(each);
}

err_t
db_commit(db_t *self, fault_t *fault)
{
    reset_statements(self);
    const err_t err = db_run(self, "COMMIT", NULL, fault, "");
    if (err != OK)
        db_rollback(self);
    self->begun = false;
    return err;
}

void
db_rollback(db_t *self)
{
    self->lost = (fault_t){0};
    self->begun = false;
    reset_statements(self);
    if (!sqlite3_get_autocommit(self->handle))
        (void) !db_run(self, "ROLLBACK", NULL, NULL, "");
}

static err_t
run_with_name(db_t *self, const char *verb, const char *name, fault_t *fault)
{
    char sql[80];
    for (const char *at = name; *at != '\0'; at++)
        assert(isalnum((unsigned char) *at) || *at == '_');
    const int size = snprintf(sql, sizeof sql, "%s %s", verb, name);
    assert(size > 0 && (size_t) size < sizeof sql);
    return db_run(self, sql, NULL, fault, "");
}

err_t
db_savepoint(db_t *self, const char *name, fault_t *fault)
{
    return run_with_name(self, "SAVEPOINT", name, fault);
}

err_t
db_release(db_t *self, const char *name, fault_t *fault)
{
    return run_with_name(self, "RELEASE", name, fault);
}

/*  Cannot fail but where the whole transaction is lost, and then all that follows does.  */
void
db_rollback_to(db_t *self, const char *name)
{
    (void) !run_with_name(self, "ROLLBACK TO", name, NULL);
}

sqlite3 *
db_handle(db_t *self)
{
    return self->handle;
}

int
db_changes(db_t *self)
{
    return sqlite3_changes(self->handle);
}

int
db_wal_pages(const db_t *self)
{
    return self->wal_pages;
}

uint64_t
db_statements_run(const db_t *self)
{
    return self->statements_run;
}
