/*  The log, as it comes.  */

#include "actors/server/postgres/feed.h"

enum {
    ROWS_AT_ONCE = 10000, /* in a commit, if more have come */
    NOTE_MS = 250,        /* until the place in the log is on the disk, and confirmed */
    US_PER_MS = 1000,
};

static err_t
keep_history(feed_t *self, ctx_t *ctx, uint64_t head, fault_t *fault)
{
    bool due = false;
    const history_now_t now = {
        .settings = ctx_settings(ctx), .head = head, .wall_ms = ctx_wall_ms(ctx)};
    db_t *db = cache_db(self->cache);
    err_t err = history_look(&self->history, db, &now, &due, fault);
    if (err == OK && due)
        err = history_forget(&self->history, db, &now, fault);
    ctx_set(ctx, METRIC_log_rows, (uint64_t) self->history.transactions);
    ctx_set(ctx, METRIC_log_bytes,
            self->history.bytes > 0 ? (uint64_t) self->history.bytes : 0);
    return err;
}

static void
show_delay(feed_t *self, ctx_t *ctx)
{
    const int64_t since = cache_oldest_ms(self->cache);
    const int64_t now = ctx_wall_ms(ctx);
    if (since > 0)
        ctx_observe(ctx, METRIC_capture_time,
                    now > since ? (uint64_t) (now - since) * US_PER_MS : 0);
}

static void
note_soon(feed_t *self, ctx_t *ctx)
{
    if (!self->notes)
        ctx_after(ctx, TIMER_NOTE, NOTE_MS);
    self->notes = true;
}

static err_t
commit(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    uint64_t head = 0;
    err_t err = cache_seal(self->cache, &head, fault);
    if (err == OK)
        err = keep_history(self, ctx, head, fault);
    if (err != OK)
        return err;
    show_delay(self, ctx);
    err = cache_commit(self->cache, fault);
    if (err != OK)
        return err;
    self->attempts = 0;
    note_soon(self, ctx);
    feed_announce(self, ctx);
    return OK;
}

/*  What has come goes into one commit, and on to clients. That it is on the disk can wait, and
    so can a place of the log with nothing for us, but not for ever: a database that is told to
    stop asks for it again and again, and waits.  */
static err_t
commit_if_due(feed_t *self, ctx_t *ctx, bool more, fault_t *fault)
{
    if (cache_is_inside(self->cache) || !cache_is_dirty(self->cache)
        || (more && cache_rows(self->cache) < ROWS_AT_ONCE))
        return OK;
    if (cache_is_begun(self->cache))
        return commit(self, ctx, fault);
    note_soon(self, ctx);
    return OK;
}

err_t
feed_follow(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    bool more = false;
    fault_t oddity;
    err_t err = following_read(&self->following, &more, fault);
    if (cache_take_oddity(self->cache, &oddity))
        ctx_log(ctx, LOG_warning, "%s", oddity.text);
    if (err == OK)
        err = commit_if_due(self, ctx, more, fault);
    if (err == OK && more)
        ctx_after(ctx, TIMER_WORK, 0);
    if (err == OK)
        feed_watch_stream(self, ctx);
    return err;
}

err_t
feed_note(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    self->notes = cache_is_inside(self->cache);
    if (self->notes) {
        ctx_after(ctx, TIMER_NOTE, NOTE_MS);
        return OK;
    }
    err_t err = cache_is_dirty(self->cache) ? commit(self, ctx, fault) : OK;
    if (err == OK)
        err = cache_flush(self->cache, fault);
    if (err == OK)
        err = wal_stream_confirm(self->stream, cache_flushed(self->cache), fault);
    ctx_cancel(ctx, TIMER_NOTE);
    self->notes = false;
    return err;
}

err_t
feed_confirm(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    ctx_after(ctx, TIMER_CONFIRM, wal_stream_pause_ms(self->stream));
    return wal_stream_confirm(self->stream, cache_flushed(self->cache), fault);
}
