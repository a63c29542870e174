#include "actors/agent/verdicts.h"

#include "actors/agent/position.h"
#include "schemas/codec.h"

#include <string.h>

static void
make_room(verdicts_t *self)
{
    arena_t *arena = self->overlay.arena;
    if (self->n_processed < self->room)
        return;
    self->room = self->room ? self->room * 2 : 64;
    processed_t *processed = arena_new(arena, self->room * sizeof *processed);
    judged_t *judged = arena_new(arena, self->room * sizeof *judged);
    if (self->n_processed > 0) {
        memcpy(processed, self->processed, self->n_processed * sizeof *processed);
        memcpy(judged, self->judged, self->n_processed * sizeof *judged);
    }
    self->processed = processed;
    self->judged = judged;
}

static void
note(verdicts_t *self, const known_t *known, const processed_t *result)
{
    make_room(self);
    self->judged[self->n_processed] = (judged_t){known->made, known->attempts + 1};
    processed_t *processed = &self->processed[self->n_processed++];
    *processed = *result;
    processed->id = known->id;
    processed->entity_type = known->table;
    processed->entity_id = known->key;
    processed->operation = known->operation;
}

static void
note_again(verdicts_t *self, const char *id)
{
    if (self->n_again == self->again_room) {
        self->again_room = self->again_room ? self->again_room * 2 : 64;
        const char **again = arena_new(self->overlay.arena, self->again_room * sizeof *again);
        if (self->n_again > 0)
            memcpy(again, self->again, self->n_again * sizeof *again);
        self->again = again;
    }
    self->again[self->n_again++] = id;
}

/*  ------------------------------------------------------------------ accepted, refused  */

static void
count_out(verdicts_t *self, const known_t *known)
{
    uint64_t *from = known->pending  ? &self->counts->pending
                     : known->parked ? &self->counts->parked
                                     : &self->counts->failed;
    *from -= *from > 0;
}

/*  The stream will not tell it: transactions of our own are left out. What is older and comes
    later must not undo it.  */
static bool
has_result(const known_t *known, const verdict_t *verdict)
{
    return verdict->row.size > 0 && strcmp(verdict->verdict, "applied") == 0
           && strcmp(known->operation, "delete") != 0;
}

static err_t
accept(verdicts_t *self, const known_t *known, const verdict_t *verdict, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET processed_sync = 1, state = 'done',"
                              " verdict = ?2, lsn = nullif(?3, 0), error = NULL,"
                              " next_attempt = NULL, result = ?4 WHERE rowid = ?1";
    buffer_t row = {0};
    const char *result = NULL;
    count_out(self, known);
    note(self, known, &(processed_t){.result = verdict->verdict, .lsn = verdict->lsn});
    if (has_result(known, verdict) && msgpack_to_json(verdict->row, &row) == OK)
        result = buffer_text(&row);
    const err_t err = db_run(self->overlay.db, sql, NULL, fault, "itut", known->seq,
                             verdict->verdict, verdict->lsn, result);
    buffer_release(&row);
    return err;
}

static const char *
describe_error(const verdicts_t *self, const verdict_t *verdict)
{
    fault_t line;
    (void) fault_set(&line, ERR_REFUSED, "%s: %s", verdict->code, verdict->message);
    return arena_text(self->overlay.arena, line.text);
}

