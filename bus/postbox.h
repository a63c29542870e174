/*  postbox - one actor's sockets: its two inboxes, and the ways to the others'.

    Binds PULL sockets at inproc://a/NAME/lo and inproc://a/NAME/hi, and connects a PUSH
    socket to the inbox of another actor when something first goes there. Messages travel in
    pairs of frames, headers in one and payloads in the other: one message a pair, or a
    bundle of small ones for one receiver and lane. Nothing here waits: there are no high-water
   marks, because the credit of bus/port.h bounds what can be under way. For one thread.  */

#pragma once

#include "bus/letter.h"
#include "bus/port.h"

typedef struct postbox postbox_t;

/*  Binds the inboxes of name in the given ZeroMQ context. NULL if name is taken.  */
postbox_t *postbox_new(void *zmq, const char *name, fault_t *fault);
/*  Every letter must have been released.  */
void postbox_destroy(postbox_t **self);

/*  Allows sending to that actor. Its inboxes must be bound before the first put(): a
    connection to nobody would take messages for ever and deliver none.  */
void postbox_know(postbox_t *self, const char *name);

/*  That actor is gone: its name has no route any more.  */
void postbox_forget(postbox_t *self, const char *name);

/*  Where to tell of a message that could not be read; they are counted in any case.  */
void postbox_log_to(postbox_t *self, void (*log)(void *log_to, const log_line_t *line),
                    void *log_to);

/*  A transport's put(): copies the header, shares the payload (NULL: empty). `to` may be
    "ipc/NAME": the part before the slash carries it. ERR_NO_ROUTE for an unknown name,
    ERR_STOPPED when the context is shutting down.  */
CHECKED err_t postbox_put(postbox_t *self, const char *to, lane_t lane, bytes_t header,
                          blob_t *payload);

/*  From now on, small messages are kept until postbox_flush(), or until there are enough of
    them for one receiver. Their owner flushes before it waits, and after each turn.  */
void postbox_gather(postbox_t *self);
void postbox_flush(postbox_t *self);

/*  The next letter of that lane, or NULL. The caller releases it, in this thread.  */
letter_t *postbox_receive(postbox_t *self, lane_t lane);

/*  For zmq_poll(), and for loops that wait for descriptors. A descriptor only says "look":
    call postbox_ready() before each wait, and do not wait if it is true. A bundle may be
    half read while its socket is empty, so that holds for zmq_poll() as well.  */
void *postbox_socket(const postbox_t *self, lane_t lane);
int postbox_fd(const postbox_t *self, lane_t lane);
bool postbox_ready(const postbox_t *self, lane_t lane);

uint64_t postbox_malformed(const postbox_t *self);
