/*  The judge of a server whose database is PostgreSQL.

    Local transactions are decided many at once, in batches (judge_parts.h). When something in a
    batch is to be rejected that only showed when it was written, what stands before it is done
    again and committed with its rejection. What another transaction was in the way of is tried
    again. Trouble that may pass puts off what was not decided.  */

#include "actors/server/judge.h"

#include "actors/server/client_changes/errors.h"
#include "actors/server/client_changes/watched.h"
#include "actors/server/postgres/judge_parts.h"
#include "actors/server/postgres/judge_set.h"
#include "schemas/tables.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH_CASES = 512,
    MOST_ATTEMPTS = 20, /* for one batch */
    LONE_ATTEMPTS = 5,  /* then one local transaction at a time */
    PAUSE_MS = 1000,    /* between attempts to connect */
    MODEL_MS = 200,     /* between looks for a table that is not known */
};

struct judge {
    const settings_t *settings;
    judge_batch_t batch;
    uint64_t connections; /* that the model is of */
    int64_t schema;       /* of the cache, when the model was made */
    uint64_t read_ms, failed_ms;
    fault_t failure; /* of the last attempt to connect */
};

/*  ------------------------------------------------------------------------------ connecting */

/*  Usually the feed has made it, or the administrator, for a role with few rights.  */
static err_t
make_tables(judge_t *self, fault_t *fault)
{
    static const char sql[] = "SELECT to_regclass('waybill.client_changes') IS NOT NULL"
                              " AND to_regclass('waybill.clients') IS NOT NULL"
                              " AND to_regclass('waybill.columns') IS NOT NULL";
    PGresult *result = NULL;
    const err_t err = pg_run(self->batch.pg, sql, &result, fault, "");
    const bool there = err == OK && pg_text_at(result, 0, 0)[0] == 't';
    PQclear(result);
    return err == OK && !there ? pg_exec(self->batch.pg, postgres_sql, fault) : err;
}

static err_t
read_model(judge_t *self, uint64_t now_ms, fault_t *fault)
{
    judge_batch_t *batch = &self->batch;
    self->connections = pg_connections(batch->pg);
    self->schema = judge_seen_schema(batch->seen);
    self->read_ms = now_ms;
    const err_t err = model_read(batch->pg, self->settings, &batch->model, fault);
    if (err != OK)
        self->connections = 0;
    return err;
}

static bool
is_model_old(const judge_t *self)
{
    return self->connections != pg_connections(self->batch.pg)
           || self->schema != judge_seen_schema(self->batch.seen);
}

/*  Trouble is remembered for a while: connecting may take long, and the next round follows at
    once.  */
static err_t
get_ready(judge_t *self, ctx_t *ctx, fault_t *fault)
{
    const uint64_t now_ms = ctx_now_ms(ctx);
    const bool again = self->failure.err == OK || now_ms - self->failed_ms >= PAUSE_MS;
    if (!again) {
        *fault = self->failure;
        return fault->err;
    }
    err_t err = pg_ready(self->batch.pg, fault);
    if (err == OK && self->connections != pg_connections(self->batch.pg))
        err = make_tables(self, fault);
    if (err == OK && is_model_old(self))
        err = read_model(self, now_ms, fault);
    self->failure = err == OK ? (fault_t){0} : *fault;
    self->failed_ms = now_ms;
    return err;
}

/*  A server whose database is down starts nevertheless; one whose settings are wrong does not.
 */
static err_t
open_judge(ctx_t *ctx, judge_t **made, fault_t *fault)
{
    judge_t *self = mem_new(sizeof *self);
    *made = self;
    self->settings = ctx_settings(ctx);
    self->batch.settings = self->settings;
    self->batch.pg = pg_new(self->settings, PG_SQL, "waybill judge");
    self->batch.seen = judge_seen_new(self->settings);
    const err_t err = get_ready(self, ctx, fault);
    return err == OK || err_is_transient(err) ? OK : err;
}

