/*  wire - frames between agent and server, in and out.

    A frame is one map: `type`, `messageId` and the other fields of frame.def's `frame`,
    and beside them the fields of the message itself. The same declarations serve both
    encodings: msgpack for our agents, JSON text for the clients of the original system.  */

#pragma once

#include "schemas/codec.h"

typedef struct wire {
    message_id_t id;
    frame_t frame;
    const void *body; /* a struct of message id, in the arena */
} wire_t;

/*  Adds one frame to out. frame->type is filled in from id.  */
void wire_pack(message_id_t id, const frame_t *frame, const void *body, buffer_t *out);

/*  Checks a whole frame (plausible, then fields) before anything is kept of it. Texts and
    lists live in arena, BYTES and BODY point into bytes. ERR_UNKNOWN: a type that is not
    CLASS_WIRE; then wire->frame.type names it. fault may be NULL.  */
CHECKED err_t wire_unpack(bytes_t bytes, arena_t *arena, wire_t *wire, fault_t *fault);

/*  The same frames as JSON text. Reading goes through msgpack into buffer, which wire then
    points into.  */
void wire_to_json(message_id_t id, const frame_t *frame, const void *body, buffer_t *out);
CHECKED err_t wire_from_json(bytes_t text, buffer_t *buffer, arena_t *arena, wire_t *wire,
                             fault_t *fault);
