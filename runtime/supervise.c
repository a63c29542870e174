/*  What an actor asks of its supervisor: on the lane that is always read, for the supervisor
    gives no credit.  */

#include "runtime/cell_private.h"

enum { NS_PER_MS = 1000000 };

void
ctx_supervise(ctx_t *ctx, message_id_t id, const void *body, uint64_t token,
              uint32_t timeout_ms)
{
    cell_t *self = ctx->cell;
    envelope_t draft = {.kind = ENVELOPE_CONTROL,
                        .type = schema_of(id)->name,
                        .hash = schema_hash(id),
                        .to = SUPERVISOR,
                        .flags = FLAG_NO_TAP};
    request_t request = {.message = id, .token = token};
    blob_begin(&self->scratch);
    message_pack(id, body, &self->scratch);
    request.err = cell_dispatch(self, &draft, request.id);
    request.deadline_ms = draft.sent_ns / NS_PER_MS + timeout_ms + 1;
    if (!self->muted)
        requests_add(&self->requests, &request);
}
