/*  sql_writer - a program that writes rows of table events with plain SQL, knows nothing of any
    server, and goes on when the database comes back.  */

#pragma once

#include "tests/postgres/cluster.h"

#include <sys/types.h>

typedef struct sql_writer {
    pid_t pid;
    char *notes; /* file: the id of each row that was committed, a line each */
} sql_writer_t;

sql_writer_t *sql_writer_new(const database_t *database, const char *notes);
/*  Ends it after the transaction that it is in. The notes stay.  */
void sql_writer_end(sql_writer_t *self);
/*  Until it knows of so many rows more.  */
void sql_writer_await(const sql_writer_t *self, int rows);
/*  How many rows that it knows to be committed are not there.  */
size_t sql_writer_lost(const sql_writer_t *self, bool (*is_there)(void *arg, const char *id),
                       void *arg);
void sql_writer_destroy(sql_writer_t **self);
