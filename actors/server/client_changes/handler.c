/*  client-changes - judges what clients send and applies it: the only writer of entity
    rows on the server.

    Hears  client_changes   from listener; answered with client_verdicts after the commit.
    Says   log_advanced     to listener; committed to replicator; wal_grown to checkpointer.

    The requests of a round share one transaction. Trouble with the database costs no
    client anything: nothing was decided, and they are asked to send it again. Until they do,
    on a new session, whatever else is under way from them is put off as well: a later change
    of a row must not be applied before an earlier one.  */

#include "actors/server/actors.h"
#include "actors/server/change_log.h"
#include "actors/server/client_changes/errors.h"
#include "actors/server/client_changes/executor.h"
#include "actors/server/client_changes/postponed.h"
#include "actors/server/client_changes/schema.h"
#include "actors/server/client_changes/transaction.h"
#include "actors/server/client_changes/watched.h"
#include "actors/server/clients.h"
#include "actors/server/rules_change.h"
#include "actors/server/watermark.h"
#include "actors/settings.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES = 64 << 20 }; /* of rows that the answers of a round give back, about */

typedef struct submission {
    ticket_t ticket;
    const client_changes_t *request; /* lives as long as the round */
    verdict_t *verdicts;
    mark_t *marks;
    uint64_t taken_us; /* when it came */
    bool hasty;        /* nothing of it is to be rejected, as far as is known */
} submission_t;

typedef struct handler {
    db_t *db;
    catalog_t *catalog;
    rights_t *rights;
    int64_t schema_version;
    submission_t *submissions; /* of this round */
    size_t n, room;
    size_t answer_bytes; /* of this round */
    postponed_t postponed;
} handler_t;

/*  --------------------------------------------------------------------- starting  */

static err_t
open_database(handler_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    char epoch[UUID_TEXT];
    ctx_uuid(ctx, epoch);
    err_t err = db_open(settings->server_db, true, &self->db, fault);
    if (err == OK)
        err = schema_prepare(self->db, settings->server_schema, epoch, fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, fault);
    return err;
}

/*  Its positions will be given out again, to other changes: nobody may go on from where he
    stands.  */
static err_t
begin_another_history(handler_t *self, ctx_t *ctx, fault_t *fault)
{
    char epoch[UUID_TEXT];
    ctx_uuid(ctx, epoch);
    ctx_log(ctx, LOG_warning,
            "the database is an older copy of itself: a new history begins,"
            " and all clients start anew");
    return change_log_rename(self->db, epoch, fault);
}

static err_t
look_for_older_copy(handler_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    log_head_t head;
    bool older = false;
    err_t err = change_log_head(self->db, &head, fault);
    if (err == OK)
        err = watermark_check(settings->server_db, &head, &older, fault);
    return err == OK && older ? begin_another_history(self, ctx, fault) : err;
}

/*  What a foreign writer did while the server was down becomes a position here.  */
static err_t
catch_up(handler_t *self, ctx_t *ctx, fault_t *fault)
{
    uint64_t lsn = 0;
    self->schema_version = -1;
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err =
        schema_follow(self->db, self->catalog, ctx_settings(ctx), &self->schema_version, fault);
    if (err == OK)
        err = change_log_seal(self->db, &lsn, fault);
    if (err == OK)
        err = rules_remember(self->db, ctx_settings(ctx), fault);
    if (err == OK)
        return db_commit(self->db, fault);
    db_rollback(self->db);
    return err;
}

