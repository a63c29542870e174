#include "tools/tap/letter.h"

#include "schemas/pack.h"
#include "schemas/plausible.h"

#include <string.h>

typedef enum way { WAY_refuse, WAY_send, WAY_publish, WAY_call } way_t;

/*  How a message of that class travels, and what to say of one that cannot be sent.  */
static const struct {
    way_t way;
    const char *because;
} ways[CLASS_COUNT] = {
    [CLASS_RECORD] = {WAY_refuse, "it is a part of other messages"},
    [CLASS_EVENT] = {WAY_publish, "it is an event: `waybill tap send '*' TYPE JSON`"},
    [CLASS_COMMAND] = {WAY_send, "it is a command: `waybill tap send ACTOR TYPE JSON`"},
    [CLASS_REQUEST] = {WAY_call, "it is a request: `waybill tap call ACTOR TYPE JSON`"},
    [CLASS_REPLY] = {WAY_refuse, "it is an answer, which only a question gets"},
    [CLASS_HINT] = {WAY_send, "it is a hint: `waybill tap send ACTOR TYPE JSON`"},
    [CLASS_WIRE] = {WAY_refuse, "it travels between agent and server only"},
};

static err_t
check_way(const letter_text_t *text, message_id_t id, bool call, fault_t *fault)
{
    message_class_t class = schema_of(id)->class;
    way_t way = call ? WAY_call : strcmp(text->to, "*") == 0 ? WAY_publish : WAY_send;
    if (ways[class].way == way)
        return OK;
    return fault_set(fault, ERR_USAGE, "%s: %s", text->type, ways[class].because);
}

/*  The codec passes over what it does not know, as from a newer peer; here it is a slip.  */
static err_t
check_names(message_id_t id, bytes_t payload, fault_t *fault)
{
    const schema_t *schema = schema_of(id);
    cursor_t cursor = cursor_of(payload);
    token_t map = {0}, name = {0};
    if (!cursor_next(&cursor, &map) || map.kind != TOKEN_MAP)
        return fault_set(fault, ERR_MALFORMED, "it is no JSON object");
    for (uint64_t i = 0; i < map.number && cursor_next(&cursor, &name); i++) {
        size_t field = 0;
        while (
            field < schema->n_fields
            && (schema->fields[field].name_size != name.bytes.size
                || memcmp(schema->fields[field].name, name.bytes.data, name.bytes.size) != 0))
            field++;
        if (field == schema->n_fields)
            return fault_set(fault, ERR_MALFORMED, "it has no field \"%.*s\"",
                             (int) (name.bytes.size < 64 ? name.bytes.size : 64),
                             (const char *) name.bytes.data);
        if (!cursor_skip(&cursor, 1))
            break; /* the codec says so better */
    }
    return OK;
}

static err_t
check_fields(message_id_t id, bytes_t payload, fault_t *fault)
{
    arena_t arena = {0};
    void *body = arena_new(&arena, schema_of(id)->size);
    err_t err = message_unpack(id, payload, &arena, body, fault);
    arena_release(&arena);
    return err;
}

static err_t
pack(const char *json, buffer_t *payload, fault_t *fault)
{
    size_t used;
    err_t err = json_to_msgpack(json, strlen(json), payload, fault);
    if (err == OK && !plausible(buffer_bytes(payload), &used))
        err = fault_set(fault, ERR_MALFORMED, "it is nested too deeply");
    return err;
}

/*  A message of a plug-in's own: whoever shall take it knows what fits.  */
static err_t
check_strange(const letter_text_t *text, buffer_t *payload, fault_t *fault)
{
    fault_t why = {0};
    const err_t err = pack(text->json, payload, &why);
    return err == OK ? OK : fault_set(fault, err, "%s: %.300s", text->type, why.text);
}

err_t
letter_check(const letter_text_t *text, bool call, buffer_t *payload, fault_t *fault)
{
    message_id_t id = message_named(text->type);
    if (id == MSG_COUNT)
        return check_strange(text, payload, fault);
    err_t err = check_way(text, id, call, fault);
    if (err != OK)
        return err;
    fault_t why = {0};
    const char *subject = text->type;
    err = pack(text->json, payload, &why);
    if (err == OK)
        err = check_names(id, buffer_bytes(payload), &why);
    if (err == OK) {
        subject = NULL; /* the codec names it */
        err = check_fields(id, buffer_bytes(payload), &why);
    }
    if (err == OK)
        return OK;
    return fault_set(fault, err, "%s%s%.300s; `waybill tap describe %s` lists its fields",
                     subject ? subject : "", subject ? ": " : "", why.text, text->type);
}
