/*  listener - WebSocket sessions of clients.

    Hears  stream_opened, stream_chunk, head   from distributor; client_verdicts from
           client-changes; log_advanced when an idle session may have something;
           clients_get from whoever wants to know who is connected; database_state from the
           replicator of a database elsewhere.
    Says   client_changes, and stream_open, stream_pull, stream_ack, stream_close, head_get.

    It decides who may connect, checks every frame, and keeps each client's pace. What is in
    a chunk and what becomes of a change is other actors' business. A client is who its
    connection says, whatever a frame claims.  */

#include "actors/server/actors.h"
#include "actors/server/api.h"
#include "actors/server/chunks.h"
#include "actors/server/ear.h"
#include "actors/server/frames.h"
#include "actors/server/gate.h"
#include "actors/server/pacing.h"
#include "actors/server/presence.h"
#include "actors/server/sessions.h"
#include "actors/server/uploads.h"
#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

enum {
    ABSENT_MS = 30000, /* from acceptance to the open connection */
    NOBODY = 0,        /* as a session: the listener itself asks */
    HEAD_AGAIN_MS = 1000,
    TIMER_HEAD = 0, /* other timers are of sessions */
    LATE_MS = 100,  /* JSON clients attach their handlers late */
};

typedef struct listener {
    sessions_t sessions;
    gate_t gate;
    uint64_t next; /* number of the next session */
    uint64_t began_ms;
    api_facts_t facts;
    char address[EAR_ROOM]; /* where it listens */
} listener_t;

/*  --------------------------------------------------------------------- starting  */

static void
ask_head(ctx_t *ctx)
{
    REQUEST(ctx, "distributor", NOBODY, head_get, .session = NOBODY);
}

/*  Numbers begin anywhere: a distributor that outlived another listener does not mistake a
    new session for an old one.  */
static err_t
start(void *state, ctx_t *ctx)
{
    listener_t *self = state;
    fault_t fault = {0};
    self->next = (ctx_random(ctx) >> 16) + 1;
    err_t err = gate_open(&self->gate, ctx, &fault);
    if (err == OK)
        err = ear_open(ctx, self->address, &fault);
    if (err != OK)
        return ctx_fail(ctx, "%s", fault.text);
    self->began_ms = ctx_now_ms(ctx);
    self->facts.sessions = &self->sessions;
    ask_head(ctx);
    return OK;
}

/*  ------------------------------------------------------------------ connections  */

static void
show_page(listener_t *self, ctx_t *ctx, page_t page, net_answer_t *answer)
{
    self->facts.up_ms = ctx_now_ms(ctx) - self->began_ms;
    api_answer(page, &self->facts, ctx_arena(ctx), answer);
}

static void
admit(listener_t *self, ctx_t *ctx, const visitor_t *visitor, net_answer_t *answer)
{
    const settings_t *settings = ctx_settings(ctx);
    const uint64_t now_ms = ctx_now_ms(ctx);
    if (now_ms > ABSENT_MS)
        sessions_forget_absent(&self->sessions, now_ms - ABSENT_MS);
    if (self->sessions.n >= (size_t) settings->limits_clients) {
        *answer = (net_answer_t){.status = 503, .body = "Too many clients: try again later"};
        return;
    }
    if (visitor->identity.user[0] != '\0'
        && sessions_count_of(&self->sessions, visitor->identity.user)
               >= (size_t) settings->limits_user_clients) {
        *answer = (net_answer_t){.status = 503, .body = "Too many clients of this user"};
        return;
    }
    answer->token = self->next++;
    (void) sessions_add(&self->sessions, answer->token, visitor, now_ms);
}

static err_t
on_upgrade(void *state, ctx_t *ctx, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    listener_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    visitor_t visitor = {0};
    (void) snprintf(visitor.peer, sizeof visitor.peer, "%s", upgrade->peer);
    if (!gate_admit(&self->gate, ctx, upgrade, &visitor, answer)) {
        self->facts.refused++;
        return OK;
    }
    if (upgrade_allows(settings->limits_origins, upgrade->origin))
        upgrade_judge(upgrade, &visitor, answer);
    else
        *answer = (net_answer_t){.status = 403, .body = "This Origin is not allowed"};
    if (answer->status == 101 && gate_check_owner(&self->gate, ctx, upgrade, &visitor, answer))
        admit(self, ctx, &visitor, answer);
    else if (answer->status == 200)
        show_page(self, ctx, visitor.page, answer);
    self->facts.refused += answer->status >= 400;
    return OK;
}

