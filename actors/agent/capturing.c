#include "actors/agent/capturing.h"

#include "actors/agent/recording.h"
#include "actors/agent/sealing.h"
#include "actors/common/local_capture.h"
#include "actors/common/wal_watch.h"

#include <string.h>
#include <unistd.h>

enum { AGAIN_MS = 1000 }; /* after trouble with the database */

/*  A commit can be seen a little later than its bytes in the log: the disk comes between. So
    whoever was woken by the bytes looks again, and then rests.  */
static const uint64_t looks_ms[] = {2, 20, 200, 2000};

/*  ------------------------------------------------------------------------ which tables  */

static const char triggers[] = "triggers";

bool
capturing_is_wanted(const settings_t *settings)
{
    bool wanted = strcmp(settings->agent_capture, triggers) == 0;
    for (size_t i = 0; i < settings->n_tables; i++)
        wanted = wanted || strcmp(settings->tables[i].tables_capture, triggers) == 0;
    return wanted;
}

bool
capturing_has(const settings_t *settings, const char *table)
{
    const char *capture = settings_of_table(settings, table)->tables_capture;
    return strcmp(strcmp(capture, "default") == 0 ? settings->agent_capture : capture, triggers)
           == 0;
}

/*  Rows that a table had before it is captured for the first time are recorded as inserted if
    the server cannot have sent them: there was none yet, or the table is new in a database
    whose other tables are captured already. Where an agent changes from one kind of capture to
    the other, they are what both sides have.  */
static err_t
finds_new_rows(db_t *db, bool *adopt, fault_t *fault)
{
    const err_t err = local_capture_any(db, adopt, fault);
    *adopt =
        *adopt || db_number(db, "SELECT count(*) FROM sync_state WHERE epoch <> ''", 0) == 0;
    return err;
}

static err_t
follow_table(table_t *table, bool captured, bool adopt, buffer_t *refused, fault_t *fault)
{
    fault_t reason = {0};
    if (!captured)
        return local_capture_drop(table, fault);
    const err_t err = local_capture_make(table, adopt, &reason);
    if (err == ERR_INVALID_CHANGE && refused)
        buffer_add_format(refused, "%s%s", refused->size > 0 ? "; " : "", reason.text);
    if (err != OK && err != ERR_INVALID_CHANGE)
        *fault = reason;
    return err == ERR_INVALID_CHANGE ? OK : err;
}

err_t
capturing_follow(catalog_t *catalog, db_t *db, const settings_t *settings, buffer_t *refused,
                 fault_t *fault)
{
    bool adopt = false;
    err_t err = catalog_refresh(catalog, fault);
    if (err == OK)
        err = finds_new_rows(db, &adopt, fault);
    for (size_t i = 0; err == OK && i < catalog_count(catalog); i++) {
        table_t *table = catalog_at(catalog, i);
        err = follow_table(table, capturing_has(settings, table_name(table)), adopt, refused,
                           fault);
    }
    return err == OK ? catalog_refresh(catalog, fault) : err;
}

/*  ---------------------------------------------------------------------------- following  */

static int64_t
schema_version(recorder_t *recorder)
{
    return db_number(recorder->db, "PRAGMA schema_version", -1);
}

static err_t
follow(recorder_t *recorder, ctx_t *ctx, fault_t *fault)
{
    buffer_t refused = {0};
    if (schema_version(recorder) == recorder->capturing.schema_version)
        return OK;
    const err_t err =
        capturing_follow(recorder->catalog, recorder->db, ctx_settings(ctx), &refused, fault);
    if (err == OK)
        recorder->capturing.schema_version = schema_version(recorder);
    if (err == OK && refused.size > 0)
        ctx_log(ctx, LOG_warning, "%s", buffer_text(&refused));
    buffer_release(&refused);
    return err;
}

static err_t
seal(recorder_t *recorder, ctx_t *ctx, sealing_t *sealing, fault_t *fault)
{
    err_t err = db_begin(recorder->db, fault);
    if (err != OK)
        return err;
    if (recorder->capturing.wanted)
        err = follow(recorder, ctx, fault);
    if (err == OK)
        err = sealing_run(sealing, fault);
    if (err == OK)
        return db_commit(recorder->db, fault);
    db_rollback(recorder->db);
    return err;
}

static void
tell(recorder_t *recorder, ctx_t *ctx, const sealing_t *sealing)
{
    const settings_t *settings = ctx_settings(ctx);
    if (sealing->n_cut > 0)
        ctx_log(ctx, LOG_warning,
                "a transaction of another program is larger than outbox.txn_changes or"
                " outbox.txn_bytes allow, %lld and %lld; it is sent and judged in pieces",
                (long long) settings->outbox_txn_changes,
                (long long) settings->outbox_txn_bytes);
    if (sealing->n_parked > 0)
        ctx_log(ctx, LOG_warning,
                "%zu changes of another program are too large to be sent; see `waybill changes"
                " --parked`",
                sealing->n_parked);
    COUNT(ctx, changes_recorded, sealing->n_changes);
    for (size_t i = 0; i < sealing->n_changes; i++) {
        ctx_step(ctx, STEP_captured, sealing->changes[i].id, 0);
        ctx_publish(ctx, MSG_change_recorded, &sealing->changes[i]);
    }
    if (recorder->counts.pending > 0)
        SEND(ctx, "connection-manager", outbox_dirty, .pending = recorder->counts.pending);
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(recorder->db));
}

