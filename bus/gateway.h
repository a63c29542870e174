/*  gateway - how other processes join: one more actor to those inside, a bus to those outside.

    Runs on a thread of its own. Owns the ROUTER socket at bus.sock of the run directory and
    a port named "ipc". A peer's message goes on to its actor with `from` "ipc/NAME", under
    the peer's own id, so that the answer finds back; it is acknowledged when the actor has
    handled it. A peer that is slow, silent or hostile costs nobody else anything.
    docs/bus-protocol.md is the contract with peers.  */

#pragma once

#include "bus/ipc_frame.h"

typedef struct gateway gateway_t;

typedef struct gateway_options {
    void *zmq;           /* the host's ZeroMQ context */
    const char *run_dir; /* locked by the host */
    uint64_t epoch;      /* greater than that of any earlier gateway here */
    bool open;           /* peers may send any actor anything, offered or not */
    void (*log)(void *log_to, const log_line_t *line); /* from its thread; NULL: silent */
    void *log_to;
    /*  A process has joined under that name (maybe once more), or has left: hello is NULL then.
        From its thread; NULL: nobody asks.  */
    void (*joined)(void *joined_to, const char *name, const hello_t *hello);
    void *joined_to;
    /*  A message that a peer does not get; payload is empty where it is not at hand. From its
        thread; NULL: nobody asks.  */
    void (*dead)(void *dead_to, const envelope_t *envelope, bytes_t payload, err_t why);
    void *dead_to;
} gateway_options_t;

/*  An actor that peers can write to. Lists are NULL-terminated; NULL: nothing.  */
typedef struct gateway_actor {
    const char *name;
    const char *const *offers; /* types that peers may send it; all else is refused */
    const char *const *hears;  /* patterns: events of peers that it gets */
} gateway_actor_t;

/*  options are copied, but not what they point to.  */
gateway_t *gateway_new(const gateway_options_t *options);
/*  An actor has come, whose inboxes are bound; or is about to go. Before the start or later,
    any thread; what peers say afterwards is judged by it. All of it is copied.  */
void gateway_add(gateway_t *self, const gateway_actor_t *actor);
/*  Nothing new goes there, but what waits for its credit; once that has gone, the supervisor is
    told CONTROL obeyed, from ipc.  */
void gateway_close(gateway_t *self, const char *name);
/*  After its end: what it did not finish, nobody will.  */
void gateway_remove(gateway_t *self, const char *name);
/*  Binds, then starts the thread. Call it when all actors have bound their inboxes.
    ERR_IO and a fault if the socket cannot be had; nothing runs then.  */
CHECKED err_t gateway_start(gateway_t *self, fault_t *fault);
/*  From now on, every new message of a peer is refused with ERR_STOPPED, while answers still
    leave. Any thread.  */
void gateway_refuse(gateway_t *self);
/*  Sends what has arrived by now, says BYE to the peers, ends the thread. Call it before the
    actors' inboxes close.  */
void gateway_stop(gateway_t *self);
void gateway_destroy(gateway_t **self);

/*  Messages for peers that were too slow or gone, so far. Any thread.  */
uint64_t gateway_dead(const gateway_t *self);
