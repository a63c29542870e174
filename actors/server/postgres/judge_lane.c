/*  What a lane works on, and what it does about trouble.  */

#include "actors/server/postgres/judge_lane.h"

#include "actors/server/client_changes/errors.h"
#include "actors/server/client_changes/watched.h"
#include "actors/server/postgres/judge_set.h"

#include <string.h>

enum {
    BATCH_CASES = 512,
    MOST_ATTEMPTS = 20, /* for one batch */
    LONE_ATTEMPTS = 5,  /* then one local transaction at a time */
    MOST_TIMEOUTS = 2,  /* in one round: then it is no change's fault */
};

/*  ------------------------------------------------------------------------------ collecting */

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
add_local(judge_batch_t *batch, const judge_lane_t *at, size_t n, judge_set_t *ids)
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
is_met(const judge_lane_t *at, size_t n, const judge_set_t *ids)
{
    const client_changes_t *request = at->round->items[at->item].request;
    for (size_t i = 0; i < n; i++)
        if (judge_set_has(ids, (judge_pair_t){request->changes[at->change + i].id, ""}))
            return true;
    return false;
}

/*  At the next change that is to be decided; false at the end.  */
static bool
find_next(judge_lane_t *self)
{
    const judge_round_t *round = self->round;
    while (self->item < round->n) {
        const judged_t *item = &round->items[self->item];
        if (self->change < item->request->n_changes && !self->stopped[self->item]
            && self->lane_of[self->item] == self->number
            && round->may_go_on(round->arg, item, self->answer_bytes))
            return true;
        self->item++;
        self->change = 0;
    }
    return false;
}

static void
collect(judge_lane_t *self)
{
    judge_batch_t *batch = &self->batch;
    judge_set_t ids = {0};
    const size_t item = self->item;
    const size_t change = self->change;
    batch->n_cases = batch->n_locals = 0;
    batch->careful = false;
    while (find_next(self)) {
        const size_t n =
            decisions_transaction(self->round->items[self->item].request, self->change);
        const bool full = batch->n_cases + n > BATCH_CASES || self->lone > 0;
        if (batch->n_locals > 0 && (full || is_met(self, n, &ids)))
            break;
        add_local(batch, self, n, &ids);
        self->change += n;
    }
    self->item = item;
    self->change = change;
}

/*  A table or a column may be newer than the model.  */
bool
judge_lane_misfits(const judge_lane_t *self)
{
    for (size_t i = 0; self->state != LANE_IDLE && i < self->batch.n_cases; i++)
        if (self->batch.cases[i].misfit == ERR_INVALID_CHANGE)
            return true;
    return false;
}

void
judge_lane_collect(judge_lane_t *self)
{
    self->state = LANE_IDLE;
    self->attempt = 0;
    if (!find_next(self))
        return;
    collect(self);
    self->begun_us = ctx_now_us(self->ctx);
    self->state = LANE_READY;
}

/*  --------------------------------------------------------------------------------- trouble */

