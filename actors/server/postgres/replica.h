/*  replica - one table of the cache: its rows, and what the history says of them.

    Rows are given as values in the order of the table's columns. What is written is what the
    capture triggers would write (capture_body.c).  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/server/postgres/journal.h"
#include "actors/server/postgres/puts.h"
#include "actors/server/postgres/types.h"
#include "actors/settings.h"

typedef struct replica replica_t;

/*  The table must be in the catalog, and replica_destroy()ed before that is refreshed. Rows
    go to puts, and what the history says of them to the journal.  */
replica_t *replica_new(db_t *db, table_t *table, puts_t *puts, journal_t *journal,
                       const settings_t *settings);
void replica_destroy(replica_t **self);

const char *replica_name(const replica_t *self);
size_t replica_columns(const replica_t *self);
/*  The place of a column; replica_columns() if there is none of that name.  */
size_t replica_place(const replica_t *self, const char *name);
pg_shape_t replica_shape(const replica_t *self, size_t index);

/*  The text of the key, in arena. ERR_GAP: it has a NULL, and names no row.  */
CHECKED err_t replica_key(replica_t *self, const value_t *values, arena_t *arena,
                          const char **key, fault_t *fault);
/*  Do both have the same key?  */
bool replica_same_key(const replica_t *self, const value_t *a, const value_t *b);

/*  The row with the key that is in those values, as a copy in arena; NULL if there is none.  */
CHECKED err_t replica_read(const replica_t *self, const value_t *key, arena_t *arena,
                           value_t **values, fault_t *fault);
/*  Copies of some rows, in arena: *n at most, which tells afterwards how many there are.  */
CHECKED err_t replica_some(const replica_t *self, arena_t *arena, value_t **rows, size_t *n,
                           fault_t *fault);
/*  Stores a whole row and logs nothing.  */
CHECKED err_t replica_put(replica_t *self, const value_t *values, fault_t *fault);

typedef struct replica_row {
    const char *key;       /* its text */
    const value_t *values; /* the whole row */
    const value_t *old;    /* the row before, if it was read; else NULL */
} replica_row_t;

/*  Must the row before be read for the history?  */
bool replica_needs_old(const replica_t *self);

/*  Stores and logs. operation: insert or update.  */
CHECKED err_t replica_write(replica_t *self, const char *operation, const replica_row_t *row,
                            const origin_t *origin, fault_t *fault);
/*  Of values only the key is looked at. *gone tells whether there was such a row.  */
CHECKED err_t replica_delete(replica_t *self, const replica_row_t *row, const origin_t *origin,
                             bool *gone, fault_t *fault);
