#include "actors/agent/decisions.h"

#include "actors/agent/acts.h"
#include "actors/agent/aside.h"
#include "actors/agent/retention.h"
#include "actors/agent/verdicts.h"
#include "actors/common/local_capture.h"

#include <assert.h>
#include <string.h>

enum { US_PER_MS = 1000 };

typedef struct decisions {
    verdicts_t verdicts;
    const outbox_flaws_t *flaws; /* NULL: decide what the jobs of the round are about */
    bool released;               /* changes are pending again, or held ones may go */
} decisions_t;

static err_t
decide_verdicts(decisions_t *self, job_t *job, fault_t *fault)
{
    const record_verdicts_t *request = job->body;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_verdicts; i++)
        err = verdicts_record(&self->verdicts, &request->verdicts[i], fault);
    return err;
}

static err_t
decide_plans(decisions_t *self, job_t *job, fault_t *fault)
{
    const retry_schedule_t *request = job->body;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_retries; i++)
        err = verdicts_plan(&self->verdicts, &request->retries[i], fault);
    return err;
}

static err_t
decide_due(decisions_t *self, job_t *job, fault_t *fault)
{
    const retry_due_t *command = job->body;
    self->released = true;
    return verdicts_release(&self->verdicts, command->now, fault);
}

/*  One that is refused costs the other jobs nothing: it is refused before it has written.  */
static err_t
decide_act(decisions_t *self, job_t *job, fault_t *fault)
{
    acted_t *acted = arena_new(self->verdicts.overlay.arena, sizeof *acted);
    job->result = acted;
    job->fault = (fault_t){0};
    self->released = true;
    return acts_do(&self->verdicts, job->body, acted, &job->fault, fault);
}

/*  NULL: no decision.  */
static err_t (*const deciders[MSG_COUNT])(decisions_t *, job_t *, fault_t *) = {
    [MSG_record_verdicts] = decide_verdicts,
    [MSG_retry_schedule] = decide_plans,
    [MSG_retry_due] = decide_due,
    [MSG_act] = decide_act,
};

static size_t
count(const recorder_t *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n_jobs; i++)
        n += deciders[self->jobs[i].id] != NULL;
    return n;
}

static err_t
decide_flaws(decisions_t *self, fault_t *fault)
{
    err_t err = OK;
    for (size_t i = 0; err == OK && i < self->flaws->n; i++)
        err = verdicts_refuse(&self->verdicts, self->flaws->items[i].id,
                              self->flaws->items[i].text, fault);
    return err;
}

static err_t
decide_all(recorder_t *self, decisions_t *decisions, fault_t *fault)
{
    err_t err = catalog_refresh(self->catalog, fault);
    if (err == OK && decisions->flaws != NULL)
        return decide_flaws(decisions, fault);
    for (size_t i = 0; err == OK && i < self->n_jobs; i++)
        if (deciders[self->jobs[i].id] != NULL)
            err = deciders[self->jobs[i].id](decisions, &self->jobs[i], fault);
    return err;
}

static err_t
commit(recorder_t *self, ctx_t *ctx, decisions_t *decisions, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    if (self->capturing.wanted)
        err = local_capture_mute(self->db, fault);
    if (err == OK)
        err = decide_all(self, decisions, fault);
    if (err == OK && self->capturing.wanted)
        err = local_capture_unmute(self->db, fault);
    if (err == OK)
        err = recording_commit(self, ctx, fault);
    else
        db_rollback(self->db);
    return err;
}

/*  A trigger that says RAISE(ROLLBACK) takes everything with it, whichever row it was about:
   then no row is touched, and the processor finds out, one by one.  */
static err_t
commit_or_set_aside(recorder_t *self, ctx_t *ctx, decisions_t *decisions, fault_t *fault)
{
    const decisions_t blank = *decisions;
    const err_t err = commit(self, ctx, decisions, fault);
    if (err != ERR_RULE_VIOLATION)
        return err;
    *decisions = blank;
    *decisions->verdicts.counts = self->counts;
    decisions->verdicts.overlay.aside = true;
    return commit(self, ctx, decisions, fault);
}

/*  The server's word does not answer to our foreign keys: what it takes away or gives back
    is whole only at the end of its stream.  */
static err_t
commit_without_keys(recorder_t *self, ctx_t *ctx, decisions_t *decisions, fault_t *fault)
{
    fault_t keys = {0};
    err_t err = db_exec(self->db, "PRAGMA foreign_keys = OFF", fault);
    if (err == OK)
        err = commit_or_set_aside(self, ctx, decisions, fault);
    if (db_exec(self->db, "PRAGMA foreign_keys = ON", &keys) != OK)
        ctx_log(ctx, LOG_error, "foreign keys stay off: %s", keys.text);
    return err;
}

static void
blame(recorder_t *self, ctx_t *ctx, const fault_t *fault)
{
    ctx_log(ctx, LOG_error, "verdicts were not recorded: %s", fault->text);
    for (size_t i = 0; i < self->n_jobs; i++)
        if (deciders[self->jobs[i].id] != NULL)
            self->jobs[i].fault = *fault;
}

static void
say_merged(ctx_t *ctx, const processed_t *processed, const judged_t *judged)
{
    (void) judged;
    ctx_log_change(ctx, LOG_info, processed->id,
                   "change %s was merged: the server had a newer version of its row",
                   processed->id);
}

static void
say_refused(ctx_t *ctx, const processed_t *processed, const judged_t *judged)
{
    ctx_log_change(ctx, LOG_info, processed->id, "change %s came back, attempt %llu: %s: %s",
                   processed->id, (unsigned long long) judged->attempt, processed->code,
                   processed->message);
}

