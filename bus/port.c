#include "bus/port_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

/*  ------------------------------------------------------------------------ life  */

port_t *
port_new(const char *name, const transport_t *transport, uint64_t epoch)
{
    port_t *self = mem_new(sizeof *self);
    self->name = name;
    self->transport = *transport;
    self->epoch = epoch;
    self->wall_offset_ms = transport->wall_ms(transport->self)
                           - (int64_t) (transport->now_ns(transport->self) / NS_PER_MS);
    return self;
}

void
port_destroy(port_t **self_p)
{
    port_t *self = *self_p;
    if (self == NULL)
        return;
    out_links_free(&self->out);
    in_links_free(&self->in);
    subscriptions_clear(&self->subscriptions);
    free(self);
    *self_p = NULL;
}

/*  --------------------------------------------------------------------- sending  */

static err_t
hand_over(port_t *self, const char *to, const envelope_t *envelope, blob_t *payload)
{
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(envelope, header);
    return self->transport.put(self->transport.self, to, envelope_lane(envelope->kind),
                               (bytes_t){header, size}, payload);
}

static err_t
bury(port_t *self, const envelope_t *envelope, const blob_t *payload, err_t why)
{
    counter_add(&self->count.dead, 1);
    self->transport.dead(self->transport.self, envelope,
                         (bytes_t){payload->data, payload->size}, why);
    return why;
}

static err_t
transmit(port_t *self, out_link_t *link, envelope_t *envelope, blob_t *payload)
{
    envelope->epoch = self->epoch;
    envelope->seq = counter_get(&link->seq) + 1;
    err_t err = hand_over(self, link->to, envelope, payload);
    if (err != OK)
        return bury(self, envelope, payload, err);
    counter_set(&link->seq, envelope->seq);
    link->sizes[envelope->seq % PORT_WINDOW] = (uint32_t) payload->size;
    link->bytes += payload->size;
    counter_add(&self->count.sent, 1);
    return OK;
}

static void
enqueue(port_t *self, out_link_t *link, const envelope_t *envelope, blob_t *payload)
{
    waiting_t *waiting = waiting_new(envelope, payload);
    *link->last = waiting;
    link->last = &waiting->next;
    counter_add(&link->kept, 1);
    counter_add(&link->parked, waiting_parks(envelope));
    self->n_parked += waiting_parks(envelope);
    if (envelope->kind == ENVELOPE_EVT) {
        link->n_events++;
        link->event_bytes += payload->size;
    }
}

static err_t
keep(port_t *self, out_link_t *link, const envelope_t *envelope, blob_t *payload)
{
    link->starved = true;
    if (envelope->kind == ENVELOPE_EVT
        && (link->n_events >= PORT_EVENT_QUEUE || link->event_bytes >= PORT_EVENT_BYTES)) {
        counter_add(&self->count.events_dropped, 1);
        return bury(self, envelope, payload, ERR_OVERFLOW);
    }
    if ((envelope->flags & FLAG_CONFLATE) && out_link_overwrite(link, envelope, payload))
        return OK;
    enqueue(self, link, envelope, payload);
    return OK;
}

/*  One look at the clock a message: the time in an id need not follow the wall's jumps.  */
static void
complete(port_t *self, envelope_t *draft)
{
    const transport_t *transport = &self->transport;
    if (draft->from == NULL)
        draft->from = self->name;
    draft->sent_ns = transport->now_ns(transport->self);
    if (uuid_is_zero(draft->id))
        uuid_v7(draft->id,
                (uint64_t) ((int64_t) (draft->sent_ns / NS_PER_MS) + self->wall_offset_ms),
                transport->random(transport->self), transport->random(transport->self));
    if (uuid_is_zero(draft->trace))
        memcpy(draft->trace, draft->id, sizeof draft->trace);
}

err_t
port_send(port_t *self, envelope_t *draft, blob_t *payload, uint8_t id[16])
{
    complete(self, draft);
    if (id)
        memcpy(id, draft->id, sizeof draft->id);
    if (envelope_lane(draft->kind) == LANE_hi) {
        char to[NAME_ROOM + 1] = "";
        memcpy(to, draft->to, carrier_length(draft->to));
        err_t err = hand_over(self, to, draft, payload);
        counter_add(&self->count.answered, err == OK);
        return err == OK ? OK : bury(self, draft, payload, err);
    }
    out_link_t *link = out_link(&self->out, draft->to);
    if (link->closed)
        return bury(self, draft, payload, ERR_NO_ROUTE);
    if (link->first || !out_link_has_credit(link))
        return keep(self, link, draft, payload);
    return transmit(self, link, draft, payload);
}

bool
port_parked(const port_t *self)
{
    return self->n_parked > 0;
}

uint32_t
port_credit(port_t *self, const char *to)
{
    out_link_t *link = out_link(&self->out, to);
    if (link->first || !out_link_has_credit(link)) {
        link->starved = true;
        return 0;
    }
    return (uint32_t) (PORT_WINDOW - out_link_in_flight(link));
}

static waiting_t *
take_waiting(port_t *self, out_link_t *link)
{
    waiting_t *waiting = link->first;
    link->first = waiting->next;
    if (link->first == NULL)
        link->last = &link->first;
    counter_take(&link->kept, 1);
    counter_take(&link->parked, waiting_parks(&waiting->envelope));
    self->n_parked -= waiting_parks(&waiting->envelope);
    if (waiting->envelope.kind == ENVELOPE_EVT) {
        link->n_events--;
        link->event_bytes -= waiting->payload->size;
    }
    return waiting;
}

