#include "actors/agent/connection.h"

#include "actors/agent/servers.h"
#include "actors/common/secret.h"
#include "actors/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const net_limits_t limits = {
    .max_frame = 16 << 20,
    .max_fragments = 1024,
    .ping_s = 30,
    .hangup_s = 60,
};

enum { US_PER_MS = 1000 };

/*  What others say ends up in the status, which must be one that everybody accepts.  */
static void PRINTF_LIKE(3, 4) keep_line(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_format(text, room, format, arguments);
    va_end(arguments);
}

/*  ------------------------------------------------------------------------- states  */

void
connection_step(connection_t *self, ctx_t *ctx, event_t event)
{
    const state_t before = self->state;
    self->state = state_after(before, event);
    if (self->state == before)
        return;
    if (state_is_connected(before) && !state_is_connected(self->state))
        self->apart_ms = ctx_now_ms(ctx);
    ctx_log(ctx, LOG_info, "%s -> %s (%s)%s%s", state_name(before), state_name(self->state),
            event_name(event), self->reason[0] ? ": " : "", self->reason);
    const status_t status = questions_status(self, ctx);
    ctx_publish(ctx, MSG_status, &status);
    ctx_set(ctx, METRIC_connected, state_is_connected(self->state));
    uplink_pump(self, ctx);
}

/*  ------------------------------------------------------------------------ dialling  */

const char *
connection_server(const connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    return servers_at(settings->agent_server, self->server, ctx_arena(ctx));
}

void
connection_dial_if_due(connection_t *self, ctx_t *ctx)
{
    if (self->dial_waits)
        connection_dial(self, ctx);
}

/*  What is under way still moves the position that we are going to ask for.  */
void
connection_dial(connection_t *self, ctx_t *ctx)
{
    if (self->state != STATE_offline)
        return;
    self->dial_waits = self->locating || self->down.n > 0 || self->up.recording > 0;
    if (self->dial_waits)
        return;
    ctx_cancel(ctx, TIMER_RETRY);
    self->retry_at_ms = 0;
    self->locating = true;
    self->dials++;
    self->server += self->moves ? 1 : 0;
    self->moves = false;
    keep_line(self->reason, sizeof self->reason, "connecting to %s",
              connection_server(self, ctx));
    connection_step(self, ctx, EVENT_dial);
    REQUEST(ctx, "lsn-manager", 0, sync_request);
}

static void
add_escaped(buffer_t *url, const char *text)
{
    for (; *text != '\0'; text++) {
        const unsigned char letter = (unsigned char) *text;
        if (isalnum(letter) || strchr("-._~", letter))
            buffer_add(url, text, 1);
        else
            buffer_add_format(url, "%%%02X", letter);
    }
}

static void
write_url(const connection_t *self, const char *server, buffer_t *url)
{
    char lsn[LSN_TEXT];
    buffer_add_format(url, "%s%cclientId=", server, strchr(server, '?') ? '&' : '?');
    add_escaped(url, self->position.client_id);
    buffer_add_text(url, "&lsn=");
    add_escaped(url, lsn_text(self->position.lsn, lsn));
    buffer_add_text(url, "&epoch=");
    add_escaped(url, self->position.epoch);
    buffer_add_text(url, "&lease=");
    add_escaped(url, self->position.lease);
}

/*  The token is read for each attempt: somebody may have put a fresh one there.  */
static err_t
write_authorization(const settings_t *settings, buffer_t *authorization, fault_t *fault)
{
    buffer_t token = {0};
    const char *path = settings->agent_token_file;
    if (path[0] == '\0')
        return OK;
    err_t err = secret_read("agent.token_file", path, &token, fault);
    if (err == OK) {
        const char *text = buffer_text(&token);
        const size_t size = strcspn(text, " \t\r\n");
        if (size == 0)
            err = fault_set(fault, ERR_CONFIG, "agent.token_file: %s: it is empty", path);
        buffer_add_format(authorization, "Bearer %.*s", (int) size, text);
    }
    secret_release(&token);
    return err;
}

static void
dial_as(connection_t *self, ctx_t *ctx, const char *url, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    buffer_t authorization = {0};
    if (write_authorization(settings, &authorization, fault) == OK) {
        const net_dial_t request = {
            .url = url,
            .protocol = "waybill.v1",
            .ca_file = settings->agent_ca_file,
            .authorization = authorization.size > 0 ? buffer_text(&authorization) : NULL,
        };
        self->conn = net_dial_as(ctx, &request, &limits, fault);
    }
    secret_release(&authorization);
}

