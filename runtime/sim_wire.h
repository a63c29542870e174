/*  sim_wire - one simulated connection: two ends, and what travels to each of them.  */

#pragma once

#include "runtime/sim_net.h"

typedef struct wire wire_t;
typedef struct end end_t;
typedef struct news news_t;

/*  What travels to an end.  */
struct news {
    news_t *next;
    uint64_t at_ns;
    void (*arrive)(end_t *end, const news_t *self);
    bool is_frame, binary;
    int status;
    size_t size;
    uint8_t data[]; /* a frame, or the reason of a close with its NUL */
};

struct end {
    wire_t *wire;
    conn_t id;
    net_t *net; /* NULL: nobody yet, or nobody any more */
    net_limits_t limits;
    bool open;    /* frames may go out */
    bool closing; /* its close is on the way: nothing else will come */
    bool paused;
    size_t queued; /* bytes it sent that have not arrived */
    uint64_t drained_ns;
    news_t *first, *last; /* only the first can be due: nothing overtakes */
};

enum { DIALLER, LISTENER };

struct wire {
    wire_t *next;
    network_t *network;
    end_t ends[2];
    char *host, *path, *query, *protocol, *authorization; /* of the dial */
    bool plain; /* http://: a request, whose answer the dialler hears as a close */
};

struct net {
    net_t *next;
    network_t *network;
    const char *address;
    char *any_port; /* in its place, where it was asked for any */
    net_sink_t sink;
    net_owner_t owner;
    net_limits_t limits; /* of what it listens for */
    bool listening, down;
};

struct network {
    world_t *world;
    net_t *nets;
    wire_t *wires;
    conn_t last_id;
    int last_port;
};

/*  The queue of an end. What is copied, data of size what->size behind it.  */
void end_post(end_t *self, const news_t *what, const void *data);
/*  The first of its news, which the caller frees.  */
news_t *end_pop(end_t *self);
void end_forget(end_t *self);
end_t *end_peer(end_t *self);
/*  Behind what is under way to it, the end hears that it is closed; nothing else follows.  */
void end_close(end_t *self, int status, const char *reason);

/*  Everything under way is lost, and whoever is still there is told.  */
void wire_cut(wire_t *self, int status, const char *reason);
bool wire_unused(const wire_t *self);
void wire_destroy(wire_t **self);
