/*  Which changes of a wave are made: what the row's version, the rules and the policy of its
    table say.  */

#include "actors/server/postgres/judge_parts.h"

#include <string.h>

/*  ----------------------------------------------------------------------------- rejecting  */

/*  What its transaction has written already can only be undone with everything else.  */
err_t
judge_reject(judge_batch_t *self, judge_case_t *one, const fault_t *why, fault_t *fault)
{
    judge_local_t *local = &self->locals[one->local];
    if (local->err != OK)
        return OK;
    local->err = why->err;
    local->text = arena_text(self->arena, why->text);
    local->guilty = one->change;
    if (!local->written)
        return OK;
    self->blamed = (size_t) (one - self->cases);
    return fault_set(fault, why->err, "%s", why->text);
}

/*  ------------------------------------------------------------------------------ versions  */

static seen_row_t
seen_of(const judge_case_t *one)
{
    return (seen_row_t){one->table->pg->name, one->key, one->change->data, one->row};
}

/*  Did a client write the row as it is now?  */
static bool
is_of_client(const judge_case_t *one)
{
    if (!one->version.known)
        return false;
    return one->found ? !one->version.deleted && one->xmin == one->version_xid
                      : one->version.deleted;
}

/*  A trigger wrote it, because of a change to another row: it is no older than that, and no
    older than it was.  */
static void
find_derived(judge_case_t *one)
{
    const bool newer = one->version.known && !one->version.deleted
                       && one->version.updated_at > one->round.updated_at;
    const version_t before = one->version;
    one->version = one->round;
    if (newer) {
        one->version.updated_at = before.updated_at;
        one->version.client_id = before.client_id;
    }
}

/*  A program wrote it with plain SQL. What the cache has not seen was written just now; where
    there is no cache, whoever writes a row that no client has written wins.  */
static void
find_foreign(judge_batch_t *self, judge_case_t *one)
{
    const version_t clients = one->version;
    const seen_row_t row = seen_of(one);
    if (judge_seen_version(self->seen, &row, self->arena, &one->version)) {
        if (clients.known && !clients.deleted == one->found && clients.lsn > one->version.lsn)
            one->version = clients;
        return;
    }
    if (!clients.known && !judge_seen_is_there(self->seen)) {
        one->version = (version_t){0};
        return;
    }
    one->version = (version_t){.known = true,
                               .updated_at = self->wall_ms,
                               .client_id = "",
                               .lsn = UINT64_MAX,
                               .deleted = !one->found,
                               .exact = true};
}

static standing_t
standing_of(const judge_case_t *one, const writer_t *writer)
{
    const version_t *version = &one->version;
    if (!version->known)
        return one->found ? ROW_OLDER : ROW_NEVER;
    const bool won = decisions_wins(writer, version->updated_at, version->client_id);
    if (one->found)
        return won ? ROW_OLDER : ROW_NEWER;
    return won ? GONE_BEFORE : GONE_SINCE;
}

/*  ------------------------------------------------------------------------------- columns  */

static const column_version_t *
column_named(const column_version_t *columns, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    return NULL;
}

static bool
wins_against(const writer_t *writer, const column_version_t *theirs)
{
    return theirs == NULL || decisions_wins(writer, theirs->updated_at, theirs->client_id);
}

/*  The columns of a row that nobody wrote by column begin with the row's version.  */
static bool
wins_of_clients(const judge_case_t *one, const writer_t *writer, const char *column)
{
    const version_t *row = &one->version;
    if (one->n_columns == 0)
        return !row->known || decisions_wins(writer, row->updated_at, row->client_id);
    return wins_against(writer, column_named(one->columns, one->n_columns, column));
}

typedef struct foreign {
    seen_row_t row;
    column_version_t *columns; /* as the cache has them */
    size_t n;
    int64_t now;
} foreign_t;

/*  A column that the cache does not show as it is was written just now.  */
static bool
wins_of_foreign(judge_batch_t *self, const judge_case_t *one, const foreign_t *foreign,
                const writer_t *writer, const char *column)
{
    if (!judge_seen_shows(self->seen, &foreign->row, column))
        return decisions_wins(writer, foreign->now, "");
    return wins_against(writer, column_named(foreign->columns, foreign->n, column))
           && wins_against(writer, column_named(one->columns, one->n_columns, column));
}

static foreign_t
foreign_of(judge_batch_t *self, const judge_case_t *one)
{
    const int64_t now = one->round.known ? one->round.updated_at : self->wall_ms;
    foreign_t foreign = {.row = seen_of(one), .now = now};
    foreign.columns = judge_seen_columns(self->seen, &foreign.row, self->arena, &foreign.n);
    return foreign;
}

static bool
is_key(const model_table_t *table, bytes_t name)
{
    const pg_column_t *column = pg_table_column(table->pg, (const char *) name.data, name.size);
    return column != NULL && column->key > 0;
}

