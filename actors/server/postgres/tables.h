/*  tables - the tables of a PostgreSQL schema as its catalog describes them.

    Names that come from outside are looked up here. Read again with pg_tables_read(): after a
    new connection, when the feed reports a changed table, when a client names an unknown one.
 */

#pragma once

#include "actors/server/postgres/pg.h"
#include "actors/server/postgres/types.h"
#include "schemas/message.h"

typedef struct pg_column {
    const char *name;
    const char *type; /* as format_type() writes it: for casts */
    uint32_t type_id; /* of a domain: its base type */
    pg_shape_t shape;
    unsigned key; /* place in the primary key, from 1; 0: outside */
    bool not_null;
    bool has_default; /* or an identity */
    bool generated;   /* stored: never sent, never written; left out of the replica */
} pg_column_t;

typedef struct pg_table {
    uint32_t id;
    const char *name;
    pg_column_t *columns; /* in the table's order, without dropped ones */
    size_t n_columns;
    size_t n_keys;        /* 0: cannot be synchronised */
    char identity;        /* relreplident: d, n, f, i */
    bool published;       /* in the publication of the settings */
    bool partitioned;     /* its rows are in its partitions */
    bool partial;         /* the publication leaves out some of its rows or columns */
    bool deferrable;      /* one of its foreign keys is */
    const char *fix;      /* SQL that would make it fit; NULL: it fits */
    const char **parents; /* names of tables that its foreign keys refer to; NULL ends */
} pg_table_t;

typedef struct pg_tables pg_tables_t;

/*  Parents before children; *self is made, or filled anew. Views, foreign tables and partitions
    (but their root) are left out, and so are tables of other schemas.  */
CHECKED err_t pg_tables_read(pg_t *pg, const settings_t *settings, pg_tables_t **self,
                             fault_t *fault);
void pg_tables_destroy(pg_tables_t **self);

size_t pg_tables_count(const pg_tables_t *self);
const pg_table_t *pg_tables_at(const pg_tables_t *self, size_t index);
/*  NULL if there is none.  */
const pg_table_t *pg_tables_find(const pg_tables_t *self, const char *name);
/*  Is it published, and does it fit?  */
bool pg_table_is_synchronised(const pg_table_t *self);
const pg_column_t *pg_table_column(const pg_table_t *self, const char *name, size_t size);

/*  As the replica's table is to be made: types of pg_shape_column(), no generated columns.
   Lives in arena.  */
table_schema_t pg_table_describe(const pg_table_t *self, arena_t *arena);