static err_t
on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    listener_t *self = state;
    session_t *session = sessions_numbered(&self->sessions, token);
    if (session == NULL) {
        net_close(ctx, conn, 1013, "It took too long to open");
        return OK;
    }
    session_t *older = sessions_of(&self->sessions, session->visitor.client_id);
    if (older)
        session_close(older, ctx, 1000, "Replaced by new connection");
    session->conn = conn;
    ctx_log(ctx, LOG_info, "%s connected", session->visitor.client_id);
    ctx_set(ctx, METRIC_clients, sessions_count_open(&self->sessions));
    gate_watch(&self->gate, ctx, session);
    if (session->visitor.json)
        ctx_after(ctx, session_timer(session, TIMER_OPEN), LATE_MS);
    else
        session_open_stream(session, ctx, session->visitor.lsn, session->visitor.epoch);
    return OK;
}

static err_t
on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    listener_t *self = state;
    session_t *session = sessions_on(&self->sessions, conn);
    if (session && !session->closing)
        frames_take(session, ctx, frame, binary);
    return OK;
}

static err_t
on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    listener_t *self = state;
    session_t *session = sessions_on(&self->sessions, conn);
    if (session)
        session_go_on(session, ctx);
    return OK;
}

static err_t
on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    listener_t *self = state;
    session_t *session = sessions_on(&self->sessions, conn);
    if (session == NULL)
        return OK;
    ctx_log(ctx, LOG_info, "%s disconnected: %d %s", session->visitor.client_id, status,
            reason ? reason : "");
    if (!session->closing)
        SEND(ctx, "distributor", stream_close, .session = session->number);
    session_cancel_timers(session, ctx);
    sessions_remove(&self->sessions, session);
    ctx_set(ctx, METRIC_clients, sessions_count_open(&self->sessions));
    return OK;
}

/*  --------------------------------------------------------------------- streams  */

static err_t
on_stream_opened(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    const stream_opened_t *opened = body;
    session_t *session = sessions_numbered(&self->sessions, opened->session);
    api_note_epoch(&self->facts, opened->epoch);
    api_note_head(&self->facts, opened->lsn);
    if (session == NULL)
        return OK;
    (void) snprintf(session->epoch, sizeof session->epoch, "%s", opened->epoch);
    if (strcmp(opened->phase, "taken") == 0) {
        TELL(session, ctx, srv_resync_required, .reason = "identity_taken",
             .epoch = opened->epoch);
        session_close(session, ctx, 1008, "This client id is in use by another database");
        return OK;
    }
    if (session->visitor.json)
        family_learn(&session->family, opened->tables, opened->n_tables);
    else if (!session->described)
        TELL(session, ctx, srv_schema, .epoch = opened->epoch, .server_lsn = opened->lsn,
             .tables = opened->tables, .n_tables = opened->n_tables, .lease = opened->lease);
    if (strcmp(opened->phase, "resync") == 0) {
        session_forget_position(session);
        TELL(session, ctx, srv_resync_required, .reason = opened->reason,
             .epoch = opened->epoch);
    }
    session->described = true;
    session->opened = true;
    session_end_request(session, ctx);
    session_pull(session, ctx);
    return OK;
}

/*  A chunk of a stream that was opened again since is of no use.  */
static err_t
on_stream_chunk(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    const stream_chunk_t *chunk = body;
    session_t *session = sessions_numbered(&self->sessions, chunk->session);
    if (session == NULL || !session->opened || !session->pulling)
        return OK;
    session->pulling = false;
    chunks_send(session, ctx, chunk);
    return OK;
}

static err_t
on_log_advanced(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    const log_advanced_t *news = body;
    api_note_head(&self->facts, news->lsn);
    for (size_t i = 0; i < self->sessions.n; i++)
        session_wake(self->sessions.items[i], ctx);
    return OK;
}

/*  ------------------------------------------------------------------ other answers  */

