#include "bus/peer.h"

#include "bus/subscriptions.h"
#include "schemas/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct errand {
    errand_t *next;
    envelope_t envelope;
    char type[NAME_ROOM + 1], to[NAME_ROOM + 1]; /* where its texts are; it has none if it is
                                                    for no actor */
    blob_t *payload;                             /* until it has gone */
    uint64_t link_seq;                           /* on the link to its target; 0: it waits */
    bool finished;
};

peer_t *
peer_new(const hello_t *hello, uint64_t lowest, uint64_t our_epoch, transmit_fn *transmit,
         void *owner)
{
    peer_t *self = mem_new(sizeof *self);
    memcpy(self->name, hello->name, sizeof self->name);
    snprintf(self->address, sizeof self->address, "ipc/%s", hello->name);
    self->epoch = hello->epoch;
    self->takes = hello->takes;
    self->says = hello->says;
    self->last = &self->first;
    self->owner = owner;
    ipc_link_init(&self->link, our_epoch, transmit, self);
    self->link.admitted = lowest > 0 ? lowest - 1 : 0;
    self->done = self->told_done = self->told_limit = self->link.admitted;
    return self;
}

static void
drop_first(peer_t *self)
{
    errand_t *errand = self->first;
    self->first = errand->next;
    if (self->first == NULL)
        self->last = &self->first;
    blob_unref(&errand->payload);
    free(errand);
}

void
peer_destroy(peer_t **self_p)
{
    peer_t *self = *self_p;
    if (self == NULL)
        return;
    while (self->first != NULL)
        drop_first(self);
    task_t *task;
    while ((task = tasks_take_first(&self->tasks)) != NULL)
        task_destroy(&task);
    ipc_link_release(&self->link);
    free(self);
    *self_p = NULL;
}

void
peer_bury(peer_t *self, bury_fn *bury, void *bury_to, err_t why)
{
    for (const errand_t *errand = self->first; errand != NULL; errand = errand->next)
        if (errand->payload != NULL)
            bury(bury_to, &errand->envelope, why);
    ipc_link_bury(&self->link, bury, bury_to, why);
}

void
peer_tell(peer_t *self, envelope_kind_t kind, const char *type, uint64_t seq, blob_t *payload)
{
    envelope_t envelope = {
        .kind = kind, .type = type, .from = "ipc", .to = self->address, .seq = seq};
    if (payload == NULL)
        payload = blob_new((bytes_t){0});
    ipc_link_tell(&self->link, &envelope, payload);
    blob_unref(&payload);
}

/*  --------------------------------------------------------------------- errands  */

admission_t
peer_admit(peer_t *self, uint64_t seq, size_t bytes)
{
    if (seq > self->told_limit)
        return OUT_OF_ORDER;
    if (seq == self->link.admitted + 1 && self->n_waiting > 0
        && self->waiting_bytes + bytes > PEER_WAITING_BYTES) {
        self->turned_away = true;
        return OUT_OF_ORDER;
    }
    return ipc_link_admit(&self->link, seq);
}

/*  Told once a gap: each message behind it would ask for the whole rest otherwise.  */
void
peer_ask_again(peer_t *self, uint64_t seq)
{
    uint64_t wanted = self->link.admitted + 1;
    if (self->turned_away || seq == wanted || self->asked_for == wanted)
        return;
    self->asked_for = wanted;
    peer_tell(self, ENVELOPE_NAK, "nak", wanted, NULL);
}

static errand_t *
append(peer_t *self)
{
    errand_t *errand = mem_new(sizeof *errand);
    *self->last = errand;
    self->last = &errand->next;
    return errand;
}

void
peer_add_errand(peer_t *self, const envelope_t *draft, blob_t *payload)
{
    errand_t *errand = append(self);
    errand->envelope = *draft;
    errand->envelope.from = self->address;
    errand->envelope.type = memcpy(errand->type, draft->type, strlen(draft->type) + 1);
    errand->envelope.to = memcpy(errand->to, draft->to, strlen(draft->to) + 1);
    errand->payload = payload;
    self->n_waiting++;
    self->waiting_bytes += payload->size;
}

void
peer_add_handed(peer_t *self, const envelope_t *draft)
{
    memcpy(append(self)->envelope.id, draft->id, sizeof draft->id);
}

void
peer_on_handled(peer_t *self, const uint8_t id[16])
{
    for (errand_t *errand = self->first; errand != NULL; errand = errand->next)
        if (errand->payload == NULL && errand->link_seq == 0
            && memcmp(errand->envelope.id, id, sizeof errand->envelope.id) == 0)
            errand->finished = true;
}

void
peer_add_finished(peer_t *self)
{
    append(self)->finished = true;
}

static void
send_errand(peer_t *self, errand_t *errand, port_t *port)
{
    self->n_waiting--;
    self->waiting_bytes -= errand->payload->size;
    envelope_t draft = errand->envelope;
    if (port_send(port, &draft, errand->payload, NULL) == OK)
        errand->link_seq = draft.seq;
    else
        errand->finished = true; /* a dead letter by now */
    blob_unref(&errand->payload);
}

