#include "actors/agent/staging.h"

#include "schemas/codec.h"

err_t
staging_clear(db_t *db, fault_t *fault)
{
    return db_run(db, "DELETE FROM waybill_staged", NULL, fault, "");
}

/*  Does the stretch begin at or before the last change that is staged? Then the server
    sends the transaction again.  */
static err_t
begins_anew(db_t *db, const server_changes_t *stretch, bool *anew, fault_t *fault)
{
    static const char sql[] = "SELECT lsn, place FROM waybill_staged ORDER BY seq DESC LIMIT 1";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    *anew = false;
    if (!db_step(db, row, &err, fault))
        return err;
    if (stretch->n_changes > 0) {
        const server_change_t *first = &stretch->changes[0];
        *anew = first->lsn != (uint64_t) sqlite3_column_int64(row, 0)
                || first->index <= (uint64_t) sqlite3_column_int64(row, 1);
    }
    sqlite3_reset(row);
    return OK;
}

err_t
staging_meet(db_t *db, const server_changes_t *stretch, fault_t *fault)
{
    bool anew = false;
    err_t err = begins_anew(db, stretch, &anew, fault);
    if (err == OK && anew)
        err = staging_clear(db, fault);
    return err;
}

err_t
staging_add(db_t *db, const server_changes_t *stretch, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_staged (change, lsn, place) VALUES (?1, ?2, ?3)";
    buffer_t packed = {0};
    err_t err = staging_meet(db, stretch, fault);
    if (err != OK || stretch->n_changes == 0)
        return err;
    const server_change_t *last = &stretch->changes[stretch->n_changes - 1];
    message_pack(MSG_server_changes, stretch, &packed);
    err = db_run(db, sql, NULL, fault, "buu", buffer_bytes(&packed), last->lsn, last->index);
    buffer_release(&packed);
    return err;
}

err_t
staging_next(db_t *db, int64_t *seq, arena_t *arena, server_changes_t *part, fault_t *fault)
{
    static const char sql[] =
        "SELECT seq, change FROM waybill_staged WHERE seq > ?1 ORDER BY seq LIMIT 1";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "i", *seq);
    *part = (server_changes_t){0};
    if (!db_step(db, row, &err, fault))
        return err;
    *seq = sqlite3_column_int64(row, 0);
    const bytes_t packed = arena_bytes(arena, column_bytes(row, 1));
    sqlite3_reset(row);
    return message_unpack(MSG_server_changes, packed, arena, part, fault);
}
