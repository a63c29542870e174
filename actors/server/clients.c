#include "actors/server/clients.h"

#include <string.h>

static err_t
find_owner(db_t *db, const char *client_id, const char *user, bool *owned, fault_t *fault)
{
    static const char sql[] = "SELECT user_id FROM waybill_clients WHERE client_id = ?1";
    err_t err = OK;
    *owned = false;
    if (user[0] == '\0')
        return OK;
    sqlite3_stmt *statement = db_query(db, sql, fault, "t", client_id);
    if (!db_step(db, statement, &err, fault))
        return err;
    const char *owner = column_text(statement, 0);
    *owned = owner[0] != '\0';
    if (*owned && strcmp(owner, user) != 0)
        err = fault_set(fault, ERR_PERMISSION_DENIED, "this client id belongs to another user");
    sqlite3_reset(statement);
    return err;
}

err_t
clients_check(db_t *db, const char *client_id, const char *user, fault_t *fault)
{
    bool owned = false;
    return find_owner(db, client_id, user, &owned, fault);
}

err_t
clients_claim(db_t *db, const char *client_id, const char *user, int64_t wall_ms,
              fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_clients (client_id, lsn, seen, user_id) VALUES (?1, 0, ?2, ?3)"
        " ON CONFLICT (client_id) DO UPDATE SET user_id = excluded.user_id";
    bool owned = false;
    const err_t err = find_owner(db, client_id, user, &owned, fault);
    if (err != OK || owned || user[0] == '\0')
        return err;
    return db_run(db, sql, NULL, fault, "tit", client_id, wall_ms, user);
}
