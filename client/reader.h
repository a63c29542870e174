/*  reader - a connection of the library's own that only reads the agent's database.  */

#pragma once

#include "client/rows.h"

#include <sqlite3.h>

typedef struct reader reader_t;

CHECKED err_t reader_open(const char *path, reader_t **self, fault_t *fault);
void reader_close(reader_t **self);

/*  Moves with every commit of anybody else; -1 if SQLite does not say.  */
int64_t reader_version(reader_t *self);

/*  The tables that a statement reads, its views looked through.  */
typedef struct reads {
    char **tables;
    size_t n;
} reads_t;
void reads_release(reads_t *self);

/*  One SELECT. reads may be NULL. ERR_USAGE: SQLite does not take it for one; fault says
    why.  */
CHECKED err_t reader_prepare(reader_t *self, const char *sql, reads_t *reads,
                             sqlite3_stmt **statement, fault_t *fault);
/*  True for a row; at the end and on an error resets.  */
bool reader_step(reader_t *self, sqlite3_stmt *statement, err_t *err, fault_t *fault);
/*  The row's columns from that one on; out is cleared before.  */
void reader_pack(sqlite3_stmt *statement, int first, buffer_t *out);
