#include "actors/server/frames.h"

#include "actors/server/pacing.h"
#include "actors/server/uploads.h"
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
    pacing_take_page(session, ctx, wire->body);
}

static void
on_init_processed(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    (void) wire;
    session->processing = false;
    session_acknowledge(session, ctx, session->snapshot_lsn);
}

static void
on_catchup_received(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    pacing_take_chunk(session, ctx, wire->body);
}

static void
on_changes_received(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_changes_received_t *body = wire->body;
    session_acknowledge(session, ctx, body->last_lsn);
}

/*  A position beyond what it was sent is not of the history that this session is in: it tells
    nothing about ours.  */
static void
on_catchup_request(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    const clt_catchup_request_t *body = wire->body;
    const bool was_sent = body->from_lsn <= session->sent;
    session_open_stream(session, ctx, body->from_lsn, was_sent ? session->epoch : "");
}

static void
on_heartbeat(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    (void) wire;
    session_begin_request(session, ctx);
    REQUEST(ctx, "distributor", session->number, head_get, .session = session->number);
}

static void
on_send_changes(session_t *session, ctx_t *ctx, const wire_t *wire)
{
    uploads_take(session, ctx, wire->body, wire->frame.message_id);
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

/*  What clients of the original system say and nobody needs to hear, whatever is in it.  */
static const char *const unheard[] = {
    "clt_changes_ack",  "clt_disconnect",      "clt_heartbeat",
    "clt_sync_request", "clt_changes_applied",
};

static bool
is_unheard(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(unheard); i++)
        if (strcmp(unheard[i], type) == 0)
            return true;
    return false;
}

static bool
is_taken(const char *type)
{
    const message_id_t id = message_named(type);
    return id != MSG_COUNT && takers[id] != NULL;
}

static void
act(session_t *session, ctx_t *ctx, const wire_t *wire, const fault_t *fault)
{
    const char *type = wire->frame.type;
    if (session->visitor.json && type && is_unheard(type))
        return;
    if (type && !is_taken(type))
        ignore(session, ctx, type);
    else if (fault->err != OK)
        refuse(session, ctx, fault->err, fault->text);
    else
        takers[wire->id](session, ctx, wire);
}

static void
take_json(session_t *session, ctx_t *ctx, bytes_t frame)
{
    wire_t wire = {0};
    fault_t fault = {0};
    buffer_t packed = {0};
    fault.err = wire_from_json(frame, &packed, ctx_arena(ctx), &wire, &fault);
    session->answering = wire.frame.message_id;
    act(session, ctx, &wire, &fault);
    session->answering = NULL;
    buffer_release(&packed);
}

static void
take_packed(session_t *session, ctx_t *ctx, bytes_t frame)
{
    wire_t wire = {0};
    fault_t fault = {0};
    fault.err = wire_unpack(frame, ctx_arena(ctx), &wire, &fault);
    act(session, ctx, &wire, &fault);
}

void
frames_take(session_t *session, ctx_t *ctx, bytes_t frame, bool binary)
{
    session->tally.received++;
    COUNT(ctx, bytes_in, frame.size);
    session_charge_bytes(session, ctx, frame.size);
    if (binary && session->visitor.json)
        refuse(session, ctx, ERR_PROTOCOL, "this connection is made of text frames");
    else if (!binary && !session->visitor.json)
        refuse(session, ctx, ERR_PROTOCOL, "waybill.v1 is made of binary frames");
    else if (binary)
        take_packed(session, ctx, frame);
    else
        take_json(session, ctx, frame);
}