static err_t
start(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    fault_t fault = {0};
    err_t err = open_database(self, ctx, &fault);
    if (err == OK)
        err = rights_open(self->db, self->catalog, ctx_settings(ctx), &self->rights, &fault);
    if (err == OK)
        err = look_for_older_copy(self, ctx, &fault);
    if (err == OK)
        err = catch_up(self, ctx, &fault);
    if (err == OK)
        watched_left_out(ctx, self->catalog);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

/*  -------------------------------------------------------------------- collecting  */

static const char *
user_of(const client_changes_t *request)
{
    return request->user ? request->user : "";
}

static err_t
on_client_changes(void *state, ctx_t *ctx, const void *body)
{
    handler_t *self = state;
    const client_changes_t *request = body;
    fault_t fault = {0};
    if (request->client_id[0] == '\0')
        return ctx_refuse(ctx, ERR_MALFORMED, "field client_id: it must not be empty");
    for (size_t i = 0; i < request->n_changes; i++)
        if (request->changes[i].id == NULL)
            return ctx_refuse(ctx, ERR_MALFORMED, "field changes: change %zu has no id", i);
    const err_t err = clients_check(self->db, request->client_id, user_of(request), &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->submissions = mem_grow(self->submissions, self->room * sizeof *self->submissions);
    }
    self->submissions[self->n++] = (submission_t){
        .ticket = ctx_ticket(ctx),
        .request = request,
        .verdicts = arena_new(ctx_arena(ctx), (request->n_changes + 1) * sizeof(verdict_t)),
        .marks = arena_new(ctx_arena(ctx), (request->n_changes + 1) * sizeof(mark_t)),
        .taken_us = ctx_now_us(ctx),
    };
    return OK;
}

/*  ---------------------------------------------------------------------- deciding  */

/*  From the change first on.  */
static void
put_off(handler_t *self, const submission_t *submission, size_t first, const char *text)
{
    const client_changes_t *request = submission->request;
    for (size_t i = first; i < request->n_changes; i++)
        errors_put_off(&submission->verdicts[i], request->changes[i].id, text);
    postponed_add(&self->postponed, request->session);
}

static size_t
count_bytes(const transaction_t *transaction)
{
    size_t bytes = 0;
    for (size_t i = 0; i < transaction->n; i++)
        bytes += transaction->verdicts[i].row.size;
    return bytes;
}

static err_t
judge_each(handler_t *self, const work_t *work, const submission_t *submission, uint64_t *lsn,
           fault_t *fault)
{
    const client_changes_t *request = submission->request;
    size_t n = 0;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_changes; i += n) {
        if (self->answer_bytes > ANSWER_BYTES
            || postponed_has(&self->postponed, request->session)) {
            put_off(self, submission, i, "the server has too much to answer at once");
            return OK;
        }
        n = transaction_size(request, i);
        const transaction_t transaction = {
            .changes = &request->changes[i],
            .verdicts = &submission->verdicts[i],
            .marks = &submission->marks[i],
            .n = n,
            .hasty = submission->hasty,
        };
        err = transaction_judge(work, &transaction, lsn, fault);
        self->answer_bytes += count_bytes(&transaction);
    }
    return err;
}

/*  A savepoint costs a copy of each page written after it, so there is one for all of them, as
    long as nothing is to be rejected.  */
static err_t
judge_submission(handler_t *self, const work_t *work, submission_t *submission, uint64_t *lsn,
                 fault_t *fault)
{
    const uint64_t before = *lsn;
    const size_t answer_bytes = self->answer_bytes;
    err_t err = db_savepoint(self->db, "submission", fault);
    if (err != OK)
        return err;
    submission->hasty = true;
    err = judge_each(self, work, submission, lsn, fault);
    if (errors_is_verdict(err)) {
        db_rollback_to(self->db, "submission");
        *lsn = before;
        self->answer_bytes = answer_bytes;
        submission->hasty = false;
        err = judge_each(self, work, submission, lsn, fault);
    }
    return err == OK ? db_release(self->db, "submission", fault) : err;
}

/*  Foreign keys are looked at when a local transaction is complete: a trigger or a cascade at
    the client may have recorded a child before its parent. It ends with this transaction.  */
static err_t
defer_keys(const handler_t *self, fault_t *fault)
{
    if (!catalog_has_foreign_keys(self->catalog))
        return OK;
    return db_exec(self->db, "PRAGMA defer_foreign_keys = ON", fault);
}