static void
close_judge(judge_t **judge)
{
    judge_t *self = *judge;
    if (self == NULL)
        return;
    model_destroy(&self->batch.model);
    judge_seen_destroy(&self->batch.seen);
    pg_destroy(&self->batch.pg);
    free(self->batch.cases);
    free(self->batch.locals);
    free(self->batch.questions);
    free(self);
    *judge = NULL;
}

/*  --------------------------------------------------------------------------------- clients */

static err_t
check_client(judge_t *self, const char *client_id, const char *user, fault_t *fault)
{
    static const char sql[] = "SELECT 1 FROM waybill.clients WHERE client_id = $1"
                              " AND user_id <> '' AND user_id <> $2";
    int64_t foreign = 0;
    if (user[0] == '\0')
        return OK;
    if (self->failure.err == OK && !pg_is_connected(self->batch.pg))
        return fault_set(fault, ERR_OFFLINE, "the database is out of reach");
    if (self->failure.err != OK) {
        *fault = self->failure;
        return fault->err;
    }
    const err_t err = pg_number(self->batch.pg, sql, &foreign, fault, "tt", client_id, user);
    if (err == OK && foreign != 0)
        return fault_set(fault, ERR_PERMISSION_DENIED,
                         "this client id belongs to another user");
    return err == ERR_PERMISSION_DENIED ? ERR_OFFLINE : err;
}

/*  ------------------------------------------------------------------------------ collecting */

/*  How far a round is.  */
typedef struct progress {
    judge_t *self;
    ctx_t *ctx;
    judge_round_t *round;
    size_t item, change; /* the next one */
    size_t answer_bytes;
    size_t lone;   /* so many local transactions each alone, as something went wrong */
    bool *stopped; /* one an item: the rest of it is put off */
    fault_t fault; /* why */
} progress_t;

static void
add_case(judge_batch_t *batch, const judged_t *item, size_t change, bool repeated)
{
    if (batch->n_cases == batch->cases_room) {
        batch->cases_room = batch->cases_room > 0 ? batch->cases_room * 2 : 256;
        batch->cases = mem_grow(batch->cases, batch->cases_room * sizeof *batch->cases);
    }
    judge_case_t *one = &batch->cases[batch->n_cases++];
    *one = (judge_case_t){.change = &item->request->changes[change],
                          .verdict = &item->verdicts[change],
                          .item = item,
                          .local = batch->n_locals,
                          .repeated = repeated};
    judge_fit(batch, one);
}

static void
add_local(judge_batch_t *batch, const progress_t *at, size_t n, judge_set_t *ids)
{
    const judged_t *item = &at->round->items[at->item];
    if (batch->n_locals == batch->locals_room) {
        batch->locals_room = batch->locals_room > 0 ? batch->locals_room * 2 : 64;
        batch->locals = mem_grow(batch->locals, batch->locals_room * sizeof *batch->locals);
    }
    const judge_local_t local = {
        .item = at->item, .first = batch->n_cases, .n = n, .begins = at->change};
    for (size_t i = 0; i < n; i++) {
        const char *id = item->request->changes[at->change + i].id;
        const bool fresh = judge_set_add(ids, (judge_pair_t){id, ""}, batch->arena);
        add_case(batch, item, at->change + i, !fresh);
    }
    batch->locals[batch->n_locals++] = local;
}

/*  Is one of the next n changes in the batch already, under whatever client?  */
static bool
is_met(const progress_t *at, size_t n, const judge_set_t *ids)
{
    const client_changes_t *request = at->round->items[at->item].request;
    for (size_t i = 0; i < n; i++)
        if (judge_set_has(ids, (judge_pair_t){request->changes[at->change + i].id, ""}))
            return true;
    return false;
}

/*  At the next change that is to be decided; false at the end.  */
static bool
find_next(progress_t *self)
{
    const judge_round_t *round = self->round;
    while (self->item < round->n) {
        const judged_t *item = &round->items[self->item];
        if (self->change < item->request->n_changes && !self->stopped[self->item]
            && round->may_go_on(round->arg, item, self->answer_bytes))
            return true;
        self->item++;
        self->change = 0;
    }
    return false;
}

