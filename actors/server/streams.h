/*  streams - the streams of all sessions, found by session.  */

#pragma once

#include "actors/server/stream.h"

typedef struct streams {
    stream_t **items; /* by ascending session */
    size_t n, room;
} streams_t;

stream_t *streams_find(const streams_t *self, uint64_t session);
/*  Makes one; one of that session must not be there.  */
stream_t *streams_add(streams_t *self, uint64_t session, const char *client_id,
                      const char *user);
/*  Destroys those of the session or of the client: they have nobody left to pull them.  */
void streams_close_older(streams_t *self, uint64_t session, const char *client_id);
/*  Destroys all: whoever pulls is refused and opens his stream again.  */
void streams_close(streams_t *self);
/*  Destroys those that are closed.  */
void streams_sweep(streams_t *self);
void streams_release(streams_t *self);

size_t streams_count_snapshots(const streams_t *self);
/*  Whether one waits for its turn to open a snapshot.  */
bool streams_wait_for_snapshot(const streams_t *self);
