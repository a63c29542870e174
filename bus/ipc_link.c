#include "bus/ipc_link.h"

#include <stdlib.h>
#include <string.h>

struct kept {
    kept_t *next;
    uint64_t seq;
    envelope_kind_t kind;
    blob_t *payload;
    size_t size;
    uint8_t header[];
};

void
ipc_link_init(ipc_link_t *self, uint64_t epoch, transmit_fn *transmit, void *transmit_to)
{
    *self = (ipc_link_t){.epoch = epoch, .transmit = transmit, .transmit_to = transmit_to};
    self->last = &self->first;
}

static bool
is_task(const kept_t *kept)
{
    return kept->kind == ENVELOPE_CAST || kept->kind == ENVELOPE_REQ;
}

static void
count(ipc_link_t *self, const kept_t *kept, size_t one)
{
    if (is_task(kept)) {
        self->n_tasks += one;
    } else if (kept->kind == ENVELOPE_EVT) {
        self->n_events += one;
        self->event_bytes += one * kept->payload->size;
    } else {
        self->n_answers += one;
    }
}

static void
forget_first(ipc_link_t *self)
{
    kept_t *kept = self->first;
    self->first = kept->next;
    if (self->first == NULL)
        self->last = &self->first;
    count(self, kept, (size_t) -1);
    blob_unref(&kept->payload);
    free(kept);
}

void
ipc_link_release(ipc_link_t *self)
{
    while (self->first != NULL)
        forget_first(self);
}

void
ipc_link_bury(const ipc_link_t *self, bury_fn *bury, void *bury_to, err_t why)
{
    envelope_t envelope;
    envelope_names_t names;
    for (const kept_t *kept = self->first; kept != NULL; kept = kept->next)
        if (!is_task(kept)
            && envelope_unpack((bytes_t){kept->header, kept->size}, &envelope, &names) == OK)
            bury(bury_to, &envelope, why);
}

static void
keep(ipc_link_t *self, const envelope_t *envelope, bytes_t header, blob_t *payload)
{
    kept_t *kept = mem_new(sizeof *kept + header.size);
    kept->seq = envelope->seq;
    kept->kind = envelope->kind;
    kept->payload = blob_ref(payload);
    kept->size = header.size;
    memcpy(kept->header, header.data, header.size);
    *self->last = kept;
    self->last = &kept->next;
    count(self, kept, 1);
}

void
ipc_link_send(ipc_link_t *self, envelope_t *envelope, blob_t *payload)
{
    envelope->epoch = self->epoch;
    envelope->seq = ++self->sent;
    uint8_t header[ENVELOPE_ROOM];
    bytes_t packed = {header, envelope_pack(envelope, header)};
    keep(self, envelope, packed, payload);
    self->transmit(self->transmit_to, packed, payload);
}

void
ipc_link_tell(ipc_link_t *self, envelope_t *envelope, blob_t *payload)
{
    envelope->epoch = self->epoch;
    uint8_t header[ENVELOPE_ROOM];
    bytes_t packed = {header, envelope_pack(envelope, header)};
    self->transmit(self->transmit_to, packed, payload);
}

static void
send_again(ipc_link_t *self, const kept_t *kept)
{
    envelope_t envelope;
    envelope_names_t names;
    if (envelope_unpack((bytes_t){kept->header, kept->size}, &envelope, &names) != OK)
        return; /* cannot be: we packed it */
    envelope.flags |= FLAG_REDELIVERED;
    uint8_t header[ENVELOPE_ROOM];
    bytes_t packed = {header, envelope_pack(&envelope, header)};
    self->transmit(self->transmit_to, packed, kept->payload);
}

void
ipc_link_resend(ipc_link_t *self, uint64_t from)
{
    for (const kept_t *kept = self->first; kept != NULL; kept = kept->next)
        if (kept->seq >= from)
            send_again(self, kept);
}

bool
ipc_link_acknowledge(ipc_link_t *self, uint64_t done)
{
    if (done > self->sent)
        return false;
    while (self->first != NULL && self->first->seq <= done)
        forget_first(self);
    if (done > self->acked)
        self->acked = done;
    return true;
}

uint64_t
ipc_link_lowest(const ipc_link_t *self)
{
    return self->first != NULL ? self->first->seq : self->sent + 1;
}

admission_t
ipc_link_admit(ipc_link_t *self, uint64_t seq)
{
    if (seq <= self->admitted)
        return DUPLICATE;
    if (seq > self->admitted + 1)
        return OUT_OF_ORDER;
    self->admitted = seq;
    return ADMIT;
}
