/*  stranger - a peer that keeps to no rules: bytes over a plain socket, and what comes back. */

#pragma once

#include "schemas/base.h"

/*  What became of it.  */
typedef enum fate {
    FATE_STATUS,   /* an HTTP answer with that status */
    FATE_CLOSED,   /* a WebSocket close with that code */
    FATE_ERROR,    /* srv_error, and the connection stays */
    FATE_REJECTED, /* a change is, and the connection stays */
    FATE_STAYS,    /* nothing of that, and the connection stays */
    FATE_GONE,     /* hung up on, without a word */
    FATE_LEFT,     /* we hang up, in the middle of it */
} fate_t;

typedef struct ending {
    fate_t fate;
    int number; /* the status or the code */
} ending_t;

/*  Connects to HOST:PORT; gives the socket, which waits a minute at most.  */
int stranger_connect(const char *address);
/*  Sends it all unless hung up on.  */
void stranger_send(int fd, bytes_t bytes);
/*  One frame with a mask of zeros.  */
void stranger_frame(buffer_t *out, int first_byte, bytes_t payload);
/*  The head of an upgrade with that query and these more lines (each with its line end).  */
void stranger_upgrade(buffer_t *out, const char *query, const char *more);
/*  Reads a head; gives its status, or 0 if hung up on.  */
int stranger_read_head(int fd);
/*  Reads frames until a close, the end, or the answer to a question that came last: a frame
    with both texts in it.  */
ending_t stranger_read_ending(int fd, const char *answer, const char *part);
