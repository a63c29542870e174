/*  channel - one WebSocket connection: what waits to be sent, and what is half received.

    Knows the frames and their limits; when the connection begins and ends is the driver's
    business (websocket.c).  */

#pragma once

#include "runtime/net.h"

#include <libwebsockets.h>

typedef enum channel_state {
    CHANNEL_DIALLING, /* we connect; nothing was reported yet */
    CHANNEL_ACCEPTED, /* we said 101; nothing was reported yet */
    CHANNEL_ASKED,    /* a plain request that waits for its answer; nothing is ever reported */
    CHANNEL_OPEN,
    CHANNEL_GONE, /* its socket is gone; close was not reported yet */
} channel_state_t;

enum { REASON_ROOM = 124 }; /* what fits into a close frame, and a NUL */

typedef struct channel {
    conn_t conn;
    channel_state_t state;
    struct lws *socket; /* NULL when gone */
    const net_sink_t *sink;
    net_limits_t limits;
    lws_retry_bo_t keepalive; /* the limits as the library wants them */
    uint64_t token;
    bool unannounced;    /* gone before open was reported */
    bool plain;          /* a request that becomes no connection */
    bool dialled;        /* we connected */
    char *authorization; /* to be sent when dialling; NULL: none */

    struct outgoing *first; /* frames to send */
    struct outgoing *last;
    size_t queued;  /* their bytes */
    bool congested; /* they were many; drained is owed when they are few */

    buffer_t half;    /* the message being received */
    size_t fragments; /* it has come in so many frames */

    buffer_t answer; /* to a plain request, with the library's room before it */

    bool closing; /* close_code goes out after the last frame */
    int status;   /* what close will report */
    char reason[REASON_ROOM];
} channel_t;

/*  When to ping, when to give up.  */
lws_retry_bo_t channel_keepalive(const net_limits_t *limits);
channel_t *channel_new(conn_t conn, const net_sink_t *sink, const net_limits_t *limits);
void channel_destroy(channel_t **self);
void channel_send(channel_t *self, bytes_t frame, bool binary);
/*  Sends what the system takes. Not 0: close the socket.  */
int channel_write(channel_t *self);
/*  Takes a piece of a message; reports it when it is whole. Not 0: close the socket.  */
int channel_receive(channel_t *self, bytes_t piece);
/*  Closes after the last frame.  */
void channel_hang_up(channel_t *self, int code, const char *reason);
/*  Remembers why it ended; the first cause counts.  */
void channel_blame(channel_t *self, int status, const char *reason, size_t reason_size);
