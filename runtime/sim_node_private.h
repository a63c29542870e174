/*  sim_node_private - the inside of a simulated process: sim_node.c lets it come and go,
    sim_node_host.c is what its actors run on.  */

#pragma once

#include "runtime/sim_files.h"
#include "runtime/sim_node.h"

/*  An actor and its place in the node.  */
typedef struct seat {
    node_t *node;
    size_t index; /* also its box */
    const actor_class_t *class;
    cell_t *cell;
    net_t *net;
    files_t files;
    uint64_t due_ns;
    bool touched;
} seat_t;

struct node {
    world_t *world;
    network_t *network;
    char *name, *address;
    const void *settings;
    seat_t *seats; /* they stay where they are while the node is up */
    size_t n;
    char **patterns; /* of the outsider */
    size_t n_patterns;
    outsider_t *outsider;
    system_t *system;
    mail_t *mail; /* NULL: down */
    uint64_t epoch;
    uint64_t restart_ns;
    int64_t ahead_ms; /* its wall clock */
    bool unlinked;
};

/*  sim_node_host.c  */
/*  Of a seat, but for self and system.  */
extern const cell_host_t seat_host;
int64_t node_wall_us(void *self);
/*  What the outsider says.  */
err_t node_put_outside(void *self, const char *to, lane_t lane, bytes_t header,
                       blob_t *payload);
