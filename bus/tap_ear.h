/*  tap_ear - hears the records of a tap: from another process, or from an actor of the same.

    Whoever listens renews its session by calling tap_ear_next() now and then. If nobody has
    for TAP_LEASE_MS, the actors offer no more, until somebody does.  */

#pragma once

#include "bus/tap_record.h"

enum { TAP_LEASE_MS = 20000, TAP_RENEW_MS = 5000 };

#define TAP_INSIDE "inproc://tap.watch" /* where actors of the same process listen */
#define TAP_PAYLOADS_TOPIC "payloads"   /* subscribed to by those who want payloads */
#define TAP_ALIVE "alive"               /* what renews a session */

typedef struct tap_ear tap_ear_t;

/*  Hears nothing yet; NULL if the context ends. queue: bundles kept for it.  */
tap_ear_t *tap_ear_new(void *zmq, int queue);
void tap_ear_destroy(tap_ear_t **self);
/*  Connects, once.  */
CHECKED err_t tap_ear_connect(tap_ear_t *self, const char *endpoint);
/*  What it wants from now on.  */
void tap_ear_want(tap_ear_t *self, tap_want_t want);

/*  The next record, without waiting; NULL: none is there. Valid until the next call.  */
const tap_record_t *tap_ear_next(tap_ear_t *self);
/*  Records that were offered since it listens, and did not come.  */
uint64_t tap_ear_lost(const tap_ear_t *self);

/*  To wait for. After NULL from tap_ear_next(), what comes makes the descriptor readable.  */
void *tap_ear_socket(const tap_ear_t *self);
int tap_ear_fd(const tap_ear_t *self);
