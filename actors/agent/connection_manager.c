/*  connection-manager - the WebSocket to the server: when there is one, what comes down it,
    what goes up.

    Hears  connect, disconnect, status_get,
           upload_why                         from service;
           sync_response, changes_applied     from lsn-manager;
           outbox_dirty (a hint), outbox_batch, verdicts_recorded   from recorder;
           changes_held (a hint)                                    from processor.
    Says   sync_request, server_schema, server_changes   to lsn-manager;
           outbox_fetch, record_verdicts, outbox_counts  to recorder;
           status, on each transition.

    It decides when, never what: it keeps no change and no position of its own, so losing the
    connection at any moment loses nothing but time.  */

#include "actors/agent/actors.h"
#include "actors/agent/connection.h"
#include "actors/settings.h"

static err_t
start(void *state, ctx_t *ctx)
{
    connection_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    self->up.wanted = true;
    self->apart_ms = ctx_now_ms(ctx);
    if (settings->agent_connect) {
        connection_dial(self, ctx);
        return OK;
    }
    connection_stop(self, ctx, "waiting for a connect command");
    self->locating = true;
    REQUEST(ctx, "lsn-manager", 0, sync_request);
    return OK;
}

/*  ------------------------------------------------------------------------- orders  */

static err_t
on_connect(void *state, ctx_t *ctx, const void *body)
{
    connection_t *self = state;
    (void) body;
    self->failures = self->lost = 0;
    connection_step(self, ctx, EVENT_connect);
    connection_dial(self, ctx);
    return OK;
}

static err_t
on_disconnect(void *state, ctx_t *ctx, const void *body)
{
    const disconnect_t *order = body;
    connection_stop(state, ctx, order->reason);
    return OK;
}

static err_t
on_status_get(void *state, ctx_t *ctx, const void *body)
{
    const status_get_t *question = body;
    questions_add(state, ctx, question->fresh);
    return OK;
}

static err_t
on_upload_why(void *state, ctx_t *ctx, const void *body)
{
    questions_tell_why(state, ctx, body);
    return OK;
}

/*  ------------------------------------------------------------------------- answers  */

static err_t
on_sync_response(void *state, ctx_t *ctx, const void *body)
{
    connection_locate(state, ctx, body);
    return OK;
}

static err_t
on_changes_applied(void *state, ctx_t *ctx, const void *body)
{
    downlink_answer(state, ctx, ctx_token(ctx), body);
    return OK;
}

static err_t
on_changes_held(void *state, ctx_t *ctx, const void *body)
{
    connection_t *self = state;
    const changes_held_t *hint = body;
    (void) ctx;
    self->down.held = hint->held;
    return OK;
}

static err_t
on_outbox_dirty(void *state, ctx_t *ctx, const void *body)
{
    const char *key = ctx_envelope(ctx)->key;
    uplink_hear_dirty(state, ctx, body, key != NULL && key[0] != '\0');
    return OK;
}

static err_t
on_outbox_batch(void *state, ctx_t *ctx, const void *body)
{
    uplink_send(state, ctx, body);
    return OK;
}

/*  It answers record_verdicts with token 0, and outbox_counts with a question's number.  */
static err_t
on_verdicts_recorded(void *state, ctx_t *ctx, const void *body)
{
    connection_t *self = state;
    const uint64_t number = ctx_token(ctx);
    if (number == 0) {
        uplink_note_recorded(self, ctx, body);
        return OK;
    }
    uplink_note_counts(self, body);
    questions_answer(self, ctx, number);
    return OK;
}

/*  ------------------------------------------------------------------------ failures  */

static void
fail_to_locate(connection_t *self, ctx_t *ctx, const failure_t *failure)
{
    self->locating = false;
    connection_lose(self, ctx, "our own position cannot be told or kept: %s", failure->text);
    connection_dial_if_due(self, ctx);
}

static void
fail_to_apply(connection_t *self, ctx_t *ctx, const failure_t *failure)
{
    downlink_fail(self, ctx, failure->token, failure->text);
}

static void
fail_to_fetch(connection_t *self, ctx_t *ctx, const failure_t *failure)
{
    if (failure->token == self->dials)
        connection_lose(self, ctx, "local changes could not be read: %s", failure->text);
}

/*  The verdicts come again when the changes are sent again.  */
static void
fail_to_record(connection_t *self, ctx_t *ctx, const failure_t *failure)
{
    self->up.recording -= self->up.recording > 0;
    connection_lose(self, ctx, "verdicts could not be recorded: %s", failure->text);
    connection_dial_if_due(self, ctx);
}

static void
fail_to_count(connection_t *self, ctx_t *ctx, const failure_t *failure)
{
    questions_answer(self, ctx, failure->token);
}

