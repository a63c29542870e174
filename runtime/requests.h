/*  requests - what an actor has asked and not been told yet.

    Answers mostly come in the order asked, so the oldest is looked at first.  */

#pragma once

#include "bus/counter.h"
#include "schemas/message.h"

typedef struct request {
    struct request *next;
    uint8_t id[16];
    message_id_t message;
    uint64_t token;
    uint64_t deadline_ms;
    err_t err; /* known to have failed, and why; OK: still open */
} request_t;

typedef struct requests {
    request_t *first, **last;
    counter_t n;
    uint64_t earliest_ms; /* no deadline is before; UINT64_MAX: there is none */
} requests_t;

void requests_add(requests_t *self, const request_t *request);
/*  Takes the request of that id out; false if it is not known (any more).  */
bool requests_take(requests_t *self, const uint8_t id[16], request_t *request);
/*  It will not be answered, and why. One that is not known changes nothing.  */
void requests_fail(requests_t *self, const uint8_t id[16], err_t why);
/*  Takes out one that has failed, or whose deadline has passed (err is then ERR_TIMEOUT).  */
bool requests_take_failed(requests_t *self, uint64_t now_ms, request_t *request);
void requests_clear(requests_t *self);