/*  Whatever else its session has sent waits for it.  */
static void
stop(judge_lane_t *self, size_t item, const fault_t *fault)
{
    const uint64_t session = self->round->items[item].request->session;
    for (size_t i = item; i < self->round->n; i++)
        if (self->round->items[i].request->session == session)
            self->stopped[i] = true;
    *self->put_off = *fault;
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
is_hopeless(const judge_lane_t *self, err_t err)
{
    return err == ERR_OFFLINE || err == ERR_FULL || err == ERR_READONLY || err == ERR_STOPPED
           || (err == ERR_TIMEOUT && self->timeouts > MOST_TIMEOUTS);
}

/*  Each attempt may have waited for as long as a statement may take.  */
static bool
is_late(const judge_lane_t *self)
{
    const int64_t limit_ms = self->batch.settings->postgres_statement_ms;
    return ctx_now_us(self->ctx) - self->begun_us > 2000 * (uint64_t) limit_ms;
}

/*  Fewer at once: whose fault it is shows when each is alone.  */
static void
go_alone(judge_lane_t *self)
{
    judge_batch_t *batch = &self->batch;
    self->lone = batch->n_locals;
    cut(batch, 1);
}

/*  True: try the batch again, as it is now.  */
static bool
learn(judge_lane_t *self, size_t attempt, const fault_t *fault)
{
    judge_batch_t *batch = &self->batch;
    const bool alone = batch->n_locals == 1;
    const bool known = batch->blamed != JUDGE_NOBODY;
    if (errors_is_verdict(fault->err) && (known || (batch->careful && alone)))
        return mark(batch, known ? batch->blamed : 0, fault);
    if (errors_is_verdict(fault->err) && alone) {
        batch->careful = true;
        return true;
    }
    const bool late = is_late(self);
    if (!alone && (fault->err != ERR_BUSY || late || attempt >= LONE_ATTEMPTS))
        go_alone(self);
    return fault->err == ERR_BUSY && !late ? attempt < MOST_ATTEMPTS : !alone;
}

/*  -------------------------------------------------------------------------------- working  */

static void
note_done(judge_lane_t *self)
{
    const judge_batch_t *batch = &self->batch;
    for (size_t i = 0; i < batch->n_cases; i++) {
        const verdict_t *verdict = batch->cases[i].verdict;
        self->answer_bytes += verdict->row.size;
        watched_judged(self->ctx, verdict, 1);
    }
    self->lone -= self->lone < batch->n_locals ? self->lone : batch->n_locals;
}

/*  With the batch as it is now, to the next.  */
static void
pass_on(judge_lane_t *self)
{
    const judge_local_t *last = &self->batch.locals[self->batch.n_locals - 1];
    ctx_observe(self->ctx, METRIC_commit_time, ctx_now_us(self->ctx) - self->begun_us);
    self->item = last->item;
    self->change = last->begins + last->n;
    judge_lane_collect(self);
}

/*  What takes too long, or waits for somebody else's lock, holds up its session; what stands
    before it is done first. False: it is not known which it is.  */
static bool
set_aside(judge_lane_t *self, const fault_t *fault)
{
    judge_batch_t *batch = &self->batch;
    if (fault->err != ERR_TIMEOUT || batch->blamed == JUDGE_NOBODY)
        return false;
    const size_t number = batch->cases[batch->blamed].local;
    stop(self, batch->locals[number].item, fault);
    if (number > 0) {
        cut(batch, number);
        self->state = LANE_READY;
    } else {
        judge_lane_collect(self);
    }
    return true;
}

/*  What could not be decided alone holds up its session, and nobody else. What another
    transaction was in the way of is tried again when no lane of ours can be that.  */
static err_t
fail(judge_lane_t *self, const fault_t *fault)
{
    judge_batch_undo(&self->batch);
    self->timeouts += fault->err == ERR_TIMEOUT;
    if (is_hopeless(self, fault->err))
        return fault->err;
    if (set_aside(self, fault))
        return OK;
    COUNT(self->ctx, postgres_retries, fault->err == ERR_BUSY);
    if (learn(self, ++self->attempt, fault)) {
        self->state = fault->err == ERR_BUSY ? LANE_PARKED : LANE_READY;
        return OK;
    }
    stop(self, self->batch.locals[self->batch.n_locals - 1].item, fault);
    pass_on(self);
    return OK;
}

err_t
judge_lane_send(judge_lane_t *self, fault_t *fault)
{
    judge_batch_begin(&self->batch);
    self->state = LANE_WAITING;
    return judge_batch_send(&self->batch, fault) == OK ? OK : fail(self, fault);
}

err_t
judge_lane_take(judge_lane_t *self, bool wait, fault_t *fault)
{
    bool complete = false;
    err_t err = judge_batch_take(&self->batch, wait, &complete, fault);
    if (err == OK && !complete)
        return OK;
    if (err == OK && self->batch.stage == STAGE_DONE) {
        note_done(self);
        pass_on(self);
        return OK;
    }
    if (err == OK)
        err = judge_batch_send(&self->batch, fault);
    return err == OK ? OK : fail(self, fault);
}

void
judge_lane_abandon(judge_lane_t *self)
{
    if (self->state == LANE_WAITING) {
        judge_batch_forget(&self->batch);
        pg_disconnect(self->batch.pg);
    }
    self->state = LANE_IDLE;
}
