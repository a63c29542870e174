#include "schemas/wire.h"

#include "schemas/fields.h"
#include "schemas/pack.h"
#include "schemas/plausible.h"

static frame_t
frame_of(message_id_t id, const frame_t *frame)
{
    frame_t named = *frame;
    named.type = schema_of(id)->name;
    return named;
}

/*  ---------------------------------------------------------------- writing  */

void
wire_pack(message_id_t id, const frame_t *frame, const void *body, buffer_t *out)
{
    frame_t named = frame_of(id, frame);
    pack_map(out, fields_count(MSG_frame, &named) + fields_count(id, body));
    fields_pack(MSG_frame, &named, out);
    fields_pack(id, body, out);
}

void
wire_to_json(message_id_t id, const frame_t *frame, const void *body, buffer_t *out)
{
    frame_t named = frame_of(id, frame);
    buffer_add_text(out, "{");
    fields_to_json(MSG_frame, &named, false, out);
    if (fields_count(id, body) > 0)
        buffer_add_text(out, ",");
    fields_to_json(id, body, false, out);
    buffer_add_text(out, "}");
}

/*  ---------------------------------------------------------------- reading  */

err_t
wire_unpack(bytes_t bytes, arena_t *arena, wire_t *wire, fault_t *fault)
{
    size_t used;
    *wire = (wire_t){.id = MSG_COUNT};
    if (!plausible(bytes, &used) || used != bytes.size)
        return fault_set(fault, ERR_MALFORMED, "the frame is not one whole msgpack value");
    err_t err = message_unpack(MSG_frame, bytes, arena, &wire->frame, fault);
    if (err != OK)
        return err;

    message_id_t id = message_named(wire->frame.type);
    if (id == MSG_COUNT || id == MSG_frame || schema_of(id)->class != CLASS_WIRE)
        return fault_set(fault, ERR_UNKNOWN, "there is no message type \"%.64s\" on the wire",
                         wire->frame.type);
    void *body = arena_new(arena, schema_of(id)->size);
    err = message_unpack(id, bytes, arena, body, fault);
    if (err != OK)
        return err;
    wire->id = id;
    wire->body = body;
    return OK;
}

err_t
wire_from_json(bytes_t text, buffer_t *buffer, arena_t *arena, wire_t *wire, fault_t *fault)
{
    *wire = (wire_t){.id = MSG_COUNT};
    buffer_clear(buffer);
    err_t err = json_to_msgpack((const char *) text.data, text.size, buffer, fault);
    if (err != OK)
        return err;
    return wire_unpack(buffer_bytes(buffer), arena, wire, fault);
}
