/*  change_log - what was committed on the server, by position.

    Capture triggers write it; here it is sealed, read and shortened. A transaction that logged
    nothing takes no position. Positions only rise: those of a database of ours one by one, so
    that a hole means that history was cut off under a reader; those of a cache are commit LSNs
   of PostgreSQL, with holes between them.  */

#pragma once

#include "actors/common/db.h"

/*  The first position of every history, before anything was written.  */
enum { CHANGE_LOG_ORIGIN = 0x20000000 };

typedef struct log_head {
    char epoch[UUID_TEXT];
    uint64_t lsn;
    uint64_t captured; /* at least lsn: nothing up to here is missing */
    bool dense;        /* positions have no holes: a database of ours, no cache */
    bool unsealed;     /* a foreign writer left rows above lsn */
} log_head_t;

/*  The rows that every history starts with; epoch is used if this is a new one.  */
CHECKED err_t change_log_begin(db_t *db, const char *epoch, fault_t *fault);
CHECKED err_t change_log_head(db_t *db, log_head_t *head, fault_t *fault);

/*  From here on it is another history, in a transaction of its own: whoever follows the old one
    must start again. Leases that were given in days that are lost tell nothing, so all are
    forgotten.  */
CHECKED err_t change_log_rename(db_t *db, const char *epoch, fault_t *fault);

/*  Makes one position of the rows above head, if there are any. Inside a transaction that
    writes. *lsn is the newest position afterwards.  */
CHECKED err_t change_log_seal(db_t *db, uint64_t *lsn, fault_t *fault);

/*  The position that the oldest row kept follows; the newest one if none is kept. Whoever
    stands before it has missed something.  */
CHECKED err_t change_log_floor(db_t *db, uint64_t *lsn, fault_t *fault);
/*  The end of the n-th transaction behind a position; 0 if there are fewer.  */
CHECKED err_t change_log_nth(db_t *db, uint64_t after, uint64_t n, uint64_t *lsn,
                             fault_t *fault);
/*  Rows of the transactions behind a position, up to another.  */
CHECKED err_t change_log_count(db_t *db, uint64_t after, uint64_t up_to, uint64_t *n,
                               fault_t *fault);
typedef struct pruned {
    int64_t transactions;
    int64_t bytes; /* of their rows */
} pruned_t;

/*  Forgets whole transactions up to lsn, about max_rows rows of them at a time.  */
CHECKED err_t change_log_prune(db_t *db, uint64_t lsn, int64_t max_rows, pruned_t *pruned,
                               fault_t *fault);

/*  The last row up to that position; 0 if it is not kept.  */
CHECKED err_t change_log_row_at(db_t *db, uint64_t lsn, int64_t *row, fault_t *fault);

/*  One row as it is read. Texts live until the next step.  */
typedef struct log_row {
    int64_t row;
    uint64_t lsn;
    const char *table;
    const char *operation;
    bytes_t data; /* JSON */
    bytes_t old;  /* the row before, as JSON; empty: not kept */
    int64_t updated_at;
    const char *client_id; /* empty: a program on the server */
    const char *change_id;
} log_row_t;

/*  The rows after that one, up to a position, in commit order:
    while (change_log_next(db, statement, &row, &err, fault)) ...  */
sqlite3_stmt *change_log_read(db_t *db, int64_t after_row, uint64_t up_to, fault_t *fault);
bool change_log_next(db_t *db, sqlite3_stmt *statement, log_row_t *row, err_t *err,
                     fault_t *fault);
