/*  stream - what one client still has to be sent, produced one chunk at a time.

    A snapshot if it has nothing, then the transactions since as a catch-up, then each
    transaction as it comes. A stream never runs ahead: whoever pulls sets the pace.  */

#pragma once

#include "actors/common/db.h"
#include "actors/server/snapshot.h"

typedef enum stream_phase { STREAM_SNAPSHOT, STREAM_CATCHUP, STREAM_LIVE } stream_phase_t;

typedef struct stream {
    uint64_t session;
    char *client_id;
    char *user; /* what it may read; empty: users are not known */
    stream_phase_t phase;

    snapshot_t *snapshot; /* while one is under way */
    bool lost;            /* its snapshot was taken away: it must be opened again */

    uint64_t start;  /* where the catch-up began */
    uint64_t lsn;    /* everything up to here was sent */
    int64_t row;     /* the last row of the log that was looked at */
    uint64_t index;  /* rows looked at in the transaction after lsn */
    bool parted;     /* some of that transaction was sent */
    uint64_t rows;   /* in a chunk at most; 0: cut by bytes */
    uint64_t total;  /* chunks that this catch-up or transaction takes, if they are counted */
    uint64_t chunks; /* in this catch-up */
    uint64_t count;  /* changes in it */

    uint64_t acked; /* the client has committed up to here */
    bool dirty;     /* and that is not on disk */
    bool closed;
} stream_t;

/*  What a stream is produced from.  */
typedef struct stream_source {
    db_t *db;          /* for reading */
    const char *epoch; /* of the history that the streams are in */
    const char *path;
    const settings_t *settings;
    const rights_t *rights; /* of db; NULL: everybody may read everything */
    size_t frame_bytes;
    arena_t *arena; /* of the round: chunks live there */
} stream_source_t;

/*  Bytes of rows in a chunk, about.  */
size_t stream_frame_bytes(const stream_t *self, const stream_source_t *source);

stream_t *stream_new(uint64_t session, const char *client_id, const char *user);
void stream_destroy(stream_t **self);

/*  Starts after lsn, which must be kept; 0: with a snapshot.  */
CHECKED err_t stream_start(stream_t *self, const stream_source_t *source, uint64_t lsn,
                           fault_t *fault);

/*  The next chunk. A snapshot is opened if the stream needs one and may_open is true; else
    the chunk is idle. ERR_GAP: history was cut off under it; it must be started again.
    ERR_REGRESSED: it is another history.  */
CHECKED err_t stream_next(stream_t *self, const stream_source_t *source, bool may_open,
                          stream_chunk_t *chunk, fault_t *fault);
