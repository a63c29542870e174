#include "bus/port.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*  A lo message that could not go yet. Texts of its envelope are in the block itself.  */
typedef struct waiting {
    struct waiting *next;
    envelope_t envelope;
    blob_t *payload;
    char texts[];
} waiting_t;

/*  The sending half of a link.  */
typedef struct out_link {
    struct out_link *next;
    char to[NAME_ROOM + 1];
    uint64_t seq;  /* of the last message sent */
    uint64_t done; /* the receiver is done with everything up to here */
    size_t bytes;  /* sent and not done */
    uint32_t sizes[PORT_WINDOW];
    waiting_t *first, **last;
    size_t n_events, event_bytes; /* among the waiting */
    bool starved;                 /* somebody found no credit here */
} out_link_t;

/*  The receiving half.  */
typedef struct in_link {
    struct in_link *next;
    char from[NAME_ROOM + 1];
    uint64_t epoch;
    uint64_t admitted; /* last seq */
    uint64_t done;
    size_t owed, owed_bytes; /* done since the last credit */
    bool prompt, again;      /* credit soon; credit even if nothing is owed */
} in_link_t;

typedef struct subscription {
    struct subscription *next;
    char pattern[NAME_ROOM + 1];
    char subscriber[NAME_ROOM + 1];
} subscription_t;

struct port {
    const char *name;
    transport_t transport;
    uint64_t epoch;
    out_link_t *out;
    in_link_t *in;
    subscription_t *subscriptions;
    size_t n_parked;
    port_stats_t stats;
};

/*  ------------------------------------------------------------------------ life  */

port_t *
port_new(const char *name, const transport_t *transport, uint64_t epoch)
{
    port_t *self = mem_new(sizeof *self);
    self->name = name;
    self->transport = *transport;
    self->epoch = epoch;
    return self;
}

static void
waiting_free(waiting_t *self)
{
    blob_unref(&self->payload);
    free(self);
}

static void
out_link_free(out_link_t *self)
{
    while (self->first) {
        waiting_t *waiting = self->first;
        self->first = waiting->next;
        waiting_free(waiting);
    }
    free(self);
}

void
port_destroy(port_t **self_p)
{
    port_t *self = *self_p;
    if (self == NULL)
        return;
    for (out_link_t *link = self->out, *next; link; link = next) {
        next = link->next;
        out_link_free(link);
    }
    for (in_link_t *link = self->in, *next; link; link = next) {
        next = link->next;
        free(link);
    }
    for (subscription_t *each = self->subscriptions, *next; each; each = next) {
        next = each->next;
        free(each);
    }
    free(self);
    *self_p = NULL;
}

/*  ----------------------------------------------------------------------- links  */

/*  "ipc/NAME" is carried by "ipc": the link is with the carrier.  */
static size_t
carrier_length(const char *name)
{
    return strcspn(name, "/");
}

static bool
is_carrier(const char *carrier, const char *name, size_t length)
{
    return strncmp(carrier, name, length) == 0 && carrier[length] == '\0';
}

static out_link_t *
find_out(const port_t *self, const char *to)
{
    if (self->out && strcmp(self->out->to, to) == 0)
        return self->out;
    size_t length = carrier_length(to);
    for (out_link_t *link = self->out; link; link = link->next)
        if (is_carrier(link->to, to, length))
            return link;
    return NULL;
}

static out_link_t *
out_link(port_t *self, const char *to)
{
    out_link_t *link = find_out(self, to);
    if (link)
        return link;
    link = mem_new(sizeof *link);
    memcpy(link->to, to, carrier_length(to));
    link->last = &link->first;
    link->next = self->out;
    self->out = link;
    return link;
}

static in_link_t *
in_link(port_t *self, const char *from)
{
    if (self->in && strcmp(self->in->from, from) == 0)
        return self->in;
    size_t length = carrier_length(from);
    for (in_link_t *link = self->in; link; link = link->next)
        if (is_carrier(link->from, from, length))
            return link;
    in_link_t *link = mem_new(sizeof *link);
    memcpy(link->from, from, length);
    link->next = self->in;
    self->in = link;
    return link;
}

static bool
has_credit(const out_link_t *link)
{
    return link->seq - link->done < PORT_WINDOW
           && (link->bytes < PORT_WINDOW_BYTES || link->seq == link->done);
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
    self->stats.dead++;
    self->transport.dead(self->transport.self, envelope,
                         (bytes_t){payload->data, payload->size}, why);
    return why;
}

static err_t
transmit(port_t *self, out_link_t *link, envelope_t *envelope, blob_t *payload)
{
    envelope->epoch = self->epoch;
    envelope->seq = link->seq + 1;
    err_t err = hand_over(self, link->to, envelope, payload);
    if (err != OK)
        return bury(self, envelope, payload, err);
    link->seq++;
    link->sizes[link->seq % PORT_WINDOW] = (uint32_t) payload->size;
    link->bytes += payload->size;
    self->stats.sent++;
    return OK;
}

