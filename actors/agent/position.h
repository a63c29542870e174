/*  position - who this database is to the server, and how far it has followed it.

    The only unit that reads and writes sync_state.  */

#pragma once

#include "actors/common/db.h"

enum { CLIENT_ID_ROOM = 129, EPOCH_ROOM = 129, LEASE_ROOM = 129 };

typedef struct position {
    char client_id[CLIENT_ID_ROOM];
    char epoch[EPOCH_ROOM]; /* empty before the first sync */
    uint64_t lsn;           /* applied up to here; 0 before the first sync */
    char lease[LEASE_ROOM]; /* to be shown to the server; empty before the first one */
} position_t;

/*  How sync_state was found, and what was done about it.  */
typedef enum position_found {
    POSITION_FRESH,   /* there was none, and no trace of one: a new database */
    POSITION_SOUND,   /* as it was left */
    POSITION_LOST,    /* the row was gone; the identity was found in local_changes */
    POSITION_DAMAGED, /* the row made no sense; what did was kept */
} position_found_t;

/*  Gives the database its identity: wanted, if it is not empty; else the one it has; else the
    one that local changes were made under; else otherwise. A position that is lost or damaged
    begins at 0, so that a snapshot follows; the outbox stays. ERR_CONFIG if wanted is too
    long.  */
CHECKED err_t position_create(db_t *db, const char *wanted, const char *otherwise,
                              position_found_t *found, fault_t *fault);
CHECKED err_t position_read(db_t *db, position_t *self, fault_t *fault);
/*  Inside of the transaction that applies what lies before lsn.  */
CHECKED err_t position_move(db_t *db, const char *epoch, uint64_t lsn, fault_t *fault);
/*  In a transaction of its own.  */
CHECKED err_t position_keep_lease(db_t *db, const char *lease, fault_t *fault);
/*  The database becomes somebody else, who stands where it stood. Its changes stay marked with
    who made them. In a transaction of its own.  */
CHECKED err_t position_change_identity(db_t *db, const char *client_id, fault_t *fault);
/*  A version of a row that new ones must not be older than: sync_state.clock.  */
CHECKED err_t position_see(db_t *db, int64_t version, fault_t *fault);
