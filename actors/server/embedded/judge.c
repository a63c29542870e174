/*  The judge of a server whose database is an SQLite file: the only writer of entity rows
   there.

    The requests of a round share one transaction, with one savepoint a request, and one a local
    transaction as soon as something in it is to be rejected.  */

#include "actors/server/judge.h"

#include "actors/server/change_log.h"
#include "actors/server/client_changes/decisions.h"
#include "actors/server/client_changes/errors.h"
#include "actors/server/client_changes/watched.h"
#include "actors/server/clients.h"
#include "actors/server/embedded/executor.h"
#include "actors/server/embedded/transaction.h"
#include "actors/server/rules_change.h"
#include "actors/server/schema.h"
#include "actors/server/watermark.h"

#include <stdlib.h>
#include <string.h>

struct judge {
    db_t *db;
    catalog_t *catalog;
    rights_t *rights;
    int64_t schema_version;
    mark_t **marks;      /* of this round: one each for the changes of each item */
    size_t answer_bytes; /* of this round */
};

/*  --------------------------------------------------------------------- starting  */

static err_t
open_database(judge_t *self, ctx_t *ctx, fault_t *fault)
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
begin_another_history(judge_t *self, ctx_t *ctx, fault_t *fault)
{
    char epoch[UUID_TEXT];
    ctx_uuid(ctx, epoch);
    ctx_log(ctx, LOG_warning,
            "the database is an older copy of itself: a new history begins,"
            " and all clients start anew");
    return change_log_rename(self->db, epoch, fault);
}

static err_t
look_for_older_copy(judge_t *self, ctx_t *ctx, fault_t *fault)
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
catch_up(judge_t *self, ctx_t *ctx, fault_t *fault)
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

/*  So that nobody looks for them on a client in vain.  */
static void
name_left_out(const judge_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < catalog_count(self->catalog); i++) {
        const table_t *table = catalog_at(self->catalog, i);
        if (table_key(table) == NULL)
            ctx_log(
                ctx, LOG_warning,
                "table %s is not synchronised: it has no primary key; give it a PRIMARY KEY",
                table_name(table));
    }
}

static err_t
open_judge(ctx_t *ctx, judge_t **made, fault_t *fault)
{
    judge_t *self = mem_new(sizeof *self);
    *made = self;
    err_t err = open_database(self, ctx, fault);
    if (err == OK)
        err = rights_open(self->db, self->catalog, ctx_settings(ctx), &self->rights, fault);
    if (err == OK)
        err = look_for_older_copy(self, ctx, fault);
    if (err == OK)
        err = catch_up(self, ctx, fault);
    if (err == OK)
        name_left_out(self, ctx);
    return err;
}

static void
close_judge(judge_t **judge)
{
    judge_t *self = *judge;
    if (self == NULL)
        return;
    rights_close(&self->rights);
    catalog_close(&self->catalog);
    db_close(&self->db);
    free(self);
    *judge = NULL;
}

static err_t
check_client(judge_t *self, const char *client_id, const char *user, fault_t *fault)
{
    return clients_check(self->db, client_id, user, fault);
}

/*  ------------------------------------------------------------------- one request  */

static size_t
count_bytes(const transaction_t *transaction)
{
    size_t bytes = 0;
    for (size_t i = 0; i < transaction->n; i++)
        bytes += transaction->verdicts[i].row.size;
    return bytes;
}

typedef struct submission {
    const work_t *work;
    const judge_round_t *round;
    const judged_t *item;
    mark_t *marks;
    bool hasty; /* nothing of it is to be rejected, as far as is known */
} submission_t;

static void
leave_undecided(const judged_t *item, size_t first)
{
    memset(&item->verdicts[first], 0,
           (item->request->n_changes - first) * sizeof *item->verdicts);
}

static err_t
judge_each(judge_t *self, const submission_t *submission, uint64_t *lsn, fault_t *fault)
{
    const judge_round_t *round = submission->round;
    const client_changes_t *request = submission->item->request;
    size_t n = 0;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_changes; i += n) {
        if (!round->may_go_on(round->arg, submission->item, self->answer_bytes)) {
            leave_undecided(submission->item, i);
            return OK;
        }
        n = decisions_transaction(request, i);
        const transaction_t transaction = {
            .changes = &request->changes[i],
            .verdicts = &submission->item->verdicts[i],
            .marks = &submission->marks[i],
            .n = n,
            .hasty = submission->hasty,
        };
        err = transaction_judge(submission->work, &transaction, lsn, fault);
        self->answer_bytes += count_bytes(&transaction);
    }
    return err;
}