static bool
parks(const envelope_t *envelope)
{
    return envelope->kind != ENVELOPE_EVT && !(envelope->flags & FLAG_CONFLATE);
}

static bool
texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
overwrite(out_link_t *link, const envelope_t *envelope, blob_t *payload)
{
    for (waiting_t *each = link->first; each; each = each->next) {
        if (!(each->envelope.flags & FLAG_CONFLATE)
            || !texts_equal(each->envelope.type, envelope->type)
            || !texts_equal(each->envelope.key, envelope->key))
            continue;
        blob_unref(&each->payload);
        each->payload = blob_ref(payload);
        return true;
    }
    return false;
}

static char *
keep_text(const char **text, char *at)
{
    if (*text == NULL)
        return at;
    size_t size = strlen(*text) + 1;
    memcpy(at, *text, size);
    *text = at;
    return at + size;
}

static size_t
text_room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static waiting_t *
waiting_new(const envelope_t *envelope, blob_t *payload)
{
    size_t texts = text_room(envelope->type) + text_room(envelope->from)
                   + text_room(envelope->to) + text_room(envelope->key);
    waiting_t *self = mem_new(sizeof *self + texts);
    self->envelope = *envelope;
    self->payload = blob_ref(payload);
    char *at = self->texts;
    at = keep_text(&self->envelope.type, at);
    at = keep_text(&self->envelope.from, at);
    at = keep_text(&self->envelope.to, at);
    keep_text(&self->envelope.key, at);
    return self;
}

static void
enqueue(port_t *self, out_link_t *link, const envelope_t *envelope, blob_t *payload)
{
    waiting_t *waiting = waiting_new(envelope, payload);
    *link->last = waiting;
    link->last = &waiting->next;
    self->stats.queued++;
    self->n_parked += parks(envelope);
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
        self->stats.events_dropped++;
        return bury(self, envelope, payload, ERR_OVERFLOW);
    }
    if ((envelope->flags & FLAG_CONFLATE) && overwrite(link, envelope, payload))
        return OK;
    enqueue(self, link, envelope, payload);
    return OK;
}

static void
complete(port_t *self, envelope_t *draft)
{
    const transport_t *transport = &self->transport;
    if (draft->from == NULL)
        draft->from = self->name;
    if (uuid_is_zero(draft->id))
        uuid_v7(draft->id, (uint64_t) transport->wall_ms(transport->self),
                transport->random(transport->self), transport->random(transport->self));
    if (uuid_is_zero(draft->trace))
        memcpy(draft->trace, draft->id, sizeof draft->trace);
    draft->sent_ns = transport->now_ns(transport->self);
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
        return err == OK ? OK : bury(self, draft, payload, err);
    }
    out_link_t *link = out_link(self, draft->to);
    if (link->first || !has_credit(link))
        return keep(self, link, draft, payload);
    return transmit(self, link, draft, payload);
}

bool
port_parked(const port_t *self)
{
    return self->n_parked > 0;
}

const char *
port_parked_on(const port_t *self)
{
    for (const out_link_t *link = self->out; link; link = link->next)
        for (const waiting_t *each = link->first; each; each = each->next)
            if (parks(&each->envelope))
                return link->to;
    return NULL;
}

uint32_t
port_credit(port_t *self, const char *to)
{
    out_link_t *link = out_link(self, to);
    if (link->first || !has_credit(link)) {
        link->starved = true;
        return 0;
    }
    return (uint32_t) (PORT_WINDOW - (link->seq - link->done));
}

static void
flush(port_t *self, out_link_t *link)
{
    while (link->first && has_credit(link)) {
        waiting_t *waiting = link->first;
        link->first = waiting->next;
        if (link->first == NULL)
            link->last = &link->first;
        self->stats.queued--;
        self->n_parked -= parks(&waiting->envelope);
        if (waiting->envelope.kind == ENVELOPE_EVT) {
            link->n_events--;
            link->event_bytes -= waiting->payload->size;
        }
        /* A refusal has made it a dead letter: nobody is left to tell. */
        (void) transmit(self, link, &waiting->envelope, waiting->payload);
        waiting_free(waiting);
    }
}

void
port_on_credit(port_t *self, const envelope_t *envelope, const char **freed)
{
    if (freed)
        *freed = NULL;
    out_link_t *link = find_out(self, envelope->from);
    if (link == NULL || envelope->epoch != self->epoch || envelope->seq > link->seq)
        return;
    while (link->done < envelope->seq) {
        link->done++;
        link->bytes -= link->sizes[link->done % PORT_WINDOW];
    }
    flush(self, link);
    if (link->starved && has_credit(link)) {
        link->starved = false;
        if (freed)
            *freed = link->to;
    }
}

