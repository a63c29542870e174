/*  Local changes on their way to the server: pulled from recorder while the window has room,
    sent, and their verdicts passed back. Declared in connection.h.  */

#include "actors/agent/connection.h"
#include "actors/settings.h"

#include <string.h>

enum { QUEUED_AT_MOST = 1 << 20 };

/*  A snapshot may belong to another history: changes wait until it is known which positions
    their verdicts can have. After a refusal there will be another one, later than they.  */
static bool
may_send(const connection_t *self)
{
    return self->conn != 0
           && (self->state == STATE_catchup || self->state == STATE_live
               || self->down.refusal[0] != '\0');
}

/*  With nothing sent and undecided, whatever is pending can go, so it begins at the first:
    changes that were put back into the outbox lie before what was sent last.  */
void
uplink_pump(connection_t *self, ctx_t *ctx)
{
    uplink_t *up = &self->up;
    const settings_t *settings = ctx_settings(ctx);
    const size_t window = (size_t) settings->outbox_window;
    if (!may_send(self) || up->fetching || !up->wanted || up->sent.n >= window)
        return;
    if (net_queued(ctx, self->conn) > QUEUED_AT_MOST || (up->rewind && up->sent.n > 0))
        return;
    if (up->sent.n == 0)
        up->after = 0;
    up->rewind = false;
    up->wanted = false;
    up->fetching = true;
    REQUEST(ctx, "recorder", self->dials, outbox_fetch, .after = up->after,
            .limit = window - up->sent.n, .max_bytes = (uint64_t) settings->outbox_frame_bytes);
}

void
uplink_hear_dirty(connection_t *self, ctx_t *ctx, const outbox_dirty_t *hint, bool retry)
{
    self->up.pending = hint->pending;
    self->up.wanted = true;
    self->up.rewind = self->up.rewind || retry;
    uplink_pump(self, ctx);
}

/*  A batch for an earlier connection would be sent twice: this one began at the first.  */
void
uplink_send(connection_t *self, ctx_t *ctx, const outbox_batch_t *batch)
{
    uplink_t *up = &self->up;
    if (ctx_token(ctx) != self->dials || !up->fetching)
        return;
    up->fetching = false;
    up->wanted = up->wanted || !may_send(self);
    if (!may_send(self))
        return;
    up->pending = batch->pending;
    up->after = batch->last;
    up->wanted = up->wanted || batch->more;
    if (batch->n_changes > 0) {
        for (size_t i = 0; i < batch->n_changes; i++)
            text_set_add(&up->sent, batch->changes[i].id);
        up->progress_ms = ctx_now_ms(ctx);
        TELL(self, ctx, clt_send_changes, .changes = batch->changes,
             .n_changes = batch->n_changes);
        COUNT(ctx, changes_sent, batch->n_changes);
        for (size_t i = 0; i < batch->n_changes; i++)
            ctx_step(ctx, STEP_sent, batch->changes[i].id, 0);
    }
    uplink_pump(self, ctx);
    connection_leave_if_refused(self, ctx);
}

/*  ------------------------------------------------------------------------- verdicts  */

void
uplink_take_verdicts(connection_t *self, ctx_t *ctx, const srv_changes_applied_t *frame)
{
    uplink_t *up = &self->up;
    if (frame->n_results == 0)
        return;
    for (size_t i = 0; i < frame->n_results; i++)
        (void) text_set_remove(&up->sent, frame->results[i].id);
    up->progress_ms = ctx_now_ms(ctx);
    up->recording++;
    REQUEST(ctx, "recorder", 0, record_verdicts, .verdicts = frame->results,
            .n_verdicts = frame->n_results);
    uplink_pump(self, ctx);
}

void
uplink_note_counts(connection_t *self, const verdicts_recorded_t *counts)
{
    self->up.pending = counts->pending;
    self->up.failed = counts->failed;
    self->up.parked = counts->parked;
}

/*  Whatever is pending and not sent is looked for again: a hint may have been lost.  */
void
uplink_note_recorded(connection_t *self, ctx_t *ctx, const verdicts_recorded_t *recorded)
{
    uplink_t *up = &self->up;
    up->recording -= up->recording > 0;
    uplink_note_counts(self, recorded);
    up->wanted = up->wanted || up->pending > up->sent.n;
    uplink_pump(self, ctx);
    connection_leave_if_refused(self, ctx);
    connection_dial_if_due(self, ctx);
}

bool
uplink_is_at_rest(const connection_t *self)
{
    const uplink_t *up = &self->up;
    return up->sent.n == 0 && !up->fetching && !up->wanted && up->recording == 0;
}

bool
uplink_is_stuck(const connection_t *self, uint64_t now_ms, uint64_t limit_ms)
{
    return self->up.sent.n > 0 && now_ms - self->up.progress_ms >= limit_ms;
}

/*  A new connection begins with the first one that has no verdict.  */
void
uplink_reset(connection_t *self)
{
    uplink_t *up = &self->up;
    text_set_release(&up->sent);
    up->after = 0;
    up->fetching = false;
    up->rewind = false;
    up->wanted = true;
}

void
uplink_release(connection_t *self)
{
    text_set_release(&self->up.sent);
}
