/*  db - SQLite as every actor here uses it.

    WAL, synchronous=FULL, foreign keys on, no automatic checkpoint, prepared statements
    cached by their text, BEGIN IMMEDIATE for whatever writes. A db_t belongs to one actor.

    SQLite before 3.51.3 can corrupt a WAL database when one process checkpoints while
    another commits. So nobody here checkpoints but the checkpointer, through
    db_checkpoint(), which holds the write lock while it works.  */

#pragma once

#include "schemas/base.h"
#include "schemas/row.h"

#include <sqlite3.h>

typedef struct db db_t;

/*  Opens (and creates, if create) the file and sets it up. ERR_NOT_FOUND, ERR_NOT_DATABASE,
    ERR_READONLY, ERR_BUSY, ERR_CORRUPT, ERR_IO; fault names the file, the cause and the way
    out.  */
CHECKED err_t db_open(const char *path, bool create, db_t **self, fault_t *fault);
/*  For reading only; never blocks a writer.  */
CHECKED err_t db_open_reader(const char *path, db_t **self, fault_t *fault);
/*  A database of its own in memory, empty.  */
CHECKED err_t db_open_memory(db_t **self, fault_t *fault);
/*  Rolls back whatever is open.  */
void db_close(db_t **self);

/*  The last error of this connection, as ours, with SQLite's words in fault.  */
err_t db_error(db_t *self, fault_t *fault, const char *doing);

/*  If an error makes SQLite roll the whole transaction back, everything is refused with that
    error until db_rollback() or db_begin(): nothing can commit on its own by mistake.  */
CHECKED err_t db_exec(db_t *self, const char *sql, fault_t *fault);
/*  Begins with the write lock, waiting up to 5 s for it.  */
CHECKED err_t db_begin(db_t *self, fault_t *fault);
/*  A read transaction: one snapshot until db_rollback().  */
CHECKED err_t db_begin_read(db_t *self, fault_t *fault);
/*  If it fails, everything is rolled back.  */
CHECKED err_t db_commit(db_t *self, fault_t *fault);
void db_rollback(db_t *self);
/*  Names must be identifiers of ours. db_rollback_to() leaves the savepoint in place.  */
CHECKED err_t db_savepoint(db_t *self, const char *name, fault_t *fault);
CHECKED err_t db_release(db_t *self, const char *name, fault_t *fault);
void db_rollback_to(db_t *self, const char *name);

/*  A cached statement, reset and without bindings. sql is looked up by its characters.
    NULL and fault if SQLite refuses it. It stays the db's.  */
sqlite3_stmt *db_statement(db_t *self, const char *sql, fault_t *fault);

/*  Binds by letters, from ?1 on, and steps once:
    i int64_t   u uint64_t   t const char * (NULL: NULL)   b bytes_t   v const value_t *
    n nothing (NULL)
    Texts and bytes must live until the statement is reset. *row tells whether there is a
    row; without one, and where row is NULL, the statement is reset before the return. The
    columns of a row are read from db_statement(), taken before with the same sql; commit
    and rollback reset what was left open.  */
CHECKED err_t db_run(db_t *self, const char *sql, bool *row, fault_t *fault,
                     const char *letters, ...);
/*  Binds without stepping, for loops: while (db_step(...)) ...  */
sqlite3_stmt *db_query(db_t *self, const char *sql, fault_t *fault, const char *letters, ...);
/*  True for a row. At the end, and on an error (which *err then tells), resets. statement
    may be NULL: what db_query() refused is an error here.  */
bool db_step(db_t *self, sqlite3_stmt *statement, err_t *err, fault_t *fault);

/*  One number from the first column of the first row, or otherwise.  */
int64_t db_number(db_t *self, const char *sql, int64_t otherwise);

/*  Texts of a column, empty for NULL; until the next step.  */
const char *column_text(sqlite3_stmt *statement, int column);
bytes_t column_bytes(sqlite3_stmt *statement, int column);
value_t column_value(sqlite3_stmt *statement, int column);
/*  SQLite's result code.  */
int bind_value(sqlite3_stmt *statement, int index, const value_t *value);

sqlite3 *db_handle(db_t *self);
/*  Rows changed by the last statement.  */
int db_changes(db_t *self);
/*  Pages in the write-ahead log after the last commit of this connection.  */
int db_wal_pages(const db_t *self);
/*  How many statements were run since it was opened, for tests and the idle check.  */
uint64_t db_statements_run(const db_t *self);

/*  Copies the log into the database file while holding the write lock on lock's
    connection, so that nobody can commit meanwhile. ERR_BUSY: a writer or an old reader is
    in the way; try again later. The log file itself keeps its size, at most 4 MiB: emptying
    it takes the write lock, which is held, so writers start it anew from its beginning.  */
CHECKED err_t db_checkpoint(db_t *self, db_t *lock, fault_t *fault);

/*  A quoted identifier: "a""b". Only for names that were found in the schema.  */
void sql_name(buffer_t *out, const char *name);
