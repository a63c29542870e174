#include "client/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_AT_MOST = 10000 };

struct taken {
    struct taken *next;
    message_id_t id;
    uint64_t ask;
    size_t size;
    uint8_t body[]; /* packed: what was heard lives until the next call only */
};

static void
add(waybill_t *self, const ipc_heard_t *heard)
{
    intake_t *intake = &self->intake;
    buffer_t packed = {0};
    if (heard->ask == 0 && intake->n_events >= EVENTS_AT_MOST) {
        intake->overflowed = true;
        return;
    }
    message_pack(heard->id, heard->body, &packed);
    taken_t *taken = mem_new(sizeof *taken + packed.size);
    taken->id = heard->id;
    taken->ask = heard->ask;
    taken->size = packed.size;
    memcpy(taken->body, packed.data, packed.size);
    buffer_release(&packed);
    *(intake->first != NULL ? &intake->last->next : &intake->first) = taken;
    intake->last = taken;
    intake->n_events += heard->ask == 0;
}

void
intake_collect(waybill_t *self, int timeout_ms)
{
    ipc_heard_t heard;
    if (self->intake.first != NULL)
        timeout_ms = 0;
    for (; ipc_client_next(self->client, timeout_ms, &heard) == OK; timeout_ms = 0)
        add(self, &heard);
}

static void
drop_first(intake_t *intake)
{
    taken_t *gone = intake->first;
    intake->first = gone->next;
    intake->n_events -= gone->ask == 0;
    free(gone);
}

bool
intake_next(waybill_t *self, ipc_heard_t *heard)
{
    const taken_t *taken = self->intake.first;
    if (taken == NULL)
        return false;
    arena_clear(&self->arena);
    void *body = arena_new(&self->arena, schema_of(taken->id)->size + 1);
    const bytes_t packed = arena_bytes(&self->arena, (bytes_t){taken->body, taken->size});
    *heard = (ipc_heard_t){.id = taken->id, .ask = taken->ask, .body = body};
    const err_t err = message_unpack(taken->id, packed, &self->arena, body, NULL);
    assert(err == OK); /* we packed it */
    (void) err;
    drop_first(&self->intake);
    return true;
}

bool
intake_overflowed(waybill_t *self)
{
    const bool overflowed = self->intake.overflowed;
    self->intake.overflowed = false;
    return overflowed;
}

void
intake_release(waybill_t *self)
{
    while (self->intake.first != NULL)
        drop_first(&self->intake);
}
