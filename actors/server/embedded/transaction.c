#include "actors/server/embedded/transaction.h"

#include "actors/server/change_log.h"
#include "actors/server/client_changes/errors.h"
#include "actors/server/embedded/derived.h"
#include "actors/server/embedded/executor.h"
#include "actors/server/embedded/ledger.h"
#include "actors/server/embedded/permission.h"

#include <stdio.h>
#include <string.h>

static bool
is(const verdict_t *verdict, const char *name)
{
    return strcmp(verdict->verdict, name) == 0;
}

/*  --------------------------------------------------------------- the server's row  */

/*  Gives the client the server's row; with sent, only if it is not what the client has. A rule
    of the database may throw a written row away, or bring a deleted one back: then the
    client's row gives way to the server's. A row that the user may not read, or not any more,
    is none for the client: so it goes away there.  */
static err_t
attach_row(const work_t *work, const validated_t *validated, const bytes_t *sent,
           verdict_t *verdict, fault_t *fault)
{
    buffer_t row = {0};
    bytes_t shown = {0};
    bool found = false;
    err_t err = table_read(validated->table, validated->key, &row, &found, fault);
    const bool inserted = validated->operation == OPERATION_INSERT;
    const bool deleted = validated->operation == OPERATION_DELETE;
    if (err == OK && found)
        err = permission_show(work, validated->table, buffer_bytes(&row), &shown, fault);
    const bool visible = shown.size > 0;
    if (err == OK && visible && (sent == NULL || decisions_differs(*sent, shown, inserted)))
        verdict->row = arena_bytes(work->arena, shown);
    if (err == OK && visible == deleted && is(verdict, "applied"))
        verdict->verdict = "merged";
    buffer_release(&row);
    return err;
}

/*  A change that names no row of ours has nothing to be given.  */
static err_t
attach_row_named(const work_t *work, const client_change_t *change, verdict_t *verdict,
                 fault_t *fault)
{
    validated_t validated = {0};
    const err_t err = validator_find(work, change, &validated, fault);
    if (err != OK)
        return errors_is_verdict(err) ? OK : err;
    const bool has_it = verdict->first && strcmp(verdict->first, "applied") == 0
                        && validated.operation != OPERATION_DELETE;
    return attach_row(work, &validated, has_it ? &change->data : NULL, verdict, fault);
}

static err_t
set_mark(const work_t *work, mark_t *mark, fault_t *fault)
{
    *mark = (mark_t){.err = fault->err, .text = arena_text(work->arena, fault->text)};
    return fault_set(fault, ERR_REFUSED, "a rule of the database rolled everything back");
}

/*  ----------------------------------------------------------------- one change  */

/*  A rule of the database may have left the row as it was.  */
static err_t
apply(const work_t *work, const client_change_t *change, const validated_t *validated,
      verdict_t *verdict, fault_t *fault)
{
    bool written = false;
    verdict->verdict = "applied";
    verdict->message =
        decisions_note_clock(change, validated->updated_at, work->wall_ms, work->arena);
    err_t err = executor_apply(work, change, validated, &written, fault);
    if (err == OK)
        err = permission_after(work, change, validated, fault);
    if (err != OK)
        return err;
    if (!written)
        verdict->verdict = "merged";
    const bool has_it = written && validated->operation != OPERATION_DELETE;
    return attach_row(work, validated, has_it ? &change->data : NULL, verdict, fault);
}

/*  lsn: the position that it gets if it is applied.  */
static err_t
judge(const work_t *work, const client_change_t *change, uint64_t lsn, verdict_t *verdict,
      fault_t *fault)
{
    bool fresh = false;
    validated_t validated = {0};
    *verdict = (verdict_t){.id = change->id, .verdict = "duplicate"};
    err_t err = ledger_claim(work, change, lsn, &fresh, fault);
    if (err != OK || !fresh)
        return err;
    err = decisions_check_fields(change, fault);
    if (err == OK)
        err = permission_before(work, change, fault);
    if (err == OK)
        err = validator_check(work, change, &validated, fault);
    if (err != OK)
        return err;
    if (validated.decision == DECISION_APPLY)
        return apply(work, change, &validated, verdict, fault);
    verdict->verdict = "merged";
    return attach_row(work, &validated, NULL, verdict, fault);
}

/*  ------------------------------------------------------------- all of them, or none  */

/*  Most changes log one row each, their own. More of them come from triggers of the
   application, which may also run for a change that is merged in the end: that may have none of
   its own.  */
static err_t
may_be_derived(const work_t *work, const transaction_t *self, bool *derived, fault_t *fault)
{
    logged_t logged = {0};
    bool merged = false;
    const err_t err = executor_count_logged(work->db, &logged, fault);
    for (size_t i = 0; i < self->n; i++)
        merged = merged || is(&self->verdicts[i], "merged");
    *derived = err == OK && (logged.rows > logged.changes || (merged && logged.rows > 0));
    return err;
}

static err_t
list_written(const work_t *work, const transaction_t *self, derived_change_t *written,
             size_t *n, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n; i++) {
        validated_t validated = {0};
        if (is(&self->verdicts[i], "duplicate"))
            continue;
        err = validator_find(work, &self->changes[i], &validated, fault);
        if (err == OK)
            written[(*n)++] = (derived_change_t){.id = self->changes[i].id,
                                                 .table = table_name(validated.table),
                                                 .key = validated.key_text,
                                                 .place = i};
    }
    return err;
}