/*  --------------------------------------------------------------- subscriptions  */

bool
pattern_matches(const char *pattern, const char *type)
{
    for (;;) {
        if (pattern[0] == '>' && pattern[1] == '\0')
            return *type != '\0';
        size_t length = strcspn(pattern, ".");
        size_t word = strcspn(type, ".");
        bool prefix = length > 0 && pattern[length - 1] == '*';
        size_t same = prefix ? length - 1 : length;
        if (word < same || (!prefix && word != same) || word == 0
            || strncmp(pattern, type, same) != 0)
            return false;
        pattern += length;
        type += word;
        if (*pattern != *type)
            return false;
        if (*pattern == '\0')
            return true;
        pattern++, type++;
    }
}

static subscription_t **
find_subscription(port_t *self, const char *pattern, const char *subscriber)
{
    subscription_t **at = &self->subscriptions;
    while (
        *at
        && (strcmp((*at)->pattern, pattern) != 0 || strcmp((*at)->subscriber, subscriber) != 0))
        at = &(*at)->next;
    return at;
}

void
port_subscribe(port_t *self, const char *pattern, const char *subscriber)
{
    subscription_t **at = find_subscription(self, pattern, subscriber);
    if (*at || strlen(pattern) > NAME_ROOM || strlen(subscriber) > NAME_ROOM)
        return;
    *at = mem_new(sizeof **at);
    memcpy((*at)->pattern, pattern, strlen(pattern));
    memcpy((*at)->subscriber, subscriber, strlen(subscriber));
}

void
port_unsubscribe(port_t *self, const char *pattern, const char *subscriber)
{
    subscription_t **at = find_subscription(self, pattern, subscriber);
    subscription_t *found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    free(found);
}

/*  Two patterns of one subscriber may match: it still gets the event once.  */
static bool
has_earlier_match(const port_t *self, const subscription_t *subscription, const char *type)
{
    for (const subscription_t *each = self->subscriptions; each != subscription;
         each = each->next)
        if (strcmp(each->subscriber, subscription->subscriber) == 0
            && pattern_matches(each->pattern, type))
            return true;
    return false;
}

bool
port_has_subscriber(const port_t *self, const char *type)
{
    for (const subscription_t *each = self->subscriptions; each; each = each->next)
        if (pattern_matches(each->pattern, type))
            return true;
    return false;
}

void
port_publish(port_t *self, envelope_t *draft, blob_t *payload)
{
    complete(self, draft);
    for (const subscription_t *each = self->subscriptions; each; each = each->next) {
        if (!pattern_matches(each->pattern, draft->type)
            || has_earlier_match(self, each, draft->type))
            continue;
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
    in_link_t *link = in_link(self, envelope->from);
    if (envelope->epoch > link->epoch) {
        link->epoch = envelope->epoch;
        link->admitted = link->done = 0;
        link->owed = link->owed_bytes = 0;
    }
    if (envelope->epoch < link->epoch || envelope->seq <= link->admitted) {
        self->stats.duplicates++;
        link->again = envelope->epoch == link->epoch;
        return DUPLICATE;
    }
    if (envelope->seq != link->admitted + 1)
        return OUT_OF_ORDER;
    link->admitted = envelope->seq;
    link->owed_bytes += bytes;
    link->prompt |= (envelope->flags & FLAG_PROMPT) != 0;
    self->stats.received++;
    return ADMIT;
}

void
port_done(port_t *self, const envelope_t *envelope)
{
    in_link_t *link = in_link(self, envelope->from);
    if (envelope->epoch != link->epoch)
        return;
    assert(envelope->seq == link->done + 1);
    link->done = envelope->seq;
    link->owed++;
    self->stats.done++;
}

static void
give_credit(port_t *self, in_link_t *link)
{
    envelope_t credit = {
        .kind = ENVELOPE_CREDIT,
        .type = "credit",
        .to = link->from,
        .epoch = link->epoch,
        .seq = link->done,
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

/*  ------------------------------------------------------------------ what it knows  */

port_stats_t
port_stats(const port_t *self)
{
    port_stats_t stats = self->stats;
    stats.parked = self->n_parked;
    for (const out_link_t *link = self->out; link; link = link->next)
        stats.in_flight += link->seq - link->done;
    return stats;
}

bool
port_consistent(const port_t *self)
{
    for (const out_link_t *link = self->out; link; link = link->next) {
        size_t bytes = 0;
        for (uint64_t seq = link->done + 1; seq <= link->seq; seq++)
            bytes += link->sizes[seq % PORT_WINDOW];
        if (link->done > link->seq || link->seq - link->done > PORT_WINDOW
            || bytes != link->bytes)
            return false;
    }
    for (const in_link_t *link = self->in; link; link = link->next)
        if (link->done > link->admitted)
            return false;
    return true;
}
