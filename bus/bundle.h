/*  bundle - messages that travel together in one pair of frames, inside a process.

    In the first frame stand, for each message, the sizes of its header and payload and the
    header; in the second the payloads, in the same order. Two frames cost ZeroMQ several
    times what packing a small message costs us, so small ones share them.  */

#pragma once

#include "bus/blob.h"

#include <zmq.h>

/*  ---------------------------------------------------------------------- leaving  */

typedef struct bundle {
    buffer_t headers, payloads;
    size_t n;
} bundle_t;

enum {
    BUNDLE_MESSAGES = 256, /* a full one */
    BUNDLE_PAYLOAD = 4096  /* a larger payload goes alone, and is shared, not copied */
};

/*  payload may be NULL: empty.  */
void bundle_add(bundle_t *self, bytes_t header, const blob_t *payload);
/*  Sends and empties it; an empty one is sent by doing nothing. False: the context ends.  */
bool bundle_send(bundle_t *self, void *push);
/*  Sends what was added before, and then this message by itself: a lane keeps its order.  */
bool bundle_send_alone(bundle_t *self, void *push, bytes_t header, blob_t *payload);
void bundle_release(bundle_t *self);

/*  --------------------------------------------------------------------- arriving  */

/*  A pair of frames that has arrived, shared by the letters made of it.  */
typedef struct arrival {
    struct arrival *next; /* while unused */
    zmq_msg_t headers, payloads;
    size_t header_at, payload_at; /* what is not read yet */
    size_t refs;                  /* letters, and the reader while it reads on */
} arrival_t;

void arrival_open(arrival_t *self);
void arrival_close(arrival_t *self);
/*  Takes one pair of frames off the socket. False: there is none. *whole: it is a pair; if
    not, whatever came was taken off.  */
bool arrival_receive(arrival_t *self, void *pull, bool *whole);
bool arrival_is_read(arrival_t *self);
/*  The next header and payload. False if its sizes are impossible: then all that is left of
    the arrival is given up.  */
bool arrival_next(arrival_t *self, bytes_t *header, bytes_t *payload);
