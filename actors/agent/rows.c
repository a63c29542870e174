#include "actors/agent/rows.h"

#include "actors/agent/held.h"
#include "actors/agent/journal.h"
#include "actors/agent/trial.h"
#include "actors/agent/written.h"

#include <string.h>

static err_t
upsert_unless_same(const checked_t *checked, const char **skip_reason, fault_t *fault)
{
    bool found = false;
    buffer_t stored = {0};
    err_t err = table_read(checked->table, checked->change->data, &stored, &found, fault);
    const bool same =
        err == OK && found && written_is_same(checked->change->data, buffer_bytes(&stored));
    buffer_release(&stored);
    if (same)
        *skip_reason = "record already exists";
    else if (err == OK)
        err = table_upsert(checked->table, checked->change->data, fault);
    return err;
}

/*  An insert is tried as one: that the row is there already is the rare case.  */
static err_t
put(const checked_t *checked, const char **skip_reason, fault_t *fault)
{
    const bytes_t row = checked->change->data;
    if (strcmp(checked->change->operation, "update") == 0)
        return table_upsert(checked->table, row, fault);
    const err_t err = table_insert(checked->table, row, fault);
    return err == ERR_RULE_VIOLATION ? upsert_unless_same(checked, skip_reason, fault) : err;
}

static err_t
write_plain(const apply_t *self, const checked_t *checked, const char **skip_reason,
            fault_t *fault)
{
    bool changed = false;
    const bytes_t row = checked->change->data;
    err_t err = OK;
    if (!checked->deletes) {
        err = put(checked, skip_reason, fault);
        return err == OK ? written_check(self->overlay.db, checked->table, row, fault) : err;
    }
    err = table_delete(checked->table, row, &changed, fault);
    *skip_reason = changed ? NULL : "record does not exist";
    return err == OK && !changed ? written_check_gone(checked->table, row, fault) : err;
}

static err_t
write_version(const apply_t *self, const checked_t *checked, fault_t *fault)
{
    const version_t version = {
        .key = checked->key,
        .lsn = checked->lsn,
        .row = checked->deletes ? (bytes_t){0} : checked->change->data,
    };
    return overlay_write(&self->overlay, checked->table, &version, fault);
}

static bool
is_covered(const apply_t *self, const checked_t *checked)
{
    return covered_has(&self->covered, table_name(checked->table), checked->key);
}

/*  ------------------------------------------------------------------------- its handler  */

/*  What the handler gives is checked like what the server sends; that it does not fit is the
    handler's fault alone.  */
static err_t
take_row(const apply_t *self, checked_t *checked, bytes_t row, fault_t *fault)
{
    checked_t given;
    fault_t cause = {0};
    server_change_t *change = arena_new(self->overlay.arena, sizeof *change);
    *change = *checked->change;
    change->data = row;
    if (checked_one(&self->overlay, change, &given, &cause) != OK)
        return fault_set(fault, ERR_RULE_VIOLATION, "its handler: %s", cause.text);
    if (strcmp(given.key, checked->key) != 0)
        return fault_set(fault, ERR_RULE_VIOLATION,
                         "table %s: its handler has changed the key of the row",
                         table_name(checked->table));
    given.lsn = checked->lsn;
    *checked = given;
    return OK;
}

/*  The row may become another one, or be skipped: then self->skip_reason is set.  */
static err_t
handle(apply_t *self, checked_t *checked, fault_t *fault)
{
    const char *table = table_name(checked->table);
    const handler_t *handler = self->handlers ? handlers_of(self->handlers, table) : NULL;
    self->skip_reason = self->decided;
    self->decided = NULL;
    if (handler == NULL || self->skip_reason != NULL)
        return OK;
    handling_t handling = {
        .db = self->overlay.db,
        .arena = self->overlay.arena,
        .table = table,
        .operation = checked->change->operation,
        .key = checked->key,
        .row = checked->change->data,
    };
    const err_t err = handler->handle(handler->self, &handling, fault);
    if (err != OK)
        return err;
    self->skip_reason = handling.skip_reason;
    const bool same = handling.row.data == checked->change->data.data;
    return same ? OK : take_row(self, checked, handling.row, fault);
}

err_t
rows_keeps(apply_t *self, table_t *table, const char *key, bool *keeps, fault_t *fault)
{
    bytes_t row;
    *keeps = false;
    if (self->handlers == NULL || handlers_of(self->handlers, table_name(table)) == NULL)
        return OK;
    err_t err = table_key_named(table, key, self->overlay.arena, &row, fault);
    if (err != OK)
        return err;
    const server_change_t change = {
        .table = table_name(table), .operation = "delete", .data = row};
    checked_t checked = {.change = &change, .table = table, .key = key, .deletes = true};
    err = handle(self, &checked, fault);
    *keeps = self->skip_reason != NULL;
    return err;
}

/*  ------------------------------------------------------------------------- the journal  */

typedef struct outcome {
    const char *skip_reason; /* it changed nothing */
    const fault_t *failure;  /* it is set aside */
} outcome_t;

static void
note(apply_t *self, const journal_row_t *row, const outcome_t *outcome)
{
    const fault_t *failure = outcome->failure;
    const char *result = failure ? "failed" : outcome->skip_reason ? "skipped" : "applied";
    report_add(&self->report, &(processed_t){
                                  .id = row->id,
                                  .entity_type = row->table,
                                  .entity_id = row->key,
                                  .operation = row->operation,
                                  .result = result,
                                  .from_server = true,
                                  .code = failure ? err_name(failure->err) : NULL,
                                  .message = failure ? failure->text : outcome->skip_reason,
                                  .lsn = row->lsn,
                              });
}

