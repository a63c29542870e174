/*  sim_node - one simulated process: its actors, the mail between them, its outsider.

    A node can be up or down, and comes up in a new epoch each time. A crash takes the
    actors, the mail, the connections and what the outsider was waiting for.  */

#pragma once

#include "runtime/cell.h"
#include "runtime/sim_files.h"
#include "runtime/sim_net.h"
#include "runtime/sim_outsider.h"

typedef struct node node_t;

/*  name and address are copied.  */
node_t *node_new(world_t *world, network_t *network, const char *name, const char *address,
                 const void *settings);
void node_destroy(node_t **self);
void node_add(node_t *self, const actor_class_t *class);
outsider_t *node_outsider(node_t *self);

CHECKED err_t node_start(node_t *self, fault_t *fault);
bool node_is_up(const node_t *self);
/*  restart: it comes back by itself after a while.  */
void node_crash(node_t *self, bool restart);
void node_link(node_t *self, bool up);
void node_set_clock(node_t *self, int64_t ahead_ms);
void node_hear(node_t *self, const char *pattern);

/*  For an ordered stop, actor by actor.  */
size_t node_size(const node_t *self);
cell_t *node_cell(node_t *self, size_t i);
/*  After calls on a cell from outside: it may have something to do.  */
void node_touch(node_t *self, size_t i);

void node_agenda(node_t *self, agenda_t *agenda);
/*  What its actors watch; node_hears() is who is called.  */
void node_ears(node_t *self, ears_t *ears);
void node_hears(void *owner, int fd, int ready);
