#include "runtime/plugin_tickets.h"

#include <stdlib.h>
#include <string.h>

/*  What the plug-in holds: where the ticket is kept, and a number that is used once.  */
typedef struct stub {
    uint64_t slot, number;
} stub_t;

static struct kept_ticket *
find(const plugin_tickets_t *self, const waybill_ticket_t *number)
{
    stub_t stub;
    memcpy(&stub, number->bytes, sizeof stub);
    if (stub.number == 0 || stub.slot >= self->n
        || self->items[stub.slot].number != stub.number)
        return NULL;
    return &self->items[stub.slot];
}

/*  MOST_TICKETS: there is none.  */
static size_t
free_slot(plugin_tickets_t *self)
{
    size_t slot = self->free_from;
    while (slot < self->n && self->items[slot].number != 0)
        slot++;
    self->free_from = slot;
    if (slot < self->n || slot == MOST_TICKETS)
        return slot;
    if (self->n == self->room) {
        self->room = self->room ? 2 * self->room : 16;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    self->n++;
    return slot;
}

bool
plugin_tickets_add(plugin_tickets_t *self, const ticket_t *ticket, waybill_ticket_t *number)
{
    const stub_t stub = {.slot = free_slot(self), .number = self->last + 1};
    if (stub.slot == MOST_TICKETS)
        return false;
    self->last++;
    self->items[stub.slot] = (struct kept_ticket){*ticket, stub.number};
    *number = (waybill_ticket_t){{0}};
    memcpy(number->bytes, &stub, sizeof stub);
    return true;
}

bool
plugin_tickets_find(const plugin_tickets_t *self, const waybill_ticket_t *number,
                    ticket_t *ticket)
{
    const struct kept_ticket *kept = find(self, number);
    if (kept)
        *ticket = kept->ticket;
    return kept != NULL;
}

void
plugin_tickets_drop(plugin_tickets_t *self, const waybill_ticket_t *number)
{
    struct kept_ticket *kept = find(self, number);
    if (kept == NULL)
        return;
    kept->number = 0;
    size_t slot = (size_t) (kept - self->items);
    if (slot < self->free_from)
        self->free_from = slot;
}

void
plugin_tickets_release(plugin_tickets_t *self)
{
    free(self->items);
    *self = (plugin_tickets_t){0};
}
