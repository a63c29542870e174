#include "actors/server/client_changes/validator.h"

#include "actors/server/client_changes/columns.h"

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

static bool
is_own(const work_t *work, const char *origin, const char *client_id)
{
    return strcmp(client_id, work->client_id) == 0
           || (origin != NULL && strcmp(client_id, origin) == 0);
}

bool
validator_wins(const work_t *work, const validated_t *validated, int64_t their_time,
               const char *their_client)
{
    if (validated->updated_at != their_time)
        return validated->updated_at > their_time;
    return is_own(work, validated->origin, their_client)
           || strcmp(work->client_id, their_client) > 0;
}

/*  ------------------------------------------------------------------------- versions  */

/*  The newest version of a row.  */
typedef struct version {
    bool known; /* else the row was there before its table was captured, or never */
    int64_t updated_at;
    const char *client_id;
    uint64_t lsn;
    bool deleted;
} version_t;

static err_t
find_version(const work_t *work, const validated_t *validated, version_t *version,
             fault_t *fault)
{
    static const char sql[] = "SELECT updated_at, client_id, lsn, deleted"
                              " FROM waybill_versions WHERE tbl = ?1 AND key = ?2";
    err_t err = OK;
    sqlite3_stmt *row =
        db_query(work->db, sql, fault, "tt", table_name(validated->table), validated->key_text);
    *version = (version_t){0};
    if (!db_step(work->db, row, &err, fault))
        return err;
    *version = (version_t){
        .known = true,
        .updated_at = sqlite3_column_int64(row, 0),
        .client_id = arena_text(work->arena, column_text(row, 1)),
        .lsn = (uint64_t) sqlite3_column_int64(row, 2),
        .deleted = sqlite3_column_int(row, 3) != 0,
    };
    sqlite3_reset(row);
    return OK;
}

/*  Against a row without a version anybody wins.  */
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
find_standing(const work_t *work, const validated_t *validated, const version_t *version,
              standing_t *standing, fault_t *fault)
{
    if (!version->known)
        return find_unversioned(validated, standing, fault);
    const bool won = validator_wins(work, validated, version->updated_at, version->client_id);
    if (version->deleted)
        *standing = won ? GONE_BEFORE : GONE_SINCE;
    else
        *standing = won ? ROW_OLDER : ROW_NEWER;
    return OK;
}

/*  ------------------------------------------------------------------------- policies  */

typedef struct contest {
    const client_change_t *change;
    const version_t *version;
    standing_t standing;
} contest_t;

static err_t
judge_by_row(const work_t *work, const contest_t *contest, validated_t *validated,
             fault_t *fault)
{
    (void) work;
    (void) fault;
    validated->decision = validator_decide(validated->operation, contest->standing);
    return OK;
}

/*  Deletes, and changes of rows that are gone, concern the whole row.  */
static err_t
judge_by_column(const work_t *work, const contest_t *contest, validated_t *validated,
                fault_t *fault)
{
    const bool there = contest->standing == ROW_OLDER || contest->standing == ROW_NEWER;
    validated->by_column = true;
    if (validated->operation == OPERATION_DELETE || !there)
        return judge_by_row(work, contest, validated, fault);
    return columns_choose(work, validated, fault);
}

/*  What this client wrote itself, it has seen.  */
static err_t
refuse_stale(const work_t *work, const contest_t *contest, validated_t *validated,
             fault_t *fault)
{
    const version_t *version = contest->version;
    const client_change_t *change = contest->change;
    const bool own = version->known && is_own(work, change->origin, version->client_id);
    if (version->known && !own && version->lsn > change->base)
        return fault_set(fault, ERR_STALE,
                         "%s %s: somebody else has changed it since; look at it and change it"
                         " again",
                         change->table, validated->key_text);
    const standing_t seen = contest->standing == ROW_NEWER    ? ROW_OLDER
                            : contest->standing == GONE_SINCE ? GONE_BEFORE
                                                              : contest->standing;
    validated->decision = validator_decide(validated->operation, seen);
    return OK;
}

static const struct {
    const char *name;
    err_t (*judge)(const work_t *, const contest_t *, validated_t *, fault_t *);
} policies[] = {
    {"row", judge_by_row},
    {"column", judge_by_column},
    {"stale", refuse_stale},
};

static err_t
judge_contest(const work_t *work, const client_change_t *change, validated_t *validated,
              fault_t *fault)
{
    version_t version;
    contest_t contest = {.change = change, .version = &version};
    const char *policy = settings_of_table(work->settings, change->table)->tables_policy;
    err_t err = find_version(work, validated, &version, fault);
    if (err == OK)
        err = find_standing(work, validated, &version, &contest.standing, fault);
    for (size_t i = 0; err == OK && i < COUNT_OF(policies); i++)
        if (strcmp(policies[i].name, policy) == 0)
            return policies[i].judge(work, &contest, validated, fault);
    return err;
}

/*  ------------------------------------------------------------------------- checking  */

err_t
validator_check_fields(const client_change_t *change, fault_t *fault)
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
    err_t err = validator_find(work, change, validated, fault);
    if (err != OK)
        return err;
    /* A clock too far ahead would win against everybody until theirs get there. */
    const bool believed = change->updated_at <= work->wall_ms + work->settings->limits_ahead_ms;
    validated->updated_at = believed ? change->updated_at : work->wall_ms;
    validated->row = change->data;
    validated->origin = change->origin;
    err = judge_contest(work, change, validated, fault);
    if (err == OK && validated->decision == DECISION_NOT_FOUND)
        return fault_set(fault, ERR_ENTITY_NOT_FOUND,
                         "%s %s: there is no such row to %s; insert it first", change->table,
                         validated->key_text, operations[validated->operation]);
    return err;
}
