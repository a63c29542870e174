/*  watchers - the pages that are open: one WebSocket each.

    Nobody waits for them: what a page is too slow for is dropped and counted, and it is told
   how much. While there are none, nothing is done for them.  */

#pragma once

#include "runtime/net.h"

enum { WATCHERS = 16, PATTERN_ROOM = 64 };

typedef struct watcher {
    conn_t conn;
    bool fresh;    /* it has not been told the state yet, which comes first */
    uint64_t lost; /* events that it was not told, since it was told how many */
    bool follows;  /* the messages between actors */
    char type[PATTERN_ROOM], actor[PATTERN_ROOM]; /* of these only; empty: all */
} watcher_t;

typedef struct watchers {
    watcher_t items[WATCHERS];
    size_t n;
} watchers_t;

/*  There must be room.  */
watcher_t *watchers_add(watchers_t *self, conn_t conn);
/*  NULL: it is gone.  */
watcher_t *watchers_find(watchers_t *self, conn_t conn);
void watchers_remove(watchers_t *self, conn_t conn);
/*  Whether anybody has room for more now.  */
bool watchers_listen(const watchers_t *self, ctx_t *ctx);
bool watchers_follow(const watchers_t *self);

/*  An event, to those who know the state; frame is a JSON text.  */
void watchers_tell(watchers_t *self, ctx_t *ctx, const buffer_t *frame);
/*  The state: to all, or only to those who do not know it yet.  */
void watchers_tell_state(watchers_t *self, ctx_t *ctx, const buffer_t *frame, bool moved);
/*  One event for one of them.  */
void watcher_tell(watcher_t *self, ctx_t *ctx, const buffer_t *frame);
/*  An answer, which is never dropped; who does not read answers is hung up on.  */
void watcher_answer(watcher_t *self, ctx_t *ctx, const buffer_t *frame);
/*  It has taken what was queued: it is told what it has lost.  */
void watcher_go_on(watcher_t *self, ctx_t *ctx);