static void
open_socket(connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    buffer_t url = {0};
    fault_t fault = {0};
    write_url(self, connection_server(self, ctx), &url);
    self->heard_ms = ctx_now_ms(ctx);
    self->down.progress_ms = self->heard_ms;
    dial_as(self, ctx, buffer_text(&url), &fault);
    buffer_release(&url);
    if (self->conn == 0)
        connection_lose(self, ctx, "cannot reach %s: %s", connection_server(self, ctx),
                        fault.text);
    else
        ctx_after(ctx, TIMER_HEARTBEAT, (uint64_t) settings->connection_heartbeat_ms);
}

void
connection_locate(connection_t *self, ctx_t *ctx, const sync_response_t *response)
{
    position_t *position = &self->position;
    (void) snprintf(position->client_id, sizeof position->client_id, "%s", response->client_id);
    (void) snprintf(position->epoch, sizeof position->epoch, "%s", response->epoch);
    position->lsn = response->lsn;
    (void) snprintf(position->lease, sizeof position->lease, "%s",
                    response->lease ? response->lease : "");
    self->locating = false;
    if (self->state == STATE_connecting && self->conn == 0)
        open_socket(self, ctx);
    else
        connection_dial_if_due(self, ctx);
}

/*  One at a time, and none while we ask where we stand: the answers come in order, and
    whichever comes last is the newest.  */
void
connection_keep_lease(connection_t *self, ctx_t *ctx, const char *lease)
{
    self->locating = true;
    REQUEST(ctx, "lsn-manager", 0, keep_lease, .lease = lease);
}

void
connection_change_identity(connection_t *self, ctx_t *ctx)
{
    static const char reason[] =
        "this database is a copy of one that the server knows under the"
        " same name: it goes on under a name of its own";
    self->locating = true;
    REQUEST(ctx, "lsn-manager", 0, change_identity, .reason = reason);
    connection_lose(self, ctx, "%s", reason);
}

/*  ------------------------------------------------------------------------- the end  */

/*  Half of the wait is chance, so that not everybody comes back at once.  */
static uint64_t
backoff_ms(const connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    uint64_t delay = (uint64_t) settings->connection_base_ms;
    const uint64_t cap = (uint64_t) settings->connection_cap_ms;
    for (unsigned i = 0; i < self->failures && delay < cap; i++)
        delay *= 2;
    delay = delay < cap ? delay : cap;
    return delay - ctx_random(ctx) % (delay / 2 + 1);
}

/*  The next server comes next, almost at once; when all have failed, it is time to wait.  */
static uint64_t
plan_attempt(connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    self->moves = true;
    if (++self->lost < servers_count(settings->agent_server))
        return ctx_random(ctx) % ((uint64_t) settings->connection_base_ms / 4 + 1);
    const uint64_t delay = backoff_ms(self, ctx);
    self->lost = 0;
    self->failures++;
    return delay;
}

static void
forget_socket(connection_t *self, ctx_t *ctx, int code, const char *reason)
{
    const conn_t conn = self->conn;
    self->conn = 0;
    self->open = false;
    if (conn)
        net_close(ctx, conn, code, reason);
    ctx_cancel(ctx, TIMER_HEARTBEAT);
    downlink_reset(self);
    uplink_reset(self);
    questions_give_up(self, ctx);
}

void
connection_lose(connection_t *self, ctx_t *ctx, const char *format, ...)
{
    va_list arguments;
    if (self->state == STATE_offline || self->state == STATE_stopped)
        return;
    va_start(arguments, format);
    line_format(self->reason, sizeof self->reason, format, arguments);
    va_end(arguments);
    const uint64_t delay = plan_attempt(self, ctx);
    COUNT(ctx, connects_failed, 1);
    ctx_observe(ctx, METRIC_backoff, delay * US_PER_MS);
    self->retry_at_ms = ctx_now_ms(ctx) + delay;
    ctx_after(ctx, TIMER_RETRY, delay);
    forget_socket(self, ctx, 1001, "Giving up");
    connection_step(self, ctx, EVENT_lost);
}

