#include "actors/server/frames.h"

#include "actors/settings.h"
#include "schemas/wire.h"

#include <string.h>

enum { ERRORS_QUEUED = 1024 * 1024 };

typedef void frame_fn(session_t *session, ctx_t *ctx, const wire_t *wire);

/*  Whoever sends nonsense and does not read the answers is shown the door.  */
static void
refuse(session_t *session, ctx_t *ctx, err_t err, const char *text)
{
    session->tally.rejected++;
    if (net_queued(ctx, session->conn) > ERRORS_QUEUED)
        session_close(session, ctx, 1008, "Too many bad frames");
    else
        TELL(session, ctx, srv_error, .code = err_name(err), .message = text);
}

/*  ------------------------------------------------------------- acknowledgements  */

static void
on_init_received(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    (void) wire;
    session_acknowledge_page(session, ctx);
}

static void
on_init_processed(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    (void) wire;
    session_acknowledge(session, ctx, session->snapshot_lsn);
}

static void
on_catchup_received(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_catchup_received_t *body = wire->body;
    session_acknowledge(session, ctx, body->lsn);
}

static void
on_changes_received(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_changes_received_t *body = wire->body;
    session_acknowledge(session, ctx, body->last_lsn);
}

static void
on_catchup_request(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_catchup_request_t *body = wire->body;
    session_open_stream(session, ctx, body->from_lsn, "");
}

static void
on_heartbeat(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    (void) wire;
    session_begin_request(session, ctx);
    REQUEST(ctx, "distributor", session->number, head_get, .session = session->number);
}

/*  ---------------------------------------------------------------------- changes  */

static void
confirm_receipt(session_t *session, ctx_t *ctx, const clt_send_changes_t *body)
{
    const char **ids = arena_new(ctx_arena(ctx), (body->n_changes + 1) * sizeof *ids);
    for (size_t i = 0; i < body->n_changes; i++)
        ids[i] = body->changes[i].id;
    TELL(session, ctx, srv_changes_received, .change_ids = ids,
         .n_change_ids = body->n_changes);
}

static void
on_send_changes(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_send_changes_t *body = wire->body;
    confirm_receipt(session, ctx, body);
    session_begin_request(session, ctx);
    REQUEST(ctx, "client-changes", session->number, client_changes, .session = session->number,
            .client_id = session->visitor.client_id, .changes = body->changes,
            .n_changes = body->n_changes, .user = session->visitor.identity.user);
}

static bool
is_applied(const verdict_t *verdict)
{
    const char *word = verdict->first ? verdict->first : verdict->verdict;
    return strcmp(word, "applied") == 0 || strcmp(word, "merged") == 0;
}

static void
send_verdicts(session_t *session, ctx_t *ctx, verdict_t *verdicts, size_t n)
{
    const char **applied = arena_new(ctx_arena(ctx), (n + 1) * sizeof *applied);
    const char *error = NULL;
    size_t n_applied = 0;
    for (size_t i = 0; i < n; i++) {
        const verdict_t *verdict = &verdicts[i];
        if (is_applied(verdict))
            applied[n_applied++] = verdict->id;
        else if (error == NULL)
            error = verdict->message ? verdict->message : verdict->verdict;
    }
    TELL(session, ctx, srv_changes_applied, .applied_changes = applied,
         .n_applied_changes = n_applied, .success = error == NULL, .error = error,
         .results = verdicts, .n_results = n);
}

/*  How many of them go into one frame: rows given back may be far larger than the changes.  */
static size_t
count_fitting(const verdict_t *verdicts, size_t n, size_t max_bytes)
{
    size_t bytes = 0;
    size_t fitting = 0;
    while (fitting < n && (fitting == 0 || bytes + verdicts[fitting].row.size <= max_bytes))
        bytes += verdicts[fitting++].row.size;
    return fitting;
}

void
frames_send_verdicts(session_t *session, ctx_t *ctx, const client_verdicts_t *verdicts)
{
    const settings_t *settings = ctx_settings(ctx);
    const size_t max_bytes = (size_t) settings->stream_frame_bytes;
    size_t sent = 0;
    do {
        verdict_t *rest = &verdicts->verdicts[sent];
        const size_t n = count_fitting(rest, verdicts->n_verdicts - sent, max_bytes);
        send_verdicts(session, ctx, rest, n);
        sent += n;
    } while (sent < verdicts->n_verdicts);
}

/*  --------------------------------------------------------------------- dispatching  */

static frame_fn *const takers[MSG_COUNT] = {
    [MSG_clt_init_received] = on_init_received,
    [MSG_clt_init_processed] = on_init_processed,
    [MSG_clt_catchup_received] = on_catchup_received,
    [MSG_clt_changes_received] = on_changes_received,
    [MSG_clt_catchup_request] = on_catchup_request,
    [MSG_clt_heartbeat] = on_heartbeat,
    [MSG_clt_send_changes] = on_send_changes,
};

static void
ignore(session_t *session, ctx_t *ctx, const char *type)
{
    session->tally.ignored++;
    ctx_log(ctx, LOG_debug, "%s: a frame of type \"%.40s\" is ignored, number %llu",
            session->visitor.client_id, type, (unsigned long long) session->tally.ignored);
}

void
frames_take(session_t *session, ctx_t *ctx, bytes_t frame, bool binary)
{
    wire_t wire = {0};
    fault_t fault = {0};
    session->tally.received++;
    if (!binary) {
        refuse(session, ctx, ERR_PROTOCOL, "waybill.v1 is made of binary frames");
        return;
    }
    const err_t err = wire_unpack(frame, ctx_arena(ctx), &wire, &fault);
    if (err != OK && err != ERR_UNKNOWN)
        refuse(session, ctx, err, fault.text);
    else if (err == ERR_UNKNOWN || takers[wire.id] == NULL)
        ignore(session, ctx, wire.frame.type);
    else
        takers[wire.id](session, ctx, &wire);
}
