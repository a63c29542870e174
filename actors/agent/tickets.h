/*  tickets - requests that were passed on, and whom their answers belong to.  */

#pragma once

#include "runtime/actor.h"

typedef struct passed {
    uint64_t token;
    ticket_t ticket;
} passed_t;

/*  Zero is empty.  */
typedef struct tickets {
    passed_t *items; /* in the order passed on */
    size_t n, room;
    uint64_t last; /* token */
} tickets_t;

/*  Takes the ticket of the request being handled; the token, never 0, goes with the request
    that asks on.  */
uint64_t tickets_keep(tickets_t *self, ctx_t *ctx);
/*  False if the token is not known: it was answered before.  */
bool tickets_take(tickets_t *self, uint64_t token, ticket_t *ticket);
void tickets_release(tickets_t *self);