static err_t
refuse(verdicts_t *self, const known_t *known, const verdict_t *verdict, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET state = 'failed', attempts = ?2,"
                              " error = ?3, next_attempt = NULL,"
                              " verdict = coalesce(?4, verdict) WHERE rowid = ?1";
    static const char error_sql[] = "INSERT INTO waybill_errors VALUES (?1, ?2, ?3, ?4, ?5)";
    const bool rejected = strcmp(verdict->verdict, "rejected") == 0;
    const bool put_off = strcmp(verdict->verdict, "retry") == 0;
    count_out(self, known);
    self->counts->failed++;
    self->any_refused = true;
    note(self, known,
         &(processed_t){.result = "failed",
                        .code = verdict->code,
                        .message = verdict->message,
                        .lsn = verdict->lsn});
    /* A server that could not decide has not tried. */
    err_t err = db_run(self->overlay.db, sql, NULL, fault, "iutt", known->seq,
                       known->attempts + !put_off, describe_error(self, verdict),
                       rejected ? "rejected" : NULL);
    if (err == OK)
        err = db_run(self->overlay.db, error_sql, NULL, fault, "tuitt", known->id,
                     known->attempts + 1, self->now, verdict->code, verdict->message);
    return err;
}

/*  decides: it is a verdict, and the row may have to change.  */
static const struct {
    const char *verdict;
    err_t (*record)(verdicts_t *, const known_t *, const verdict_t *, fault_t *);
    bool decides;
} outcomes[] = {
    {"applied", accept, true},
    {"merged", accept, true},
    {"rejected", refuse, true},
    {"retry", refuse, false},
};

/*  A word that we do not know decides nothing: the change is asked about again.  */
static size_t
outcome_of(const char *word)
{
    size_t i = 0;
    while (i + 1 < COUNT_OF(outcomes) && strcmp(outcomes[i].verdict, word) != 0)
        i++;
    return i;
}

/*  Decided before, or refused again while it waits for its retry.  */
static bool
is_old_news(const known_t *known, size_t outcome)
{
    return known->done || (!known->pending && outcomes[outcome].record == refuse);
}

/*  A duplicate counts as its first verdict; what is missing is filled in.  */
static verdict_t
plain(const verdict_t *verdict)
{
    verdict_t plain = *verdict;
    const bool duplicate = strcmp(verdict->verdict, "duplicate") == 0;
    const char *word = duplicate && verdict->first ? verdict->first : verdict->verdict;
    const bool known = strcmp(outcomes[outcome_of(word)].verdict, word) == 0;
    plain.verdict = outcomes[outcome_of(word)].verdict;
    if (plain.code == NULL || plain.code[0] == '\0')
        plain.code = err_name(known ? ERR_REFUSED : ERR_PROTOCOL);
    if (plain.message == NULL || plain.message[0] == '\0')
        plain.message =
            known ? "the server gave no reason" : "the server gave no known verdict";
    return plain;
}

/*  A row that does not fit our table cannot be written; the stream will tell the same.  */
static err_t
check_row(const verdicts_t *self, const known_t *known, const verdict_t *verdict, bytes_t *row,
          fault_t *fault)
{
    const char *key = NULL;
    table_t *table = catalog_table(self->overlay.catalog, known->table);
    *row = (bytes_t){0};
    if (verdict->row.size == 0 || table == NULL)
        return OK;
    const err_t err = table_check(table, verdict->row, self->overlay.arena, &key, fault);
    if (err == OK && strcmp(key, known->key) != 0)
        return fault_set(fault, ERR_PROTOCOL, "verdict on %s: its row is another one",
                         known->id);
    if (err == OK)
        *row = verdict->row;
    return err;
}

/*  A refused change that is tried after all: its row shows it again.  */
static err_t
raise_again(const verdicts_t *self, int64_t seq, const char *table, const char *key,
            fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET verdict = NULL WHERE rowid = ?1";
    err_t err = db_run(self->overlay.db, sql, NULL, fault, "i", seq);
    if (err == OK)
        err = overlay_restore(&self->overlay, table, key, fault);
    return err;
}

/*  One whose row shows it no more is tried after all, and then it is decided.  */
static err_t
record_one(verdicts_t *self, const known_t *known, const verdict_t *verdict, size_t outcome,
           fault_t *fault)
{
    err_t err = OK;
    if (!known->undecided && outcomes[outcome].decides)
        err = raise_again(self, known->seq, known->table, known->key, fault);
    return err == OK ? outcomes[outcome].record(self, known, verdict, fault) : err;
}

