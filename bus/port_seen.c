/*  What a port knows of itself, for any thread.  */

#include "bus/port_private.h"

static const out_link_t *
first_out(const port_t *self)
{
    return atomic_load_explicit(&self->out, memory_order_acquire);
}

static const in_link_t *
first_in(const port_t *self)
{
    return atomic_load_explicit(&self->in, memory_order_acquire);
}

port_stats_t
port_stats(const port_t *self)
{
    port_stats_t stats = {
        .sent = counter_get(&self->count.sent),
        .answered = counter_get(&self->count.answered),
        .received = counter_get(&self->count.received),
        .done = counter_get(&self->count.done),
        .duplicates = counter_get(&self->count.duplicates),
        .dead = counter_get(&self->count.dead),
        .events_dropped = counter_get(&self->count.events_dropped),
    };
    for (const out_link_t *link = first_out(self); link; link = link->next) {
        stats.in_flight += out_link_in_flight(link);
        stats.queued += counter_get(&link->kept);
        stats.parked += counter_get(&link->parked);
    }
    return stats;
}

const char *
port_parked_on(const port_t *self)
{
    for (const out_link_t *link = first_out(self); link; link = link->next)
        if (counter_get(&link->parked) > 0)
            return link->to;
    return NULL;
}

bool
port_outgoing(const port_t *self, size_t i, link_seen_t *seen)
{
    const out_link_t *link = first_out(self);
    while (link && i-- > 0)
        link = link->next;
    if (link == NULL)
        return false;
    uint64_t done = counter_get(&link->done); /* first: never more than sent */
    *seen = (link_seen_t){link->to, counter_get(&link->seq), done, counter_get(&link->kept)};
    return true;
}

bool
port_incoming(const port_t *self, size_t i, link_seen_t *seen)
{
    const in_link_t *link = first_in(self);
    while (link && i-- > 0)
        link = link->next;
    if (link == NULL)
        return false;
    uint64_t done = counter_get(&link->done);
    *seen = (link_seen_t){link->from, counter_get(&link->admitted), done, 0};
    return true;
}

static bool
out_link_consistent(const out_link_t *link)
{
    uint64_t sent = counter_get(&link->seq), done = counter_get(&link->done);
    size_t bytes = 0;
    for (uint64_t seq = done + 1; seq <= sent; seq++)
        bytes += link->sizes[seq % PORT_WINDOW];
    return done <= sent && sent - done <= PORT_WINDOW && bytes == link->bytes;
}

bool
port_consistent(const port_t *self)
{
    for (const out_link_t *link = first_out(self); link; link = link->next)
        if (!out_link_consistent(link))
            return false;
    for (const in_link_t *link = first_in(self); link; link = link->next)
        if (counter_get(&link->done) > counter_get(&link->admitted))
            return false;
    return true;
}
