#include "actors/agent/position.h"

#include <stdio.h>
#include <string.h>

/*  --------------------------------------------------------------------------- finding  */

/*  Whatever is not as this program writes it is damage.  */
#define SOUND_ID                                                                               \
    "typeof(client_id) = 'text' AND length(CAST(client_id AS BLOB)) BETWEEN 1 AND 128"         \
    " AND instr(client_id, char(0)) = 0"
#define SOUND_PLACE                                                                            \
    "typeof(epoch) = 'text' AND length(CAST(epoch AS BLOB)) <= 128"                            \
    " AND typeof(lsn) = 'integer' AND lsn >= 0 AND (lsn = 0 OR epoch <> '')"                   \
    " AND typeof(lease) = 'text' AND length(CAST(lease AS BLOB)) <= 128"                       \
    " AND typeof(clock) = 'integer'"

/*  Who the database is as far as it can tell: empty if nothing does. Changes that wait for
    their verdict know it best, because the server may have it under that name.  */
static err_t
find_identity(db_t *db, char client_id[CLIENT_ID_ROOM], fault_t *fault)
{
    static const char sql[] =
        "SELECT client_id FROM sync_state WHERE " SOUND_ID " UNION ALL SELECT * FROM ("
        "SELECT client_id FROM local_changes INDEXED BY idx_local_changes_processed_sync"
        " WHERE processed_sync = 0 AND from_server = 0 AND " SOUND_ID
        " ORDER BY timestamp DESC LIMIT 1) UNION ALL SELECT * FROM ("
        "SELECT client_id FROM local_changes INDEXED BY idx_local_changes_decided"
        " WHERE from_server = 0 AND lsn IS NOT NULL AND " SOUND_ID
        " ORDER BY lsn DESC LIMIT 1)";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    client_id[0] = '\0';
    if (!db_step(db, row, &err, fault))
        return err;
    (void) snprintf(client_id, CLIENT_ID_ROOM, "%s", column_text(row, 0));
    sqlite3_reset(row);
    return OK;
}

static position_found_t
look(db_t *db, const char *client_id)
{
    if (db_number(db, "SELECT count(*) FROM sync_state", 0) == 0)
        return client_id[0] ? POSITION_LOST : POSITION_FRESH;
    const bool sound =
        db_number(db, "SELECT " SOUND_ID " AND " SOUND_PLACE " FROM sync_state", 0) == 1;
    return sound ? POSITION_SOUND : POSITION_DAMAGED;
}

static err_t
set_identity(db_t *db, const char *wanted, const char *otherwise, position_found_t *found,
             fault_t *fault)
{
    char client_id[CLIENT_ID_ROOM];
    err_t err = find_identity(db, client_id, fault);
    if (err != OK)
        return err;
    *found = look(db, client_id);
    const char *chosen = wanted[0] ? wanted : client_id[0] ? client_id : otherwise;
    if (*found != POSITION_SOUND)
        return db_run(db, "INSERT OR REPLACE INTO sync_state (one, client_id) VALUES (1, ?1)",
                      NULL, fault, "t", chosen);
    return db_run(db, "UPDATE sync_state SET client_id = ?1, lease = '' WHERE client_id <> ?1",
                  NULL, fault, "t", chosen);
}

err_t
position_create(db_t *db, const char *wanted, const char *otherwise, position_found_t *found,
                fault_t *fault)
{
    if (strlen(wanted) >= CLIENT_ID_ROOM)
        return fault_set(fault, ERR_CONFIG, "agent.client_id: it is longer than %d bytes",
                         CLIENT_ID_ROOM - 1);
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = set_identity(db, wanted, otherwise, found, fault);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

err_t
position_read(db_t *db, position_t *self, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row =
        db_query(db, "SELECT client_id, epoch, lsn, lease FROM sync_state", fault, "");
    *self = (position_t){0};
    if (!db_step(db, row, &err, fault))
        return err;
    (void) snprintf(self->client_id, sizeof self->client_id, "%s", column_text(row, 0));
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", column_text(row, 1));
    self->lsn = (uint64_t) sqlite3_column_int64(row, 2);
    (void) snprintf(self->lease, sizeof self->lease, "%s", column_text(row, 3));
    sqlite3_reset(row);
    return OK;
}

/*  ---------------------------------------------------------------------------- moving  */

err_t
position_move(db_t *db, const char *epoch, uint64_t lsn, fault_t *fault)
{
    return db_run(db, "UPDATE sync_state SET epoch = ?1, lsn = ?2", NULL, fault, "tu", epoch,
                  lsn);
}

/*  One statement is a transaction of its own.  */
err_t
position_keep_lease(db_t *db, const char *lease, fault_t *fault)
{
    if (strlen(lease) >= LEASE_ROOM)
        return fault_set(fault, ERR_PROTOCOL, "the server's lease is longer than %d bytes",
                         LEASE_ROOM - 1);
    return db_run(db, "UPDATE sync_state SET lease = ?1", NULL, fault, "t", lease);
}

/*  Changes recorded by an earlier version say nothing of who made them.  */
static err_t
rename_database(db_t *db, const char *client_id, fault_t *fault)
{
    err_t err = db_run(db,
                       "UPDATE local_changes SET client_id = (SELECT client_id FROM sync_state)"
                       " WHERE processed_sync = 0 AND from_server = 0 AND client_id IS NULL",
                       NULL, fault, "");
    if (err == OK)
        err = db_run(db, "UPDATE sync_state SET client_id = ?1, lease = ''", NULL, fault, "t",
                     client_id);
    return err;
}

err_t
position_change_identity(db_t *db, const char *client_id, fault_t *fault)
{
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    err = rename_database(db, client_id, fault);
    if (err == OK)
        return db_commit(db, fault);
    db_rollback(db);
    return err;
}

err_t
position_see(db_t *db, int64_t version, fault_t *fault)
{
    return db_run(db, "UPDATE sync_state SET clock = ?1 WHERE clock < ?1", NULL, fault, "i",
                  version);
}
