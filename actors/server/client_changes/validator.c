#include "actors/server/client_changes/validator.h"

#include <string.h>

static const char *const operations[OPERATION_COUNT] = {
    [OPERATION_INSERT] = "insert",
    [OPERATION_UPDATE] = "update",
    [OPERATION_DELETE] = "delete",
};

/*  An insert of a row that is there is an upsert. An update of a row deleted before is an
    error, because it carries only some of the columns; a second delete is none.  */
static const decision_t decisions[OPERATION_COUNT][STANDING_COUNT] = {
    [OPERATION_INSERT] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_APPLY,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_APPLY},
    [OPERATION_UPDATE] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_NOT_FOUND,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_NOT_FOUND},
    [OPERATION_DELETE] = {[ROW_OLDER] = DECISION_APPLY,
                          [ROW_NEWER] = DECISION_MERGE,
                          [GONE_BEFORE] = DECISION_MERGE,
                          [GONE_SINCE] = DECISION_MERGE,
                          [ROW_NEVER] = DECISION_NOT_FOUND},
};

decision_t
validator_decide(operation_t operation, standing_t standing)
{
    return decisions[operation][standing];
}

static err_t
find_operation(const client_change_t *change, operation_t *operation, fault_t *fault)
{
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        if (strcmp(operations[i], change->operation) == 0) {
            *operation = (operation_t) i;
            return OK;
        }
    }
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "field operation: \"%.40s\": it must be insert, update or delete",
                     change->operation);
}

err_t
validator_find(const work_t *work, const client_change_t *change, validated_t *validated,
               fault_t *fault)
{
    err_t err = find_operation(change, &validated->operation, fault);
    if (err != OK)
        return err;
    validated->table = catalog_table(work->catalog, change->table);
    if (validated->table == NULL || table_key(validated->table) == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "field table: \"%.80s\": the server synchronises no such table",
                         change->table);
    err = table_check(validated->table, change->data, work->arena, &validated->key_text, fault);
    validated->key = change->data;
    return err;
}

/*  Ties go to the greater client id, and a client may overwrite itself.  */
static bool
wins(const work_t *work, int64_t updated_at, int64_t their_time, const char *their_client)
{
    if (updated_at != their_time)
        return updated_at > their_time;
    return strcmp(work->client_id, their_client) >= 0;
}

/*  A row without a version was there before its table was captured: anybody wins.  */
static err_t
find_unversioned(const validated_t *validated, standing_t *standing, fault_t *fault)
{
    buffer_t row = {0};
    bool found = false;
    const err_t err = table_read(validated->table, validated->key, &row, &found, fault);
    buffer_release(&row);
    *standing = found ? ROW_OLDER : ROW_NEVER;
    return err;
}

static err_t
find_standing(const work_t *work, const validated_t *validated, standing_t *standing,
              fault_t *fault)
{
    static const char sql[] = "SELECT updated_at, client_id, deleted FROM waybill_versions"
                              " WHERE tbl = ?1 AND key = ?2";
    err_t err = OK;
    sqlite3_stmt *version =
        db_query(work->db, sql, fault, "tt", table_name(validated->table), validated->key_text);
    if (!db_step(work->db, version, &err, fault))
        return err != OK ? err : find_unversioned(validated, standing, fault);
    const bool won = wins(work, validated->updated_at, sqlite3_column_int64(version, 0),
                          column_text(version, 1));
    if (sqlite3_column_int(version, 2) != 0)
        *standing = won ? GONE_BEFORE : GONE_SINCE;
    else
        *standing = won ? ROW_OLDER : ROW_NEWER;
    sqlite3_reset(version);
    return OK;
}

static err_t
check_fields(const client_change_t *change, fault_t *fault)
{
    if (change->id[0] == '\0')
        return fault_set(fault, ERR_INVALID_CHANGE, "field id: it must not be empty");
    if (change->updated_at <= 0)
        return fault_set(fault, ERR_INVALID_CHANGE,
                         "field updated_at: it must be milliseconds since 1970");
    return OK;
}

err_t
validator_check(const work_t *work, const client_change_t *change, validated_t *validated,
                fault_t *fault)
{
    standing_t standing = ROW_NEVER;
    err_t err = check_fields(change, fault);
    if (err == OK)
        err = validator_find(work, change, validated, fault);
    if (err != OK)
        return err;
    /* A clock too far ahead would win against everybody until theirs get there. */
    const bool believed = change->updated_at <= work->wall_ms + work->settings->limits_ahead_ms;
    validated->updated_at = believed ? change->updated_at : work->wall_ms;
    err = find_standing(work, validated, &standing, fault);
    if (err != OK)
        return err;
    validated->decision = validator_decide(validated->operation, standing);
    if (validated->decision == DECISION_NOT_FOUND)
        return fault_set(fault, ERR_ENTITY_NOT_FOUND,
                         "%s %s: there is no such row to %s; insert it first", change->table,
                         validated->key_text, operations[validated->operation]);
    return OK;
}