/*  Leaves the key and the columns that win.  */
static void
choose_columns(judge_batch_t *self, judge_case_t *one, const writer_t *writer, bool of_client)
{
    bytes_t name;
    value_t value;
    size_t n = 0;
    size_t n_won = 0;
    buffer_t columns = {0};
    buffer_t row = {0};
    const bool foreign_known = !of_client && judge_seen_is_there(self->seen);
    const foreign_t foreign = foreign_known ? foreign_of(self, one) : (foreign_t){0};
    row_reader_t reader = row_read(one->change->data);
    while (row_next(&reader, &name, &value)) {
        const char *column = arena_text_of(self->arena, name.data, name.size);
        const bool key = is_key(one->table, name);
        const bool won =
            key
            || (foreign_known ? wins_of_foreign(self, one, &foreign, writer, column)
                              : wins_of_clients(one, writer, column));
        n_won += won && !key;
        n += won;
        if (won) {
            row_add_name(&columns, column);
            row_add(&columns, &value);
        }
    }
    row_begin(&row, n);
    buffer_add(&row, columns.data, columns.size);
    one->sent = arena_bytes(self->arena, buffer_bytes(&row));
    one->decision = n_won > 0 ? DECISION_APPLY : DECISION_MERGE;
    buffer_release(&columns);
    buffer_release(&row);
}

/*  ------------------------------------------------------------------------------ policies  */

/*  waybill.versions has the position at which the judge asked, a little before the commit; the
    cache has that of the commit itself, if it has seen it.  */
static bool
is_unseen(judge_batch_t *self, const judge_case_t *one)
{
    version_t captured;
    const version_t *version = &one->version;
    if (version->exact || version->lsn > one->change->base)
        return version->lsn > one->change->base;
    const seen_row_t row = seen_of(one);
    judge_seen_captured(self->seen, &row, self->arena, &captured);
    return !captured.known || captured.lsn < version->lsn || captured.lsn > one->change->base;
}

static err_t
judge_stale(judge_batch_t *self, judge_case_t *one, const writer_t *writer, fault_t *fault)
{
    const version_t *version = &one->version;
    const bool own = version->known && decisions_is_own(writer, version->client_id);
    if (version->known && !own && is_unseen(self, one))
        return fault_set(fault, ERR_STALE, STALE_TEXT, one->change->table, one->key);
    one->decision = decisions_decide(one->operation, decisions_seen(standing_of(one, writer)));
    return OK;
}

static err_t
judge_contest(judge_batch_t *self, judge_case_t *one, fault_t *fault)
{
    const bool of_client = is_of_client(one);
    const writer_t writer = {one->updated_at, one->item->request->client_id,
                             one->change->origin};
    if (!of_client && one->round.known)
        find_derived(one);
    else if (!of_client
             && (one->found || one->version.known || judge_seen_is_there(self->seen)))
        find_foreign(self, one);
    if (one->table->policy == POLICY_STALE)
        return judge_stale(self, one, &writer, fault);
    one->decision = decisions_decide(one->operation, standing_of(one, &writer));
    if (one->table->policy == POLICY_COLUMN && one->found && one->operation != OPERATION_DELETE)
        choose_columns(self, one, &writer, of_client);
    return OK;
}

/*  -------------------------------------------------------------------------------- checks  */

static err_t
deny(const judge_case_t *one, fault_t *fault)
{
    return fault_set(fault, ERR_PERMISSION_DENIED, DENIED_TEXT, one->change->table, one->key,
                     one->change->operation);
}

static err_t
not_found(const judge_case_t *one, fault_t *fault)
{
    return fault_set(fault, ERR_ENTITY_NOT_FOUND, NOT_FOUND_TEXT, one->change->table, one->key,
                     one->change->operation);
}

/*  The row as it stands before the change.  */
static err_t
check_rights(const judge_case_t *one, fault_t *fault)
{
    if (!one->found || (one->readable && one->writable))
        return OK;
    if (!one->readable && one->operation != OPERATION_INSERT)
        return not_found(one, fault);
    return deny(one, fault);
}

static err_t
check_key(const judge_case_t *one, fault_t *fault)
{
    if (one->alike && one->operation == OPERATION_INSERT)
        return fault_set(fault, ERR_RULE_VIOLATION, ALIKE_TEXT, one->change->table, one->key);
    if (one->alike)
        return not_found(one, fault);
    if (one->canonical == NULL)
        return OK;
    return fault_set(fault, ERR_INVALID_CHANGE,
                     "%s %s: the database writes this key as \"%.80s\"; send it like that",
                     one->change->table, one->key, one->canonical);
}

static err_t
judge_one(judge_batch_t *self, judge_case_t *one, fault_t *fault)
{
    if (one->misfit != OK)
        return fault_set(fault, one->misfit, "%s", one->misfit_text);
    err_t err = check_key(one, fault);
    if (err == OK)
        err = check_rights(one, fault);
    if (err != OK)
        return err;
    one->updated_at =
        decisions_time(one->change, self->wall_ms, self->settings->limits_ahead_ms);
    one->sent = one->change->data;
    err = judge_contest(self, one, fault);
    if (err == OK && one->decision == DECISION_NOT_FOUND)
        err = not_found(one, fault);
    return err;
}

err_t
judge_decide(judge_batch_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = self->wave; err == OK && i < self->wave_end; i++) {
        fault_t why = {0};
        judge_case_t *one = &self->cases[i];
        if (!one->fresh || self->locals[one->local].err != OK)
            continue;
        if (judge_one(self, one, &why) != OK)
            err = judge_reject(self, one, &why, fault);
    }
    return err;
}

bool
judge_is_to_write(const judge_batch_t *self, const judge_case_t *one)
{
    return one->fresh && self->locals[one->local].err == OK && one->misfit == OK
           && one->decision == DECISION_APPLY;
}
