#include "actors/server/streams.h"

#include <stdlib.h>
#include <string.h>

/*  Where that session is, or would be.  */
static size_t
place_of(const streams_t *self, uint64_t session)
{
    size_t low = 0;
    size_t high = self->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (self->items[middle]->session < session)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

stream_t *
streams_find(const streams_t *self, uint64_t session)
{
    const size_t place = place_of(self, session);
    if (place == self->n || self->items[place]->session != session)
        return NULL;
    return self->items[place]->closed ? NULL : self->items[place];
}

stream_t *
streams_add(streams_t *self, uint64_t session, const char *client_id, const char *user)
{
    const size_t place = place_of(self, session);
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->items = mem_grow(self->items, self->room * sizeof(stream_t *));
    }
    for (size_t i = self->n; i > place; i--)
        self->items[i] = self->items[i - 1];
    self->n++;
    self->items[place] = stream_new(session, client_id, user);
    return self->items[place];
}

void
streams_close_older(streams_t *self, uint64_t session, const char *client_id)
{
    for (size_t i = 0; i < self->n; i++) {
        stream_t *stream = self->items[i];
        if (stream->session == session || strcmp(stream->client_id, client_id) == 0)
            stream->closed = true;
    }
    streams_sweep(self);
}

void
streams_close(streams_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        self->items[i]->closed = true;
    streams_sweep(self);
}

void
streams_sweep(streams_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->n; i++) {
        if (self->items[i]->closed)
            stream_destroy(&self->items[i]);
        else
            self->items[kept++] = self->items[i];
    }
    self->n = kept;
}

void
streams_release(streams_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        stream_destroy(&self->items[i]);
    free(self->items);
    *self = (streams_t){0};
}

size_t
streams_count_snapshots(const streams_t *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        n += self->items[i]->snapshot != NULL;
    return n;
}

bool
streams_wait_for_snapshot(const streams_t *self)
{
    for (size_t i = 0; i < self->n; i++) {
        const stream_t *stream = self->items[i];
        if (!stream->closed && !stream->lost && stream->phase == STREAM_SNAPSHOT
            && stream->snapshot == NULL)
            return true;
    }
    return false;
}
