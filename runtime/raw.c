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

static err_t
refuse(cell_t *self, const char *to, const char *type, fault_t *fault)
{
    envelope_t draft = {
        .kind = ENVELOPE_CAST, .type = type, .from = self->class->name, .to = to ? to : "*"};
    self->host.transport.dead(self, &draft, (bytes_t){0}, ERR_UNDECLARED);
    return fault_set(fault, ERR_UNDECLARED, "%s does not declare that it sends %s%s%s",
                     self->class->name, type, to ? " to " : "", to ? to : "");
}

/*  The row of the table, if this may be said. Names that no envelope has room for are in no
    table.  */
static err_t
admit(cell_t *self, const raw_message_t *table, const raw_question_t *question,
      const raw_message_t **row, fault_t *fault)
{
    if (question->to && strlen(question->to) > NAME_ROOM)
        return fault_set(fault, ERR_NO_ROUTE, "there is no actor of so long a name");
    if (strlen(question->type) > NAME_ROOM)
        return fault_set(fault, ERR_UNDECLARED, "there is no message of so long a name");
    bool itself = question->to && strcmp(question->to, self->class->name) == 0;
    *row = itself ? NULL
                  : find(table, question->to, question->type); /* it would wait for itself */
    if (*row == NULL)
        return refuse(self, question->to, question->type, fault);
    return raw_check(question->type, question->payload, fault);
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
    const raw_message_t *row = NULL;
    const raw_question_t said = {.to = to, .type = type, .payload = payload};
    err_t err = admit(self, self->class->raw->sends, &said, &row, fault);
    if (err == OK && row->class == CLASS_REQUEST)
        err = fault_set(fault, ERR_UNDECLARED, "%s is a request: ask it", type);
    if (err != OK)
        return err;
    envelope_t draft = {
        .kind = ENVELOPE_CAST, .to = to, .flags = row->class == CLASS_HINT ? FLAG_CONFLATE : 0};
    (void) dispatch(self, &draft, row->type, payload, NULL); /* else a dead letter by now */
    return OK;
}

err_t
raw_request(ctx_t *ctx, const raw_question_t *question, fault_t *fault)
{
    cell_t *self = ctx->cell;
    const raw_message_t *row = NULL;
    err_t err = admit(self, self->class->raw->sends, question, &row, fault);
    if (err == OK && row->class != CLASS_REQUEST)
        err = fault_set(fault, ERR_UNDECLARED, "%s is no request: send it", question->type);
    if (err != OK)
        return err;
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
    const raw_message_t *row = NULL;
    const raw_question_t said = {.type = type, .payload = payload};
    err_t err = admit(self, self->class->raw->answers, &said, &row, fault);
    if (err != OK)
        return err;
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
    const raw_message_t *row = NULL;
    const raw_question_t said = {.type = type, .payload = payload};
    err_t err = admit(self, self->class->raw->publishes, &said, &row, fault);
    if (err != OK)
        return err;
    envelope_t draft = {.kind = ENVELOPE_EVT, .to = "*"};
    (void) dispatch(self, &draft, row->type, payload, NULL);
    return OK;
}