static void
say_parked(ctx_t *ctx, const processed_t *processed, const judged_t *judged)
{
    (void) judged;
    ctx_log_change(ctx, LOG_info, processed->id, "change %s waits for a person: %s",
                   processed->id, processed->message);
}

/*  What each result of a decision means to whoever watches.  */
static const struct {
    const char *result;
    step_name_t step;
    metric_id_t counter; /* METRIC_COUNT: none; else the change has its verdict */
    void (*say)(ctx_t *ctx, const processed_t *processed, const judged_t *judged);
} meanings[] = {
    {"applied", STEP_decided, METRIC_verdicts_applied, NULL},
    {"merged", STEP_decided, METRIC_verdicts_merged, say_merged},
    {"failed", STEP_refused, METRIC_verdicts_refused, say_refused},
    {"parked", STEP_parked, METRIC_COUNT, say_parked},
    {"skipped", STEP_closed, METRIC_COUNT, NULL},
    {"discarded", STEP_closed, METRIC_COUNT, NULL},
};

static void
show_one(ctx_t *ctx, const processed_t *processed, const judged_t *judged, int64_t now)
{
    size_t i = 0;
    while (i < COUNT_OF(meanings) && strcmp(meanings[i].result, processed->result) != 0)
        i++;
    assert(i < COUNT_OF(meanings));
    ctx_step(ctx, meanings[i].step, processed->id, processed->lsn);
    if (meanings[i].say)
        meanings[i].say(ctx, processed, judged);
    if (meanings[i].counter == METRIC_COUNT)
        return;
    ctx_count(ctx, meanings[i].counter, 1);
    ctx_observe(ctx, METRIC_verdict_time,
                now > judged->made ? (uint64_t) (now - judged->made) * US_PER_MS : 0);
}

static void
show(ctx_t *ctx, const verdicts_t *verdicts)
{
    for (size_t i = 0; i < verdicts->n_processed; i++)
        show_one(ctx, &verdicts->processed[i], &verdicts->judged[i], verdicts->now);
    for (size_t i = 0; i < verdicts->n_again; i++)
        ctx_step(ctx, STEP_retried, verdicts->again[i], 0);
}

static void
tell(recorder_t *self, ctx_t *ctx, const decisions_t *decisions)
{
    const verdicts_t *verdicts = &decisions->verdicts;
    if (verdicts->n_unknown > 0)
        ctx_log(ctx, LOG_warning, "%zu verdicts on changes that were not made here",
                verdicts->n_unknown);
    if (verdicts->n_processed > 0)
        PUBLISH(ctx, changes_processed, .changes = verdicts->processed,
                .n_changes = verdicts->n_processed);
    for (size_t i = 0; i < verdicts->n_processed; i++)
        waiters_note(&self->waiters, verdicts->processed[i].id);
    if (decisions->released)
        ctx_hint(ctx, "connection-manager", MSG_outbox_dirty, "retry",
                 &(outbox_dirty_t){.pending = self->counts.pending});
    if (verdicts->any_refused)
        SEND(ctx, "retry-manager", outbox_failed, .failed = self->counts.failed);
}

static void
make_id(void *ctx, char id[UUID_TEXT])
{
    ctx_uuid(ctx, id);
}

static decisions_t
begin(recorder_t *self, ctx_t *ctx, outbox_count_t *counts)
{
    *counts = self->counts;
    return (decisions_t){
        .verdicts = {
            .overlay = {.db = self->db,
                        .catalog = self->catalog,
                        .arena = ctx_arena(ctx),
                        .outside = {.arg = ctx, .new_id = make_id, .now = ctx_wall_ms(ctx)}},
            .now = ctx_wall_ms(ctx),
            .newest = self->newest,
            .folds = self->folds,
            .counts = counts,
        }};
}

/*  The processor tries again what this database refuses of the server.  */
static void
tell_of_held(recorder_t *self, ctx_t *ctx)
{
    uint64_t held = 0;
    fault_t fault = {0};
    if (aside_count(self->db, &held, &fault) != OK)
        ctx_log(ctx, LOG_warning, "what is set aside was not counted: %s", fault.text);
    if (held > 0)
        SEND(ctx, "processor", changes_held, .held = held);
}

/*  False: it came to nothing, and fault says why.  */
static bool
carry_out(recorder_t *self, ctx_t *ctx, decisions_t *decisions, fault_t *fault)
{
    err_t err = catalog_refresh(self->catalog, fault);
    if (err == OK)
        err = catalog_has_foreign_keys(self->catalog)
                  ? commit_without_keys(self, ctx, decisions, fault)
                  : commit_or_set_aside(self, ctx, decisions, fault);
    if (err != OK)
        return false;
    self->counts = *decisions->verdicts.counts;
    show(ctx, &decisions->verdicts);
    tell(self, ctx, decisions);
    tell_of_held(self, ctx);
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
    retention_arm(self, ctx);
    return true;
}

void
decisions_commit(recorder_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    outbox_count_t counts;
    decisions_t decisions = begin(self, ctx, &counts);
    if (count(self) > 0 && !carry_out(self, ctx, &decisions, &fault))
        blame(self, ctx, &fault);
}

void
decisions_refuse(recorder_t *self, ctx_t *ctx, const outbox_flaws_t *flaws)
{
    fault_t fault = {0};
    outbox_count_t counts;
    decisions_t decisions = begin(self, ctx, &counts);
    decisions.flaws = flaws;
    if (!carry_out(self, ctx, &decisions, &fault))
        ctx_log(ctx, LOG_error, "changes that cannot be sent were not refused: %s", fault.text);
}
