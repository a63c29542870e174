#include "actors/server/openings.h"

#include <stdlib.h>

opened_t *
openings_add(openings_t *self, ctx_t *ctx, const stream_open_t *request)
{
    char next[UUID_TEXT];
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 8;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    opened_t *opened = &self->items[self->n++];
    *opened = (opened_t){.ticket = ctx_ticket(ctx)};
    if (request->lease == NULL)
        return opened;
    ctx_uuid(ctx, next);
    opened->lease = (lease_t){
        .client_id = request->client_id,
        .shown = request->lease,
        .next = arena_text(ctx_arena(ctx), next),
    };
    return opened;
}

/*  A copy of somebody else's database.  */
static void
turn_away(opened_t *opened, ctx_t *ctx, streams_t *streams)
{
    stream_t *stream = streams_find(streams, opened->answer.session);
    ctx_log(ctx, LOG_warning, "%s: a copy of its database has connected under its name",
            opened->lease.client_id);
    opened->answer.phase = "taken";
    opened->answer.lease = NULL;
    if (stream)
        stream->closed = true;
}

static err_t
take_leases(openings_t *self, ctx_t *ctx, streams_t *streams, registry_t *registry,
            fault_t *fault)
{
    lease_t *leases = arena_new(ctx_arena(ctx), self->n * sizeof *leases);
    opened_t **owners = arena_new(ctx_arena(ctx), self->n * sizeof(opened_t *));
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i].lease.shown) {
            owners[n] = &self->items[i];
            leases[n++] = self->items[i].lease;
        }
    if (n == 0)
        return OK;
    const err_t err =
        registry->class->take_leases(registry, leases, n, ctx_wall_ms(ctx), fault);
    for (size_t i = 0; err == OK && i < n; i++)
        if (leases[i].taken)
            turn_away(owners[i], ctx, streams);
    return err;
}

void
openings_answer(openings_t *self, ctx_t *ctx, streams_t *streams, registry_t *registry)
{
    fault_t fault = {0};
    const err_t err = take_leases(self, ctx, streams, registry, &fault);
    if (err != OK)
        ctx_log(ctx, err == ERR_OFFLINE ? LOG_debug : LOG_warning, "no leases were given: %s",
                fault.text);
    for (size_t i = 0; i < self->n; i++) {
        opened_t *opened = &self->items[i];
        if (err != OK)
            opened->answer.lease = NULL;
        ctx_answer(ctx, &opened->ticket, MSG_stream_opened, &opened->answer);
    }
    self->n = 0;
}

void
openings_release(openings_t *self)
{
    free(self->items);
    *self = (openings_t){0};
}
