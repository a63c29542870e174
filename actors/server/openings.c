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

static err_t
take_lease(opened_t *opened, ctx_t *ctx, streams_t *streams, db_t *db, fault_t *fault)
{
    bool taken = false;
    stream_t *stream = streams_find(streams, opened->answer.session);
    if (opened->lease.shown == NULL)
        return OK;
    const err_t err = leases_take(db, &opened->lease, ctx_wall_ms(ctx), &taken, fault);
    if (err != OK || !taken)
        return err;
    ctx_log(ctx, LOG_warning, "%s: a copy of its database has connected under its name",
            opened->lease.client_id);
    opened->answer.phase = "taken";
    opened->answer.lease = NULL;
    if (stream)
        stream->closed = true;
    return OK;
}

static err_t
take_leases(const openings_t *self, ctx_t *ctx, streams_t *streams, db_t *db, fault_t *fault)
{
    err_t err = db_begin(db, fault);
    if (err != OK)
        return err;
    for (size_t i = 0; err == OK && i < self->n; i++)
        err = take_lease(&self->items[i], ctx, streams, db, fault);
    if (err == OK)
        err = db_commit(db, fault);
    else
        db_rollback(db);
    return err;
}

void
openings_answer(openings_t *self, ctx_t *ctx, streams_t *streams, db_t *db)
{
    fault_t fault = {0};
    const err_t err = take_leases(self, ctx, streams, db, &fault);
    if (err != OK)
        ctx_log(ctx, LOG_warning, "no leases were given: %s", fault.text);
    for (size_t i = 0; i < self->n; i++) {
        opened_t *opened = &self->items[i];
        if (err != OK)
            opened->answer.lease = NULL;
        ctx_answer(ctx, &opened->ticket, MSG_stream_opened, &opened->answer);
    }
    self->n = 0;
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(db));
}

void
openings_release(openings_t *self)
{
    free(self->items);
    *self = (openings_t){0};
}
