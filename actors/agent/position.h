/*  position - who this database is to the server, and how far it has followed it.

    The only unit that reads and writes sync_state.  */

#pragma once

#include "actors/common/db.h"

enum { CLIENT_ID_ROOM = 129, EPOCH_ROOM = 129 };

typedef struct position {
    char client_id[CLIENT_ID_ROOM];
    char epoch[EPOCH_ROOM]; /* empty before the first sync */
    uint64_t lsn;           /* applied up to here; 0 before the first sync */
} position_t;

/*  Gives the database its identity: wanted, if it is not empty; else the one it has; else
    otherwise. ERR_CONFIG if wanted is too long.  */
CHECKED err_t position_create(db_t *db, const char *wanted, const char *otherwise,
                              fault_t *fault);
CHECKED err_t position_read(db_t *db, position_t *self, fault_t *fault);
/*  Inside of the transaction that applies what lies before lsn.  */
CHECKED err_t position_move(db_t *db, const char *epoch, uint64_t lsn, fault_t *fault);