static void
flush(port_t *self, out_link_t *link)
{
    while (link->first && out_link_has_credit(link)) {
        waiting_t *waiting = take_waiting(self, link);
        /* A refusal has made it a dead letter: nobody is left to tell. */
        (void) transmit(self, link, &waiting->envelope, waiting->payload);
        waiting_free(waiting);
    }
}

static void
bury_waiting(port_t *self, out_link_t *link, err_t why)
{
    while (link->first) {
        waiting_t *waiting = take_waiting(self, link);
        (void) bury(self, &waiting->envelope, waiting->payload, why);
        waiting_free(waiting);
    }
}

void
port_give_up(port_t *self, err_t why)
{
    for (out_link_t *link = self->out; link; link = link->next)
        bury_waiting(self, link, why);
}

void
port_close(port_t *self, const char *to)
{
    subscriptions_drop(&self->subscriptions, to);
    out_link(&self->out, to)->closed = true;
}

bool
port_owes(const port_t *self, const char *to)
{
    const out_link_t *link = find_out_link(self->out, to);
    return link && link->first;
}

/*  The link stays where it is: others may be looking at it.  */
void
port_forget(port_t *self, const char *to)
{
    subscriptions_drop(&self->subscriptions, to);
    out_link_t *link = find_out_link(self->out, to);
    if (link == NULL)
        return;
    bury_waiting(self, link, ERR_NO_ROUTE);
    counter_set(&link->done, 0);
    counter_set(&link->seq, 0);
    link->bytes = 0;
    link->starved = link->closed = false;
}

void
port_on_credit(port_t *self, const envelope_t *envelope, const char **freed)
{
    if (freed)
        *freed = NULL;
    out_link_t *link = find_out_link(self->out, envelope->from);
    if (link == NULL || envelope->epoch != self->epoch
        || envelope->seq > counter_get(&link->seq))
        return;
    while (counter_get(&link->done) < envelope->seq) {
        counter_add(&link->done, 1);
        link->bytes -= link->sizes[counter_get(&link->done) % PORT_WINDOW];
    }
    flush(self, link);
    if (link->starved && out_link_has_credit(link)) {
        link->starved = false;
        if (freed)
            *freed = link->to;
    }
}

/*  ------------------------------------------------------------------ publishing  */

void
port_subscribe(port_t *self, const char *pattern, const char *subscriber)
{
    subscriptions_add(&self->subscriptions, pattern, subscriber);
}

void
port_unsubscribe(port_t *self, const char *pattern, const char *subscriber)
{
    subscriptions_remove(&self->subscriptions, pattern, subscriber);
}

bool
port_has_subscriber(const port_t *self, const char *type)
{
    return subscriptions_next(self->subscriptions, NULL, type) != NULL;
}

void
port_publish(port_t *self, envelope_t *draft, blob_t *payload)
{
    complete(self, draft);
    const subscription_t *each = NULL;
    while ((each = subscriptions_next(self->subscriptions, each, draft->type)) != NULL) {
        envelope_t copy = *draft;
        copy.to = each->subscriber;
        /* A subscriber that cannot take it costs a dead letter, never the publisher. */
        (void) port_send(self, &copy, payload, NULL);
    }
}

/*  ------------------------------------------------------------------- receiving  */

admission_t
port_admit(port_t *self, const envelope_t *envelope, size_t bytes)
{
    in_link_t *link = in_link(&self->in, envelope->from);
    if (envelope->epoch > link->epoch) {
        link->epoch = envelope->epoch;
        counter_set(&link->admitted, 0);
        counter_set(&link->done, 0);
        link->owed = link->owed_bytes = 0;
    }
    if (envelope->epoch < link->epoch || envelope->seq <= counter_get(&link->admitted)) {
        counter_add(&self->count.duplicates, 1);
        link->again = envelope->epoch == link->epoch;
        return DUPLICATE;
    }
    if (envelope->seq != counter_get(&link->admitted) + 1)
        return OUT_OF_ORDER;
    counter_set(&link->admitted, envelope->seq);
    link->owed_bytes += bytes;
    link->prompt |= (envelope->flags & FLAG_PROMPT) != 0;
    counter_add(&self->count.received, 1);
    return ADMIT;
}

void
port_done(port_t *self, const envelope_t *envelope)
{
    in_link_t *link = in_link(&self->in, envelope->from);
    if (envelope->epoch != link->epoch)
        return;
    assert(envelope->seq == counter_get(&link->done) + 1);
    counter_set(&link->done, envelope->seq);
    link->owed++;
    counter_add(&self->count.done, 1);
}

static void
give_credit(port_t *self, in_link_t *link)
{
    envelope_t credit = {
        .kind = ENVELOPE_CREDIT,
        .type = "credit",
        .to = link->from,
        .epoch = link->epoch,
        .seq = counter_get(&link->done),
        .flags = FLAG_NO_TAP,
    };
    blob_t *nothing = blob_new((bytes_t){0});
    link->owed = link->owed_bytes = 0;
    link->again = false;
    credit.from = self->name;
    /* A sender that is gone needs no credit. */
    (void) hand_over(self, link->from, &credit, nothing);
    blob_unref(&nothing);
}

void
port_settle(port_t *self)
{
    for (in_link_t *link = self->in; link; link = link->next) {
        bool worth = link->owed >= PORT_WINDOW / 4 || link->owed_bytes >= PORT_WINDOW_BYTES / 4
                     || (link->prompt && link->owed > 0);
        if ((worth && link->owed > 0) || link->again)
            give_credit(self, link);
    }
}
