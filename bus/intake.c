#include "bus/intake.h"

#include "schemas/codec.h"
#include "schemas/plausible.h"

#include <stdlib.h>
#include <string.h>

/*  What a peer may send, and how it travels.  */
static const struct {
    bool allowed;
    envelope_kind_t kind;
} classes[CLASS_COUNT] = {
    [CLASS_REQUEST] = {true, ENVELOPE_REQ},
    [CLASS_COMMAND] = {true, ENVELOPE_CAST},
    [CLASS_HINT] = {true, ENVELOPE_CAST},
};

err_t
intake_check_hello(const hello_t *hello, fault_t *fault)
{
    for (size_t i = 0; i < hello->takes.n; i++) {
        message_id_t id = message_named(hello->takes.names[i]);
        if (id != MSG_COUNT && !classes[schema_of(id)->class].allowed)
            return fault_set(fault, ERR_REFUSED,
                             "hello: field takes: %s is of class %s; a request, a command or a "
                             "hint can be taken",
                             hello->takes.names[i], class_name(schema_of(id)->class));
    }
    for (size_t i = 0; i < hello->says.n; i++)
        if (message_named(hello->says.names[i]) != MSG_COUNT)
            return fault_set(fault, ERR_REFUSED,
                             "hello: field says: %s is a message of Waybill's own; choose "
                             "another name",
                             hello->says.names[i]);
    return OK;
}

static err_t
check_hash(const envelope_t *envelope, message_id_t id, fault_t *fault)
{
    if (envelope->hash == 0 || envelope->hash == schema_hash(id))
        return OK;
    return fault_set(fault, ERR_MALFORMED,
                     "field hash: this build has another %s (%08x, not %08x)",
                     schema_of(id)->name, schema_hash(id), envelope->hash);
}

static err_t
check_class(const envelope_t *envelope, message_id_t id, fault_t *fault)
{
    const schema_t *schema = schema_of(id);
    if (!classes[schema->class].allowed)
        return fault_set(fault, ERR_REFUSED,
                         "field type: %s is of class %s; a peer may send a request, a command "
                         "or a hint",
                         schema->name, class_name(schema->class));
    if (envelope->kind != classes[schema->class].kind)
        return fault_set(fault, ERR_MALFORMED, "field kind: %s travels as %s, not as %s",
                         schema->name, envelope_kind_name(classes[schema->class].kind),
                         envelope_kind_name(envelope->kind));
    return check_hash(envelope, id, fault);
}

/*  Nobody here knows the type: all that can be asked for is one whole map.  */
static err_t
check_map(bytes_t payload, fault_t *fault)
{
    size_t used;
    bool whole = plausible(payload, &used) && used == payload.size;
    uint8_t first = whole && used > 0 ? payload.data[0] : 0;
    if ((first & 0xf0) != 0x80 && first != 0xde && first != 0xdf)
        return fault_set(fault, ERR_MALFORMED, "payload: one whole msgpack map is wanted");
    return OK;
}

static err_t
check_payload(message_id_t id, bytes_t payload, fault_t *fault)
{
    if (payload.size > IPC_PAYLOAD_LIMIT)
        return fault_set(fault, ERR_TOO_LARGE, "payload of %zu bytes: at most %d are taken",
                         payload.size, IPC_PAYLOAD_LIMIT);
    if (id == MSG_COUNT)
        return check_map(payload, fault);
    arena_t arena = {0};
    void *body = mem_new(schema_of(id)->size + 1);
    err_t err = message_unpack(id, payload, &arena, body, fault);
    free(body);
    arena_release(&arena);
    return err;
}

/*  Default deny: what an actor has not offered is between the actors of this process.  */
static err_t
check_offer(const envelope_t *envelope, const target_t *target, fault_t *fault)
{
    if (target->offers)
        return OK;
    if (message_named(envelope->type) == MSG_COUNT)
        return fault_set(fault, ERR_UNKNOWN, "field type: there is no message %s",
                         envelope->type);
    return fault_set(fault, ERR_REFUSED,
                     "field type: %s does not take %s from programs that have joined; `waybill "
                     "tap describe %s` lists what it offers",
                     target->name, envelope->type, target->name);
}

static err_t
check_message(const envelope_t *envelope, bytes_t payload, const target_t *target,
              fault_t *fault)
{
    message_id_t id = message_named(envelope->type);
    if (target->name == NULL)
        return fault_set(fault, ERR_NO_ROUTE, "field to: there is no actor %s", envelope->to);
    if (uuid_is_zero(envelope->id))
        return fault_set(fault, ERR_MALFORMED, "field id: missing");
    err_t err = id == MSG_COUNT ? OK : check_class(envelope, id, fault);
    if (err == OK)
        err = check_offer(envelope, target, fault);
    return err == OK ? check_payload(id, payload, fault) : err;
}

/*  What goes on of an envelope that has passed.  */
static void
draft_from(const envelope_t *envelope, envelope_t *draft)
{
    message_id_t id = message_named(envelope->type);
    *draft = (envelope_t){
        .kind = envelope->kind,
        .type = envelope->type,
        .hash = id == MSG_COUNT ? envelope->hash : schema_hash(id),
        .deadline_ns = envelope->deadline_ns,
        .hop = envelope->hop,
    };
    memcpy(draft->id, envelope->id, sizeof draft->id);
    memcpy(draft->cause, envelope->cause, sizeof draft->cause);
    memcpy(draft->trace, envelope->trace, sizeof draft->trace);
}

err_t
intake_check(const envelope_t *envelope, bytes_t payload, const target_t *target,
             envelope_t *draft, fault_t *fault)
{
    err_t err = check_message(envelope, payload, target, fault);
    if (err != OK)
        return err;
    draft_from(envelope, draft);
    draft->to = target->name;
    draft->flags = FLAG_PROMPT | (envelope->flags & FLAG_REDELIVERED);
    return OK;
}

/*  ------------------------------------------------------------ answers and events  */

/*  Some events are answers as well: `status`.  */
static bool
may_answer(message_id_t id)
{
    return id == MSG_COUNT || schema_of(id)->class == CLASS_REPLY
           || schema_of(id)->class == CLASS_EVENT;
}

err_t
intake_check_answer(const envelope_t *envelope, bytes_t payload, envelope_t *draft,
                    fault_t *fault)
{
    bool error = envelope->kind == ENVELOPE_ERR;
    message_id_t id = message_named(envelope->type);
    if (error != (id == MSG_problem) || !may_answer(id))
        return fault_set(fault, ERR_MALFORMED, "field type: %s cannot travel as %s",
                         envelope->type, envelope_kind_name(envelope->kind));
    err_t err = id == MSG_COUNT ? OK : check_hash(envelope, id, fault);
    if (err == OK)
        err = check_payload(id, payload, fault);
    if (err != OK)
        return err;
    draft_from(envelope, draft);
    memcpy(draft->corr, envelope->corr, sizeof draft->corr);
    return OK;
}

err_t
intake_check_event(const envelope_t *envelope, bytes_t payload, bool declared,
                   envelope_t *draft, fault_t *fault)
{
    if (!declared)
        return fault_set(fault, ERR_UNDECLARED,
                         "field type: %s is not in `says` of this process's HELLO",
                         envelope->type);
    if (uuid_is_zero(envelope->id))
        return fault_set(fault, ERR_MALFORMED, "field id: missing");
    err_t err = check_payload(message_named(envelope->type), payload, fault);
    if (err == OK)
        draft_from(envelope, draft);
    return err;
}
