#include "actors/agent/answers.h"

#include "actors/agent/decisions.h"
#include "actors/agent/folding.h"
#include "actors/settings.h"

static void
answer_write(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    const write_t *write = job->body;
    const char **ids = arena_new(ctx_arena(ctx), write->n_changes * sizeof *ids);
    for (size_t i = 0; i < write->n_changes; i++)
        ids[i] = job->recorded[i].id;
    ANSWER(ctx, &job->ticket, written, .ids = ids, .n_ids = write->n_changes);
    if (job->repeated)
        return;
    for (size_t i = 0; i < write->n_changes; i++) {
        ctx_step(ctx, STEP_recorded, ids[i], 0);
        ctx_publish(ctx, MSG_change_recorded, &job->recorded[i]);
    }
    COUNT(ctx, changes_recorded, write->n_changes);
    ctx_observe(ctx, METRIC_record_time, ctx_now_us(ctx) - job->asked_us);
    self->counts.pending += write->n_changes;
}

static void
answer_counts(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    ANSWER(ctx, &job->ticket, verdicts_recorded, .pending = self->counts.pending,
           .failed = self->counts.failed, .parked = self->counts.parked);
}

static void
answer_read(ctx_t *ctx, const job_t *job, message_id_t id, const void *body,
            const fault_t *fault)
{
    if (fault->err == OK)
        ctx_answer(ctx, &job->ticket, id, body);
    else
        ctx_answer_error(ctx, &job->ticket, fault->err, fault->text);
}

/*  Before they are handed out, and never after.  */
static err_t
fold(recorder_t *self, ctx_t *ctx, fault_t *fault)
{
    bool any = false;
    const settings_t *settings = ctx_settings(ctx);
    const outbox_reader_t reader = recording_reader(self, ctx);
    if (!settings->outbox_merge)
        return OK;
    const err_t err = folding_run(&reader, self->handed, &any, fault);
    self->folds = self->folds || any;
    return err;
}

static err_t
read_outbox(recorder_t *self, ctx_t *ctx, const outbox_fetch_t *request, outbox_batch_t *batch,
            fault_t *fault)
{
    outbox_flaws_t flaws = {0};
    err_t err = catalog_refresh(self->catalog, fault);
    if (err == OK)
        err = fold(self, ctx, fault);
    const outbox_reader_t reader = recording_reader(self, ctx);
    if (err == OK)
        err = outbox_read(&reader, request, batch, &flaws, fault);
    if (err == OK && flaws.n > 0)
        decisions_refuse(self, ctx, &flaws);
    self->handed = batch->last > self->handed ? batch->last : self->handed;
    return err;
}

static void
answer_fetch(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    outbox_batch_t batch = {0};
    fault.err = read_outbox(self, ctx, job->body, &batch, &fault);
    batch.pending = self->counts.pending;
    answer_read(ctx, job, MSG_outbox_batch, &batch, &fault);
}

static void
answer_failed(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    failed_batch_t batch = {0};
    const outbox_reader_t reader = recording_reader(self, ctx);
    fault.err = outbox_failed(&reader, &batch, &fault);
    answer_read(ctx, job, MSG_failed_batch, &batch, &fault);
}

static void
answer_list(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    changes_page_t page = {0};
    const outbox_reader_t reader = recording_reader(self, ctx);
    fault.err = outbox_list(&reader, job->body, &page, &fault);
    answer_read(ctx, job, MSG_changes_page, &page, &fault);
}

static void
answer_found(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    change_found_t found = {0};
    const outbox_reader_t reader = recording_reader(self, ctx);
    fault.err = outbox_find(&reader, ((const change_get_t *) job->body)->id, &found, &fault);
    answer_read(ctx, job, MSG_change_found, &found, &fault);
}

static void
answer_awaiting(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    const outbox_reader_t reader = recording_reader(self, ctx);
    waiters_add(&self->waiters, &reader, ctx, &job->ticket, job->body);
}

static void
answer_act(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    (void) self;
    ctx_answer(ctx, &job->ticket, MSG_acted, job->result);
}

/*  NULL: nobody waits for an answer.  */
static void (*const answers[MSG_COUNT])(recorder_t *, ctx_t *, const job_t *) = {
    [MSG_write] = answer_write,
    [MSG_record_verdicts] = answer_counts,
    [MSG_retry_schedule] = answer_counts,
    [MSG_outbox_counts] = answer_counts,
    [MSG_outbox_fetch] = answer_fetch,
    [MSG_failed_fetch] = answer_failed,
    [MSG_changes_list] = answer_list,
    [MSG_change_get] = answer_found,
    [MSG_await_verdicts] = answer_awaiting,
    [MSG_act] = answer_act,
};

static void
answer_jobs(recorder_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n_jobs; i++) {
        const job_t *job = &self->jobs[i];
        if (answers[job->id] == NULL)
            continue;
        if (job->fault.err != OK)
            ctx_answer_error(ctx, &job->ticket, job->fault.err, job->fault.text);
        else
            answers[job->id](self, ctx, job);
    }
}

void
answers_give_late(recorder_t *self, ctx_t *ctx, bool all)
{
    uint64_t next = 0;
    const uint64_t now = ctx_now_ms(ctx);
    const outbox_reader_t reader = recording_reader(self, ctx);
    waiters_answer(&self->waiters, &reader, ctx, all, &next);
    if (next > 0)
        ctx_after(ctx, TIMER_WAITERS, next > now ? next - now : 0);
}

void
answers_give(recorder_t *self, ctx_t *ctx)
{
    answer_jobs(self, ctx);
    if (self->waiters.n > 0)
        answers_give_late(self, ctx, false);
}
