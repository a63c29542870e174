/*  journal - what the history says of rows: an entry of the change log for each, and the
   version it has from now on.

    They are kept back for a moment and written several at a time, in the order in which they
    came: most of what one costs is beginning and ending a statement.  */

#pragma once

#include "actors/common/db.h"

/*  Which transaction a row belongs to, and who wrote it.  */
typedef struct origin {
    uint64_t lsn;
    int64_t time_ms;       /* of the commit */
    int64_t updated_at;    /* when the change was made */
    const char *client_id; /* NULL: a program on the server */
    const char *change_id;
} origin_t;

typedef struct journal_row {
    const char *table;
    const char *key;
    const char *operation; /* insert, update or delete; is not copied */
    bytes_t data, old;     /* as JSON; empty: NULL */
    int64_t made_at;
    origin_t origin;
    bool by_column; /* another writer may have won one of its columns */
} journal_row_t;

typedef struct journal journal_t;

journal_t *journal_new(db_t *db);
void journal_destroy(journal_t **self);

/*  What the row points to need not last.  */
CHECKED err_t journal_add(journal_t *self, const journal_row_t *row, fault_t *fault);
/*  Writes what was kept back: before the end of the transaction, and before anybody reads.  */
CHECKED err_t journal_write(journal_t *self, fault_t *fault);
/*  Forgets it: the transaction was rolled back.  */
void journal_forget(journal_t *self);
