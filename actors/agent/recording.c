#include "actors/agent/recording.h"

#include "actors/agent/verdicts.h"

#include <string.h>

/*  Of the newest decided change and the newest undecided one: both have an index. A change
    that was tried again is decided after newer ones, so its position says nothing.  */
static int64_t
newest_timestamp(db_t *db)
{
    const int64_t undecided =
        db_number(db, "SELECT max(timestamp) FROM local_changes WHERE processed_sync = 0", 0);
    const int64_t decided =
        db_number(db,
                  "SELECT timestamp FROM local_changes WHERE rowid = (SELECT max(rowid)"
                  " FROM local_changes INDEXED BY idx_local_changes_decided"
                  " WHERE from_server = 0 AND lsn IS NOT NULL)",
                  0);
    return undecided > decided ? undecided : decided;
}

err_t
recording_begin(recorder_t *self, fault_t *fault)
{
    self->newest = newest_timestamp(self->db);
    return outbox_count(self->db, &self->counts, fault);
}

/*  ------------------------------------------------------------------------- verdicts  */

typedef struct decisions {
    verdicts_t verdicts;
    bool released; /* failed changes are pending again */
} decisions_t;

static bool
is_decision(const job_t *job)
{
    return job->id == MSG_record_verdicts || job->id == MSG_retry_schedule
           || job->id == MSG_retry_due;
}

static size_t
results_of(const job_t *job)
{
    if (job->id == MSG_record_verdicts)
        return ((const record_verdicts_t *) job->body)->n_verdicts;
    if (job->id == MSG_retry_schedule)
        return ((const retry_schedule_t *) job->body)->n_retries;
    return 0;
}

static err_t
decide_verdicts(decisions_t *self, const void *body, fault_t *fault)
{
    const record_verdicts_t *request = body;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_verdicts; i++)
        err = verdicts_record(&self->verdicts, &request->verdicts[i], fault);
    return err;
}

static err_t
decide_plans(decisions_t *self, const void *body, fault_t *fault)
{
    const retry_schedule_t *request = body;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < request->n_retries; i++)
        err = verdicts_plan(&self->verdicts, &request->retries[i], fault);
    return err;
}

static err_t
decide_due(decisions_t *self, const void *body, fault_t *fault)
{
    const retry_due_t *command = body;
    self->released = true;
    return verdicts_release(&self->verdicts, command->now, fault);
}

static err_t (*const deciders[MSG_COUNT])(decisions_t *, const void *, fault_t *) = {
    [MSG_record_verdicts] = decide_verdicts,
    [MSG_retry_schedule] = decide_plans,
    [MSG_retry_due] = decide_due,
};

static err_t
decide_all(recorder_t *self, decisions_t *decisions, fault_t *fault)
{
    err_t err = catalog_refresh(self->catalog, fault);
    for (size_t i = 0; err == OK && i < self->n_jobs; i++)
        if (is_decision(&self->jobs[i]))
            err = deciders[self->jobs[i].id](decisions, self->jobs[i].body, fault);
    return err;
}

/*  The server's word does not answer to our foreign keys: what it takes away or gives back
    is whole only at the end of its stream.  */
static err_t
commit_decisions(recorder_t *self, decisions_t *decisions, fault_t *fault)
{
    err_t err = db_exec(self->db, "PRAGMA foreign_keys = OFF", fault);
    if (err == OK)
        err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = decide_all(self, decisions, fault);
    if (err == OK)
        err = db_commit(self->db, fault);
    else
        db_rollback(self->db);
    return err;
}

static void
blame_decisions(recorder_t *self, ctx_t *ctx, const fault_t *fault)
{
    ctx_log(ctx, LOG_error, "verdicts were not recorded: %s", fault->text);
    for (size_t i = 0; i < self->n_jobs; i++)
        if (is_decision(&self->jobs[i]))
            self->jobs[i].fault = *fault;
}

