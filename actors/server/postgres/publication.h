/*  publication - which tables the servers follow: all of the schema that have a key.

    It is looked after on each new connection, before a slot is made, and at each beat: a table
    that is missing in it is added in a transaction that locks the table, adds it, and writes
    its present rows into the log (table_rows.h). So every server gets them through its own
    slot, at the right place of the stream, and nobody has to copy.

    What may not be done is told as advice, with the SQL that would do it. A table that somebody
    adds by hand comes without its rows: a server that finds a published table which its cache
    does not have fills the cache anew.  */

#pragma once

#include "actors/server/postgres/tables.h"

typedef struct publication publication_t;

publication_t *publication_new(const settings_t *settings);
void publication_destroy(publication_t **self);

/*  *tables as read, or NULL; it is read again, and what changed is in it afterwards. advice
   gets lines of what could not be done, each only once in a while: whenever they are others, or
   the connection is. ERR_BUSY and the like: the next time will do.  */
CHECKED err_t publication_ensure(publication_t *self, pg_t *pg, pg_tables_t **tables,
                                 buffer_t *advice, fault_t *fault);
