#include "actors/agent/rows.h"

#include "actors/agent/journal.h"

#include <string.h>

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
    err_t err = table_read(checked->table, checked->change->data, &stored, &found, fault);
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
        const err_t err = table_delete(checked->table, row, &changed, fault);
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
    report_add(&self->report, &(processed_t){
                                  .id = row->id,
                                  .entity_type = row->table,
                                  .entity_id = row->key,
                                  .operation = row->operation,
                                  .result = row->skip_reason ? "skipped" : "applied",
                                  .from_server = true,
                                  .message = row->skip_reason,
                                  .lsn = row->lsn,
                              });
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

err_t
rows_apply(apply_t *self, const checked_t *checked, applied_t *applied, fault_t *fault)
{
    const char *skip_reason = NULL;
    err_t err = write_row(self, checked, &skip_reason, fault);
    if (err == OK)
        err = record(self, checked, skip_reason, fault);
    applied->changed += skip_reason == NULL;
    applied->skipped += skip_reason != NULL;
    return err;
}