static void
collect(progress_t *self)
{
    judge_batch_t *batch = &self->self->batch;
    judge_set_t ids = {0};
    progress_t at = *self;
    batch->n_cases = batch->n_locals = 0;
    batch->careful = false;
    while (find_next(&at)) {
        const size_t n = decisions_transaction(at.round->items[at.item].request, at.change);
        const bool full = batch->n_cases + n > BATCH_CASES || self->lone > 0;
        if (batch->n_locals > 0 && (full || is_met(&at, n, &ids)))
            return;
        add_local(batch, &at, n, &ids);
        at.change += n;
    }
}

/*  --------------------------------------------------------------------------------- trouble */

/*  Whatever else its session has sent waits for it.  */
static void
stop(progress_t *self, size_t item, const fault_t *fault)
{
    const uint64_t session = self->round->items[item].request->session;
    for (size_t i = item; i < self->round->n; i++)
        if (self->round->items[i].request->session == session)
            self->stopped[i] = true;
    self->fault = *fault;
}

static void
cut(judge_batch_t *batch, size_t n_locals)
{
    batch->n_locals = n_locals;
    batch->n_cases = batch->locals[n_locals - 1].first + batch->locals[n_locals - 1].n;
}

static const char *
without_prefix(const char *text)
{
    static const char prefix[] = "PostgreSQL: ";
    return strncmp(text, prefix, sizeof prefix - 1) == 0 ? text + sizeof prefix - 1 : text;
}

/*  A row of which the rules cannot be evaluated is asked for without them.  */
static bool
spare_rules(judge_batch_t *batch, size_t guilty)
{
    judge_case_t *one = &batch->cases[guilty];
    const bool looking =
        batch->stage == STAGE_OPEN || batch->stage == STAGE_LOAD || batch->stage == STAGE_LOOK;
    if (!looking || one->table == NULL || !one->table->ruled || one->undecidable)
        return false;
    one->undecidable = true;
    batch->careful = true; /* nobody else is asked for like that */
    return true;
}

/*  Whose key does not even fit its type names no row.  */
static bool
forget_row(judge_batch_t *batch, size_t guilty)
{
    judge_case_t *one = &batch->cases[guilty];
    const bool loading = batch->stage == STAGE_OPEN || batch->stage == STAGE_LOAD;
    if (!loading || one->table == NULL)
        return false;
    one->table = NULL;
    return true;
}

/*  What broke a rule may only have come in the wrong order; if not, that is its rejection.  */
static bool
try_ordered(judge_batch_t *batch, size_t guilty, const fault_t *fault)
{
    const size_t number = batch->cases[guilty].local;
    judge_local_t *local = &batch->locals[number];
    const client_change_t *change = batch->cases[guilty].change;
    if (local->ordered || fault->err != ERR_RULE_VIOLATION || !judge_order(batch, number))
        return false;
    local->ordered = true;
    local->first_fault = *fault;
    local->first_change = change;
    return true;
}

/*  What stands before it is done again, with its rejection at the end. False: it was rejected
    already, and that is what fails.  */
static bool
mark(judge_batch_t *batch, size_t guilty, const fault_t *fault)
{
    const size_t number = batch->cases[guilty].local;
    judge_local_t *local = &batch->locals[number];
    if (spare_rules(batch, guilty))
        return true;
    const bool forgotten = forget_row(batch, guilty);
    if (local->mark != OK)
        return forgotten;
    if (try_ordered(batch, guilty, fault))
        return true;
    const fault_t *why = local->ordered ? &local->first_fault : fault;
    cut(batch, number + 1);
    local->mark = why->err;
    local->mark_text = arena_text(batch->arena, without_prefix(why->text));
    local->mark_change = local->ordered ? local->first_change : batch->cases[guilty].change;
    return true;
}

/*  Of the whole database, not of a change.  */
static bool
is_of_database(err_t err)
{
    return err == ERR_OFFLINE || err == ERR_TIMEOUT || err == ERR_FULL || err == ERR_READONLY
           || err == ERR_STOPPED;
}

/*  Fewer at once: whose fault it is shows when each is alone.  */
static void
go_alone(progress_t *self)
{
    judge_batch_t *batch = &self->self->batch;
    self->lone = batch->n_locals;
    cut(batch, 1);
}

