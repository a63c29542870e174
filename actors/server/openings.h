/*  openings - streams that were opened in a round, answered once their leases are on disk.

    A lease is given only when it cannot be forgotten any more; all that come in a round
    share one commit. Where it cannot be written, as on a full disk, the client is served all
    the same, and keeps the lease it has.  */

#pragma once

#include "actors/server/registry.h"
#include "actors/server/streams.h"
#include "runtime/actor.h"

typedef struct opened {
    ticket_t ticket;
    lease_t lease; /* shown NULL: the client knows of none, and gets none */
    stream_opened_t answer;
} opened_t;

/*  Zero is empty.  */
typedef struct openings {
    opened_t *items;
    size_t n, room;
} openings_t;

/*  Takes the ticket of the request being handled; the caller fills the rest of the answer in.
    What is given lives in the round's arena, the item until the next is added.  */
opened_t *openings_add(openings_t *self, ctx_t *ctx, const stream_open_t *request);
/*  Commits, then answers. The stream of a copy is closed.  */
void openings_answer(openings_t *self, ctx_t *ctx, streams_t *streams, registry_t *registry);
void openings_release(openings_t *self);
