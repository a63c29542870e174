/*  plugin_frames - what goes over the socket between a host and the process of a plug-in.

    The host calls, the child acts and is answered, any number of times, and then is done: they
    take turns, so neither waits for the other to read. Only a child that is not being called
    speaks by itself: it wakes the host, because a descriptor that it watches is ready. Both
    are the same program, on one machine; but what the child says is checked like a stranger's,
   for its memory is the plug-in's as well.  */

#pragma once

#include "schemas/base.h"

enum { FRAME_NUMBERS = 3, FRAME_TEXTS = 5, FRAME_BLOBS = 2 };

typedef enum pipe_frame_kind {
    /* to the child: callbacks */
    CALL_START = 1,
    CALL_MESSAGE,
    CALL_REPLY,
    CALL_TIMER,
    CALL_FD,
    CALL_SETTLE,
    CALL_DRAIN,
    CALL_STOP,
    ACTED, /* what the host table gave */
    /* from the child */
    DONE, /* numbers: what the callback gave; texts: code and why */
    WAKE, /* numbers: descriptor, readiness */
    ACT_SEND,
    ACT_REQUEST,
    ACT_REPLY,
    ACT_TICKET,
    ACT_ANSWER,
    ACT_ANSWER_ERROR,
    ACT_PUBLISH,
    ACT_CREDIT,
    ACT_NOW,
    ACT_WALL,
    ACT_RANDOM,
    ACT_UUID,
    ACT_AFTER,
    ACT_CANCEL,
    ACT_SETTING,
    ACT_LOG,
    ACT_JSON,
    ACT_PACK,
    FRAME_KINDS
} pipe_frame_kind_t;

/*  Texts may be NULL; blobs have a NUL behind them.  */
typedef struct pipe_frame {
    pipe_frame_kind_t kind;
    uint64_t numbers[FRAME_NUMBERS];
    const char *texts[FRAME_TEXTS];
    bytes_t blobs[FRAME_BLOBS];
} pipe_frame_t;

/*  One end. Zeroed but for fd, which does not block.  */
typedef struct pipe_end {
    int fd;
    buffer_t out, in;
} pipe_end_t;

/*  limit_ms: for all of it; -1: for ever. ERR_OFFLINE: the other is gone. ERR_TIMEOUT.  */
CHECKED err_t pipe_frame_write(pipe_end_t *self, const pipe_frame_t *frame, int limit_ms);
/*  The frame is valid until the next is read. ERR_MALFORMED: it is none.  */
CHECKED err_t pipe_frame_read(pipe_end_t *self, pipe_frame_t *frame, int limit_ms);
void pipe_end_release(pipe_end_t *self);

/*  For the fuzzer: the bytes behind the length of one frame.  */
CHECKED err_t pipe_frame_unpack(bytes_t bytes, pipe_frame_t *frame);
