/*  port_private - the inside of a port, shared by port.c and port_seen.c.  */

#pragma once

#include "bus/link.h"
#include "bus/subscriptions.h"

struct port {
    const char *name;
    transport_t transport;
    uint64_t epoch;
    int64_t wall_offset_ms; /* wall clock less monotonic, when the port was made */
    out_links_t out;
    in_links_t in;
    subscription_t *subscriptions;
    size_t n_parked;
    struct {
        counter_t sent, answered, received, done, duplicates, dead, events_dropped;
    } count;
};
