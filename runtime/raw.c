#include "runtime/raw.h"

#include "runtime/cell_private.h"
#include "schemas/pack.h"
#include "schemas/plausible.h"

#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000, DEFAULT_TIMEOUT_MS = 30000 };

/*  ------------------------------------------------------------------------ tables  */

static const raw_message_t *
find(const raw_message_t *table, const char *to, const char *type)
{
    for (; table->type; table++)
        if (strcmp(table->type, type) == 0
            && (to == NULL || table->to == NULL || strcmp(table->to, to) == 0))
            return table;
    return NULL;
}

const char *
raw_name(const actor_class_t *class, const char *type)
{
    const raw_message_t *row = class->raw ? find(class->raw->takes, NULL, type) : NULL;
    return row ? row->type : "a message";
}

bool
class_takes(const actor_class_t *class, const char *type)
{
    if (class->raw)
        return find(class->raw->takes, NULL, type) != NULL;
    message_id_t id = message_named(type);
    return id != MSG_COUNT && class->handlers && class->handlers[id];
}

void
raw_break_promises(const actor_class_t *class, ctx_t *ctx, err_t why)
{
    if (class->raw && class->raw->break_promises)
        class->raw->break_promises(class->raw->subject, ctx, why);
}

/*  ----------------------------------------------------------------------- payloads  */

static err_t
check_schema(message_id_t id, bytes_t payload, fault_t *fault)
{
    arena_t arena = {0};
    void *body = arena_new(&arena, schema_of(id)->size + 1);
    err_t err = message_unpack(id, payload, &arena, body, fault);
    arena_release(&arena);
    return err;
}

err_t
raw_check(const char *type, bytes_t payload, fault_t *fault)
{
    size_t used = 0;
    token_t head;
    cursor_t cursor = cursor_of(payload);
    if (!plausible(payload, &used) || used != payload.size || !cursor_next(&cursor, &head)
        || head.kind != TOKEN_MAP)
        return fault_set(fault, ERR_MALFORMED, "%s: its payload is not one msgpack map", type);
    message_id_t id = message_named(type);
    return id == MSG_COUNT ? OK : check_schema(id, payload, fault);
}

/*  ------------------------------------------------------------------------ sending  */

static void
refuse(cell_t *self, const char *to, const char *type, fault_t *fault)
{
    envelope_t draft = {
        .kind = ENVELOPE_CAST, .type = type, .from = self->class->name, .to = to ? to : "*"};
    self->host.transport.dead(self, &draft, (bytes_t){0}, ERR_UNDECLARED);
    fault_set(fault, ERR_UNDECLARED, "%s does not declare that it sends %s%s%s",
              self->class->name, type, to ? " to " : "", to ? to : "");
}

/*  One who would wait for itself, or to whom nobody writes: the supervisor reads orders and
    answers alone.  */
static bool
takes_nothing(const cell_t *self, const char *to)
{
    return to && (strcmp(to, self->class->name) == 0 || strcmp(to, SUPERVISOR) == 0);
}

/*  The row of the table, if this may be said; else NULL and the fault. Names that no envelope
   has room for are in no table.  */
static const raw_message_t *
admit(cell_t *self, const raw_message_t *table, const raw_question_t *question, fault_t *fault)
{
    const char *to = question->to;
    bool fits = strlen(question->type) <= NAME_ROOM && (to == NULL || strlen(to) <= NAME_ROOM);
    const raw_message_t *row =
        fits && !takes_nothing(self, to) ? find(table, to, question->type) : NULL;
    if (row == NULL)
        refuse(self, fits ? to : NULL, fits ? question->type : "unknown", fault);
    else if (raw_check(question->type, question->payload, fault) != OK)
        return NULL;
    return row;
}

static uint32_t
hash_of(const char *type)
{
    message_id_t id = message_named(type);
    return id == MSG_COUNT ? 0 : schema_hash(id);
}

static err_t
dispatch(cell_t *self, envelope_t *draft, const char *type, bytes_t payload,
         uint8_t sent_id[16])
{
    draft->type = type;
    draft->hash = hash_of(type);
    blob_begin(&self->scratch);
    buffer_add(&self->scratch, payload.data, payload.size);
    return cell_dispatch(self, draft, sent_id);
}

err_t
raw_send(ctx_t *ctx, const char *to, const char *type, bytes_t payload, fault_t *fault)
{
    cell_t *self = ctx->cell;
    const raw_question_t said = {.to = to, .type = type, .payload = payload};
    const raw_message_t *row = admit(self, self->class->raw->sends, &said, fault);
    if (row == NULL)
        return fault->err;
    if (row->class == CLASS_REQUEST)
        return fault_set(fault, ERR_UNDECLARED, "%s is a request: ask it", type);
    envelope_t draft = {
        .kind = ENVELOPE_CAST, .to = to, .flags = row->class == CLASS_HINT ? FLAG_CONFLATE : 0};
    (void) dispatch(self, &draft, row->type, payload, NULL); /* else a dead letter by now */
    return OK;
}

err_t
raw_request(ctx_t *ctx, const raw_question_t *question, fault_t *fault)
{
    cell_t *self = ctx->cell;
    const raw_message_t *row = admit(self, self->class->raw->sends, question, fault);
    if (row == NULL)
        return fault->err;
    if (row->class != CLASS_REQUEST)
        return fault_set(fault, ERR_UNDECLARED, "%s is no request: send it", question->type);
    const transport_t *transport = &self->host.transport;
    uint64_t timeout = question->timeout_ms ? question->timeout_ms : DEFAULT_TIMEOUT_MS;
    uint64_t deadline_ns = transport->now_ns(transport->self) + timeout * NS_PER_MS;
    envelope_t draft = {.kind = ENVELOPE_REQ, .to = question->to, .deadline_ns = deadline_ns};
    request_t request = {.message = message_named(question->type),
                         .token = question->token,
                         .deadline_ms = deadline_ns / NS_PER_MS + 1};
    request.err = dispatch(self, &draft, row->type, question->payload, request.id);
    if (!self->muted)
        requests_add(&self->requests, &request);
    return OK;
}

err_t
raw_answer(ctx_t *ctx, const ticket_t *ticket, const char *type, bytes_t payload,
           fault_t *fault)
{
    cell_t *self = ctx->cell;
    const raw_question_t said = {.type = type, .payload = payload};
    const raw_message_t *row = admit(self, self->class->raw->answers, &said, fault);
    if (row == NULL)
        return fault->err;
    envelope_t draft = {.kind = ENVELOPE_REP, .to = ticket->to};
    memcpy(draft.corr, ticket->corr, sizeof draft.corr);
    memcpy(draft.trace, ticket->trace, sizeof draft.trace);
    (void) dispatch(self, &draft, row->type, payload, NULL);
    return OK;
}

err_t
raw_publish(ctx_t *ctx, const char *type, bytes_t payload, fault_t *fault)
{
    cell_t *self = ctx->cell;
    const raw_question_t said = {.type = type, .payload = payload};
    const raw_message_t *row = admit(self, self->class->raw->publishes, &said, fault);
    if (row == NULL)
        return fault->err;
    envelope_t draft = {.kind = ENVELOPE_EVT, .to = "*"};
    (void) dispatch(self, &draft, row->type, payload, NULL);
    return OK;
}