static err_t
on_client_verdicts(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    const client_verdicts_t *verdicts = body;
    session_t *session = sessions_numbered(&self->sessions, verdicts->session);
    if (session == NULL)
        return OK;
    uploads_answer(session, ctx, verdicts);
    session_end_request(session, ctx);
    if (uploads_are_put_off(verdicts))
        session_close(session, ctx, 1013, "The server could not decide: try again later");
    return OK;
}

/*  News of a position may be lost on the way; here it is noticed.  */
static err_t
on_head(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    const head_t *head = body;
    api_note_epoch(&self->facts, head->epoch);
    api_note_head(&self->facts, head->lsn);
    session_t *session = sessions_numbered(&self->sessions, head->session);
    if (session == NULL)
        return OK;
    TELL(session, ctx, srv_heartbeat, .lsn = head->lsn);
    session_end_request(session, ctx);
    if (session->idle && head->lsn > session->sent)
        session_wake(session, ctx);
    return OK;
}

static err_t
on_database_state(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    (void) ctx;
    api_note_database(&self->facts, body);
    return OK;
}

static err_t
on_clients_get(void *state, ctx_t *ctx, const void *body)
{
    listener_t *self = state;
    presence_tell(ctx, &self->facts, self->address, body);
    return OK;
}

/*  Undecided changes are sent again after a reconnect, so there is nothing better to do
    for them than to cause one.  */
static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    listener_t *self = state;
    session_t *session = sessions_numbered(&self->sessions, failure->token);
    ctx_log(ctx, LOG_warning, "%s came to nothing: %s", schema_of(failure->request)->name,
            failure->text);
    if (failure->request == MSG_head_get && failure->token == NOBODY)
        ctx_after(ctx, TIMER_HEAD, HEAD_AGAIN_MS);
    if (session == NULL)
        return OK;
    if (failure->request == MSG_head_get)
        session_end_request(session, ctx);
    else if (failure->request != MSG_stream_pull)
        session_fail(session, ctx, failure);
    else if (session->opened)
        session_reopen_stream(session, ctx);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    listener_t *self = state;
    session_t *session = sessions_numbered(&self->sessions, timer / SESSION_TIMERS);
    if (timer == TIMER_HEAD)
        ask_head(ctx);
    else if (session && timer % SESSION_TIMERS == TIMER_REMIND)
        pacing_remind(session, ctx);
    else if (session && timer % SESSION_TIMERS == TIMER_RECHECK)
        gate_recheck(&self->gate, ctx, session);
    else if (session && timer % SESSION_TIMERS == TIMER_PACE)
        session_go_on(session, ctx);
    else if (session && !session->asked)
        session_open_stream(session, ctx, session->visitor.lsn, session->visitor.epoch);
    return OK;
}

/*  ---------------------------------------------------------------------- the end  */

static err_t
drain(void *state, ctx_t *ctx)
{
    listener_t *self = state;
    for (size_t i = 0; i < self->sessions.n; i++)
        if (self->sessions.items[i]->conn != 0)
            session_close(self->sessions.items[i], ctx, 1001, "The server is stopping");
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    listener_t *self = state;
    (void) ctx;
    sessions_release(&self->sessions);
    gate_close(&self->gate);
}

static const edge_t sends[] = {
    {"client-changes", MSG_client_changes},
    {"distributor", MSG_stream_open},
    {"distributor", MSG_stream_pull},
    {"distributor", MSG_stream_ack},
    {"distributor", MSG_stream_close},
    {"distributor", MSG_head_get},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_stream_opened] = on_stream_opened,     [MSG_stream_chunk] = on_stream_chunk,
    [MSG_log_advanced] = on_log_advanced,       [MSG_head] = on_head,
    [MSG_client_verdicts] = on_client_verdicts, [MSG_clients_get] = on_clients_get,
    [MSG_database_state] = on_database_state,
};

static const net_handlers_t net = {
    .on_upgrade = on_upgrade,
    .on_open = on_open,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_close = on_close,
};

const actor_class_t listener = {
    .name = "listener",
    .summary = "WebSocket sessions of clients",
    .state_size = sizeof(listener_t),
    .sends = sends,
    .offers = (const char *const[]){"clients_get", NULL},
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .on_timer = on_timer,
    .drain = drain,
    .stop = stop,
    .net = &net,
};
