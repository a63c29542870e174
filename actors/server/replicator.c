/*  replicator - notices what was committed, by whomever, and passes the news on.

    Hears  committed      from client-changes; and, through the descriptor of wal_watch,
                          what any other program has written.
    Says   log_advanced   to distributor, once a position, unless client-changes has said it.

    Rows of a foreign writer are sealed as one position; tables that it made are captured.
    What is beyond the limits of history is forgotten, a portion at once (history.h).  */

#include "actors/common/wal_watch.h"
#include "actors/server/actors.h"
#include "actors/server/history.h"
#include "actors/server/schema.h"
#include "actors/server/watermark.h"
#include "actors/settings.h"

#include <unistd.h>

enum {
    TIMER_AGAIN = 1,
    TIMER_LOOK = 2,
    US_PER_MS = 1000,
    AGAIN_MS = 1000, /* after a start, or trouble with the database */
};

/*  A commit can be seen a little later than its bytes in the log: the disk comes between. So
    whoever was woken by the bytes looks again, and then rests. Until the second look it does
    not listen: one commit is many writes, and each would wake it.  */
static const uint64_t looks_ms[] = {1, 5, 20, 200, 2000};

typedef struct replicator {
    db_t *db;
    catalog_t *catalog;
    history_t history;
    int64_t schema_version; /* that was captured; -1: look */
    uint64_t announced;
    int64_t data_version; /* as PRAGMA data_version: it moves when others commit */
    int watch;            /* descriptor; 0 or less: none */
    int mark;             /* likewise: of the watermark */
    uint64_t marked;      /* position in it */
    size_t n_looks;       /* since the log was last written to */
} replicator_t;

/*  --------------------------------------------------------------------- starting  */

static int64_t
data_version(replicator_t *self)
{
    return db_number(self->db, "PRAGMA data_version", -1);
}

/*  Without a watch we are slower, not wrong.  */
static void
watch(replicator_t *self, ctx_t *ctx, const char *database)
{
    fault_t fault = {0};
    if (wal_watch_open(database, &self->watch, &fault) == OK)
        ctx_watch_fd(ctx, self->watch);
    else
        ctx_log(ctx, LOG_warning, "%s", fault.text);
}

static void
open_mark(replicator_t *self, ctx_t *ctx, const char *database)
{
    fault_t fault = {0};
    if (watermark_open(database, &self->mark, &fault) != OK)
        ctx_log(ctx, LOG_warning, "%s", fault.text);
}

static err_t
start(void *state, ctx_t *ctx)
{
    replicator_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    log_head_t head;
    fault_t fault = {0};
    err_t err = db_open(settings->server_db, false, &self->db, &fault);
    if (err == OK)
        err = change_log_head(self->db, &head, &fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, &fault);
    if (err != OK)
        return ctx_fail(ctx, "%s", fault.text);
    self->data_version = data_version(self);
    self->schema_version = -1;
    watch(self, ctx, settings->server_db);
    open_mark(self, ctx, settings->server_db);
    ctx_after(ctx, TIMER_AGAIN, AGAIN_MS); /* for what an earlier instance did not announce */
    return OK;
}

/*  ---------------------------------------------------------------------- advancing  */

static bool
is_schema_new(replicator_t *self)
{
    return db_number(self->db, "PRAGMA schema_version", -1) != self->schema_version;
}

static err_t
write_log(replicator_t *self, history_now_t *now, bool forget, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = schema_follow(self->db, self->catalog, now->settings, &self->schema_version, fault);
    if (err == OK)
        err = change_log_seal(self->db, &now->head, fault);
    if (err == OK && forget)
        err = history_forget(&self->history, self->db, now, fault);
    if (err == OK)
        err = db_commit(self->db, fault);
    else
        db_rollback(self->db);
    if (err != OK) {
        self->schema_version = -1;
        self->history = (history_t){0};
    }
    return err;
}

/*  When the oldest row that has no position yet was written.  */
static int64_t
unsealed_since(const replicator_t *self)
{
    static const char sql[] =
        "SELECT coalesce(time, updated_at) FROM change_log"
        " WHERE lsn > (SELECT lsn FROM waybill_head) ORDER BY seq LIMIT 1";
    return db_number(self->db, sql, 0);
}

static void
show_capture(ctx_t *ctx, int64_t since)
{
    const int64_t now = ctx_wall_ms(ctx);
    ctx_observe(ctx, METRIC_capture_time,
                now > since ? (uint64_t) (now - since) * US_PER_MS : 0);
}