static void
seal_and_tell(recorder_t *recorder, ctx_t *ctx)
{
    fault_t fault = {0};
    const settings_t *settings = ctx_settings(ctx);
    sealing_t sealing = {
        .db = recorder->db,
        .arena = ctx_arena(ctx),
        .max_changes = (size_t) settings->outbox_txn_changes,
        .max_bytes = (size_t) settings->outbox_txn_bytes,
        .now = ctx_wall_ms(ctx),
    };
    if (seal(recorder, ctx, &sealing, &fault) != OK) {
        ctx_log(ctx, LOG_warning,
                "what other programs wrote was not looked at: %s; trying"
                " again",
                fault.text);
        recorder->capturing.schema_version = -1;
        ctx_after(ctx, TIMER_CAPTURE_AGAIN, AGAIN_MS);
        return;
    }
    recorder->counts.pending += sealing.n_changes - sealing.n_parked;
    recorder->counts.parked += sealing.n_parked;
    if (sealing.newest > recorder->newest)
        recorder->newest = sealing.newest;
    if (sealing.more)
        ctx_after(ctx, TIMER_CAPTURE_AGAIN, 0);
    tell(recorder, ctx, &sealing);
}

/*  Takes the write lock only if there is something to write.  */
void
capturing_settle(recorder_t *recorder, ctx_t *ctx)
{
    capturing_t *self = &recorder->capturing;
    bool any = false;
    fault_t fault = {0};
    if (!self->due && !(self->wanted && recorder->n_jobs > 0))
        return;
    self->due = false;
    if (sealing_any(recorder->db, &any, &fault) != OK)
        ctx_log(ctx, LOG_warning, "what other programs wrote was not looked at: %s",
                fault.text);
    else if (any || (self->wanted && schema_version(recorder) != self->schema_version))
        seal_and_tell(recorder, ctx);
}

/*  ------------------------------------------------------------------------------- waking  */

static int64_t
data_version(recorder_t *recorder)
{
    return db_number(recorder->db, "PRAGMA data_version", -1);
}

static void
look(recorder_t *recorder, ctx_t *ctx)
{
    capturing_t *self = &recorder->capturing;
    if (self->n_looks < COUNT_OF(looks_ms))
        ctx_after(ctx, TIMER_CAPTURE_LOOK, looks_ms[self->n_looks++]);
    const int64_t version = data_version(recorder);
    self->due = self->due || version != self->data_version;
    self->data_version = version;
}

/*  Our own writing wakes us too, but leaves the version as it was.  */
void
capturing_on_fd(recorder_t *recorder, ctx_t *ctx, int fd)
{
    wal_watch_clear(fd);
    recorder->capturing.n_looks = 0;
    look(recorder, ctx);
}

void
capturing_on_timer(recorder_t *recorder, ctx_t *ctx, uint64_t timer)
{
    if (timer == TIMER_CAPTURE_LOOK)
        look(recorder, ctx);
    else
        recorder->capturing.due = true;
}

/*  ------------------------------------------------------------------------ start and end  */

/*  Without a watch we are slower, not wrong.  */
static void
watch(capturing_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    const settings_t *settings = ctx_settings(ctx);
    if (wal_watch_open(settings->agent_db, &self->watch, &fault) == OK)
        ctx_watch_fd(ctx, self->watch);
    else
        ctx_log(ctx, LOG_warning, "%s", fault.text);
}

/*  A guard that was left behind would hide everything.  */
static err_t
set_up(recorder_t *recorder, ctx_t *ctx, fault_t *fault)
{
    err_t err = db_begin(recorder->db, fault);
    if (err != OK)
        return err;
    err = local_capture_unmute(recorder->db, fault);
    if (err == OK)
        err = follow(recorder, ctx, fault);
    if (err == OK)
        return db_commit(recorder->db, fault);
    db_rollback(recorder->db);
    return err;
}

err_t
capturing_start(recorder_t *recorder, ctx_t *ctx, fault_t *fault)
{
    capturing_t *self = &recorder->capturing;
    bool any = false;
    self->wanted = capturing_is_wanted(ctx_settings(ctx));
    self->schema_version = -1;
    if (self->wanted)
        watch(self, ctx);
    self->data_version = data_version(recorder);
    err_t err = local_capture_any(recorder->db, &any, fault);
    if (err == OK && (any || self->wanted))
        err = set_up(recorder, ctx, fault);
    if (err == OK)
        err = sealing_any(recorder->db, &any, fault);
    if (err == OK && any)
        ctx_after(ctx, TIMER_CAPTURE_AGAIN, 0);
    return err;
}

void
capturing_stop(capturing_t *self, ctx_t *ctx)
{
    if (self->watch <= 0)
        return;
    ctx_unwatch_fd(ctx, self->watch);
    (void) close(self->watch);
}
