#include "actors/server/embedded/executor.h"

#include "actors/server/embedded/columns.h"

#include <string.h>

/*  The capture triggers read it.  */
static err_t
set_origin(const work_t *work, const char *change_id, int64_t updated_at, fault_t *fault)
{
    return db_run(work->db,
                  "UPDATE waybill_origin SET client_id = ?1, change_id = ?2, updated_at = ?3",
                  NULL, fault, "tti", work->client_id, change_id, updated_at);
}

err_t
executor_forget_origin(db_t *db, fault_t *fault)
{
    return db_run(db,
                  "UPDATE waybill_origin SET client_id = NULL, change_id = NULL,"
                  " updated_at = NULL",
                  NULL, fault, "");
}

static err_t
run(const validated_t *validated, fault_t *fault)
{
    bool changed = false;
    if (validated->operation == OPERATION_INSERT)
        return table_upsert(validated->table, validated->row, fault);
    if (validated->operation == OPERATION_UPDATE)
        return table_update(validated->table, validated->row, &changed, fault);
    return table_delete(validated->table, validated->key, &changed, fault);
}

/*  Only a rule of the database can make SQLite refuse a checked row with a plain error: a
    trigger of the application, for instance. It would refuse again, so it is no trouble
    that passes. And the path of our file is none of the client's business.  */
static err_t
name_rule(const work_t *work, err_t err, fault_t *fault)
{
    if (err == ERR_STORAGE || err == ERR_RULE_VIOLATION)
        return fault_set(fault, ERR_RULE_VIOLATION, "%s", sqlite3_errmsg(db_handle(work->db)));
    return err;
}

/*  Nothing was written. Where the row is there, or was to be made, a trigger wanted it so; else
    it went away without a trace, as REPLACE does it.  */
static err_t
look_at_ignored(const client_change_t *change, const validated_t *validated, fault_t *fault)
{
    buffer_t row = {0};
    bool found = false;
    const err_t err = table_read(validated->table, validated->key, &row, &found, fault);
    buffer_release(&row);
    if (err != OK || found || validated->operation == OPERATION_INSERT)
        return err;
    return fault_set(fault, ERR_ENTITY_NOT_FOUND,
                     "%s %s: there is no such row; insert it first", change->table,
                     validated->key_text);
}

err_t
executor_apply(const work_t *work, const client_change_t *change, const validated_t *validated,
               bool *written, fault_t *fault)
{
    err_t err = set_origin(work, change->id, validated->updated_at, fault);
    if (err != OK)
        return err;
    err = run(validated, fault);
    if (err != OK)
        return name_rule(work, err, fault);
    *written = db_changes(work->db) > 0; /* the origin's row, if only the key was named */
    if (!*written)
        return look_at_ignored(change, validated, fault);
    if (validated->by_column && validated->operation != OPERATION_DELETE)
        return columns_note(work, validated, fault);
    return OK;
}

bool
executor_owes_keys(db_t *db)
{
    int owed = 0;
    int highest = 0;
    sqlite3_db_status(db_handle(db), SQLITE_DBSTATUS_DEFERRED_FKS, &owed, &highest, 0);
    return owed != 0;
}

static err_t
count(db_t *db, const char *sql, int64_t *n, fault_t *fault)
{
    err_t err = OK;
    sqlite3_stmt *statement = db_query(db, sql, fault, "");
    if (!db_step(db, statement, &err, fault))
        return err;
    *n = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return OK;
}

/*  Most transactions are one row: for that, SQLite need not make a table of those it has seen.
 */
err_t
executor_count_logged(db_t *db, logged_t *logged, fault_t *fault)
{
    static const char rows[] =
        "SELECT count(*) FROM change_log WHERE lsn > (SELECT lsn FROM waybill_head)";
    static const char changes[] = "SELECT count(DISTINCT change_id) FROM change_log"
                                  " WHERE lsn > (SELECT lsn FROM waybill_head)";
    const err_t err = count(db, rows, &logged->rows, fault);
    logged->changes = logged->rows;
    if (err != OK || logged->rows < 2)
        return err;
    return count(db, changes, &logged->changes, fault);
}
