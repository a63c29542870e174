#include "actors/agent/journal.h"

#include "schemas/codec.h"

/*  *json NULL: there is nothing to keep.  */
static err_t
json_text(const char *field, bytes_t value, buffer_t *text, const char **json, fault_t *fault)
{
    *json = NULL;
    if (value.size == 0)
        return OK;
    if (msgpack_to_json(value, text) != OK)
        return fault_set(fault, ERR_INVALID_CHANGE, "%s: it cannot be written as JSON", field);
    *json = buffer_text(text);
    return OK;
}

err_t
journal_add_local(db_t *db, const journal_row_t *row, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO local_changes (id, entity_type, entity_id, operation, data, timestamp,"
        " processed_local, txn, client_id, base, metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1,"
        " ?7, (SELECT client_id FROM sync_state), (SELECT lsn FROM sync_state), ?8)";
    buffer_t text = {0};
    buffer_t more = {0};
    const char *data = NULL;
    const char *metadata = NULL;
    err_t err = json_text("data", row->row, &text, &data, fault);
    if (err == OK)
        err = json_text("metadata", row->metadata, &more, &metadata, fault);
    if (err == OK)
        err = db_run(db, sql, NULL, fault, "tttttitt", row->id, row->table, row->key,
                     row->operation, data, row->timestamp, row->txn, metadata);
    buffer_release(&text);
    buffer_release(&more);
    return err;
}

err_t
journal_add_server(db_t *db, const journal_row_t *row, bool *added, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO local_changes (id, entity_type, entity_id, operation, data, timestamp,"
        " processed_local, processed_sync, from_server, skip_reason, lsn, client_id, state,"
        " error, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?10 IS NULL, 1, 1, ?7, ?8, ?9,"
        " iif(?10 IS NULL, 'done', 'failed'), ?10, ?10 IS NOT NULL)"
        " ON CONFLICT (id) DO NOTHING";
    buffer_t text = {0};
    const char *data = NULL;
    err_t err = json_text("data", row->row, &text, &data, fault);
    if (err == OK)
        err = db_run(db, sql, NULL, fault, "tttttitutt", row->id, row->table, row->key,
                     row->operation, data, row->timestamp, row->skip_reason, row->lsn,
                     row->client_id, row->error);
    *added = err == OK && db_changes(db) > 0;
    buffer_release(&text);
    return err;
}
