#include "actors/server/postgres/feed.h"

#include <stdio.h>
#include <string.h>

void
feed_unwatch(feed_t *self, ctx_t *ctx)
{
    if (self->fd > 0)
        ctx_unwatch_fd(ctx, self->fd);
    self->fd = 0;
}

static void
watch(feed_t *self, ctx_t *ctx, int fd, int ready)
{
    if (fd == self->fd && ready == self->ready)
        return;
    if (fd != self->fd)
        feed_unwatch(self, ctx);
    self->fd = fd;
    self->ready = ready;
    ctx_watch(ctx, fd, ready);
}

void
feed_watch_stream(feed_t *self, ctx_t *ctx)
{
    watch(self, ctx, wal_stream_fd(self->stream), wal_stream_ready(self->stream));
}

void
feed_watch_copy(feed_t *self, ctx_t *ctx)
{
    watch(self, ctx, PQsocket(pg_handle(self->pg)), FD_READ);
}

void
feed_tell_state(const feed_t *self, ctx_t *ctx)
{
    SEND(ctx, "listener", database_state, .trouble = self->said,
         .since = self->said[0] != '\0' ? self->since : 0,
         .reading = cache_state(self->cache)->captured == 0);
}

void
feed_be_well(feed_t *self, ctx_t *ctx)
{
    self->said[0] = '\0';
    feed_tell_state(self, ctx);
}

void
feed_say(feed_t *self, ctx_t *ctx, const char *text)
{
    if (strcmp(self->said, text) == 0)
        return;
    if (self->said[0] == '\0')
        self->since = ctx_wall_ms(ctx);
    (void) snprintf(self->said, sizeof self->said, "%s", text);
    ctx_log(ctx, LOG_warning, "the database is not followed: %s; trying again", text);
    feed_tell_state(self, ctx);
}

void
feed_warn(ctx_t *ctx, buffer_t *advice)
{
    for (char *rest = NULL, *line = strtok_r((char *) buffer_text(advice), "\n", &rest);
         line != NULL; line = strtok_r(NULL, "\n", &rest))
        ctx_log(ctx, LOG_warning, "%s", line);
    buffer_release(advice);
}

void
feed_announce(feed_t *self, ctx_t *ctx)
{
    const cache_state_t *state = cache_state(self->cache);
    ctx_set(ctx, METRIC_log_lsn, state->head);
    SEND(ctx, "checkpointer", wal_grown,
         .pages = (uint64_t) db_wal_pages(cache_db(self->cache)));
    if (state->head == self->announced)
        return;
    self->announced = state->head;
    SEND(ctx, "listener", log_advanced, .lsn = state->head);
}