void
peer_forward(peer_t *self, port_t *port)
{
    if (self->n_waiting == 0)
        return;
    for (errand_t *errand = self->first; errand != NULL; errand = errand->next)
        if (errand->payload != NULL && port_credit(port, errand->envelope.to) > 0)
            send_errand(self, errand, port);
}

void
peer_on_done(peer_t *self, const char *target, uint64_t done)
{
    for (errand_t *errand = self->first; errand != NULL; errand = errand->next)
        if (errand->link_seq > 0 && errand->link_seq <= done
            && strcmp(errand->envelope.to, target) == 0)
            errand->finished = true;
}

bool
peer_waits_for(const peer_t *self, const char *target)
{
    for (const errand_t *errand = self->first; errand != NULL; errand = errand->next)
        if (errand->payload != NULL && strcmp(errand->envelope.to, target) == 0)
            return true;
    return false;
}

void
peer_give_up(peer_t *self, const char *target, refuse_fn *refuse)
{
    for (errand_t *errand = self->first; errand != NULL; errand = errand->next) {
        if (errand->envelope.to == NULL || strcmp(errand->envelope.to, target) != 0)
            continue;
        errand->finished = true;
        if (errand->payload == NULL)
            continue;
        refuse(self, &errand->envelope);
        self->n_waiting--;
        self->waiting_bytes -= errand->payload->size;
        blob_unref(&errand->payload);
    }
}

static uint64_t
compute_limit(const peer_t *self)
{
    size_t answers = self->link.n_answers;
    uint64_t limit = self->done + (answers < PEER_WINDOW ? PEER_WINDOW - answers : 0);
    return limit > self->told_limit ? limit : self->told_limit;
}

void
peer_settle(peer_t *self, bool again)
{
    while (self->first != NULL && self->first->finished) {
        drop_first(self);
        self->done++;
    }
    if (self->turned_away && self->waiting_bytes < PEER_WAITING_BYTES / 2) {
        self->turned_away = false;
        peer_tell(self, ENVELOPE_NAK, "nak", self->link.admitted + 1, NULL);
    }
    uint64_t limit = compute_limit(self);
    bool wider = limit >= self->told_limit + PEER_WINDOW / 4;
    if (!again && self->done == self->told_done && !wider)
        return;
    self->told_done = self->done;
    self->told_limit = limit;
    peer_tell(self, ENVELOPE_CREDIT, "credit", self->done, number_pack(limit));
}

/*  --------------------------------------------------------------- towards the peer  */

bool
peer_hears(const peer_t *self, const char *type)
{
    for (size_t i = 0; i < self->n_patterns; i++)
        if (pattern_matches(self->patterns[i], type))
            return true;
    return false;
}

bool
peer_has_pattern(const peer_t *self, const char *pattern)
{
    for (size_t i = 0; i < self->n_patterns; i++)
        if (strcmp(self->patterns[i], pattern) == 0)
            return true;
    return false;
}

bool
peer_add_pattern(peer_t *self, const char *pattern)
{
    if (peer_has_pattern(self, pattern))
        return true;
    if (self->n_patterns == PEER_PATTERNS)
        return false;
    snprintf(self->patterns[self->n_patterns++], NAME_ROOM + 1, "%s", pattern);
    return true;
}

void
peer_remove_pattern(peer_t *self, const char *pattern)
{
    for (size_t i = 0; i < self->n_patterns; i++)
        if (strcmp(self->patterns[i], pattern) == 0) {
            self->n_patterns--;
            memmove(self->patterns[i], self->patterns[self->n_patterns], NAME_ROOM + 1);
            return;
        }
}

static void
send_numbered(peer_t *self, const envelope_t *envelope, blob_t *payload)
{
    envelope_t copy = *envelope;
    copy.to = self->address;
    ipc_link_send(&self->link, &copy, payload);
}

static bool
has_room(const peer_t *self)
{
    return self->link.n_events < PEER_EVENTS && self->link.event_bytes < PEER_EVENT_BYTES;
}

bool
peer_offer(peer_t *self, const envelope_t *event, blob_t *payload)
{
    if (!has_room(self)) {
        self->n_lost++;
        return false;
    }
    send_numbered(self, event, payload);
    return true;
}

void
peer_tell_lost(peer_t *self)
{
    if (self->n_lost == 0 || !has_room(self))
        return;
    buffer_t packed = {0};
    message_pack(MSG_events_lost, &(events_lost_t){.count = self->n_lost}, &packed);
    blob_t *payload = blob_new(buffer_bytes(&packed));
    const envelope_t envelope = {.kind = ENVELOPE_EVT,
                                 .type = schema_of(MSG_events_lost)->name,
                                 .hash = schema_hash(MSG_events_lost),
                                 .from = "ipc"};
    self->n_lost = 0;
    send_numbered(self, &envelope, payload);
    blob_unref(&payload);
    buffer_release(&packed);
}

void
peer_answer(peer_t *self, const envelope_t *answer, blob_t *payload)
{
    send_numbered(self, answer, payload);
}
