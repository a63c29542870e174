#include "actors/agent/tickets.h"

#include <stdlib.h>
#include <string.h>

uint64_t
tickets_keep(tickets_t *self, ctx_t *ctx)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    self->items[self->n++] = (passed_t){.token = ++self->last, .ticket = ctx_ticket(ctx)};
    return self->last;
}

bool
tickets_take(tickets_t *self, uint64_t token, ticket_t *ticket)
{
    size_t i = 0;
    while (i < self->n && self->items[i].token != token)
        i++;
    if (i == self->n)
        return false;
    *ticket = self->items[i].ticket;
    self->n--;
    memmove(&self->items[i], &self->items[i + 1], (self->n - i) * sizeof *self->items);
    return true;
}

void
tickets_release(tickets_t *self)
{
    free(self->items);
    *self = (tickets_t){0};
}
