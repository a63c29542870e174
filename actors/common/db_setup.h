/*  db_setup - opens a database file and sets the connection up as everybody here uses it.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>

/*  For writing, made (mode 0600) if missing and create is set. The file is checked: a
    database, writable, not locked, and sound as far as a quick look can tell.  */
CHECKED err_t db_setup_writer(const char *path, bool create, sqlite3 **handle, fault_t *fault);
CHECKED err_t db_setup_reader(const char *path, sqlite3 **handle, fault_t *fault);
/*  Whether this connection waits 5 s for a lock, as every writer does, or 50 ms only.  */
void db_setup_patience(sqlite3 *handle, bool queues);
