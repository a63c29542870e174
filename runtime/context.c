/*  The context: what an actor may say. It ends in the port; what ends in the host is in
    context_world.c.  */

#include "runtime/cell_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000, DEFAULT_TIMEOUT_MS = 30000 };

/*  --------------------------------------------------------------------- sending  */

static void
inherit(cell_t *self, envelope_t *draft)
{
    if (self->current == NULL)
        return;
    const envelope_t *cause = &self->current->envelope;
    memcpy(draft->cause, cause->id, sizeof draft->cause);
    memcpy(draft->trace, cause->trace, sizeof draft->trace);
    draft->hop = (uint8_t) (cause->hop < INT8_MAX ? cause->hop + 1 : INT8_MAX);
}

static err_t
post(cell_t *self, envelope_t *draft, blob_t *payload, uint8_t sent_id[16])
{
    if (draft->kind != ENVELOPE_EVT || strcmp(draft->to, "*") != 0)
        return port_send(self->port, draft, payload, sent_id);
    port_publish(self->port, draft, payload);
    return OK;
}

/*  While one message is being sent, another may have to be: a log line about its end as a dead
    letter. So the scratch buffer is put aside meanwhile.  */
err_t
cell_dispatch(cell_t *self, envelope_t *draft, uint8_t sent_id[16])
{
    if (self->muted)
        return ERR_STOPPED;
    draft->from = self->class->name;
    inherit(self, draft);
    buffer_t scratch = self->scratch;
    self->scratch = (buffer_t){0};
    blob_t *payload = blob_lend(&scratch);
    err_t err = post(self, draft, payload, sent_id);
    if (err == OK)
        cell_offer(self, TAP_send, draft, (bytes_t){payload->data, payload->size}, OK);
    blob_take_back(&scratch);
    buffer_release(&self->scratch);
    self->scratch = scratch;
    return err;
}

static err_t
dispatch(cell_t *self, envelope_t *draft, message_id_t id, const void *body,
         uint8_t sent_id[16])
{
    draft->type = schema_of(id)->name;
    draft->hash = schema_hash(id);
    blob_begin(&self->scratch);
    message_pack(id, body, &self->scratch);
    return cell_dispatch(self, draft, sent_id);
}

/*  The edge is part of the manifest that the lint has seen; anything else could close a
    cycle behind its back.  */
static bool
is_declared(const cell_t *self, const char *to, message_id_t id)
{
    for (const edge_t *edge = self->class->sends; edge && edge->to; edge++)
        if (edge->message == id
            && (strcmp(edge->to, to) == 0 || strcmp(edge->to, ANY_TAKER) == 0))
            return true;
    return false;
}

static bool
refuse_undeclared(cell_t *self, const char *to, message_id_t id)
{
    message_class_t class = schema_of(id)->class;
    if (class == CLASS_HINT || is_declared(self, to, id))
        return false;
    envelope_t draft = {.kind = ENVELOPE_CAST,
                        .type = schema_of(id)->name,
                        .from = self->class->name,
                        .to = to};
    self->host.transport.dead(self, &draft, (bytes_t){0}, ERR_UNDECLARED);
    return true;
}

void
ctx_hint(ctx_t *ctx, const char *to, message_id_t id, const char *key, const void *body)
{
    cell_t *self = ctx->cell;
    assert(schema_of(id)->class == CLASS_HINT);
    envelope_t draft = {.kind = ENVELOPE_CAST, .to = to, .key = key, .flags = FLAG_CONFLATE};
    /* A hint that finds nobody is a dead letter, and that is all it is worth. */
    (void) dispatch(self, &draft, id, body, NULL);
}

void
ctx_send(ctx_t *ctx, const char *to, message_id_t id, const void *body)
{
    cell_t *self = ctx->cell;
    if (schema_of(id)->class == CLASS_HINT) {
        ctx_hint(ctx, to, id, NULL, body);
        return;
    }
    assert(schema_of(id)->class == CLASS_COMMAND);
    if (refuse_undeclared(self, to, id))
        return;
    envelope_t draft = {.kind = ENVELOPE_CAST, .to = to};
    /* Without a route it is a dead letter by now, logged and counted. */
    (void) dispatch(self, &draft, id, body, NULL);
}

