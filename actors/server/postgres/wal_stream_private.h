/*  wal_stream_private - what the files of wal_stream share: what comes before the stream, and
    the stream.  */

#pragma once

#include "actors/server/postgres/pg.h"
#include "actors/server/postgres/wal_stream.h"

typedef enum wal_stage {
    WAL_CLOSED,
    WAL_IDLE,
    WAL_CREATING,
    WAL_STARTING,
    WAL_STREAMING
} wal_stage_t;

struct wal_stream {
    pg_t *pg;
    wal_stage_t stage;
    char *publication;
    char *slot;
    PGresult *snapshot; /* as CREATE_REPLICATION_SLOT answered */
    char *taken;        /* what the last message is in */
    uint64_t received, durable;
    uint64_t untold; /* bytes received since the last status */
    uint64_t clock;  /* of the database, when it last said so */
    uint64_t pause_ms;
    bool due;    /* the database waits for a status */
    bool asks;   /* for a keepalive, with the next status */
    bool unsent; /* the socket did not take the last one whole */
};

/*  What the database says, as an error: of result, or of the connection if that is NULL. OK for
    a result that is none.  */
err_t wal_trouble(wal_stream_t *self, const PGresult *result, fault_t *fault);
/*  What the socket does not take at once goes with the next calls.  */
CHECKED err_t wal_flush(wal_stream_t *self, fault_t *fault);
