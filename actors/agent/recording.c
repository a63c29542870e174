#include "actors/agent/recording.h"

#include "actors/agent/answers.h"
#include "actors/agent/decisions.h"
#include "actors/agent/retention.h"
#include "actors/common/local_capture.h"

/*  Of the newest decided change and the newest undecided one: both have an index. A change
    that was tried again is decided after newer ones, so its position says nothing.  */
static int64_t
newest_undecided(db_t *db)
{
    return db_number(db, "SELECT max(timestamp) FROM local_changes WHERE processed_sync = 0",
                     0);
}

static int64_t
newest_timestamp(db_t *db)
{
    const int64_t undecided = newest_undecided(db);
    const int64_t decided =
        db_number(db,
                  "SELECT timestamp FROM local_changes WHERE rowid = (SELECT max(rowid)"
                  " FROM local_changes INDEXED BY idx_local_changes_decided"
                  " WHERE from_server = 0 AND lsn IS NOT NULL)",
                  0);
    const int64_t seen = db_number(db, "SELECT clock FROM sync_state", 0);
    const int64_t newest = undecided > decided ? undecided : decided;
    return seen > newest ? seen : newest;
}

err_t
recording_begin(recorder_t *self, fault_t *fault)
{
    self->newest = newest_timestamp(self->db);
    self->handed = (uint64_t) db_number(self->db, "SELECT max(rowid) FROM local_changes", 0);
    self->folds = db_number(self->db,
                            "SELECT 1 FROM local_changes WHERE processed_sync = 0"
                            " AND folded_into IS NOT NULL LIMIT 1",
                            0)
                  != 0;
    return outbox_count(self->db, &self->counts, fault);
}

void
recording_show_counts(const recorder_t *self, ctx_t *ctx)
{
    ctx_set(ctx, METRIC_changes_pending, self->counts.pending);
    ctx_set(ctx, METRIC_changes_failed, self->counts.failed);
    ctx_set(ctx, METRIC_changes_parked, self->counts.parked);
}

err_t
recording_commit(recorder_t *self, ctx_t *ctx, fault_t *fault)
{
    const uint64_t before_us = ctx_now_us(ctx);
    const err_t err = db_commit(self->db, fault);
    ctx_observe(ctx, METRIC_commit_time, ctx_now_us(ctx) - before_us);
    return err;
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
    err = writes_find_earlier(writes, job->body, &job->repeated, &job->fault);
    if (err == OK && !job->repeated)
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
        .settings = ctx_settings(ctx),
    };
    err_t err = catalog_refresh(self->catalog, fault);
    for (size_t i = first; err == OK && i < end; i++)
        if (self->jobs[i].id == MSG_write)
            err = record_job(&writes, &self->jobs[i], fault);
    return err;
}

/*  Another program may have written since the last look; what is recorded now is newer.  */
static err_t
begin_beside_triggers(recorder_t *self, fault_t *fault)
{
    const int64_t newest = newest_undecided(self->db);
    self->newest = newest > self->newest ? newest : self->newest;
    return local_capture_mute(self->db, fault);
}

/*  A hybrid logical clock: the wall's time, but never before an own change, and always after
    whatever version of a row has been seen here. Who edits a row that somebody else has
    written wins against that, whatever the clocks say.  */
static err_t
commit_writes(recorder_t *self, ctx_t *ctx, size_t first, size_t end, fault_t *fault)
{
    const int64_t wall = ctx_wall_ms(ctx);
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    const int64_t after_seen = db_number(self->db, "SELECT clock + 1 FROM sync_state", 0);
    self->newest = wall > self->newest ? wall : self->newest;
    self->newest = after_seen > self->newest ? after_seen : self->newest;
    if (self->capturing.wanted)
        err = begin_beside_triggers(self, fault);
    if (err == OK)
        err = record_jobs(self, ctx, first, end, fault);
    if (err == OK && self->capturing.wanted)
        err = local_capture_unmute(self->db, fault);
    if (err == OK)
        err = recording_commit(self, ctx, fault);
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

/*  ------------------------------------------------------------------------ the round  */

outbox_reader_t
recording_reader(const recorder_t *self, ctx_t *ctx)
{
    return (outbox_reader_t){
        .db = self->db,
        .catalog = self->catalog,
        .arena = ctx_arena(ctx),
        .blocked = self->counts.failed + self->counts.parked > 0,
        .folds = self->folds,
    };
}

/*  Decisions before writes: what stands above a row must not change under a write that was
    made on it. Reads last: they see what the round has done.  */
void
recording_settle(recorder_t *self, ctx_t *ctx)
{
    size_t n_writes = 0;
    for (size_t i = 0; i < self->n_jobs; i++)
        n_writes += self->jobs[i].id == MSG_write;
    decisions_commit(self, ctx);
    if (n_writes > 0)
        write_together(self, ctx);
    answers_give(self, ctx);
    recording_show_counts(self, ctx);
    if (n_writes > 0 && self->counts.pending > 0)
        SEND(ctx, "connection-manager", outbox_dirty, .pending = self->counts.pending);
    if (n_writes == 0)
        return;
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
    retention_arm(self, ctx);
}