static void
tell_decisions(recorder_t *self, ctx_t *ctx, const decisions_t *decisions)
{
    const verdicts_t *verdicts = &decisions->verdicts;
    if (verdicts->n_unknown > 0)
        ctx_log(ctx, LOG_warning, "%zu verdicts on changes that were not made here",
                verdicts->n_unknown);
    if (verdicts->n_processed > 0)
        PUBLISH(ctx, changes_processed, .changes = verdicts->processed,
                .n_changes = verdicts->n_processed);
    if (decisions->released)
        ctx_hint(ctx, "connection-manager", MSG_outbox_dirty, "retry",
                 &(outbox_dirty_t){.pending = self->counts.pending});
    if (self->counts.failed > 0)
        SEND(ctx, "retry-manager", outbox_failed, .failed = self->counts.failed);
}

static void
decide(recorder_t *self, ctx_t *ctx, size_t n_results)
{
    fault_t fault = {0};
    fault_t keys = {0};
    outbox_count_t counts = self->counts;
    decisions_t decisions = {
        .verdicts = {
            .overlay = {.db = self->db, .catalog = self->catalog, .arena = ctx_arena(ctx)},
            .now = ctx_wall_ms(ctx),
            .counts = &counts,
            .processed = arena_new(ctx_arena(ctx), (n_results + 1) * sizeof(processed_t)),
        }};
    const err_t err = commit_decisions(self, &decisions, &fault);
    if (db_exec(self->db, "PRAGMA foreign_keys = ON", &keys) != OK)
        ctx_log(ctx, LOG_error, "foreign keys stay off: %s", keys.text);
    if (err != OK) {
        blame_decisions(self, ctx, &fault);
        return;
    }
    self->counts = counts;
    tell_decisions(self, ctx, &decisions);
}

/*  --------------------------------------------------------------------------- writes  */

/*  One savepoint a write: a refused one is rolled back alone.  */
static err_t
record_job(const writes_t *writes, job_t *job, fault_t *fault)
{
    err_t err = db_savepoint(writes->db, "record", fault);
    if (err != OK)
        return err;
    job->fault = (fault_t){0};
    err = writes_record(writes, job->body, job->recorded, &job->fault);
    if (err != OK && !writes_is_refusal(err)) {
        *fault = job->fault;
        return err;
    }
    if (err != OK)
        db_rollback_to(writes->db, "record");
    return db_release(writes->db, "record", fault);
}

static err_t
record_jobs(recorder_t *self, ctx_t *ctx, size_t first, size_t end, fault_t *fault)
{
    const writes_t writes = {
        .db = self->db,
        .catalog = self->catalog,
        .arena = ctx_arena(ctx),
        .timestamp = self->newest,
    };
    err_t err = catalog_refresh(self->catalog, fault);
    for (size_t i = first; err == OK && i < end; i++)
        if (self->jobs[i].id == MSG_write)
            err = record_job(&writes, &self->jobs[i], fault);
    return err;
}

static err_t
commit_writes(recorder_t *self, ctx_t *ctx, size_t first, size_t end, fault_t *fault)
{
    const int64_t wall = ctx_wall_ms(ctx);
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    self->newest = wall > self->newest ? wall : self->newest;
    err = record_jobs(self, ctx, first, end, fault);
    if (err == OK)
        err = db_commit(self->db, fault);
    else
        db_rollback(self->db);
    return err;
}

static void
blame_writes(recorder_t *self, size_t first, size_t end, const fault_t *fault)
{
    for (size_t i = first; i < end; i++)
        if (self->jobs[i].id == MSG_write && self->jobs[i].fault.err == OK)
            self->jobs[i].fault = *fault;
}

/*  A deferred rule of the application is found broken only by the commit: then each write
    is tried alone, to find whose it is.  */
static void
write_alone(recorder_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n_jobs; i++) {
        fault_t fault = {0};
        if (self->jobs[i].id == MSG_write && commit_writes(self, ctx, i, i + 1, &fault) != OK)
            blame_writes(self, i, i + 1, &fault);
    }
}