static void (*const failures[MSG_COUNT])(connection_t *, ctx_t *, const failure_t *) = {
    [MSG_sync_request] = fail_to_locate,    [MSG_keep_lease] = fail_to_locate,
    [MSG_change_identity] = fail_to_locate, [MSG_server_schema] = fail_to_apply,
    [MSG_server_changes] = fail_to_apply,   [MSG_outbox_fetch] = fail_to_fetch,
    [MSG_record_verdicts] = fail_to_record, [MSG_outbox_counts] = fail_to_count,
};

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    ctx_log(ctx, LOG_warning, "%s came to nothing: %s", schema_of(failure->request)->name,
            failure->text);
    failures[failure->request](state, ctx, failure);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    if (timer == TIMER_RETRY)
        connection_dial(state, ctx);
    else if (timer == TIMER_HEARTBEAT)
        connection_beat(state, ctx);
    else if (timer == TIMER_MOVED)
        downlink_pass_moved(state, ctx);
    else
        questions_give_up(state, ctx);
    return OK;
}

/*  --------------------------------------------------------------------- the network  */

static err_t
on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    connection_t *self = state;
    (void) token;
    if (conn != self->conn)
        return OK;
    self->open = true;
    COUNT(ctx, connects, 1);
    self->heard_ms = ctx_now_ms(ctx);
    return OK;
}

static err_t
on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    connection_t *self = state;
    wire_t wire = {0};
    fault_t fault = {0};
    if (conn != self->conn)
        return OK;
    self->heard_ms = ctx_now_ms(ctx);
    COUNT(ctx, bytes_in, frame.size);
    if (!binary) {
        connection_lose(self, ctx, "the server broke the protocol: it sent text");
        return OK;
    }
    const err_t err = wire_unpack(frame, ctx_arena(ctx), &wire, &fault);
    if (err == ERR_UNKNOWN)
        ctx_log(ctx, LOG_debug, "a frame of type \"%.40s\" is ignored", wire.frame.type);
    else if (err != OK)
        connection_lose(self, ctx, "the server broke the protocol: %s", fault.text);
    else
        downlink_take(self, ctx, &wire);
    return OK;
}

static err_t
on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    connection_t *self = state;
    if (conn == self->conn)
        uplink_pump(self, ctx);
    return OK;
}

/*  What the server thinks of our token has nothing to do with any change: it costs none of
    them an attempt.  */
static void
lose_for_token(connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    if (settings->agent_token_file[0] == '\0')
        connection_lose(self, ctx,
                        "%s wants a token (HTTP 401): name its file in "
                        "agent.token_file",
                        connection_server(self, ctx));
    else
        connection_lose(self, ctx,
                        "%s refused the token (HTTP 401): put a valid one into %s; "
                        "it is read at each attempt",
                        connection_server(self, ctx), settings->agent_token_file);
}

static err_t
on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    connection_t *self = state;
    const char *server = connection_server(self, ctx);
    const char *text = reason && reason[0] ? reason : "closed without a reason";
    if (conn != self->conn)
        return OK;
    self->conn = 0;
    if (self->open)
        connection_lose(self, ctx, "lost %s: %s", server, text);
    else if (status == 401)
        lose_for_token(self, ctx);
    else if (status == 404)
        connection_lose(self, ctx,
                        "%s has nothing there (HTTP 404): if it is a server of ours, its URL "
                        "ends with /api/sync",
                        server);
    else if (status != 0)
        connection_lose(self, ctx, "%s refused us: HTTP %d: %s", server, status, text);
    else
        connection_lose(self, ctx, "cannot reach %s: %s", server, text);
    return OK;
}

/*  ------------------------------------------------------------------------- the end  */

static err_t
drain(void *state, ctx_t *ctx)
{
    connection_stop(state, ctx, "the agent is stopping");
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    (void) ctx;
    connection_release(state);
}

static const edge_t sends[] = {
    {"lsn-manager", MSG_sync_request},
    {"lsn-manager", MSG_keep_lease},
    {"lsn-manager", MSG_change_identity},
    {"lsn-manager", MSG_server_schema},
    {"lsn-manager", MSG_server_changes},
    {"recorder", MSG_outbox_fetch},
    {"recorder", MSG_record_verdicts},
    {"recorder", MSG_outbox_counts},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_connect] = on_connect,
    [MSG_disconnect] = on_disconnect,
    [MSG_status_get] = on_status_get,
    [MSG_upload_why] = on_upload_why,
    [MSG_sync_response] = on_sync_response,
    [MSG_changes_applied] = on_changes_applied,
    [MSG_outbox_dirty] = on_outbox_dirty,
    [MSG_changes_held] = on_changes_held,
    [MSG_outbox_batch] = on_outbox_batch,
    [MSG_verdicts_recorded] = on_verdicts_recorded,
};

static const net_handlers_t net = {
    .on_open = on_open,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_close = on_close,
};

const actor_class_t connection_manager = {
    .name = "connection-manager",
    .summary = "the WebSocket to the server",
    .state_size = sizeof(connection_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .on_timer = on_timer,
    .drain = drain,
    .stop = stop,
    .net = &net,
};
