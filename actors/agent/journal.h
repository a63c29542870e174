/*  journal - writing rows of local_changes: what was changed here and what came from the
    server.  */

#pragma once

#include "actors/common/catalog.h"

typedef struct journal_row {
    const char *id;
    const char *table;
    const char *key;
    const char *operation;
    bytes_t row; /* column values; empty for a delete */
    int64_t timestamp;
    const char *txn;  /* local changes: this and the next */
    bytes_t metadata; /* the application's own; may be empty */
    uint64_t lsn;     /* server changes */
    const char *client_id;
    const char *skip_reason;
    const char *error; /* server changes: why it is not in its table */
} journal_row_t;

/*  A local change, pending.  */
CHECKED err_t journal_add_local(db_t *db, const journal_row_t *row, fault_t *fault);
/*  A change from the server, done unless it has an error. *added false: there is a row of that
 * id already.  */
CHECKED err_t journal_add_server(db_t *db, const journal_row_t *row, bool *added,
                                 fault_t *fault);
