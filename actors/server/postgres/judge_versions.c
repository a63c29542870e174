/*  Whose the rows are that a wave writes: labels for whoever reads the log, versions for the
   next change of the same row.  */

#include "actors/server/postgres/judge_parts.h"
#include "actors/server/postgres/labels.h"

/*  -------------------------------------------------------------------------------- labels  */

static label_t
label_of(const judge_case_t *one)
{
    return (label_t){
        .table = one->table->pg->name,
        .key = one->key,
        .client_id = one->item->request->client_id,
        .change_id = one->change->id,
        .updated_at = one->updated_at,
    };
}

err_t
judge_labels_send(judge_batch_t *self, fault_t *fault)
{
    size_t n = 0;
    buffer_t packed = {0};
    label_t *labels =
        arena_new(self->arena, (self->wave_end - self->wave + 1) * sizeof *labels);
    for (size_t i = self->wave; i < self->wave_end; i++)
        if (judge_is_to_write(self, &self->cases[i]))
            labels[n++] = label_of(&self->cases[i]);
    if (n == 0)
        return OK;
    labels_pack(labels, n, &packed);
    const err_t err = pg_send(self->pg, LABELS_SQL, fault, "b", buffer_bytes(&packed));
    buffer_release(&packed);
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

/*  ------------------------------------------------------------------------- of the rows  */

typedef struct versions {
    pg_array_t tables, keys, times, clients, places, deleted;
} versions_t;

/*  Where columns have versions, an older writer may have won one of them: the row keeps that of
    its newest column.  */
static void
add_version(versions_t *self, const judge_case_t *one)
{
    const version_t *before = &one->version;
    const bool kept = one->table->policy == POLICY_COLUMN && one->found && before->known
                      && one->operation != OPERATION_DELETE
                      && before->updated_at > one->updated_at;
    pg_array_add_text(&self->tables, one->table->pg->name);
    pg_array_add_text(&self->keys, one->key);
    pg_array_add_number(&self->times, kept ? before->updated_at : one->updated_at);
    pg_array_add_text(&self->clients, kept ? before->client_id : one->item->request->client_id);
    pg_array_add_number(&self->places, (int64_t) one->lsn);
    pg_array_add_text(&self->deleted, one->operation == OPERATION_DELETE ? "t" : "f");
}

static err_t
send_versions(judge_batch_t *self, versions_t *versions, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.versions AS v"
        " (tbl, key, updated_at, client_id, lsn, xid, deleted)"
        " SELECT a.tbl, a.key, a.updated_at, a.client_id, a.lsn,"
        " (SELECT pg_current_xact_id()::xid::text::bigint), a.deleted"
        " FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[],"
        " $6::boolean[]) AS a (tbl, key, updated_at, client_id, lsn, deleted)"
        " ON CONFLICT (tbl, key) DO UPDATE SET updated_at = excluded.updated_at,"
        " client_id = excluded.client_id, lsn = excluded.lsn, xid = excluded.xid,"
        " deleted = excluded.deleted";
    const err_t err =
        pg_send(self->pg, sql, fault, "aaaaaa", &versions->tables, &versions->keys,
                &versions->times, &versions->clients, &versions->places, &versions->deleted);
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

/*  What triggers write to other rows meanwhile has no version: the time of this transaction's
    earliest change is theirs.  */
static err_t
send_round(judge_batch_t *self, fault_t *fault)
{
    static const char sql[] =
        "INSERT INTO waybill.rounds AS r (xid, updated_at, lsn, time)"
        " VALUES (pg_current_xact_id()::xid::text::bigint, $1::bigint, $2::bigint, $3::bigint)"
        " ON CONFLICT (xid) DO UPDATE SET lsn = excluded.lsn, time = excluded.time,"
        " updated_at = CASE WHEN r.lsn = excluded.lsn"
        " THEN least(r.updated_at, excluded.updated_at) ELSE excluded.updated_at END";
    int64_t earliest = INT64_MAX;
    uint64_t lsn = 0;
    for (size_t i = self->wave; i < self->wave_end; i++) {
        const judge_case_t *one = &self->cases[i];
        if (!one->tried)
            continue;
        earliest = one->updated_at < earliest ? one->updated_at : earliest;
        lsn = one->lsn;
    }
    const err_t err = pg_send(self->pg, sql, fault, "iui", earliest, lsn, self->wall_ms);
    if (err == OK)
        judge_expect(self, NULL, JUDGE_NOBODY);
    return err;
}

static void
release_versions(versions_t *self)
{
    pg_array_release(&self->tables);
    pg_array_release(&self->keys);
    pg_array_release(&self->times);
    pg_array_release(&self->clients);
    pg_array_release(&self->places);
    pg_array_release(&self->deleted);
}

/*  ----------------------------------------------------------------------- of the columns  */

typedef struct columns {
    pg_array_t gone_tables, gone_keys;
    pg_array_t tables, keys, columns, times, clients;
} columns_t;

static void
add_columns(columns_t *self, const judge_case_t *one)
{
    bytes_t name;
    value_t value;
    row_reader_t reader = row_read(one->sent);
    while (row_next(&reader, &name, &value)) {
        const pg_column_t *column =
            pg_table_column(one->table->pg, (const char *) name.data, name.size);
        if (column == NULL || column->key > 0)
            continue;
        pg_array_add_text(&self->tables, one->table->pg->name);
        pg_array_add_text(&self->keys, one->key);
        pg_array_add_text(&self->columns, column->name);
        pg_array_add_number(&self->times, one->updated_at);
        pg_array_add_text(&self->clients, one->item->request->client_id);
    }
}

/*  Columns of a row that is gone, or was, have no versions.  */
static void
add_column_versions(columns_t *self, const judge_case_t *one)
{
    if (one->table->policy != POLICY_COLUMN)
        return;
    if (one->operation == OPERATION_DELETE || !one->found) {
        pg_array_add_text(&self->gone_tables, one->table->pg->name);
        pg_array_add_text(&self->gone_keys, one->key);
    }
    if (one->operation != OPERATION_DELETE)
        add_columns(self, one);
}

static err_t
send_columns(judge_batch_t *self, columns_t *columns, fault_t *fault)
{
    static const char forget[] =
        "DELETE FROM waybill.columns AS c USING unnest($1::text[], $2::text[]) AS a (tbl, key)"
        " WHERE c.tbl = a.tbl AND c.key = a.key";
    static const char note[] =
        "INSERT INTO waybill.columns (tbl, key, col, updated_at, client_id)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])"
        " ON CONFLICT (tbl, key, col) DO UPDATE SET"
        " updated_at = excluded.updated_at, client_id = excluded.client_id";
    err_t err = OK;
    if (columns->gone_keys.n > 0) {
        err =
            pg_send(self->pg, forget, fault, "aa", &columns->gone_tables, &columns->gone_keys);
        if (err == OK)
            judge_expect(self, NULL, JUDGE_NOBODY);
    }
    if (err == OK && columns->keys.n > 0) {
        err = pg_send(self->pg, note, fault, "aaaaa", &columns->tables, &columns->keys,
                      &columns->columns, &columns->times, &columns->clients);
        if (err == OK)
            judge_expect(self, NULL, JUDGE_NOBODY);
    }
    return err;
}

static void
release_columns(columns_t *self)
{
    pg_array_release(&self->gone_tables);
    pg_array_release(&self->gone_keys);
    pg_array_release(&self->tables);
    pg_array_release(&self->keys);
    pg_array_release(&self->columns);
    pg_array_release(&self->times);
    pg_array_release(&self->clients);
}

err_t
judge_versions_send(judge_batch_t *self, fault_t *fault)
{
    versions_t versions = {0};
    columns_t columns = {0};
    err_t err = OK;
    for (size_t i = self->wave; i < self->wave_end; i++) {
        if (!self->cases[i].tried)
            continue;
        add_version(&versions, &self->cases[i]);
        add_column_versions(&columns, &self->cases[i]);
    }
    if (versions.keys.n > 0)
        err = send_versions(self, &versions, fault);
    if (err == OK && versions.keys.n > 0)
        err = send_round(self, fault);
    if (err == OK)
        err = send_columns(self, &columns, fault);
    release_versions(&versions);
    release_columns(&columns);
    return err;
}
