/*  taping_private - shared by taping.c (when) and taping_host.c (what).  */

#pragma once

#include "runtime/cell_private.h"
#include "runtime/tape_places.h"
#include "runtime/taping.h"

struct taping {
    cell_t *cell;
    tape_t *tape;
    unsigned depth;    /* inputs that the actor is in: the network may call inside of one */
    cell_host_t plain; /* the host's own */
    const net_driver_t *driver; /* the same */
    net_t *net;
    tape_places_t places; /* of what the actor watches */
    buffer_t scratch;
};

/*  Puts itself between the cell and its host, and back.  */
void taping_step_in(taping_t *self);
void taping_step_out(taping_t *self);
/*  A value or an output; outside of inputs nothing is noted.  */
void taping_note(taping_t *self, const tape_event_t *event);