static err_t
judge_round(handler_t *self, ctx_t *ctx, uint64_t *lsn, fault_t *fault)
{
    work_t work = {
        .db = self->db,
        .catalog = self->catalog,
        .settings = ctx_settings(ctx),
        .rights = self->rights,
        .arena = ctx_arena(ctx),
        .wall_ms = ctx_wall_ms(ctx),
    };
    self->answer_bytes = 0;
    err_t err =
        schema_follow(self->db, self->catalog, ctx_settings(ctx), &self->schema_version, fault);
    if (err == OK)
        err = defer_keys(self, fault);
    if (err == OK)
        err = rights_follow(self->rights, fault);
    if (err == OK)
        err = change_log_seal(self->db, lsn, fault);
    for (size_t i = 0; err == OK && i < self->n; i++) {
        work.client_id = self->submissions[i].request->client_id;
        work.user = user_of(self->submissions[i].request);
        err = judge_submission(self, &work, &self->submissions[i], lsn, fault);
    }
    if (err == OK)
        err = executor_forget_origin(self->db, fault);
    return err;
}

static err_t
commit(handler_t *self, ctx_t *ctx, fault_t *fault)
{
    const uint64_t before_us = ctx_now_us(ctx);
    for (size_t i = 0; i < self->n; i++)
        watched_judged(ctx, self->submissions[i].verdicts,
                       self->submissions[i].request->n_changes);
    const err_t err = db_commit(self->db, fault);
    ctx_observe(ctx, METRIC_commit_time, ctx_now_us(ctx) - before_us);
    return err;
}

static err_t
commit_round(handler_t *self, ctx_t *ctx, uint64_t *lsn, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = judge_round(self, ctx, lsn, fault);
    if (err == OK)
        err = commit(self, ctx, fault);
    else
        db_rollback(self->db);
    if (err != OK)
        self->schema_version = -1; /* triggers may have been rolled back as well */
    return err;
}

/*  Each time that a rule rolls the round back, one more change is known not to be tried.  */
static err_t
decide_round(handler_t *self, ctx_t *ctx, uint64_t *lsn, fault_t *fault)
{
    err_t err = ERR_REFUSED;
    while (err == ERR_REFUSED)
        err = commit_round(self, ctx, lsn, fault);
    return err;
}

static void
put_off_round(handler_t *self, ctx_t *ctx, const fault_t *fault)
{
    const char *text = arena_text(ctx_arena(ctx), err_text(fault->err));
    ctx_log(ctx, LOG_error, "changes of clients were put off: %s", fault->text);
    for (size_t i = 0; i < self->n; i++)
        put_off(self, &self->submissions[i], 0, text);
}

static void
answer_round(handler_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n; i++) {
        const submission_t *submission = &self->submissions[i];
        watched_committed(ctx, submission->verdicts, submission->request->n_changes,
                          submission->taken_us);
        ANSWER(ctx, &submission->ticket, client_verdicts,
               .session = submission->request->session, .verdicts = submission->verdicts,
               .n_verdicts = submission->request->n_changes);
    }
    self->n = 0;
}

static err_t
settle(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    uint64_t lsn = 0;
    fault_t fault = {0};
    if (self->n == 0)
        return OK;
    const err_t err = decide_round(self, ctx, &lsn, &fault);
    if (err != OK)
        put_off_round(self, ctx, &fault);
    answer_round(self, ctx);
    if (err == OK) {
        SEND(ctx, "listener", log_advanced, .lsn = lsn);
        SEND(ctx, "replicator", committed, .lsn = lsn);
        SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
    }
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    (void) ctx;
    free(self->submissions);
    rights_close(&self->rights);
    catalog_close(&self->catalog);
    db_close(&self->db);
}

static const edge_t sends[] = {
    {"listener", MSG_log_advanced},
    {"replicator", MSG_committed},
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_client_changes] = on_client_changes,
};

const actor_class_t client_changes = {
    .name = "client-changes",
    .summary = "judges what clients send and applies it",
    .state_size = sizeof(handler_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .settle = settle,
    .stop = stop,
};
