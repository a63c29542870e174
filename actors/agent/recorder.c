/*  recorder - the only writer of local changes and of their verdicts.

    Hears  write, changes_list, change_get,
           await_verdicts, act                              from service;
           outbox_fetch, outbox_counts, record_verdicts     from connection-manager;
           failed_fetch, retry_schedule, retry_due          from retry-manager;
           wal_grown, whenever something was applied        from processor;
           and what any other program has written, through triggers (capturing.h).
    Says   change_recorded and changes_processed after the commit; outbox_dirty to
           connection-manager, outbox_failed to retry-manager, changes_held to processor,
           wal_grown to checkpointer.

    Whatever comes in a round is kept until settle(), committed at once, and answered only
    then. A write that is refused costs the others nothing; if the commit fails, everything
    in it is answered with the cause, and nothing was acknowledged.  */

#include "actors/agent/actors.h"
#include "actors/agent/answers.h"
#include "actors/agent/recording.h"
#include "actors/agent/retention.h"
#include "actors/agent/store.h"
#include "actors/settings.h"

#include <stdlib.h>
#include <string.h>

/*  Changes that were pending when the process ended, and those that had failed, are told
    about again: hints may have been lost with it.  */
static err_t
start(void *state, ctx_t *ctx)
{
    recorder_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    err_t err = store_open(settings->agent_db, &self->db, &fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, &fault);
    if (err == OK)
        err = capturing_start(self, ctx, &fault);
    if (err == OK)
        err = recording_begin(self, &fault);
    if (err != OK)
        return ctx_fail(ctx, "%s", fault.text);
    if (self->counts.pending > 0)
        SEND(ctx, "connection-manager", outbox_dirty, .pending = self->counts.pending);
    if (self->counts.failed > 0)
        SEND(ctx, "retry-manager", outbox_failed, .failed = self->counts.failed);
    retention_arm(self, ctx);
    recording_show_counts(self, ctx);
    return OK;
}

/*  -------------------------------------------------------------------- collecting  */

static job_t *
collect(recorder_t *self, message_id_t id, const void *body)
{
    if (self->n_jobs == self->room) {
        self->room = self->room ? self->room * 2 : 64;
        self->jobs = mem_grow(self->jobs, self->room * sizeof *self->jobs);
    }
    job_t *job = &self->jobs[self->n_jobs++];
    *job = (job_t){.id = id, .body = body};
    return job;
}

/*  As it goes to the server, in one frame: one that is too large for that would never get
    there.  */
static size_t
bytes_of(const write_t *write)
{
    size_t bytes = 0;
    for (size_t i = 0; i < write->n_changes; i++) {
        const entry_t *entry = &write->changes[i];
        bytes += entry->data.size + strlen(entry->table) + strlen(entry->id) + CHANGE_OVERHEAD;
    }
    return bytes;
}

static err_t
check_size(ctx_t *ctx, const write_t *write)
{
    const settings_t *settings = ctx_settings(ctx);
    if (write->n_changes == 0)
        return ctx_refuse(ctx, ERR_INVALID_CHANGE,
                          "changes: there are none; give at least one");
    if (write->n_changes > (size_t) settings->outbox_txn_changes)
        return ctx_refuse(ctx, ERR_TOO_LARGE,
                          "changes: %zu in one transaction, and outbox.txn_changes allows %lld;"
                          " split them",
                          write->n_changes, (long long) settings->outbox_txn_changes);
    if (bytes_of(write) > (size_t) settings->outbox_txn_bytes)
        return ctx_refuse(ctx, ERR_TOO_LARGE,
                          "changes: %zu bytes in one transaction, and outbox.txn_bytes allows"
                          " %lld; split them",
                          bytes_of(write), (long long) settings->outbox_txn_bytes);
    return OK;
}

/*  A change has its id before it is tried: a second try is the same change. Who chooses it
    may ask twice.  */