/*  What was folded into it has gone with it. *last: seq of the last of them.  */
static err_t
record_folded(verdicts_t *self, const known_t *known, const verdict_t *verdict, int64_t *last,
              fault_t *fault)
{
    const size_t outcome = outcome_of(verdict->verdict);
    known_list_t folded = {0};
    err_t err = OK;
    if (self->folds)
        err = known_folded(&self->overlay, known, &folded, fault);
    *last = known->seq;
    for (size_t i = 0; err == OK && i < folded.n; i++) {
        *last = folded.items[i].seq;
        err = record_one(self, &folded.items[i], verdict, outcome, fault);
    }
    return err;
}

err_t
verdicts_record(verdicts_t *self, const verdict_t *given, fault_t *fault)
{
    known_t known;
    bool found = false;
    bytes_t row;
    int64_t last = 0;
    verdict_t verdict = plain(given);
    const size_t outcome = outcome_of(verdict.verdict);
    err_t err = known_find(&self->overlay, verdict.id, &known, &found, fault);
    self->n_unknown += err == OK && !found;
    if (err != OK || !found || is_old_news(&known, outcome))
        return err;
    err = check_row(self, &known, &verdict, &row, fault);
    verdict.row = row;
    if (err == OK)
        err = record_one(self, &known, &verdict, outcome, fault);
    if (err == OK)
        err = record_folded(self, &known, &verdict, &last, fault);
    if (err != OK || !outcomes[outcome].decides)
        return err;
    const decided_t decided = {
        .table = known.table,
        .verdict = verdict.verdict,
        .version = {.key = known.key, .lsn = verdict.lsn, .row = row, .seq = last},
    };
    return overlay_decide(&self->overlay, &decided, fault);
}

/*  The server was never asked, so nothing of it is undone: that is for a person.  */
err_t
verdicts_refuse(verdicts_t *self, const char *id, const char *why, fault_t *fault)
{
    known_t known;
    bool found = false;
    const verdict_t verdict = {
        .id = id, .verdict = "unsent", .code = err_name(ERR_INVALID_CHANGE), .message = why};
    const err_t err = known_find(&self->overlay, id, &known, &found, fault);
    if (err != OK || !found || !known.pending)
        return err;
    return refuse(self, &known, &verdict, fault);
}

/*  -------------------------------------------------------------------------- retries  */

static void
park(verdicts_t *self, const known_t *known)
{
    const char *colon = strstr(known->error, ": ");
    const size_t size = colon ? (size_t) (colon - known->error) : 0;
    self->counts->failed -= self->counts->failed > 0;
    self->counts->parked++;
    note(self, known,
         &(processed_t){.result = "parked",
                        .code = arena_text_of(self->overlay.arena, known->error, size),
                        .message = colon ? colon + 2 : known->error});
}

static err_t
plan_one(verdicts_t *self, const known_t *known, int64_t next_attempt, fault_t *fault)
{
    static const char sql[] =
        "UPDATE local_changes SET state = ?2, next_attempt = nullif(?3, 0)"
        " WHERE rowid = ?1";
    const bool parks = next_attempt == 0;
    if (known->done || known->pending || known->parked)
        return OK;
    if (parks)
        park(self, known);
    return db_run(self->overlay.db, sql, NULL, fault, "iti", known->seq,
                  parks ? "parked" : "failed", next_attempt);
}

err_t
verdicts_plan(verdicts_t *self, const retry_t *retry, fault_t *fault)
{
    known_t known;
    known_list_t folded = {0};
    bool found = false;
    err_t err = known_find(&self->overlay, retry->id, &known, &found, fault);
    if (err != OK || !found)
        return err;
    err = plan_one(self, &known, retry->next_attempt, fault);
    if (err == OK && self->folds)
        err = known_folded(&self->overlay, &known, &folded, fault);
    for (size_t i = 0; err == OK && i < folded.n; i++)
        err = plan_one(self, &folded.items[i], retry->next_attempt, fault);
    return err;
}

