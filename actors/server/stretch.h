/*  stretch - reads a stretch of the change log for one client, cut to the size of a frame.  */

#pragma once

#include "actors/server/stream.h"

typedef struct stretch {
    server_change_t *changes; /* in the arena */
    size_t n;
    uint64_t lsn;   /* the last transaction that ends in it; where it began, if none does */
    int64_t row;    /* the last row looked at */
    uint64_t index; /* rows looked at of the transaction after lsn */
    bool last;      /* it ends on a transaction's end */
    bool rights_changed; /* nothing can be read on: the client needs a snapshot */
} stretch_t;

typedef struct reach {
    uint64_t up_to; /* a finished position */
    bool dense;     /* log_head_t.dense */
    bool single;    /* at most one transaction that has something for the client */
} reach_t;

/*  From where the stream stands, as much as fits into a frame. What the client wrote itself
    is left out. ERR_GAP if the log no longer goes back so far.  */
CHECKED err_t stretch_read(const stream_t *stream, const stream_source_t *source, reach_t reach,
                           stretch_t *stretch, fault_t *fault);