static void
write_together(recorder_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    const err_t err = commit_writes(self, ctx, 0, self->n_jobs, &fault);
    if (err == ERR_RULE_VIOLATION)
        write_alone(self, ctx);
    else if (err != OK) {
        ctx_log(ctx, LOG_error, "changes were not recorded: %s", fault.text);
        blame_writes(self, 0, self->n_jobs, &fault);
    }
}

/*  -------------------------------------------------------------------------- answers  */

static void
answer_write(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    const write_t *write = job->body;
    const char **ids = arena_new(ctx_arena(ctx), write->n_changes * sizeof *ids);
    for (size_t i = 0; i < write->n_changes; i++)
        ids[i] = job->recorded[i].id;
    ANSWER(ctx, &job->ticket, written, .ids = ids, .n_ids = write->n_changes);
    for (size_t i = 0; i < write->n_changes; i++)
        ctx_publish(ctx, MSG_change_recorded, &job->recorded[i]);
    self->counts.pending += write->n_changes;
}

static void
answer_counts(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    ANSWER(ctx, &job->ticket, verdicts_recorded, .pending = self->counts.pending,
           .failed = self->counts.failed, .parked = self->counts.parked);
}

static outbox_reader_t
reader_of(const recorder_t *self, ctx_t *ctx)
{
    return (outbox_reader_t){
        .db = self->db,
        .catalog = self->catalog,
        .arena = ctx_arena(ctx),
        .blocked = self->counts.failed + self->counts.parked > 0,
    };
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

static void
answer_fetch(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    outbox_batch_t batch = {0};
    const outbox_reader_t reader = reader_of(self, ctx);
    fault.err = outbox_read(&reader, job->body, &batch, &fault);
    batch.pending = self->counts.pending;
    answer_read(ctx, job, MSG_outbox_batch, &batch, &fault);
}

static void
answer_failed(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    failed_batch_t batch = {0};
    const outbox_reader_t reader = reader_of(self, ctx);
    fault.err = outbox_failed(&reader, &batch, &fault);
    answer_read(ctx, job, MSG_failed_batch, &batch, &fault);
}

static void
answer_list(recorder_t *self, ctx_t *ctx, const job_t *job)
{
    fault_t fault = {0};
    changes_page_t page = {0};
    const outbox_reader_t reader = reader_of(self, ctx);
    fault.err = outbox_list(&reader, job->body, &page, &fault);
    answer_read(ctx, job, MSG_changes_page, &page, &fault);
}

/*  NULL: nobody waits for an answer.  */
static void (*const answers[MSG_COUNT])(recorder_t *, ctx_t *, const job_t *) = {
    [MSG_write] = answer_write,           [MSG_record_verdicts] = answer_counts,
    [MSG_retry_schedule] = answer_counts, [MSG_outbox_counts] = answer_counts,
    [MSG_outbox_fetch] = answer_fetch,    [MSG_failed_fetch] = answer_failed,
    [MSG_changes_list] = answer_list,
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

/*  Decisions before writes: what stands above a row must not change under a write that was
    made on it. Reads last: they see what the round has done.  */
void
recording_settle(recorder_t *self, ctx_t *ctx)
{
    size_t n_decisions = 0;
    size_t n_results = 0;
    size_t n_writes = 0;
    for (size_t i = 0; i < self->n_jobs; i++) {
        n_decisions += is_decision(&self->jobs[i]);
        n_results += results_of(&self->jobs[i]);
        n_writes += self->jobs[i].id == MSG_write;
    }
    if (n_decisions > 0)
        decide(self, ctx, n_results);
    if (n_writes > 0)
        write_together(self, ctx);
    answer_jobs(self, ctx);
    if (n_writes > 0 && self->counts.pending > 0)
        SEND(ctx, "connection-manager", outbox_dirty, .pending = self->counts.pending);
    if (n_decisions + n_writes > 0)
        SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
}