typedef struct due {
    int64_t seq;
    const char *id, *table, *key;
} due_t;

/*  All at once: rows are not written under the statement that reads them.  */
static err_t
find_due(const verdicts_t *self, int64_t now, due_t **due, size_t *n, fault_t *fault)
{
    static const char sql[] =
        "SELECT rowid, entity_type, entity_id, count(*) OVER (), id"
        " FROM local_changes INDEXED BY idx_local_changes_refused"
        " WHERE state IN ('failed', 'parked') AND processed_sync = 0 AND from_server = 0"
        " AND state = 'failed' AND next_attempt <= ?1 ORDER BY rowid";
    err_t err = OK;
    arena_t *arena = self->overlay.arena;
    sqlite3_stmt *rows = db_query(self->overlay.db, sql, fault, "i", now);
    for (*n = 0; db_step(self->overlay.db, rows, &err, fault); (*n)++) {
        if (*n == 0)
            *due = arena_new(arena, (size_t) sqlite3_column_int64(rows, 3) * sizeof **due);
        (*due)[*n] = (due_t){.seq = sqlite3_column_int64(rows, 0),
                             .id = arena_text(arena, column_text(rows, 4)),
                             .table = arena_text(arena, column_text(rows, 1)),
                             .key = arena_text(arena, column_text(rows, 2))};
    }
    return err;
}

err_t
verdicts_release(verdicts_t *self, int64_t due, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET state = 'pending', next_attempt = NULL"
                              " WHERE rowid = ?1";
    due_t *rows = NULL;
    size_t n = 0;
    err_t err = find_due(self, due, &rows, &n, fault);
    for (size_t i = 0; err == OK && i < n; i++) {
        err = db_run(self->overlay.db, sql, NULL, fault, "i", rows[i].seq);
        if (err == OK)
            err = raise_again(self, rows[i].seq, rows[i].table, rows[i].key, fault);
        note_again(self, rows[i].id);
    }
    if (err != OK)
        return err;
    self->counts->pending += n;
    self->counts->failed -= n < self->counts->failed ? n : self->counts->failed;
    return OK;
}

/*  ------------------------------------------------------------------ acts of a person  */

/*  Who wants it sent again has seen the server's row: it is made on that one now, and not
    stale.  */
err_t
verdicts_resume(verdicts_t *self, const known_t *known, fault_t *fault)
{
    static const char sql[] = "UPDATE local_changes SET state = 'pending', attempts = 0,"
                              " next_attempt = NULL, base = (SELECT lsn FROM sync_state)"
                              " WHERE rowid = ?1";
    count_out(self, known);
    note_again(self, known->id);
    self->counts->pending++;
    const err_t err = db_run(self->overlay.db, sql, NULL, fault, "i", known->seq);
    return err == OK ? raise_again(self, known->seq, known->table, known->key, fault) : err;
}

/*  It may be the newest change there is, and nothing else would remember its time.  */
err_t
verdicts_give_up(verdicts_t *self, const known_t *known, const char *verdict,
                 const char *reason, fault_t *fault)
{
    static const char sql[] =
        "UPDATE local_changes SET state = 'done', processed_sync = 1, verdict = ?2,"
        " skip_reason = nullif(?3, ''), next_attempt = NULL WHERE rowid = ?1";
    count_out(self, known);
    note(self, known, &(processed_t){.result = verdict, .message = reason});
    err_t err = db_run(self->overlay.db, sql, NULL, fault, "itt", known->seq, verdict, reason);
    if (err == OK)
        err = overlay_give_up(&self->overlay, known->table, known->key, fault);
    return err == OK ? position_see(self->overlay.db, self->newest, fault) : err;
}
