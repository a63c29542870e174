#include "actors/server/session.h"

#include "actors/settings.h"
#include "schemas/wire.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUED_BYTES = 1024 * 1024, /* on the socket: no more is produced beyond that */
    ANSWERS_BYTES = 4194304,    /* on the socket: no more is read beyond that */
    REQUESTS = 4,               /* under way: the same */
    JSON_ROWS = 500,            /* in a chunk for a client of the JSON encoding */
    FAILURES = 3,               /* of its stream in a row: then the client starts anew */
    BURST_US = 1000000,         /* of changes may come at once */
    US_PER_S = 1000000,
    US_PER_MS = 1000,
};

session_t *
session_new(uint64_t number, const visitor_t *visitor, uint64_t now_ms)
{
    session_t *self = mem_new(sizeof *self);
    self->number = number;
    self->visitor = *visitor;
    self->since_ms = now_ms;
    return self;
}

void
delivery_release(delivery_t *self)
{
    free(self->table);
    buffer_release(&self->frame);
    *self = (delivery_t){0};
}

void
held_destroy(held_t **self)
{
    if (*self == NULL)
        return;
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

static void
forget_uploads(session_t *self)
{
    while (self->held) {
        held_t *first = self->held;
        self->held = first->next;
        held_destroy(&first);
    }
    while (self->uploads) {
        sent_t *oldest = self->uploads;
        self->uploads = oldest->next;
        sent_destroy(&oldest);
    }
}

void
session_destroy(session_t **self)
{
    if (*self == NULL)
        return;
    window_release(&(*self)->window);
    explicit_bzero((*self)->visitor.token, sizeof(*self)->visitor.token);
    delivery_release(&(*self)->delivery);
    family_release(&(*self)->family);
    forget_uploads(*self);
    free(*self);
    *self = NULL;
}

uint64_t
session_timer(const session_t *self, session_timer_t timer)
{
    return self->number * SESSION_TIMERS + timer;
}

void
session_cancel_timers(const session_t *self, ctx_t *ctx)
{
    for (int timer = 0; timer < SESSION_TIMERS; timer++)
        ctx_cancel(ctx, session_timer(self, (session_timer_t) timer));
}

/*  Clients of the JSON encoding know each frame by a name.  */
static void
pack_json(const session_t *self, ctx_t *ctx, message_id_t id, const void *body, buffer_t *out)
{
    char name[UUID_TEXT];
    if (self->answering == NULL)
        ctx_uuid(ctx, name);
    const frame_t frame = {
        .message_id = self->answering ? self->answering : name,
        .timestamp = ctx_wall_ms(ctx),
        .client_id = self->visitor.client_id,
    };
    wire_to_json(id, &frame, body, out);
}

void
session_pack(const session_t *self, ctx_t *ctx, message_id_t id, const void *body,
             buffer_t *out)
{
    const frame_t frame = {.message_id = self->answering, .timestamp = ctx_wall_ms(ctx)};
    if (self->visitor.json)
        pack_json(self, ctx, id, body, out);
    else
        wire_pack(id, &frame, body, out);
}

void
session_put(session_t *self, ctx_t *ctx, bytes_t frame)
{
    net_send(ctx, self->conn, frame, !self->visitor.json);
    COUNT(ctx, bytes_out, frame.size);
    self->tally.sent++;
}

void
session_send(session_t *self, ctx_t *ctx, message_id_t id, const void *body)
{
    buffer_t out = {0};
    if (self->closing)
        return;
    session_pack(self, ctx, id, body, &out);
    session_put(self, ctx, buffer_bytes(&out));
    buffer_release(&out);
}

void
session_close(session_t *self, ctx_t *ctx, int code, const char *reason)
{
    if (self->closing)
        return;
    self->closing = true;
    SEND(ctx, "distributor", stream_close, .session = self->number);
    net_close(ctx, self->conn, code, reason);
}

void
session_fail(session_t *self, ctx_t *ctx, const failure_t *failure)
{
    if (failure->err == ERR_PERMISSION_DENIED)
        session_close(self, ctx, 1008, "This client id belongs to another user");
    else if (failure->err == ERR_RETRY_LATER)
        session_close(self, ctx, 1013, failure->text);
    else if (failure->err == ERR_OFFLINE)
        session_close(self, ctx, 1013, "The server's database is out of reach: try later");
    else
        session_close(self, ctx, 1011, "The server has trouble: try again");
}

/*  ------------------------------------------------------------------------ requests  */

/*  Whoever sends and does not read what is answered must not fill our memory.  */
static void
pace_reading(session_t *self, ctx_t *ctx)
{
    const bool ahead = self->paid_us > ctx_now_ms(ctx) * US_PER_MS + BURST_US;
    const bool pause =
        ahead || self->requests > REQUESTS || net_queued(ctx, self->conn) > ANSWERS_BYTES;
    if (self->paused == pause || self->closing)
        return;
    self->paused = pause;
    net_pause(ctx, self->conn, pause);
}

void
session_begin_request(session_t *self, ctx_t *ctx)
{
    self->requests++;
    pace_reading(self, ctx);
}

void
session_end_request(session_t *self, ctx_t *ctx)
{
    self->requests -= self->requests > 0;
    pace_reading(self, ctx);
}

/*  So much was used of what it may use in a second; 0: of that it may use any.  */
static void
charge(session_t *self, ctx_t *ctx, size_t used, int64_t per_s)
{
    const uint64_t now_us = ctx_now_ms(ctx) * US_PER_MS;
    if (per_s == 0)
        return;
    self->paid_us = self->paid_us > now_us ? self->paid_us : now_us;
    self->paid_us += used * US_PER_S / (uint64_t) per_s;
    if (self->paid_us <= now_us + BURST_US)
        return;
    ctx_after(ctx, session_timer(self, TIMER_PACE),
              (self->paid_us - now_us - BURST_US) / US_PER_MS + 1);
    pace_reading(self, ctx);
}

void
session_charge_changes(session_t *self, ctx_t *ctx, size_t n)
{
    const settings_t *settings = ctx_settings(ctx);
    charge(self, ctx, n, settings->limits_changes_per_s);
}

void
session_charge_bytes(session_t *self, ctx_t *ctx, size_t n)
{
    const settings_t *settings = ctx_settings(ctx);
    charge(self, ctx, n, settings->limits_bytes_per_s);
}

/*  ---------------------------------------------------------------------- its stream  */

void
session_open_stream(session_t *self, ctx_t *ctx, uint64_t lsn, const char *epoch)
{
    window_clear(&self->window);
    delivery_release(&self->delivery);
    self->opened = self->pulling = self->idle = self->woken = self->completing = false;
    self->processing = self->given_up = self->live = false;
    self->asked = true;
    self->sent = self->position = self->began = lsn;
    self->snapshot_lsn = self->count = self->missed = 0;
    session_begin_request(self, ctx);
    REQUEST(ctx, "distributor", self->number, stream_open, .session = self->number,
            .client_id = self->visitor.client_id, .epoch = epoch, .lsn = lsn,
            .user = self->visitor.identity.user, .rows = self->visitor.json ? JSON_ROWS : 0,
            .lease = self->visitor.leased && !self->described ? self->visitor.lease : NULL);
}

void
session_reopen_stream(session_t *self, ctx_t *ctx)
{
    if (++self->failures > FAILURES)
        session_close(self, ctx, 1011, "Its stream has failed");
    else
        session_open_stream(self, ctx, self->position, self->epoch);
}

void
session_forget_position(session_t *self)
{
    self->sent = 0;
    self->position = 0;
}

void
session_begin_anew(session_t *self, ctx_t *ctx, const char *reason)
{
    TELL(self, ctx, srv_resync_required, .reason = reason, .epoch = self->epoch);
    session_forget_position(self);
    session_open_stream(self, ctx, 0, "");
}

static bool
has_room(const session_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    const size_t window = self->visitor.json ? 1 : (size_t) settings->stream_window;
    return window_count(&self->window) < window && net_queued(ctx, self->conn) < QUEUED_BYTES;
}

void
session_pull(session_t *self, ctx_t *ctx)
{
    const bool waits = self->idle || self->completing || self->processing || self->given_up;
    if (!self->opened || self->pulling || waits || self->closing || !has_room(self, ctx))
        return;
    self->pulling = true;
    REQUEST(ctx, "distributor", self->number, stream_pull, .session = self->number);
}

void
session_go_on(session_t *self, ctx_t *ctx)
{
    pace_reading(self, ctx);
    session_pull(self, ctx);
}

/*  While a chunk is under way its answer may be older than the news.  */
void
session_wake(session_t *self, ctx_t *ctx)
{
    self->woken = self->pulling;
    self->idle = false;
    session_pull(self, ctx);
}

/*  ----------------------------------------------------------------- acknowledgements  */

void
session_acknowledge(session_t *self, ctx_t *ctx, uint64_t lsn)
{
    window_take(&self->window, lsn);
    if (lsn > self->position && lsn <= self->sent) {
        self->position = lsn;
        SEND(ctx, "distributor", stream_ack, .session = self->number,
             .client_id = self->visitor.client_id, .lsn = lsn);
    }
    session_pull(self, ctx);
}

void
session_complete_snapshot(session_t *self, ctx_t *ctx)
{
    self->completing = self->window.pages > 0;
    if (self->completing)
        return;
    TELL(self, ctx, srv_init_complete, .server_lsn = self->sent, .clock = self->snapshot_clock);
    self->processing = self->visitor.json;
}

void
session_acknowledge_page(session_t *self, ctx_t *ctx)
{
    window_take_page(&self->window);
    if (self->completing)
        session_complete_snapshot(self, ctx);
    session_pull(self, ctx);
}
