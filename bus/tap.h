/*  tap - lets somebody watch the messages of a running process.

    Actors offer what they send and receive, but only while a watcher is attached; the tap
    hands it on at tap.sock of the run directory. Two lossy queues, both bounded: a tap that
    is slow, stuck or killed costs records, never a message and never time. What is lost is
    counted and shows in the stream. Secrets are taken out before a record leaves its actor.

    A record is three frames: a msgpack map {n, point, actor, err, dropped}, the envelope, and
    the payload.  */

#pragma once

#include "bus/envelope.h"

/*  Where in the life of a message a record was made.  */
#define TAP_POINT_MAP(X)                                                                       \
    X(send, "an actor sent it")                                                                \
    X(recv, "it came in")                                                                      \
    X(done, "it was handled")                                                                  \
    X(dead, "it will not be delivered")

#define X(name, text) TAP_##name,
typedef enum tap_point { TAP_POINT_MAP(X) TAP_POINT_COUNT } tap_point_t;
#undef X

const char *tap_point_name(tap_point_t point);

/*  ---------------------------------------------------------------- the host's side  */

typedef struct tap tap_t;

typedef struct tap_options {
    void *zmq;                                         /* the host's ZeroMQ context */
    const char *run_dir;                               /* locked by the host */
    const char *const *actors;                         /* who offers records; NULL-terminated */
    void (*log)(void *log_to, const log_line_t *line); /* from its thread; NULL: silent */
    void *log_to;
} tap_options_t;

/*  options are copied, but not what they point to.  */
tap_t *tap_new(const tap_options_t *options);
/*  Binds, then starts the thread, which sends CONTROL tap_on to every actor when the first
    watcher comes and tap_off when the last has left. Call it when all actors have bound
    their inboxes.  */
CHECKED err_t tap_start(tap_t *self, fault_t *fault);
void tap_stop(tap_t *self);
void tap_destroy(tap_t **self);

/*  --------------------------------------------------------------- an actor's side  */

typedef struct tap_source tap_source_t;

/*  For the thread of one actor, in the context of the tap. actor must outlive it.  */
tap_source_t *tap_source_new(void *zmq, const char *actor);
void tap_source_destroy(tap_source_t **self);
/*  Offers a record, which only a started tap asks for; never waits. The bus's own traffic
   (FLAG_NO_TAP, CONTROL, CREDIT) is passed over.  */
void tap_offer(tap_source_t *self, tap_point_t point, const envelope_t *envelope,
               bytes_t payload, err_t err);
/*  Records that found no room, so far.  */
uint64_t tap_source_dropped(const tap_source_t *self);
