#include "actors/agent/apply.h"

#include "actors/agent/checked.h"
#include "actors/agent/journal.h"
#include "actors/agent/pages.h"
#include "actors/agent/staging.h"

#include <string.h>

err_t
apply_begin(apply_t *self, fault_t *fault)
{
    db_t *db = self->overlay.db;
    err_t err = catalog_refresh(self->overlay.catalog, fault);
    if (err == OK)
        err = position_read(db, &self->position, fault);
    if (err == OK)
        err = overlay_any(db, self->position.lsn, &self->covered, fault);
    return err;
}

/*  ---------------------------------------------------------------------- one change  */

static bool
says_the_same(bytes_t row, bytes_t stored)
{
    bytes_t name;
    bytes_t other_name;
    value_t value;
    value_t other;
    row_reader_t columns = row_read(row);
    while (row_next(&columns, &name, &value)) {
        bool same = false;
        row_reader_t others = row_read(stored);
        while (!same && row_next(&others, &other_name, &other))
            same = name.size == other_name.size
                   && memcmp(name.data, other_name.data, name.size) == 0
                   && value_equal(&value, &other);
        if (!same)
            return false;
    }
    return true;
}

static err_t
upsert_unless_same(const checked_t *checked, const char **skip_reason, fault_t *fault)
{
    bool found = false;
    buffer_t stored = {0};
    const value_t key = table_key_of(checked->table, checked->change->data);
    err_t err = table_read(checked->table, &key, &stored, &found, fault);
    const bool same =
        err == OK && found && says_the_same(checked->change->data, buffer_bytes(&stored));
    buffer_release(&stored);
    if (same)
        *skip_reason = "record already exists";
    else if (err == OK)
        err = table_upsert(checked->table, checked->change->data, fault);
    return err;
}

/*  An insert is tried as one: that the row is there already is the rare case.  */
static err_t
write_plain(const checked_t *checked, const char **skip_reason, fault_t *fault)
{
    bool changed = false;
    const bytes_t row = checked->change->data;
    if (checked->deletes) {
        const value_t key = table_key_of(checked->table, row);
        const err_t err = table_delete(checked->table, &key, &changed, fault);
        *skip_reason = changed ? NULL : "record does not exist";
        return err;
    }
    if (strcmp(checked->change->operation, "update") == 0)
        return table_upsert(checked->table, row, fault);
    const err_t err = table_insert(checked->table, row, fault);
    return err == ERR_RULE_VIOLATION ? upsert_unless_same(checked, skip_reason, fault) : err;
}

static err_t
write_row(const apply_t *self, const checked_t *checked, const char **skip_reason,
          fault_t *fault)
{
    *skip_reason = NULL;
    if (!self->covered)
        return write_plain(checked, skip_reason, fault);
    const version_t version = {
        .key = checked->key,
        .lsn = checked->change->lsn,
        .row = checked->deletes ? (bytes_t){0} : checked->change->data,
    };
    return overlay_write(&self->overlay, checked->table, &version, fault);
}

static void
note(apply_t *self, const journal_row_t *row)
{
    if (self->n_processed == self->processed_room) {
        const size_t room = self->processed_room ? self->processed_room * 2 : 64;
        processed_t *processed = arena_new(self->overlay.arena, room * sizeof *processed);
        for (size_t i = 0; i < self->n_processed; i++)
            processed[i] = self->processed[i];
        self->processed = processed;
        self->processed_room = room;
    }
    self->processed[self->n_processed++] = (processed_t){
        .id = row->id,
        .entity_type = row->table,
        .entity_id = row->key,
        .operation = row->operation,
        .result = row->skip_reason ? "skipped" : "applied",
        .from_server = true,
        .message = row->skip_reason,
        .lsn = row->lsn,
    };
}

/*  The id that the change was made under, unless it stands here already, as one of ours.  */
static err_t
record(apply_t *self, const checked_t *checked, const char *skip_reason, fault_t *fault)
{
    char id[UUID_TEXT];
    bool added = false;
    err_t err = OK;
    const server_change_t *change = checked->change;
    journal_row_t row = {
        .id = change->id,
        .table = table_name(checked->table),
        .key = checked->key,
        .operation = change->operation,
        .row = checked->deletes ? (bytes_t){0} : change->data,
        .timestamp = self->now,
        .lsn = change->lsn,
        .client_id = change->client_id,
        .skip_reason = skip_reason,
    };
    if (row.id && row.id[0])
        err = journal_add_server(self->overlay.db, &row, &added, fault);
    if (err == OK && !added) {
        self->new_id(self->new_id_arg, id);
        row.id = arena_text(self->overlay.arena, id);
        err = journal_add_server(self->overlay.db, &row, &added, fault);
    }
    note(self, &row);
    return err;
}

