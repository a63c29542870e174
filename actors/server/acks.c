#include "actors/server/acks.h"

enum {
    AT_ONCE = 50,
    AT_LATEST_MS = 5000,
};

void
acks_note(acks_t *self, ctx_t *ctx, stream_t *stream, uint64_t lsn)
{
    stream->acked = lsn;
    stream->dirty = true;
    if (self->n++ == 0)
        ctx_after(ctx, TIMER_ACKS, AT_LATEST_MS);
    self->due = self->due || self->n >= AT_ONCE;
}

static err_t
save(const streams_t *streams, ctx_t *ctx, registry_t *registry, fault_t *fault)
{
    acked_t *acked = arena_new(ctx_arena(ctx), streams->n * sizeof *acked);
    size_t n = 0;
    for (size_t i = 0; i < streams->n; i++)
        if (streams->items[i]->dirty)
            acked[n++] = (acked_t){streams->items[i]->client_id, streams->items[i]->acked};
    return n > 0 ? registry->class->save(registry, acked, n, ctx_wall_ms(ctx), fault) : OK;
}

void
acks_save(acks_t *self, ctx_t *ctx, streams_t *streams, registry_t *registry)
{
    fault_t fault = {0};
    *self = (acks_t){0};
    ctx_cancel(ctx, TIMER_ACKS);
    const err_t err = save(streams, ctx, registry, &fault);
    if (err != OK) {
        ctx_log(ctx, err == ERR_OFFLINE ? LOG_debug : LOG_warning,
                "positions of clients were not saved: %s", fault.text);
        return;
    }
    for (size_t i = 0; i < streams->n; i++)
        streams->items[i]->dirty = false;
    registry_tell_growth(registry, ctx);
}
