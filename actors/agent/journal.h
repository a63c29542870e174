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
} journal_row_t;

/*  A local change, pending.  */
CHECKED err_t journal_add_local(db_t *db, const journal_row_t *row, fault_t *fault);
/*  A change from the server, done. *added false: there is a row of that id already.  */
CHECKED err_t journal_add_server(db_t *db, const journal_row_t *row, bool *added,
                                 fault_t *fault);

/*  The key that entity_id names: a whole number if the key column holds them and the text is
    one, a text otherwise. The text must live as long as the value.  */
value_t journal_key(const table_t *table, const char *entity_id, arena_t *arena);
/*  A row of nothing but that key, in arena.  */
bytes_t journal_key_row(const table_t *table, const value_t *key, arena_t *arena);