static recorded_t *
name_changes(ctx_t *ctx, const write_t *write)
{
    recorded_t *recorded = arena_new(ctx_arena(ctx), write->n_changes * sizeof *recorded);
    for (size_t i = 0; i < write->n_changes; i++) {
        char id[UUID_TEXT];
        const char *chosen = write->changes[i].change;
        const bool given = chosen != NULL && chosen[0] != '\0';
        ctx_uuid(ctx, id);
        recorded[i].id = given ? chosen : arena_text(ctx_arena(ctx), id);
        ctx_step(ctx, STEP_asked, recorded[i].id, 0);
    }
    return recorded;
}

static err_t
on_write(void *state, ctx_t *ctx, const void *body)
{
    const write_t *write = body;
    const err_t err = check_size(ctx, write);
    if (err != OK)
        return err;
    job_t *job = collect(state, MSG_write, body);
    job->ticket = ctx_ticket(ctx);
    job->asked_us = ctx_now_us(ctx);
    job->recorded = name_changes(ctx, write);
    return OK;
}

static err_t
on_request(void *state, ctx_t *ctx, message_id_t id, const void *body)
{
    collect(state, id, body)->ticket = ctx_ticket(ctx);
    return OK;
}

static err_t
on_record_verdicts(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_record_verdicts, body);
}

static err_t
on_retry_schedule(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_retry_schedule, body);
}

static err_t
on_retry_due(void *state, ctx_t *ctx, const void *body)
{
    (void) ctx;
    (void) collect(state, MSG_retry_due, body);
    return OK;
}

static err_t
on_outbox_fetch(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_outbox_fetch, body);
}

static err_t
on_outbox_counts(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_outbox_counts, body);
}

static err_t
on_failed_fetch(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_failed_fetch, body);
}

static err_t
on_changes_list(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_changes_list, body);
}

static err_t
on_change_get(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_change_get, body);
}

static err_t
on_act(void *state, ctx_t *ctx, const void *body)
{
    return on_request(state, ctx, MSG_act, body);
}

static err_t
on_await_verdicts(void *state, ctx_t *ctx, const void *body)
{
    const err_t err = waiters_check(ctx, body);
    return err == OK ? on_request(state, ctx, MSG_await_verdicts, body) : err;
}

static err_t
on_fd(void *state, ctx_t *ctx, int fd, int ready)
{
    (void) ready;
    capturing_on_fd(state, ctx, fd);
    return OK;
}

static err_t
on_wal_grown(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    retention_arm(state, ctx);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    if (timer == TIMER_CAPTURE_LOOK || timer == TIMER_CAPTURE_AGAIN)
        capturing_on_timer(state, ctx, timer);
    else if (timer == TIMER_RETENTION)
        retention_on_timer(state, ctx);
    else
        answers_give_late(state, ctx, false);
    return OK;
}

/*  ------------------------------------------------------------------------ the end  */

static err_t
settle(void *state, ctx_t *ctx)
{
    recorder_t *self = state;
    capturing_settle(self, ctx);
    recording_settle(self, ctx);
    self->n_jobs = 0;
    return OK;
}

/*  Whoever waits is told what is known.  */
static err_t
drain(void *state, ctx_t *ctx)
{
    answers_give_late(state, ctx, true);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    recorder_t *self = state;
    capturing_stop(&self->capturing, ctx);
    free(self->jobs);
    waiters_release(&self->waiters);
    catalog_close(&self->catalog);
    db_close(&self->db);
}

static const edge_t sends[] = {
    {"connection-manager", MSG_outbox_dirty},
    {"retry-manager", MSG_outbox_failed},
    {"processor", MSG_changes_held},
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_write] = on_write,
    [MSG_record_verdicts] = on_record_verdicts,
    [MSG_retry_schedule] = on_retry_schedule,
    [MSG_retry_due] = on_retry_due,
    [MSG_outbox_fetch] = on_outbox_fetch,
    [MSG_outbox_counts] = on_outbox_counts,
    [MSG_failed_fetch] = on_failed_fetch,
    [MSG_changes_list] = on_changes_list,
    [MSG_change_get] = on_change_get,
    [MSG_await_verdicts] = on_await_verdicts,
    [MSG_act] = on_act,
    [MSG_wal_grown] = on_wal_grown,
};

const actor_class_t recorder = {
    .name = "recorder",
    .summary = "records local changes and what the server decided about them",
    .state_size = sizeof(recorder_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .settle = settle,
    .drain = drain,
    .stop = stop,
};