/*  Takes the write lock only if there is something to write.  */
static err_t
keep_log(replicator_t *self, ctx_t *ctx, log_head_t *head, fault_t *fault)
{
    bool forget = false;
    err_t err = change_log_head(self->db, head, fault);
    history_now_t now = {
        .settings = ctx_settings(ctx), .head = head->lsn, .wall_ms = ctx_wall_ms(ctx)};
    if (err == OK)
        err = history_look(&self->history, self->db, &now, &forget, fault);
    if (err != OK || (!head->unsealed && !forget && !is_schema_new(self)))
        return err;
    const int64_t since = head->unsealed ? unsealed_since(self) : 0;
    err = write_log(self, &now, forget, fault);
    head->lsn = now.head;
    if (err == OK)
        err =
            history_look(&self->history, self->db, &now, &forget, fault); /* what was sealed */
    if (err == OK && since > 0)
        show_capture(ctx, since);
    if (err == OK)
        SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
    return err;
}

/*  Once is said once: the disk that is full now will be full at the next commit.  */
static void
raise_mark(replicator_t *self, ctx_t *ctx, const log_head_t *head)
{
    fault_t fault = {0};
    if (self->mark <= 0 || head->lsn == self->marked)
        return;
    self->marked = head->lsn;
    if (watermark_raise(self->mark, head, &fault) == OK)
        return;
    ctx_log(ctx, LOG_warning, "%s", fault.text);
    (void) close(self->mark);
    self->mark = 0;
}

static void
show(const replicator_t *self, ctx_t *ctx, const log_head_t *head)
{
    const history_t *history = &self->history;
    ctx_set(ctx, METRIC_log_lsn, head->lsn);
    ctx_set(ctx, METRIC_log_rows, (uint64_t) history->transactions);
    ctx_set(ctx, METRIC_log_bytes, history->bytes > 0 ? (uint64_t) history->bytes : 0);
}

static err_t
advance(replicator_t *self, ctx_t *ctx)
{
    log_head_t head = {0};
    fault_t fault = {0};
    self->data_version = data_version(self); /* before the reading: what comes after is news */
    if (keep_log(self, ctx, &head, &fault) != OK) {
        ctx_log(ctx, LOG_warning, "the change log was not read: %s; trying again", fault.text);
        ctx_after(ctx, TIMER_AGAIN, AGAIN_MS);
        return OK;
    }
    show(self, ctx, &head);
    raise_mark(self, ctx, &head);
    if (head.lsn > self->announced) {
        self->announced = head.lsn;
        SEND(ctx, "distributor", log_advanced, .lsn = head.lsn);
    }
    return OK;
}

static err_t
on_committed(void *state, ctx_t *ctx, const void *body)
{
    replicator_t *self = state;
    const committed_t *news = body;
    if (news->lsn > self->announced)
        self->announced = news->lsn;
    return advance(self, ctx);
}

/*  Our own writing wakes us too, but leaves the version as it was.  */
static err_t
look(replicator_t *self, ctx_t *ctx)
{
    if (self->n_looks < COUNT_OF(looks_ms))
        ctx_after(ctx, TIMER_LOOK, looks_ms[self->n_looks++]);
    return data_version(self) == self->data_version ? OK : advance(self, ctx);
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    replicator_t *self = state;
    if (timer != TIMER_LOOK)
        return advance(self, ctx);
    if (self->n_looks == 1)
        ctx_watch_fd(ctx, self->watch);
    return look(self, ctx);
}

static err_t
on_fd(void *state, ctx_t *ctx, int fd, int ready)
{
    (void) ready;
    replicator_t *self = state;
    ctx_unwatch_fd(ctx, fd);
    wal_watch_clear(fd);
    self->n_looks = 0;
    return look(self, ctx);
}

static void
stop(void *state, ctx_t *ctx)
{
    replicator_t *self = state;
    if (self->watch > 0) {
        ctx_unwatch_fd(ctx, self->watch);
        (void) close(self->watch);
    }
    if (self->mark > 0)
        (void) close(self->mark);
    catalog_close(&self->catalog);
    db_close(&self->db);
}

static bool
is_wanted(const void *settings)
{
    return !settings_on_postgres(settings);
}

static const edge_t sends[] = {
    {"distributor", MSG_log_advanced},
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_committed] = on_committed,
};

const actor_class_t replicator = {
    .name = "replicator",
    .summary = "notices what was committed and passes the news on",
    .state_size = sizeof(replicator_t),
    .sends = sends,
    .is_wanted = is_wanted,
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .stop = stop,
};
