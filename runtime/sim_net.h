/*  sim_net - connections between simulated nodes, and the driver that actors reach them by.

    A connection is two ends; what travels to an end queues there, in order, each thing
    with its delay. A cut loses what is under way in both directions, and both ends are told. */

#pragma once

#include "runtime/sim_world.h"

typedef struct network network_t;

extern const net_driver_t sim_net_driver; /* open and wait are not for here: NULL */

network_t *network_new(world_t *world);
/*  Everybody has left.  */
void network_destroy(network_t **self);
void network_agenda(network_t *self, agenda_t *agenda);

/*  The driver's state for one actor. address: where it can be dialled if it listens, or
    NULL. touched(owner) is called after each call into sink.  */
typedef struct net_owner {
    void *self;
    void (*touched)(void *self);
} net_owner_t;
net_t *network_join(network_t *self, const char *address, const net_sink_t *sink,
                    net_owner_t owner);
/*  Cuts all its connections, which its own end hears nothing of, stops listening, and gives
    it back.  */
void network_leave(net_t **self);
/*  Cuts all its connections, with word to both ends; false: and none opens from now on.  */
void net_link(net_t *self, bool up);
