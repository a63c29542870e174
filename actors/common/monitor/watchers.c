#include "actors/common/monitor/watchers.h"

#include <inttypes.h>

/*  Bytes queued for one of them; answers may be many more, but not without end.  */
enum { EVENTS_QUEUED = 256 * 1024, ANSWERS_QUEUED = 16 * 1024 * 1024 };

watcher_t *
watchers_add(watchers_t *self, conn_t conn)
{
    watcher_t *watcher = &self->items[self->n++];
    *watcher = (watcher_t){.conn = conn, .fresh = true};
    return watcher;
}

watcher_t *
watchers_find(watchers_t *self, conn_t conn)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i].conn == conn)
            return &self->items[i];
    return NULL;
}

void
watchers_remove(watchers_t *self, conn_t conn)
{
    watcher_t *watcher = watchers_find(self, conn);
    if (watcher)
        *watcher = self->items[--self->n];
}

static bool
has_room(const watcher_t *self, ctx_t *ctx)
{
    return net_queued(ctx, self->conn) < EVENTS_QUEUED;
}

bool
watchers_listen(const watchers_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n; i++)
        if (has_room(&self->items[i], ctx))
            return true;
    return false;
}

bool
watchers_follow(const watchers_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i].follows)
            return true;
    return false;
}

/*  ------------------------------------------------------------------------- telling  */

static void
send(const watcher_t *self, ctx_t *ctx, const buffer_t *frame)
{
    net_send(ctx, self->conn, buffer_bytes(frame), false);
}

static void
tell_lost(watcher_t *self, ctx_t *ctx)
{
    buffer_t frame = {0};
    if (self->lost == 0)
        return;
    buffer_add_format(&frame, "{\"type\":\"lost\",\"count\":%" PRIu64 "}", self->lost);
    self->lost = 0;
    send(self, ctx, &frame);
    buffer_release(&frame);
}

void
watcher_tell(watcher_t *self, ctx_t *ctx, const buffer_t *frame)
{
    if (self->fresh)
        return;
    if (!has_room(self, ctx)) {
        self->lost++;
        COUNT(ctx, monitor_dropped, 1);
        return;
    }
    tell_lost(self, ctx);
    send(self, ctx, frame);
}

void
watchers_tell(watchers_t *self, ctx_t *ctx, const buffer_t *frame)
{
    for (size_t i = 0; i < self->n; i++)
        watcher_tell(&self->items[i], ctx, frame);
}

/*  Who has no room for it gets the next one.  */
void
watchers_tell_state(watchers_t *self, ctx_t *ctx, const buffer_t *frame, bool moved)
{
    for (size_t i = 0; i < self->n; i++) {
        watcher_t *watcher = &self->items[i];
        if (!moved && !watcher->fresh)
            continue;
        watcher->fresh = !has_room(watcher, ctx);
        if (!watcher->fresh)
            send(watcher, ctx, frame);
    }
}

void
watcher_answer(watcher_t *self, ctx_t *ctx, const buffer_t *frame)
{
    if (net_queued(ctx, self->conn) > ANSWERS_QUEUED)
        net_close(ctx, self->conn, 1008, "answers are not read");
    else
        send(self, ctx, frame);
}

void
watcher_go_on(watcher_t *self, ctx_t *ctx)
{
    if (has_room(self, ctx))
        tell_lost(self, ctx);
}
