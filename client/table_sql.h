/*  table_sql - the SELECTs that read one table of the agent, its keys as the agent writes
    them in events.  */

#pragma once

#include "client/reader.h"

typedef struct table_sql {
    char *name;   /* as the database spells it */
    buffer_t all; /* key, then all columns, of all rows */
    buffer_t one; /* the same of the row whose key is ?1; empty: cannot be said in SQL */
} table_sql_t;

/*  NOT_FOUND: no such table, or it has no primary key.  */
CHECKED err_t table_sql_make(reader_t *reader, const char *table, table_sql_t *sql,
                             fault_t *fault);
void table_sql_release(table_sql_t *self);