static err_t
give_back(const work_t *work, const transaction_t *self, size_t i, fault_t *fault)
{
    validated_t validated = {0};
    const err_t err = validator_find(work, &self->changes[i], &validated, fault);
    return err == OK ? attach_row(work, &validated, NULL, &self->verdicts[i], fault) : err;
}

static err_t
disown_derived(const work_t *work, const transaction_t *self, fault_t *fault)
{
    bool derived = false;
    size_t n = 0;
    err_t err = may_be_derived(work, self, &derived, fault);
    if (!derived)
        return err;
    derived_change_t *written = arena_new(work->arena, self->n * sizeof *written);
    err = list_written(work, self, written, &n, fault);
    if (err == OK)
        err = derived_disown(work, written, n, fault);
    for (size_t i = 0; err == OK && i < n; i++)
        if (written[i].again)
            err = give_back(work, self, written[i].place, fault);
    return err;
}

/*  *guilty is the change that failed. A deferred foreign key is owed by the first change
    since which something was always owed.  */
static err_t
judge_all(const work_t *work, const transaction_t *self, uint64_t lsn, size_t *guilty,
          fault_t *fault)
{
    size_t suspect = 0;
    for (*guilty = 0; *guilty < self->n; ++*guilty) {
        const mark_t *mark = &self->marks[*guilty];
        if (mark->err != OK)
            return fault_set(fault, mark->err, "%s", mark->text);
        const err_t err =
            judge(work, &self->changes[*guilty], lsn, &self->verdicts[*guilty], fault);
        if (err != OK)
            return err;
        if (!executor_owes_keys(work->db))
            suspect = *guilty + 1;
    }
    if (suspect == self->n)
        return disown_derived(work, self, fault);
    *guilty = suspect;
    return fault_set(fault, ERR_RULE_VIOLATION, "FOREIGN KEY constraint failed");
}

/*  fault says what the guilty one did.  */
static err_t
reject_all(const work_t *work, const transaction_t *self, uint64_t lsn, size_t guilty,
           fault_t *fault)
{
    const err_t cause = fault->err;
    const char *text = arena_text(work->arena, fault->text);
    err_t err = OK;
    db_rollback_to(work->db, "txn");
    for (size_t i = 0; err == OK && i < self->n; i++) {
        bool fresh = false;
        verdict_t *verdict = &self->verdicts[i];
        *verdict = (verdict_t){.id = self->changes[i].id, .verdict = "duplicate"};
        err = ledger_claim(work, &self->changes[i], lsn, &fresh, fault);
        if (err != OK || !fresh)
            continue;
        if (i == guilty)
            errors_reject(verdict, cause, text);
        else
            errors_reject_along(verdict);
        err = attach_row_named(work, &self->changes[i], verdict, fault);
    }
    return err;
}

/*  ---------------------------------------------------------------------- the ledger  */

static bool
is_as_claimed(const verdict_t *verdict, uint64_t claimed)
{
    return is(verdict, "applied") && verdict->lsn == claimed && !verdict->code
           && !verdict->message;
}

static err_t
record_new(const work_t *work, const transaction_t *self, uint64_t lsn, uint64_t claimed,
           fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n; i++) {
        verdict_t *verdict = &self->verdicts[i];
        if (is(verdict, "duplicate"))
            continue;
        verdict->lsn = lsn;
        if (is_as_claimed(verdict, claimed))
            continue;
        err = ledger_record(work, &self->changes[i], verdict, fault);
        if (err == OK && errors_is_rejected(verdict))
            err = ledger_keep_rejected(work, &self->changes[i], verdict, fault);
    }
    return err;
}

/*  After record_new(): the first one may stand in the same transaction.  */
static err_t
recall_duplicates(const work_t *work, const transaction_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->n; i++) {
        verdict_t *verdict = &self->verdicts[i];
        if (!is(verdict, "duplicate"))
            continue;
        err = ledger_recall(work, &self->changes[i], verdict, fault);
        if (err == OK)
            err = attach_row_named(work, &self->changes[i], verdict, fault);
    }
    return err;
}

err_t
transaction_judge(const work_t *work, const transaction_t *self, uint64_t *lsn, fault_t *fault)
{
    size_t guilty = 0;
    const uint64_t claimed = *lsn + 1;
    err_t err = self->hasty ? OK : db_savepoint(work->db, "txn", fault);
    if (err != OK)
        return err;
    err = judge_all(work, self, claimed, &guilty, fault);
    if (errors_is_verdict(err) && sqlite3_get_autocommit(db_handle(work->db)))
        return set_mark(work, &self->marks[guilty], fault);
    if (errors_is_verdict(err) && self->hasty)
        return err;
    if (errors_is_verdict(err))
        err = reject_all(work, self, claimed, guilty, fault);
    if (err == OK)
        err = change_log_seal(work->db, lsn, fault);
    if (err == OK)
        err = record_new(work, self, *lsn, claimed, fault);
    if (err == OK)
        err = recall_duplicates(work, self, fault);
    if (err == OK && !self->hasty)
        err = db_release(work->db, "txn", fault);
    return err;
}
