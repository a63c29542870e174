#include "bus/intake.h"

#include "bus/ipc_frame.h"
#include "schemas/codec.h"

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

static const char *
find_actor(const char *const *actors, const char *name)
{
    for (; *actors != NULL; actors++)
        if (strcmp(*actors, name) == 0)
            return *actors;
    return NULL;
}

static err_t
check_type(const envelope_t *envelope, message_id_t id, fault_t *fault)
{
    if (id == MSG_COUNT)
        return fault_set(fault, ERR_UNKNOWN, "field type: there is no message %s",
                         envelope->type);
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
    if (envelope->hash != 0 && envelope->hash != schema_hash(id))
        return fault_set(fault, ERR_MALFORMED,
                         "field hash: this build has another %s (%08x, not %08x)", schema->name,
                         schema_hash(id), envelope->hash);
    return OK;
}

static err_t
check_payload(message_id_t id, bytes_t payload, fault_t *fault)
{
    if (payload.size > IPC_PAYLOAD_LIMIT)
        return fault_set(fault, ERR_TOO_LARGE, "payload of %zu bytes: at most %d are taken",
                         payload.size, IPC_PAYLOAD_LIMIT);
    arena_t arena = {0};
    void *body = mem_new(schema_of(id)->size + 1);
    err_t err = message_unpack(id, payload, &arena, body, fault);
    free(body);
    arena_release(&arena);
    return err;
}

err_t
intake_check(const envelope_t *envelope, bytes_t payload, const char *const *actors,
             envelope_t *draft, fault_t *fault)
{
    const char *actor = find_actor(actors, envelope->to);
    if (actor == NULL)
        return fault_set(fault, ERR_NO_ROUTE, "field to: there is no actor %s", envelope->to);
    if (uuid_is_zero(envelope->id))
        return fault_set(fault, ERR_MALFORMED, "field id: missing");
    message_id_t id = message_named(envelope->type);
    err_t err = check_type(envelope, id, fault);
    if (err == OK)
        err = check_payload(id, payload, fault);
    if (err != OK)
        return err;
    *draft = (envelope_t){
        .kind = envelope->kind,
        .type = schema_of(id)->name,
        .hash = schema_hash(id),
        .to = actor,
        .deadline_ns = envelope->deadline_ns,
        .flags = FLAG_PROMPT | (envelope->flags & FLAG_REDELIVERED),
        .hop = envelope->hop,
    };
    memcpy(draft->id, envelope->id, sizeof draft->id);
    memcpy(draft->cause, envelope->cause, sizeof draft->cause);
    memcpy(draft->trace, envelope->trace, sizeof draft->trace);
    return OK;
}
