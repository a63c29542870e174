/*  codec - carries any declared message to and from bytes, to JSON, and to a human eye.

    In bytes a message is a msgpack map from field name to value: a stranger can read it
    without the schema, an old reader skips fields it does not know, and a new reader takes
    a missing OPTIONAL field as zero. One walker each packs, unpacks and prints; all of it
    is driven by the tables of message.h.  */

#pragma once

#include "schemas/message.h"

#include <stdio.h>

/*  Adds the packed message to out. Body is a name_t. A BODY field must hold one valid
    msgpack map (plausible() and body checks happened when it came in); a BODY, TEXT or
    BYTES field that is REQUIRED and NULL is packed as an empty one, and ONE as zeros.  */
void message_pack(message_id_t id, const void *body, buffer_t *out);

/*  Fills body from one msgpack map, after plausible() has looked at it: the whole of bytes
    must be that map. Texts, lists and pointers live in arena; BYTES and BODY point into
    bytes itself. Read body only if this is OK; ERR_MALFORMED otherwise, and fault (may be
    NULL) names the field. Texts must be UTF-8 without NUL. Nil is a missing OPTIONAL field. It
    is safe on any bytes, seen by plausible() or not.  */
CHECKED err_t message_unpack(message_id_t id, bytes_t bytes, arena_t *arena, void *body,
                             fault_t *fault);

/*  One line and its newline, as the tap, the logs and the tests show it; secrets masked,
    texts escaped: committed {lsn: 0/16B3748}  */
void message_print(message_id_t id, const void *body, FILE *out);

/*  The JSON object of a message, on one line without a newline; secrets are masked if
    mask. Row values that JSON has no word for: a blob is {"$blob": "BASE64"} (read also as
    {"$hex": "DIGITS"}, which SQL can write), an infinite real {"$real": "Inf"} or "-Inf".  */
void message_to_json(message_id_t id, const void *body, bool mask, buffer_t *out);

/*  Reads the JSON form into msgpack, which message_unpack() then checks: one set of
    checks for both encodings.  */
CHECKED err_t json_to_msgpack(const char *json, size_t size, buffer_t *out, fault_t *fault);
/*  The same for what SQL made of stored values, where anything can be in a text: bytes that
    are not UTF-8 become U+FFFD.  */
CHECKED err_t stored_json_to_msgpack(bytes_t json, buffer_t *out, fault_t *fault);

/*  The same for one value of any shape, a row for instance. plausible() must have passed.  */
CHECKED err_t msgpack_to_json(bytes_t value, buffer_t *out);

/*  A copy of a packed message with every SECRET field replaced by "***": what the tap may
    see. Fields that the schema does not know are masked as well, and of a damaged message
    nothing is copied. False if the schema has no secret, and out is untouched.  */
bool message_redact(message_id_t id, bytes_t packed, buffer_t *out);

/*  docs/messages.md, whole.  */
void messages_document(FILE *out);