static err_t
apply_change(apply_t *self, const checked_t *checked, applied_t *applied, fault_t *fault)
{
    const char *skip_reason = NULL;
    err_t err = write_row(self, checked, &skip_reason, fault);
    if (err == OK)
        err = record(self, checked, skip_reason, fault);
    applied->changed += skip_reason == NULL;
    applied->skipped += skip_reason != NULL;
    return err;
}

/*  --------------------------------------------------------------------- transactions  */

/*  What lies at or before our position was applied before.  */
static err_t
apply_changes(apply_t *self, const server_changes_t *stretch, applied_t *applied,
              fault_t *fault)
{
    checked_t *checked = NULL;
    err_t err = checked_read(&self->overlay, stretch, &checked, fault);
    for (size_t i = 0; err == OK && i < stretch->n_changes; i++)
        if (stretch->changes[i].lsn > self->position.lsn)
            err = apply_change(self, &checked[i], applied, fault);
    return err;
}

static err_t
move(apply_t *self, const server_changes_t *stretch, fault_t *fault)
{
    self->position.lsn = stretch->lsn;
    return position_move(self->overlay.db, self->position.epoch, stretch->lsn, fault);
}

static err_t
apply_part(apply_t *self, const server_changes_t *stretch, fault_t *fault)
{
    checked_t *checked = NULL;
    err_t err = checked_read(&self->overlay, stretch, &checked, fault);
    if (err == OK)
        err = staging_add(self->overlay.db, stretch, fault);
    return err;
}

static err_t
apply_transactions(apply_t *self, const server_changes_t *stretch, applied_t *applied,
                   fault_t *fault)
{
    server_changes_t whole;
    if (strcmp(stretch->epoch, self->position.epoch) != 0)
        return fault_set(fault, ERR_PROTOCOL, "it belongs to another history of the server");
    if (stretch->prev > self->position.lsn) {
        applied->outcome = "gap";
        return OK;
    }
    if (!stretch->last)
        return apply_part(self, stretch, fault);
    err_t err = staging_complete(self->overlay.db, stretch, self->overlay.arena, &whole, fault);
    if (err == OK)
        err = apply_changes(self, &whole, applied, fault);
    if (err == OK && stretch->lsn > self->position.lsn)
        err = move(self, stretch, fault);
    return err;
}

/*  --------------------------------------------------------------------------- the end  */

static const struct {
    const char *phase;
    err_t (*apply)(apply_t *, const server_changes_t *, applied_t *, fault_t *);
} phases[] = {
    {"live", apply_transactions},    {"catchup", apply_transactions},
    {"moved", apply_transactions},   {"snapshot", pages_apply},
    {"snapshot_begin", pages_begin}, {"snapshot_end", pages_end},
};

err_t
apply_stretch(apply_t *self, const server_changes_t *stretch, applied_t *applied,
              fault_t *fault)
{
    *applied = (applied_t){.outcome = "applied"};
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        if (strcmp(phases[i].phase, stretch->phase) == 0)
            return phases[i].apply(self, stretch, applied, fault);
    return fault_set(fault, ERR_PROTOCOL, "field phase: \"%.40s\" is none", stretch->phase);
}

/*  The server has values for a new column in rows that came here without it, as its default,
    and the stream does not bring them: only a snapshot does.  */
static err_t
begin_again(apply_t *self, fault_t *fault)
{
    self->position.lsn = 0;
    return position_move(self->overlay.db, self->position.epoch, 0, fault);
}

err_t
apply_schema(apply_t *self, const server_schema_t *schema, fault_t *fault)
{
    bool extended = false;
    err_t err = staging_clear(self->overlay.db, fault);
    for (size_t i = 0; err == OK && i < schema->n_tables; i++) {
        const table_schema_t *wanted = &schema->tables[i];
        const table_t *table = catalog_table(self->overlay.catalog, wanted->name);
        err = table ? table_extend(table, wanted, &extended, fault)
                    : table_create(self->overlay.db, wanted, fault);
    }
    if (err == OK && extended)
        err = begin_again(self, fault);
    if (err == OK)
        err = catalog_refresh(self->overlay.catalog, fault);
    return err;
}