/*  The id that the change was made under, unless it stands here already, as one of ours.  */
static err_t
add_to_journal(apply_t *self, journal_row_t *row, fault_t *fault)
{
    char id[UUID_TEXT];
    bool added = false;
    err_t err = OK;
    if (row->id && row->id[0])
        err = journal_add_server(self->overlay.db, row, &added, fault);
    if (err != OK || added)
        return err;
    self->overlay.outside.new_id(self->overlay.outside.arg, id);
    row->id = arena_text(self->overlay.arena, id);
    return journal_add_server(self->overlay.db, row, &added, fault);
}

/*  Gives the id in the journal.  */
static err_t
record(apply_t *self, const checked_t *checked, const outcome_t *outcome, const char **id,
       fault_t *fault)
{
    const server_change_t *change = checked->change;
    journal_row_t row = {
        .id = change->id,
        .table = table_name(checked->table),
        .key = checked->key,
        .operation = change->operation,
        .row = checked->deletes ? (bytes_t){0} : change->data,
        .timestamp = self->overlay.outside.now,
        .lsn = checked->lsn,
        .client_id = change->client_id,
        .skip_reason = outcome->skip_reason,
        .error = outcome->failure ? outcome->failure->text : NULL,
    };
    const err_t err = add_to_journal(self, &row, fault);
    note(self, &row, outcome);
    *id = row.id;
    return err;
}

/*  ------------------------------------------------------------------------- one change  */

static err_t
look_for_parents(apply_t *self, const checked_t *checked, fault_t *fault)
{
    if (checked->deletes || self->skip_reason != NULL)
        return OK;
    return parents_check(&self->parents, self->overlay.db, checked->table,
                         checked->change->data, fault);
}

static err_t
write_row(apply_t *self, const checked_t *checked, fault_t *fault)
{
    err_t err = OK;
    if (self->skip_reason == NULL)
        err = is_covered(self, checked) ? write_version(self, checked, fault)
                                        : write_plain(self, checked, &self->skip_reason, fault);
    if (err == OK)
        err = look_for_parents(self, checked, fault);
    return err == OK ? held_pass(self, checked->table, checked->key, fault) : err;
}

static err_t
write_change(apply_t *self, const checked_t *checked, fault_t *fault)
{
    const char *id = NULL;
    checked_t handled = *checked;
    err_t err = handle(self, &handled, fault);
    if (err == OK)
        err = write_row(self, &handled, fault);
    const outcome_t outcome = {.skip_reason = self->skip_reason};
    return err == OK ? record(self, &handled, &outcome, &id, fault) : err;
}

static err_t
put_row_of_page(const apply_t *self, const checked_t *checked, fault_t *fault)
{
    const bytes_t row = checked->change->data;
    const err_t err = table_upsert(checked->table, row, fault);
    return err == OK ? written_check(self->overlay.db, checked->table, row, fault) : err;
}

static err_t
place(apply_t *self, const checked_t *checked, fault_t *fault)
{
    const char *id = NULL;
    checked_t handled = *checked;
    err_t err = handle(self, &handled, fault);
    const outcome_t skipped = {.skip_reason = self->skip_reason};
    if (err == OK && self->skip_reason != NULL)
        err = record(self, &handled, &skipped, &id, fault);
    else if (err == OK)
        err = is_covered(self, &handled) ? write_version(self, &handled, fault)
                                         : put_row_of_page(self, &handled, fault);
    return err == OK ? held_pass(self, checked->table, checked->key, fault) : err;
}

err_t
rows_rewrite(apply_t *self, const checked_t *checked, fault_t *fault)
{
    checked_t handled = *checked;
    err_t err = handle(self, &handled, fault);
    if (err == OK && self->skip_reason == NULL)
        err = write_version(self, &handled, fault);
    return err == OK ? look_for_parents(self, &handled, fault) : err;
}

static err_t
try_or_set_aside(apply_t *self, const checked_t *checked, trial_fn *write, fault_t *fault)
{
    const char *id = NULL;
    fault_t cause = {0};
    const outcome_t failed = {.failure = &cause};
    err_t err = trial_run(self, checked, write, &cause, fault);
    if (err != OK || cause.err == OK)
        return err;
    self->skip_reason = "it is set aside";
    err = record(self, checked, &failed, &id, fault);
    return err == OK ? held_put(self, checked, id, &cause, fault) : err;
}

err_t
rows_decide(apply_t *self, const server_changes_t *stretch, size_t i, checked_t *checked,
            fault_t *fault)
{
    self->decided = NULL;
    if (i >= stretch->n_decisions)
        return OK;
    const row_decision_t *decision = &stretch->decisions[i];
    if (decision->skip != NULL && decision->skip[0] != '\0') {
        self->decided = arena_text(self->report.arena, decision->skip);
        return OK;
    }
    if (decision->data.size == 0 || checked->deletes)
        return OK;
    const err_t err = take_row(self, checked, decision->data, fault);
    return err == OK ? OK
                     : fault_set(fault, ERR_INVALID_CHANGE, "the plug-in of table %s: %s",
                                 table_name(checked->table),
                                 arena_text(self->report.arena, fault->text));
}

err_t
rows_apply(apply_t *self, const checked_t *checked, applied_t *applied, fault_t *fault)
{
    const err_t err = self->careful ? try_or_set_aside(self, checked, write_change, fault)
                                    : write_change(self, checked, fault);
    applied->changed += self->skip_reason == NULL;
    applied->skipped += self->skip_reason != NULL;
    return err;
}

err_t
rows_place(apply_t *self, const checked_t *checked, fault_t *fault)
{
    return self->careful ? try_or_set_aside(self, checked, place, fault)
                         : place(self, checked, fault);
}
