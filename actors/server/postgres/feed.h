/*  feed - what the replicator of a PostgreSQL database is made of; nobody else's.

    Its life has four phases: waiting for another attempt, creating a slot, filling the cache
    with what the slot's snapshot shows, and following the log.  */

#pragma once

#include "actors/server/history.h"
#include "actors/server/postgres/filling.h"
#include "actors/server/postgres/following.h"
#include "actors/server/postgres/identity.h"
#include "actors/server/postgres/publication.h"
#include "runtime/actor.h"

enum {
    TIMER_CONNECT = 1,
    TIMER_WORK,
    TIMER_BEAT,
    TIMER_CONFIRM,
    TIMER_NOTE,
};

typedef enum phase { PHASE_WAITING, PHASE_CREATING, PHASE_FILLING, PHASE_FOLLOWING } phase_t;

typedef struct feed {
    cache_t *cache;
    wal_stream_t *stream;
    identity_t *identity;
    publication_t *publication;
    pg_t *pg;
    pg_tables_t *tables;
    following_t following;
    filling_t *filling; /* in its phase */
    history_t history;
    phase_t phase;
    cache_state_t belongs; /* what the cache will belong to once it is filled */
    size_t attempts;       /* in vain, one after the other */
    size_t copies;         /* of the database that were in vain, not long after each other */
    uint64_t copied_at;    /* the last one, in vain or not */
    bool notes;            /* TIMER_NOTE is armed */
    int fd, ready;         /* watched; fd 0: nothing */
    uint64_t announced;
    char said[sizeof(((fault_t *) NULL)->text)]; /* why it does not work */
    int64_t since;                               /* when that began */
    char swept_client[VERDICT_KEY_ROOM],
        swept_id[VERDICT_KEY_ROOM]; /* the ledger, up to there */
    char *drift;                    /* a table that is another one, as it is now; NULL: none */
    int64_t drifted_at;             /* the place of the log when that was noticed */
} feed_t;

/*  feed.c: descriptors, and what is said.  */
void feed_unwatch(feed_t *self, ctx_t *ctx);
void feed_watch_stream(feed_t *self, ctx_t *ctx);
void feed_watch_copy(feed_t *self, ctx_t *ctx);
/*  Whoever asks is told how it is.  */
void feed_tell_state(const feed_t *self, ctx_t *ctx);
void feed_be_well(feed_t *self, ctx_t *ctx);
/*  Each reason once.  */
void feed_say(feed_t *self, ctx_t *ctx, const char *text);
/*  Line by line; advice is given back.  */
void feed_warn(ctx_t *ctx, buffer_t *advice);
/*  Tells others of what was committed.  */
void feed_announce(feed_t *self, ctx_t *ctx);

/*  feed_connect.c: from waiting to creating or following. It waits, with limits.  */
CHECKED err_t feed_connect(feed_t *self, ctx_t *ctx, fault_t *fault);
/*  The log is coming.  */
void feed_be_connected(feed_t *self, ctx_t *ctx);
CHECKED err_t feed_look_after_publication(feed_t *self, ctx_t *ctx, fault_t *fault);

/*  feed_fill.c: from creating over filling to following.  */
CHECKED err_t feed_look_for_slot(feed_t *self, ctx_t *ctx, fault_t *fault);
CHECKED err_t feed_fill(feed_t *self, ctx_t *ctx, fault_t *fault);

/*  feed_follow.c: what has come goes into the cache.  */
CHECKED err_t feed_follow(feed_t *self, ctx_t *ctx, fault_t *fault);
CHECKED err_t feed_note(feed_t *self, ctx_t *ctx, fault_t *fault);
CHECKED err_t feed_confirm(feed_t *self, ctx_t *ctx, fault_t *fault);

/*  feed_drift.c: asks the database whether a table is another one, though the log does not
    tell of it; and deals with it, ERR_GAP if it must be read again.  */
CHECKED err_t feed_look_for_drift(feed_t *self, ctx_t *ctx, fault_t *fault);
CHECKED err_t feed_look_for_pieces(feed_t *self, ctx_t *ctx, fault_t *fault);
CHECKED err_t feed_settle_drift(feed_t *self, ctx_t *ctx, fault_t *fault);

/*  feed_beat.c: signs of life, and what is to be done now and then.  */
CHECKED err_t feed_beat(feed_t *self, ctx_t *ctx, fault_t *fault);
