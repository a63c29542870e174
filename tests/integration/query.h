/*  query - looks into the databases of the processes that are tested.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>

/*  The first column of the first row; -1 for an error, shown.  */
int64_t query_number(sqlite3 *db, const char *sql);
/*  The same as text, to be freed; "" for NULL and for no row.  */
char *query_text(sqlite3 *db, const char *sql);
/*  Fails the test if SQLite refuses it.  */
void query_run(sqlite3 *db, const char *sql);
/*  For reading, through SQLite, as any other program may while the owner runs.  */
void query_attach(sqlite3 *db, const char *path, const char *name);
/*  Copies the file of a process that is dead, its log with it: opening the original would
    repair it before its owner can.  */
void copy_database(const char *path, const char *copy);
