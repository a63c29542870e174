#include "bus/link.h"

#include <stdlib.h>
#include <string.h>

/*  --------------------------------------------------------------------- waiting  */

bool
waiting_parks(const envelope_t *envelope)
{
    return envelope->kind != ENVELOPE_EVT && !(envelope->flags & FLAG_CONFLATE);
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

waiting_t *
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

void
waiting_free(waiting_t *self)
{
    blob_unref(&self->payload);
    free(self);
}

/*  --------------------------------------------------------------------- finding  */

size_t
carrier_length(const char *name)
{
    return strcspn(name, "/");
}

static bool
is_carrier(const char *carrier, const char *name, size_t length)
{
    return strncmp(carrier, name, length) == 0 && carrier[length] == '\0';
}

out_link_t *
find_out_link(out_link_t *list, const char *to)
{
    if (list && strcmp(list->to, to) == 0)
        return list;
    size_t length = carrier_length(to);
    for (out_link_t *link = list; link; link = link->next)
        if (is_carrier(link->to, to, length))
            return link;
    return NULL;
}

out_link_t *
out_link(out_links_t *list, const char *to)
{
    out_link_t *first = atomic_load_explicit(list, memory_order_relaxed);
    out_link_t *link = find_out_link(first, to);
    if (link)
        return link;
    link = mem_new(sizeof *link);
    memcpy(link->to, to, carrier_length(to));
    link->last = &link->first;
    link->next = first;
    atomic_store_explicit(list, link, memory_order_release);
    return link;
}

in_link_t *
in_link(in_links_t *list, const char *from)
{
    in_link_t *first = atomic_load_explicit(list, memory_order_relaxed);
    if (first && strcmp(first->from, from) == 0)
        return first;
    size_t length = carrier_length(from);
    for (in_link_t *link = first; link; link = link->next)
        if (is_carrier(link->from, from, length))
            return link;
    in_link_t *link = mem_new(sizeof *link);
    memcpy(link->from, from, length);
    link->next = first;
    atomic_store_explicit(list, link, memory_order_release);
    return link;
}

static void
free_waiting(out_link_t *link)
{
    while (link->first) {
        waiting_t *waiting = link->first;
        link->first = waiting->next;
        waiting_free(waiting);
    }
}

void
out_links_free(out_links_t *list)
{
    out_link_t *link = atomic_exchange(list, NULL);
    while (link) {
        out_link_t *next = link->next;
        free_waiting(link);
        free(link);
        link = next;
    }
}

void
in_links_free(in_links_t *list)
{
    in_link_t *link = atomic_exchange(list, NULL);
    while (link) {
        in_link_t *next = link->next;
        free(link);
        link = next;
    }
}

/*  --------------------------------------------------------------------- sending  */

uint64_t
out_link_in_flight(const out_link_t *self)
{
    uint64_t done = counter_get(&self->done); /* first: whoever looks on sees no less sent */
    return counter_get(&self->seq) - done;
}

bool
out_link_has_credit(const out_link_t *self)
{
    uint64_t in_flight = out_link_in_flight(self);
    return in_flight < PORT_WINDOW && (self->bytes < PORT_WINDOW_BYTES || in_flight == 0);
}

static bool
texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool
out_link_overwrite(out_link_t *self, const envelope_t *envelope, blob_t *payload)
{
    for (waiting_t *each = self->first; each; each = each->next) {
        if (!(each->envelope.flags & FLAG_CONFLATE)
            || !texts_equal(each->envelope.to, envelope->to)
            || !texts_equal(each->envelope.type, envelope->type)
            || !texts_equal(each->envelope.key, envelope->key))
            continue;
        blob_unref(&each->payload);
        each->payload = blob_ref(payload);
        return true;
    }
    return false;
}
