#include "actors/agent/aside.h"

#include "actors/agent/journal.h"
#include "schemas/codec.h"

err_t
aside_count(db_t *db, uint64_t *n, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, "SELECT count(*) FROM waybill_held", fault, "");
    if (db_step(db, row, &err, fault))
        *n = (uint64_t) sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return err;
}

err_t
aside_forget(db_t *db, const char *table, const char *key, uint64_t lsn, fault_t *fault)
{
    static const char mark[] =
        "UPDATE local_changes SET state = 'done', skip_reason = 'a newer version came'"
        " WHERE id = (SELECT change_id FROM waybill_held WHERE entity_type = ?1"
        " AND entity_id = ?2 AND lsn <= ?3)";
    static const char drop[] = "DELETE FROM waybill_held WHERE entity_type = ?1"
                               " AND entity_id = ?2 AND lsn <= ?3";
    err_t err = db_run(db, mark, NULL, fault, "ttu", table, key, lsn);
    if (err == OK && db_changes(db) > 0)
        err = db_run(db, drop, NULL, fault, "ttu", table, key, lsn);
    return err;
}

err_t
aside_put(db_t *db, const aside_t *aside, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill_held (change_id, entity_type, entity_id, lsn, change, code, error,"
        " attempts, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)";
    buffer_t packed = {0};
    err_t err = aside_forget(db, aside->table, aside->key, INT64_MAX, fault);
    if (err != OK)
        return err;
    message_pack(MSG_server_change, aside->change, &packed);
    err = db_run(db, sql, NULL, fault, "tttubtti", aside->change_id, aside->table, aside->key,
                 aside->change->lsn, buffer_bytes(&packed), err_name(aside->cause->err),
                 aside->cause->text, aside->now);
    buffer_release(&packed);
    return err;
}

/*  -------------------------------------------------------------------------- versions  */

static err_t
has_newer(db_t *db, const char *table, const version_t *version, bool *has, fault_t *fault)
{
    static const char sql[] = "SELECT 1 FROM waybill_held WHERE entity_type = ?1"
                              " AND entity_id = ?2 AND lsn > ?3";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "ttu", table, version->key, version->lsn);
    *has = db_step(db, row, &err, fault);
    if (*has)
        sqlite3_reset(row);
    return err;
}

static err_t
add_to_journal(const overlay_t *overlay, const aside_t *aside, bytes_t row, fault_t *fault)
{
    bool added = false;
    const journal_row_t line = {
        .id = aside->change_id,
        .table = aside->table,
        .key = aside->key,
        .operation = aside->change->operation,
        .row = row,
        .timestamp = aside->now,
        .lsn = aside->change->lsn,
        .error = aside->cause->text,
    };
    return journal_add_server(overlay->db, &line, &added, fault);
}

/*  As the server would have sent it.  */
static err_t
write_change(const overlay_t *overlay, table_t *table, const version_t *version,
             server_change_t *change, fault_t *fault)
{
    const bool deletes = version->row.size == 0;
    *change = (server_change_t){.table = table_name(table),
                                .operation = deletes ? "delete" : "update",
                                .lsn = version->lsn,
                                .last = true,
                                .data = version->row};
    return deletes ? table_key_named(table, version->key, overlay->arena, &change->data, fault)
                   : OK;
}

err_t
aside_put_version(const overlay_t *overlay, table_t *table, const version_t *version,
                  const fault_t *cause, fault_t *fault)
{
    char id[UUID_TEXT];
    bool newer = false;
    server_change_t change;
    const outside_t *outside = &overlay->outside;
    const aside_t aside = {.change_id = id,
                           .table = table_name(table),
                           .key = version->key,
                           .change = &change,
                           .cause = cause,
                           .now = outside->now};
    err_t err = has_newer(overlay->db, aside.table, version, &newer, fault);
    if (err != OK || newer)
        return err;
    outside->new_id(outside->arg, id);
    err = write_change(overlay, table, version, &change, fault);
    if (err == OK)
        err = add_to_journal(overlay, &aside, version->row, fault);
    return err == OK ? aside_put(overlay->db, &aside, fault) : err;
}