void /* NOLINTNEXTLINE(readability-function-size): all of it is what an ask is made of */
ctx_request(ctx_t *ctx, const char *to, message_id_t id, const void *body, uint64_t token,
            uint32_t timeout_ms)
{
    cell_t *self = ctx->cell;
    const transport_t *transport = &self->host.transport;
    assert(schema_of(id)->class == CLASS_REQUEST);
    uint64_t timeout = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
    uint64_t deadline_ns = transport->now_ns(transport->self) + timeout * NS_PER_MS;
    request_t request = {
        .message = id, .token = token, .deadline_ms = deadline_ns / NS_PER_MS + 1};
    envelope_t draft = {.kind = ENVELOPE_REQ, .to = to, .deadline_ns = deadline_ns};
    if (refuse_undeclared(self, to, id))
        request.err = ERR_UNDECLARED;
    else
        request.err = dispatch(self, &draft, id, body, request.id);
    if (!self->muted)
        requests_add(&self->requests, &request);
}

static void
answer(cell_t *self, const ticket_t *ticket, envelope_kind_t kind, message_id_t id,
       const void *body)
{
    envelope_t draft = {.kind = kind, .to = ticket->to};
    memcpy(draft.corr, ticket->corr, sizeof draft.corr);
    memcpy(draft.trace, ticket->trace, sizeof draft.trace);
    /* Whoever asked may be gone: then the answer is a dead letter. */
    (void) dispatch(self, &draft, id, body, NULL);
}

ticket_t
ctx_ticket(ctx_t *ctx)
{
    const envelope_t *envelope = ctx_envelope(ctx);
    ticket_t ticket = {0};
    memcpy(ticket.to, envelope->from, strlen(envelope->from));
    memcpy(ticket.corr, envelope->id, sizeof ticket.corr);
    memcpy(ticket.trace, envelope->trace, sizeof ticket.trace);
    ctx->cell->answered = true;
    return ticket;
}

void
ctx_reply(ctx_t *ctx, message_id_t id, const void *body)
{
    ticket_t ticket = ctx_ticket(ctx);
    answer(ctx->cell, &ticket, ENVELOPE_REP, id, body);
}

void
ctx_answer(ctx_t *ctx, const ticket_t *ticket, message_id_t id, const void *body)
{
    answer(ctx->cell, ticket, ENVELOPE_REP, id, body);
}

void
ctx_answer_error(ctx_t *ctx, const ticket_t *ticket, err_t err, const char *text)
{
    problem_t problem = {err_name(err), text ? text : err_text(err), ctx->cell->class->name,
                         NULL};
    answer(ctx->cell, ticket, ENVELOPE_ERR, MSG_problem, &problem);
}

void
cell_send_error(cell_t *self, const char *to, const uint8_t corr[16], err_t err,
                const char *text)
{
    ticket_t ticket = {0};
    memcpy(ticket.to, to, strlen(to));
    memcpy(ticket.corr, corr, sizeof ticket.corr);
    ctx_answer_error(&self->ctx, &ticket, err, text);
}

err_t
ctx_refuse(ctx_t *ctx, err_t err, const char *format, ...)
{
    fault_t *refusal = &ctx->cell->refusal;
    va_list arguments;
    va_start(arguments, format);
    line_format(refusal->text, sizeof refusal->text, format, arguments);
    va_end(arguments);
    refusal->err = err;
    return err;
}

err_t
ctx_fail(ctx_t *ctx, const char *format, ...)
{
    fault_t *refusal = &ctx->cell->refusal;
    va_list arguments;
    va_start(arguments, format);
    line_format(refusal->text, sizeof refusal->text, format, arguments);
    va_end(arguments);
    refusal->err = ERR_FAILED;
    return ERR_FAILED;
}

void
ctx_publish(ctx_t *ctx, message_id_t id, const void *body)
{
    cell_t *self = ctx->cell;
    const schema_t *schema = schema_of(id);
    assert(schema->class == CLASS_EVENT);
    if (self->muted || (!self->tapped && !port_has_subscriber(self->port, schema->name)))
        return;
    envelope_t draft = {.kind = ENVELOPE_EVT, .to = "*"};
    (void) dispatch(self, &draft, id, body, NULL);
}

uint32_t
ctx_credit(ctx_t *ctx, const char *to)
{
    return port_credit(ctx->cell->port, to);
}

/*  ---------------------------------------------------------- what is being handled  */

const envelope_t *
ctx_envelope(ctx_t *ctx)
{
    assert(ctx->cell->current);
    return &ctx->cell->current->envelope;
}

uint64_t
ctx_token(ctx_t *ctx)
{
    return ctx->cell->token;
}

arena_t *
ctx_arena(ctx_t *ctx)
{
    return &ctx->cell->arena;
}

const void *
ctx_settings(ctx_t *ctx)
{
    return ctx->cell->settings;
}

const actor_class_t *
ctx_class(ctx_t *ctx)
{
    return ctx->cell->class;
}
