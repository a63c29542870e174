/*  fields - the fields of a message without the map around them.

    The codec puts one message into a map, the wire two: its frame and what is in it.  */

#pragma once

#include "schemas/message.h"

/*  How many fields travel: the OPTIONAL ones only if they are not zero.  */
size_t fields_count(message_id_t id, const void *body);
/*  Adds so many pairs of name and value.  */
void fields_pack(message_id_t id, const void *body, buffer_t *out);
/*  "name":value,"other":value  */
void fields_to_json(message_id_t id, const void *body, bool mask, buffer_t *out);

/*  Where a field is in a body, and which C type its kind says.  */
static inline const void *
field_at(const field_t *field, const void *body)
{
    return (const char *) body + field->offset;
}

/*  The n_name of TEXTS and LIST.  */
static inline size_t
field_length(const field_t *field, const void *body)
{
    const void *at = (const char *) body + field->count_offset;
    return *(const size_t *) at;
}

/*  The record of ONE; zeros where there is none.  */
const void *field_record(const field_t *field, const void *body);

/*  False for an OPTIONAL field that is zero.  */
bool field_is_sent(const field_t *field, const void *body);
