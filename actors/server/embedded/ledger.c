#include "actors/server/embedded/ledger.h"

#include "schemas/codec.h"

/*  Nobody may claim changes for clients of another user: theirs would be taken for
    duplicates then.  */
static err_t
find_owner(const work_t *work, const client_change_t *change, const char **owner,
           fault_t *fault)
{
    static const char sql[] =
        "SELECT 1 FROM waybill_clients AS earlier JOIN waybill_clients AS now USING (user_id)"
        " WHERE earlier.client_id = ?1 AND now.client_id = ?2";
    bool same_user = false;
    err_t err = OK;
    *owner = work->client_id;
    if (change->origin == NULL || change->origin[0] == '\0')
        return OK;
    err = db_run(work->db, sql, &same_user, fault, "tt", change->origin, work->client_id);
    if (same_user) {
        sqlite3_reset(db_statement(work->db, sql, fault));
        *owner = change->origin;
    }
    return err;
}

err_t
ledger_claim(const work_t *work, const client_change_t *change, uint64_t lsn, bool *fresh,
             fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO client_changes (client_id, id, verdict, lsn, time)"
        " VALUES (?1, ?2, 'applied', ?3, ?4) ON CONFLICT (client_id, id) DO UPDATE SET"
        " verdict = excluded.verdict, code = NULL, message = NULL, lsn = excluded.lsn,"
        " time = excluded.time WHERE verdict = 'rejected'";
    const char *owner = NULL;
    err_t err = find_owner(work, change, &owner, fault);
    if (err == OK)
        err = db_run(work->db, sql, NULL, fault, "ttui", owner, change->id, lsn, work->wall_ms);
    *fresh = err == OK && db_changes(work->db) > 0;
    return err;
}

err_t
ledger_record(const work_t *work, const client_change_t *change, const verdict_t *verdict,
              fault_t *fault)
{
    static const char sql[] = "UPDATE client_changes SET verdict = ?3, code = ?4, message = ?5,"
                              " lsn = ?6, time = ?7 WHERE client_id = ?1 AND id = ?2";
    const char *owner = NULL;
    const err_t err = find_owner(work, change, &owner, fault);
    if (err != OK)
        return err;
    return db_run(work->db, sql, NULL, fault, "tttttui", owner, verdict->id, verdict->verdict,
                  verdict->code, verdict->message, verdict->lsn, work->wall_ms);
}

static const char *
keep_text(const work_t *work, sqlite3_stmt *statement, int column)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return NULL;
    return arena_text(work->arena, column_text(statement, column));
}

err_t
ledger_recall(const work_t *work, const client_change_t *change, verdict_t *verdict,
              fault_t *fault)
{
    static const char sql[] = "SELECT verdict, code, message, lsn FROM client_changes"
                              " WHERE client_id = ?1 AND id = ?2";
    const char *owner = NULL;
    err_t err = find_owner(work, change, &owner, fault);
    if (err != OK)
        return err;
    sqlite3_stmt *statement = db_query(work->db, sql, fault, "tt", owner, change->id);
    if (!db_step(work->db, statement, &err, fault))
        return err != OK ? err
                         : fault_set(fault, ERR_CORRUPT, "client_changes: %s is gone from it",
                                     change->id);
    *verdict = (verdict_t){
        .id = change->id,
        .verdict = "duplicate",
        .first = keep_text(work, statement, 0),
        .code = keep_text(work, statement, 1),
        .message = keep_text(work, statement, 2),
        .lsn = (uint64_t) sqlite3_column_int64(statement, 3),
    };
    sqlite3_reset(statement);
    return OK;
}

err_t
ledger_keep_rejected(const work_t *work, const client_change_t *change,
                     const verdict_t *verdict, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO changes_history (time, client_id, change_id, tbl, operation, data, code,"
        " message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (client_id, change_id)"
        " DO UPDATE SET time = excluded.time, code = excluded.code, message = excluded.message";
    buffer_t json = {0};
    err_t err = msgpack_to_json(change->data, &json);
    const char *data = err == OK ? buffer_text(&json) : NULL;
    err = db_run(work->db, sql, NULL, fault, "ittttttt", work->wall_ms, work->client_id,
                 change->id, change->table, change->operation, data, verdict->code,
                 verdict->message);
    buffer_release(&json);
    return err;
}