/*  A savepoint costs a copy of each page written after it, so there is one for all of them, as
    long as nothing is to be rejected.  */
static err_t
judge_submission(judge_t *self, submission_t *submission, uint64_t *lsn, fault_t *fault)
{
    const uint64_t before = *lsn;
    const size_t answer_bytes = self->answer_bytes;
    err_t err = db_savepoint(self->db, "submission", fault);
    if (err != OK)
        return err;
    submission->hasty = true;
    err = judge_each(self, submission, lsn, fault);
    if (errors_is_verdict(err)) {
        db_rollback_to(self->db, "submission");
        *lsn = before;
        self->answer_bytes = answer_bytes;
        submission->hasty = false;
        err = judge_each(self, submission, lsn, fault);
    }
    return err == OK ? db_release(self->db, "submission", fault) : err;
}

/*  -------------------------------------------------------------------- one round  */

/*  Foreign keys are looked at when a local transaction is complete: a trigger or a cascade at
    the client may have recorded a child before its parent. It ends with this transaction.  */
static err_t
defer_keys(const judge_t *self, fault_t *fault)
{
    if (!catalog_has_foreign_keys(self->catalog))
        return OK;
    return db_exec(self->db, "PRAGMA defer_foreign_keys = ON", fault);
}

static err_t
judge_items(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    work_t work = {
        .db = self->db,
        .catalog = self->catalog,
        .settings = ctx_settings(ctx),
        .rights = self->rights,
        .arena = ctx_arena(ctx),
        .wall_ms = ctx_wall_ms(ctx),
    };
    err_t err = OK;
    for (size_t i = 0; err == OK && i < round->n; i++) {
        const judged_t *item = &round->items[i];
        submission_t submission = {&work, round, item, self->marks[i], true};
        work.client_id = item->request->client_id;
        work.user = item->user;
        err = judge_submission(self, &submission, &round->lsn, fault);
    }
    return err;
}

static err_t
judge_round(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    self->answer_bytes = 0;
    err_t err =
        schema_follow(self->db, self->catalog, ctx_settings(ctx), &self->schema_version, fault);
    if (err == OK)
        err = defer_keys(self, fault);
    if (err == OK)
        err = rights_follow(self->rights, fault);
    if (err == OK)
        err = change_log_seal(self->db, &round->lsn, fault);
    if (err == OK)
        err = judge_items(self, ctx, round, fault);
    if (err == OK)
        err = executor_forget_origin(self->db, fault);
    return err;
}

static err_t
commit(judge_t *self, ctx_t *ctx, const judge_round_t *round, fault_t *fault)
{
    const uint64_t before_us = ctx_now_us(ctx);
    for (size_t i = 0; i < round->n; i++)
        watched_judged(ctx, round->items[i].verdicts, round->items[i].request->n_changes);
    const err_t err = db_commit(self->db, fault);
    ctx_observe(ctx, METRIC_commit_time, ctx_now_us(ctx) - before_us);
    return err;
}

static err_t
commit_round(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = judge_round(self, ctx, round, fault);
    if (err == OK)
        err = commit(self, ctx, round, fault);
    else
        db_rollback(self->db);
    if (err != OK)
        self->schema_version = -1; /* triggers may have been rolled back as well */
    return err;
}

static void
make_marks(judge_t *self, ctx_t *ctx, const judge_round_t *round)
{
    self->marks = arena_new(ctx_arena(ctx), (round->n + 1) * sizeof *self->marks);
    for (size_t i = 0; i < round->n; i++)
        self->marks[i] = arena_new(ctx_arena(ctx), (round->items[i].request->n_changes + 1)
                                                       * sizeof *self->marks[i]);
}

/*  Each time that a rule rolls the round back, one more change is known not to be tried.  */
static err_t
decide(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    err_t err = ERR_REFUSED;
    make_marks(self, ctx, round);
    while (err == ERR_REFUSED)
        err = commit_round(self, ctx, round, fault);
    for (size_t i = 0; err != OK && i < round->n; i++)
        leave_undecided(&round->items[i], 0);
    round->wal_pages = (uint64_t) db_wal_pages(self->db);
    return err;
}

const judge_class_t embedded_judge = {
    .name = "embedded",
    .open = open_judge,
    .close = close_judge,
    .check_client = check_client,
    .decide = decide,
};
