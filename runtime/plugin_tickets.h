/*  plugin_tickets - the tickets that a plug-in holds.

    What it is handed is a number: it may lose it, forge it or use it twice, and nothing happens
    but that it is told so.  */

#pragma once

#include "runtime/actor.h"
#include "runtime/include/waybill/plugin.h"

enum { MOST_TICKETS = 65536 };

typedef struct tickets {
    struct kept_ticket {
        ticket_t ticket;
        uint64_t number; /* 0: free */
    } * items;
    size_t n, room;
    size_t free_from; /* no free slot is before */
    uint64_t last;
} plugin_tickets_t;

/*  False: there are MOST_TICKETS already.  */
bool plugin_tickets_add(plugin_tickets_t *self, const ticket_t *ticket,
                        waybill_ticket_t *number);
/*  False: there is no such ticket (any more).  */
bool plugin_tickets_find(const plugin_tickets_t *self, const waybill_ticket_t *number,
                         ticket_t *ticket);
void plugin_tickets_drop(plugin_tickets_t *self, const waybill_ticket_t *number);
void plugin_tickets_release(plugin_tickets_t *self);
