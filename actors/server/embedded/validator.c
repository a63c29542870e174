#include "actors/server/embedded/validator.h"

#include "actors/server/embedded/columns.h"

#include <string.h>

err_t
validator_find(const work_t *work, const client_change_t *change, validated_t *validated,
               fault_t *fault)
{
    err_t err = decisions_find_operation(change, &validated->operation, fault);
    if (err != OK)
        return err;
    validated->table = catalog_table(work->catalog, change->table);
    if (validated->table == NULL || table_key(validated->table) == NULL)
        return fault_set(fault, ERR_INVALID_CHANGE, NO_TABLE_TEXT, change->table);
    err = table_check(validated->table, change->data, work->arena, &validated->key_text, fault);
    validated->key = change->data;
    return err;
}

static writer_t
writer_of(const work_t *work, const validated_t *validated)
{
    return (writer_t){validated->updated_at, work->client_id, validated->origin};
}

bool
validator_wins(const work_t *work, const validated_t *validated, int64_t their_time,
               const char *their_client)
{
    const writer_t writer = writer_of(work, validated);
    return decisions_wins(&writer, their_time, their_client);
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
    validated->decision = decisions_decide(validated->operation, contest->standing);
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
    const writer_t writer = writer_of(work, validated);
    const bool own = version->known && decisions_is_own(&writer, version->client_id);
    if (version->known && !own && version->lsn > change->base)
        return fault_set(fault, ERR_STALE, STALE_TEXT, change->table, validated->key_text);
    validated->decision =
        decisions_decide(validated->operation, decisions_seen(contest->standing));
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
validator_check(const work_t *work, const client_change_t *change, validated_t *validated,
                fault_t *fault)
{
    err_t err = validator_find(work, change, validated, fault);
    if (err != OK)
        return err;
    validated->updated_at =
        decisions_time(change, work->wall_ms, work->settings->limits_ahead_ms);
    validated->row = change->data;
    validated->origin = change->origin;
    err = judge_contest(work, change, validated, fault);
    if (err == OK && validated->decision == DECISION_NOT_FOUND)
        return fault_set(fault, ERR_ENTITY_NOT_FOUND, NOT_FOUND_TEXT, change->table,
                         validated->key_text, change->operation);
    return err;
}
