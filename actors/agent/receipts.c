/*  What the server is told once a frame of its stream is committed here, or cannot be.
    Declared in connection.h.  */

#include "actors/agent/connection.h"

#include <stdio.h>
#include <string.h>

static void
acknowledge_page(connection_t *self, ctx_t *ctx, const under_way_t *frame, uint64_t lsn)
{
    (void) lsn;
    TELL(self, ctx, clt_init_received, .table = frame->table, .chunk = frame->chunk);
}

static void
acknowledge_snapshot(connection_t *self, ctx_t *ctx, const under_way_t *frame, uint64_t lsn)
{
    (void) frame;
    (void) lsn;
    (void) snprintf(self->position.epoch, sizeof self->position.epoch, "%s",
                    self->server_epoch);
    TELL(self, ctx, clt_init_processed);
}

static void
acknowledge_catchup(connection_t *self, ctx_t *ctx, const under_way_t *frame, uint64_t lsn)
{
    TELL(self, ctx, clt_catchup_received, .chunk = frame->chunk, .lsn = lsn);
}

static void
acknowledge_changes(connection_t *self, ctx_t *ctx, const under_way_t *frame, uint64_t lsn)
{
    (void) frame;
    TELL(self, ctx, clt_changes_received, .last_lsn = lsn);
}

/*  NULL: the server does not wait for it.  */
static void (*const acknowledge[MSG_COUNT])(connection_t *, ctx_t *, const under_way_t *,
                                            uint64_t) = {
    [MSG_srv_init_changes] = acknowledge_page,
    [MSG_srv_init_complete] = acknowledge_snapshot,
    [MSG_srv_catchup_changes] = acknowledge_catchup,
    [MSG_srv_live_changes] = acknowledge_changes,
    [MSG_srv_lsn_update] = acknowledge_changes,
};

static void
ask_to_fill(connection_t *self, ctx_t *ctx, uint64_t lsn)
{
    if (self->down.filling)
        return;
    self->down.filling = true;
    ctx_log(ctx, LOG_warning, "something is missing in the server's stream: it is asked again");
    TELL(self, ctx, clt_catchup_request, .from_lsn = lsn);
}

void
downlink_judge(connection_t *self, ctx_t *ctx, const under_way_t *frame,
               const changes_applied_t *applied)
{
    if (strcmp(applied->outcome, "gap") == 0) {
        ask_to_fill(self, ctx, applied->lsn);
        return;
    }
    if (strcmp(applied->outcome, "refused") == 0) {
        connection_refuse(self, ctx, applied->reason ? applied->reason : "the log says why");
        return;
    }
    if (strcmp(applied->outcome, "applied") == 0 && frame->frame != MSG_srv_schema) {
        self->down.filling = false;
        self->down.progress_ms = ctx_now_ms(ctx);
        self->failures = 0;
    }
    if (acknowledge[frame->frame])
        acknowledge[frame->frame](self, ctx, frame, applied->lsn);
}