/*  True: try the batch again, as it is now.  */
static bool
learn(progress_t *self, size_t attempt, const fault_t *fault)
{
    judge_batch_t *batch = &self->self->batch;
    const bool alone = batch->n_locals == 1;
    if (is_of_database(fault->err))
        return false;
    const bool known = batch->blamed != JUDGE_NOBODY;
    if (errors_is_verdict(fault->err) && (known || batch->careful))
        return mark(batch, known ? batch->blamed : 0, fault);
    if (errors_is_verdict(fault->err) && alone) {
        batch->careful = true;
        return true;
    }
    if (!alone && (fault->err != ERR_BUSY || attempt >= LONE_ATTEMPTS))
        go_alone(self);
    return fault->err == ERR_BUSY ? attempt < MOST_ATTEMPTS : !alone;
}

/*  --------------------------------------------------------------------------------- deciding
 */

static err_t
run_batch(progress_t *self, fault_t *fault)
{
    judge_batch_t *batch = &self->self->batch;
    err_t err = judge_batch_run(batch, fault);
    for (size_t i = 1; err != OK && learn(self, i, fault); i++) {
        COUNT(self->ctx, postgres_retries, err == ERR_BUSY);
        err = judge_batch_run(batch, fault);
    }
    return err;
}

static void
note_done(progress_t *self)
{
    const judge_batch_t *batch = &self->self->batch;
    for (size_t i = 0; i < batch->n_cases; i++) {
        const verdict_t *verdict = batch->cases[i].verdict;
        self->answer_bytes += verdict->row.size;
        watched_judged(self->ctx, verdict, 1);
    }
    self->lone -= self->lone < batch->n_locals ? self->lone : batch->n_locals;
}

/*  What could not be decided alone holds up its session, and nobody else.  */
static err_t
decide_some(progress_t *self, fault_t *fault)
{
    const judge_batch_t *batch = &self->self->batch;
    const uint64_t before_us = ctx_now_us(self->ctx);
    const err_t err = run_batch(self, fault);
    const judge_local_t *last = &batch->locals[batch->n_locals - 1];
    if (err != OK && is_of_database(err))
        return err;
    ctx_observe(self->ctx, METRIC_commit_time, ctx_now_us(self->ctx) - before_us);
    if (err != OK)
        stop(self, last->item, fault);
    else
        note_done(self);
    self->item = last->item;
    self->change = last->begins + last->n;
    return OK;
}

/*  A table or a column may be newer than the model.  */
static bool
is_misfit(const judge_batch_t *batch)
{
    for (size_t i = 0; i < batch->n_cases; i++)
        if (batch->cases[i].misfit == ERR_INVALID_CHANGE)
            return true;
    return false;
}

static err_t
decide_all(progress_t *self, fault_t *fault)
{
    judge_t *judge = self->self;
    err_t err = OK;
    while (err == OK && find_next(self)) {
        const uint64_t now_ms = ctx_now_ms(self->ctx);
        collect(self);
        if (is_misfit(&judge->batch) && now_ms - judge->read_ms >= MODEL_MS) {
            err = read_model(judge, now_ms, fault);
            if (err == OK)
                collect(self);
        }
        if (err == OK)
            err = decide_some(self, fault);
    }
    if (err == OK && self->fault.err != OK) {
        judge->connections = 0;
        *fault = self->fault;
        err = fault->err;
    }
    return err;
}

static err_t
decide(judge_t *self, ctx_t *ctx, judge_round_t *round, fault_t *fault)
{
    progress_t progress = {
        .self = self,
        .ctx = ctx,
        .round = round,
        .stopped = arena_new(ctx_arena(ctx), (round->n + 1) * sizeof(bool)),
    };
    self->batch.arena = ctx_arena(ctx);
    self->batch.wall_ms = ctx_wall_ms(ctx);
    const err_t err = get_ready(self, ctx, fault);
    return err == OK ? decide_all(&progress, fault) : err;
}

const judge_class_t postgres_judge = {
    .name = "postgres",
    .open = open_judge,
    .close = close_judge,
    .check_client = check_client,
    .decide = decide,
};
