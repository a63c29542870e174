/*  sim - runs the same actors in one thread, on a virtual clock, with seeded chance.

    A simulation holds nodes (processes), each with the actors a program would launch. One
    step picks, by the seed, one of the things that could happen next: a message handed
    over, a timer due, a frame arriving, a fault. The same seed gives the same run, bit for
    bit; sim_trace_hash() is how a test knows. Files (databases) are real: a crash of a node
    destroys its actors without drain() and without a last settle(): what was not committed is
    gone, and so is every message under way.  */

#pragma once

#include "runtime/cell.h"
#include "runtime/net.h"

typedef struct sim sim_t;

/*  Chances are per 10,000; delays in virtual ms, drawn evenly from 0 to the limit.  */
typedef struct sim_faults {
    uint32_t bus_delay_ms;  /* between actors of a node */
    uint32_t net_delay_ms;  /* a frame on a connection */
    uint32_t redeliver;     /* a lo message is delivered a second time */
    uint32_t net_cut;       /* per frame: the connection is cut instead */
    uint32_t net_duplicate; /* per frame: the peer gets it twice */
    uint32_t actor_crash;   /* per message: its actor's instance is destroyed instead */
    uint32_t node_crash;    /* per message: the whole node is, and restarts */
    uint32_t restart_ms;    /* until a crashed node is back, at most */
} sim_faults_t;

sim_t *sim_new(uint64_t seed, const sim_faults_t *faults);
void sim_destroy(sim_t **self);

/*  Adds a node and its actors, in start order, without those that the settings do without;
    settings must outlive the simulation. address: where its listener (if any) can be
    dialled, "HOST:PORT"; NULL: nowhere.  */
int sim_node(sim_t *self, const char *name, const char *address, const void *settings);
void sim_add(sim_t *self, int node, const actor_class_t *class);
CHECKED err_t sim_start(sim_t *self, int node, fault_t *fault);
/*  An ordered stop; a crash without one. A stopped or crashed node starts with sim_start().  */
void sim_stop(sim_t *self, int node);
void sim_crash(sim_t *self, int node);
/*  Cuts every connection of the node, and keeps new ones from opening while down.  */
void sim_link(sim_t *self, int node, bool up);

/*  From now on the node's wall clock is so far from that of the simulation.  */
void sim_set_clock(sim_t *self, int node, int64_t ahead_ms);

/*  From now on descriptors that actors watch are polled in earnest, and while there are any,
    virtual time goes so many times as fast as real time at most: for tests with a database
    beside the simulation. No run is like another then.  */
void sim_watch_files(sim_t *self, uint32_t speed);

/*  Speaks to an actor of a node as a process joined over ipc would. Replies and events to
    the outsider are kept until taken. A crash of the node loses what was under way.  */
void sim_tell(sim_t *self, int node, const char *to, message_id_t id, const void *body);
uint64_t sim_ask(sim_t *self, int node, const char *to, message_id_t id, const void *body);
void sim_hear(sim_t *self, int node, const char *pattern);

/*  What came back to the outsider: body is unpacked, valid until the next sim_ call.  */
typedef struct sim_heard {
    message_id_t id; /* MSG_problem for an error reply */
    uint64_t ask;    /* what sim_ask() gave; 0 for events */
    const char *from;
    const void *body;
} sim_heard_t;
bool sim_take(sim_t *self, int node, sim_heard_t *heard);

/*  One step; false when nothing can happen any more (no message, no timer).  */
bool sim_step(sim_t *self);
/*  Steps until done(arg) or virtual_ms have passed; true if done.  */
bool sim_until(sim_t *self, bool (*done)(void *arg), void *arg, uint64_t virtual_ms);
void sim_run_ms(sim_t *self, uint64_t virtual_ms);

/*  Turns all faults off (chance and delay), to let the system come to rest.  */
void sim_calm(sim_t *self);

/*  False between a crash and the restart.  */
bool sim_up(const sim_t *self, int node);
/*  For tests that look inside. NULL while the node is down; valid until the next step.  */
cell_t *sim_cell(sim_t *self, int node, const char *actor);

uint64_t sim_now_ms(const sim_t *self);
/*  Over every delivery, its time and its bytes.  */
uint64_t sim_trace_hash(const sim_t *self);
/*  One line a delivery to out, from now on; NULL stops it.  */
void sim_trace_to(sim_t *self, FILE *out);
