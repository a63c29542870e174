/*  glance - a reader's look into a database of the simulation, and whether another look is
    worth it: SQLite counts the commits in memory that all connections share.  */

#pragma once

#include "schemas/base.h"

#include <sqlite3.h>

typedef struct glance {
    const char *path;
    sqlite3 *db; /* NULL: the file was not there yet */
    const volatile uint32_t *index;
    uint32_t seen;
} glance_t;

/*  Opens it if it can be opened now. True: something was committed since it last said so.  */
bool glance_changed(glance_t *self);
void glance_close(glance_t *self);

/*  NULL: not a statement for this database (yet).  */
sqlite3_stmt *glance_prepare(const glance_t *self, const char *sql);
/*  Never NULL.  */
const char *glance_text(sqlite3_stmt *row, int column);
