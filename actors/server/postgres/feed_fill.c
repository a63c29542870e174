/*  A slot, and all rows that its snapshot shows.  */

#include "actors/server/postgres/feed.h"

static err_t
begin_filling(feed_t *self, ctx_t *ctx, const wal_snapshot_t *snapshot, fault_t *fault)
{
    err_t err = identity_took_slot(self->identity, self->pg, fault);
    self->filling = filling_new(self->cache, self->pg, ctx_settings(ctx));
    self->phase = PHASE_FILLING;
    if (err == OK)
        err = filling_begin(self->filling, snapshot, fault);
    if (err == OK)
        ctx_after(ctx, TIMER_WORK, 0);
    feed_unwatch(self, ctx);
    return err;
}

err_t
feed_look_for_slot(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    wal_snapshot_t snapshot = {0};
    bool done = false;
    err_t err = wal_stream_created(self->stream, &snapshot, &done, fault);
    if (err == OK && done)
        return begin_filling(self, ctx, &snapshot, fault);
    if (err == OK)
        feed_watch_stream(self, ctx);
    return err;
}

static err_t
end_filling(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    err_t err = filling_end(self->filling, &self->belongs, fault);
    if (err == OK)
        err = wal_stream_start(self->stream, self->belongs.slot,
                               cache_state(self->cache)->confirmed, fault);
    if (err != OK)
        return err;
    ctx_log(ctx, LOG_info, "the whole database was read: %zu tables, %llu rows",
            filling_tables(self->filling), (unsigned long long) filling_rows(self->filling));
    self->copied_at = ctx_now_ms(ctx);
    filling_destroy(&self->filling);
    self->history = (history_t){0};
    feed_announce(self, ctx);
    feed_be_connected(self, ctx);
    feed_watch_stream(self, ctx);
    return OK;
}

err_t
feed_fill(feed_t *self, ctx_t *ctx, fault_t *fault)
{
    filling_step_t step = FILLING_WAITS;
    const err_t err = filling_go_on(self->filling, &step, fault);
    if (err != OK)
        return err;
    if (step == FILLING_DONE)
        return end_filling(self, ctx, fault);
    if (step == FILLING_WORKS)
        ctx_after(ctx, TIMER_WORK, 0);
    else
        feed_watch_copy(self, ctx);
    return OK;
}
