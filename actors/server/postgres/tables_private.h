/*  tables_private - what the files of tables share.  */

#pragma once

#include "actors/server/postgres/tables.h"

typedef struct known {
    pg_table_t *table;
    bool logged; /* its changes are in the write-ahead log */
    bool key_is_immediate;
    bool key_is_identity; /* the index that it is named for */
    bool placed;
} known_t;

struct pg_tables {
    arena_t arena;
    known_t *tables; /* by name */
    size_t n_tables;
    pg_table_t **ordered; /* parents first */
    pg_table_t **named;   /* for bsearch() */
};

/*  Sets table->fix if the table cannot be synchronised as it is.  */
void tables_find_fix(pg_tables_t *self, const known_t *known, const settings_t *settings);