void
connection_leave_if_refused(connection_t *self, ctx_t *ctx)
{
    if (self->down.refusal[0] == '\0' || !uplink_is_at_rest(self))
        return;
    const char *reason = arena_text(ctx_arena(ctx), self->down.refusal);
    connection_lose(self, ctx, "what the server sent could not be applied: %s", reason);
}

/*  It may be a local change that is in the way, as where both sides gave the same name to
    two rows. So what is pending goes first: a verdict may take it out of the way before the
    stretch comes again.  */
void
connection_refuse(connection_t *self, ctx_t *ctx, const char *reason)
{
    if (self->down.refusal[0] != '\0')
        return;
    keep_line(self->down.refusal, sizeof self->down.refusal, "%s", reason);
    self->up.wanted = self->up.wanted || self->up.pending > 0;
    uplink_pump(self, ctx);
    connection_leave_if_refused(self, ctx);
}

void
connection_stop(connection_t *self, ctx_t *ctx, const char *reason)
{
    keep_line(self->reason, sizeof self->reason, "%s",
              reason && reason[0] ? reason : "told to disconnect");
    self->retry_at_ms = 0;
    self->dial_waits = false;
    ctx_cancel(ctx, TIMER_RETRY);
    forget_socket(self, ctx, 1000, "Disconnecting");
    connection_step(self, ctx, EVENT_disconnect);
}

void
connection_release(connection_t *self)
{
    downlink_release(self);
    uplink_release(self);
    questions_release(self);
}

/*  ------------------------------------------------------------------------ speaking  */

void
connection_tell(connection_t *self, ctx_t *ctx, message_id_t id, const void *body)
{
    buffer_t frame = {0};
    const frame_t head = {.timestamp = ctx_wall_ms(ctx)};
    wire_pack(id, &head, body, &frame);
    net_send(ctx, self->conn, buffer_bytes(&frame), true);
    COUNT(ctx, bytes_out, frame.size);
    buffer_release(&frame);
}

void
connection_hear_position(connection_t *self, uint64_t lsn)
{
    if (lsn > self->server_lsn)
        self->server_lsn = lsn;
}

void
connection_tell_alive(connection_t *self, ctx_t *ctx)
{
    if (self->questions.unanswered++ == 0)
        self->asked_us = ctx_now_us(ctx);
    TELL(self, ctx, clt_heartbeat, .state = state_name(self->state), .lsn = self->position.lsn,
         .active = true);
}

/*  Something is missing here, and nothing was applied for so long.  */
static bool
downlink_is_stuck(connection_t *self, uint64_t now_ms, uint64_t limit_ms)
{
    if (self->state == STATE_live && self->position.lsn >= self->server_lsn)
        self->down.progress_ms = now_ms;
    return now_ms - self->down.progress_ms >= limit_ms;
}

/*  A server that is gone without a word, or keeps us waiting for verdicts or for what it
    has and we have not, is left. A connection that has stayed up for a heartbeat is a good
    one.  */
void
connection_beat(connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    const uint64_t now_ms = ctx_now_ms(ctx);
    const uint64_t silent_ms = (uint64_t) settings->connection_silent_ms;
    if (self->conn == 0)
        return;
    if (now_ms - self->heard_ms >= silent_ms) {
        connection_lose(self, ctx, "%s: it has been silent for %.1f s",
                        connection_server(self, ctx),
                        (double) (now_ms - self->heard_ms) / 1000);
        return;
    }
    if (uplink_is_stuck(self, now_ms, silent_ms)) {
        connection_lose(self, ctx, "%s: no verdicts for %.1f s", connection_server(self, ctx),
                        (double) (now_ms - self->up.progress_ms) / 1000);
        return;
    }
    if (downlink_is_stuck(self, now_ms, silent_ms)) {
        connection_lose(self, ctx, "%s: nothing has come in for %.1f s, and more is there",
                        connection_server(self, ctx),
                        (double) (now_ms - self->down.progress_ms) / 1000);
        return;
    }
    if (self->state == STATE_live)
        self->failures = self->lost = 0;
    if (self->open)
        connection_tell_alive(self, ctx);
    self->up.wanted = self->up.wanted || (self->up.pending > 0 && self->up.sent.n == 0);
    uplink_pump(self, ctx);
    ctx_after(ctx, TIMER_HEARTBEAT, (uint64_t) settings->connection_heartbeat_ms);
}
