#include "actors/agent/position.h"

#include <stdio.h>
#include <string.h>

static err_t
set_identity(db_t *db, const char *wanted, const char *otherwise, fault_t *fault)
{
    err_t err = db_run(db,
                       "INSERT INTO sync_state (one, client_id) VALUES (1, ?1)"
                       " ON CONFLICT DO NOTHING",
                       NULL, fault, "t", wanted[0] ? wanted : otherwise);
    if (err == OK && wanted[0])
        err = db_run(db, "UPDATE sync_state SET client_id = ?1 WHERE client_id <> ?1", NULL,
                     fault, "t", wanted);
    return err;
}

err_t
position_create(db_t *db, const char *wanted, const char *otherwise, fault_t *fault)
{
    if (strlen(wanted) >= CLIENT_ID_ROOM)
        return fault_set(fault, ERR_CONFIG, "agent.client_id: it is longer than %d bytes",
                         CLIENT_ID_ROOM - 1);
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = set_identity(db, wanted, otherwise, fault);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

err_t
position_read(db_t *db, position_t *self, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, "SELECT client_id, epoch, lsn FROM sync_state", fault, "");
    *self = (position_t){0};
    if (!db_step(db, row, &err, fault))
        return err;
    (void) snprintf(self->client_id, sizeof self->client_id, "%s", column_text(row, 0));
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", column_text(row, 1));
    self->lsn = (uint64_t) sqlite3_column_int64(row, 2);
    sqlite3_reset(row);
    return OK;
}

err_t
position_move(db_t *db, const char *epoch, uint64_t lsn, fault_t *fault)
{
    return db_run(db, "UPDATE sync_state SET epoch = ?1, lsn = ?2", NULL, fault, "tu", epoch,
                  lsn);
}
