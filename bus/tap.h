/*  tap - lets somebody watch the messages of a running process.

    Actors offer what they send and receive, but only while a watcher is attached; the tap
    hands it on at tap.sock of the run directory, and to actors of the same process. Lossy
    queues, all bounded: a tap that is slow, stuck or killed costs records, never a message and
    never time. What is lost is counted and shows in the stream. Secrets are taken out before a
    record leaves its actor.

    A session lives as long as its watcher renews it (bus/tap_ear.h): one that has stalled ends
    by itself.  */

#pragma once

#include "bus/tap_ear.h"

/*  ---------------------------------------------------------------- the host's side  */

typedef struct tap tap_t;

typedef struct tap_options {
    void *zmq;                                         /* the host's ZeroMQ context */
    const char *run_dir;                               /* locked by the host */
    const char *const *actors;                         /* who offers records; NULL-terminated */
    void (*log)(void *log_to, const log_line_t *line); /* from its thread; NULL: silent */
    void *log_to;
} tap_options_t;

/*  options are copied, and the names of the actors.  */
tap_t *tap_new(const tap_options_t *options);
/*  Binds what is inside of the process, so that actors may listen from their start on.  */
CHECKED err_t tap_open(tap_t *self, fault_t *fault);
/*  Binds the socket, then starts the thread, which sends CONTROL tap_on (with payloads:
    tap_whole) to every actor when the first watcher comes and tap_off when the last has left.
    Call it when all actors have bound their inboxes.  */
CHECKED err_t tap_start(tap_t *self, fault_t *fault);
/*  An actor has come, whose inboxes are bound; or has gone. Any thread.  */
void tap_add(tap_t *self, const char *actor);
void tap_remove(tap_t *self, const char *actor);
void tap_stop(tap_t *self);
void tap_destroy(tap_t **self);

/*  --------------------------------------------------------------- an actor's side  */

typedef struct tap_source tap_source_t;

/*  For the thread of one actor, in the context of the tap. It opens the gate, which must
   outlive it; who finds it shut counts that there, and offers nothing.  */
tap_source_t *tap_source_new(void *zmq, const char *actor, tap_gate_t *gate);
void tap_source_destroy(tap_source_t **self);
/*  Offers a record, which only a started tap asks for; never waits. payload.data NULL: it is
    not to be shown. The bus's own traffic (FLAG_NO_TAP, CONTROL, CREDIT) is passed over. An
    actor offers TAP_RATE records a second, for the rest there is no room: so it is never slow
    because somebody watches.  */
void tap_offer(tap_source_t *self, tap_point_t point, const envelope_t *envelope,
               bytes_t payload, err_t err);
enum { TAP_RATE = 5000, TAP_BURST = 5000 };
/*  Hands over what was offered, at most every few milliseconds: bundles are cheap, one for
    every record is not. To be called after each round. Gives how long the actor may wait before
    the next call, in ms; -1: for ever.  */
int tap_flush(tap_source_t *self);
/*  Records that found no room, so far.  */
uint64_t tap_source_dropped(const tap_source_t *self);
