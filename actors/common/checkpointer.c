/*  checkpointer - copies the write-ahead log into the database file before it grows long.

    Early and often: a foreign program copies the log by itself at 1000 pages, and that must
    never come due. While nobody writes it runs nothing.  */

#include "actors/common/actors.h"

#include "actors/common/db.h"
#include "actors/settings.h"

#include <sqlite3.h>

enum {
    DUE_PAGES = 256,
    AGAIN_MS = 200,
    ATTEMPTS = 10,
    SAFE_SQLITE = 3051003 /* before it, a checkpoint beside a commit can corrupt the file */
};

enum { TIMER_AGAIN = 1 };

typedef struct checkpointer {
    const char *path;
    db_t *db;            /* opened when first due */
    db_t *lock;          /* holds the write lock meanwhile */
    uint64_t copied;     /* pages of the log as it is now that were copied */
    uint64_t pages;      /* its length, by the newest hint */
    unsigned attempts;   /* in a row that found it busy */
    bool waiting;        /* for TIMER_AGAIN */
    uint64_t done, busy; /* counts */
} checkpointer_t;

static err_t
start(void *state, ctx_t *ctx)
{
    checkpointer_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    self->path =
        settings->agent_db[0] != '\0' ? settings->agent_db : settings_server_file(settings);
    ctx_log(ctx, LOG_info, "SQLite %s", sqlite3_libversion());
    if (sqlite3_libversion_number() < SAFE_SQLITE)
        ctx_log(ctx, LOG_warning,
                "SQLite %s can damage a database that one program checkpoints while another "
                "writes: let no other program checkpoint %s, or install SQLite 3.51.3",
                sqlite3_libversion(), self->path);
    return OK;
}

static err_t
open_both(checkpointer_t *self, fault_t *fault)
{
    err_t err = OK;
    if (self->db == NULL)
        err = db_open(self->path, false, &self->db, fault);
    if (err == OK && self->lock == NULL)
        err = db_open(self->path, false, &self->lock, fault);
    return err;
}

static void
try_again_later(checkpointer_t *self, ctx_t *ctx)
{
    self->busy++;
    if (++self->attempts >= ATTEMPTS) {
        self->attempts = 0; /* the next hint begins anew */
        return;
    }
    self->waiting = true;
    ctx_after(ctx, TIMER_AGAIN, AGAIN_MS);
}

static void
checkpoint(checkpointer_t *self, ctx_t *ctx)
{
    fault_t fault = {0};
    err_t err = open_both(self, &fault);
    if (err == OK)
        err = db_checkpoint(self->db, self->lock, &fault);
    if (err == ERR_BUSY) {
        try_again_later(self, ctx);
        return;
    }
    self->attempts = 0;
    self->copied = self->pages; /* if it failed, too: not again with every commit */
    if (err != OK) {
        ctx_log(ctx, LOG_warning, "no checkpoint: %s", fault.text);
        return;
    }
    self->done++;
    ctx_log(ctx, LOG_debug, "checkpoint %llu of %llu pages; found busy %llu times",
            (unsigned long long) self->done, (unsigned long long) self->pages,
            (unsigned long long) self->busy);
}

/*  A log shorter than what was copied has been started anew.  */
static err_t
on_wal_grown(void *state, ctx_t *ctx, const void *body)
{
    checkpointer_t *self = state;
    const wal_grown_t *hint = body;

    self->pages = hint->pages;
    ctx_set(ctx, METRIC_wal_pages, hint->pages);
    if (self->pages < self->copied)
        self->copied = 0;
    if (!self->waiting && self->pages >= self->copied + DUE_PAGES)
        checkpoint(self, ctx);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    checkpointer_t *self = state;
    (void) timer;
    self->waiting = false;
    checkpoint(self, ctx);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    checkpointer_t *self = state;
    (void) ctx;
    db_close(&self->lock);
    db_close(&self->db);
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_wal_grown] = on_wal_grown,
};

const actor_class_t checkpointer = {
    .name = "checkpointer",
    .summary = "Copies the write-ahead log into the database, alone",
    .state_size = sizeof(checkpointer_t),
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .stop = stop,
};
