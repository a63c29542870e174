/*  asking - questions of the monitor to other actors, and the way of their answers: to a
   request over HTTP, to a page that wished for something, or to all that watch.  */

#pragma once

#include "actors/common/monitor/views.h"

enum { TICK_MS = 1000 };

/*  Zeros: over HTTP, for the request conn.  */
typedef struct wish {
    const view_t *view;
    errand_for_t whose;
    conn_t conn;
    uint64_t ask;
    const void *question; /* NULL: as the view has it */
} wish_t;

/*  ERR_BUSY: too much is under way, there or here.  */
CHECKED err_t asking_begin(monitor_t *self, ctx_t *ctx, const wish_t *wish);
/*  For all who watch, unless it is being asked, or nobody has room for the answer.  */
void asking_look(monitor_t *self, ctx_t *ctx, const view_t *view);
/*  It has been answered, or came to nothing.  */
err_t asking_end(monitor_t *self, ctx_t *ctx, message_id_t id, const void *body);
void asking_fail(monitor_t *self, ctx_t *ctx, const failure_t *failure);

/*  {"code":..., "message":...} with the status that fits.  */
net_answer_t asking_refusal(ctx_t *ctx, err_t err, const char *text);
/*  The end of a question of a page: {"type":"answer","ask":N,"ok":true, members }, or not ok.
 */
void asking_answer(ctx_t *ctx, watcher_t *watcher, uint64_t ask, const char *members);
void asking_answer_not(ctx_t *ctx, watcher_t *watcher, uint64_t ask, const failure_t *failure);
/*  Adds the headers that every answer has.  */
void asking_secure(ctx_t *ctx, net_answer_t *answer);
