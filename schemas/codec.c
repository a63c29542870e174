#include "schemas/codec.h"

#include "schemas/fields.h"
#include "schemas/pack.h"

#include <assert.h>
#include <string.h>

/*  -------------------------------------------------------------- which travel  */

bool
field_is_sent(const field_t *field, const void *body)
{
    if (!(field->flags & OPTIONAL))
        return true;
    const void *at = field_at(field, body);
    switch (field->kind) {
    case KIND_BOOL:
        return *(const field_BOOL *) at;
    case KIND_INT:
    case KIND_TIME:
    case KIND_STAMP:
        return *(const field_INT *) at != 0;
    case KIND_UINT:
    case KIND_LSN:
        return *(const field_UINT *) at != 0;
    case KIND_TEXT:
        return *(const field_TEXT *) at != NULL;
    case KIND_BYTES:
        return ((const field_BYTES *) at)->data != NULL;
    case KIND_BODY:
        return ((const field_BODY *) at)->size > 0;
    case KIND_TEXTS:
    case KIND_LIST:
        return field_length(field, body) > 0;
    case KIND_ONE:
        return *(const void *const *) at != NULL;
    case KIND_COUNT:
        break;
    }
    return false;
}

const void *
field_record(const field_t *field, const void *body)
{
    static const struct {
        _Alignas(max_align_t) char zero[256];
    } none;
    assert(schema_of(field->element)->size <= sizeof none);
    const void *record = *(const void *const *) field_at(field, body);
    return record ? record : &none;
}

size_t
fields_count(message_id_t id, const void *body)
{
    const schema_t *schema = schema_of(id);
    size_t count = 0;
    for (size_t i = 0; i < schema->n_fields; i++)
        count += field_is_sent(&schema->fields[i], body);
    return count;
}

/*  ------------------------------------------------------------------ packing  */

static void
text_pack(const char *text, buffer_t *out)
{
    pack_text(out, text, text ? strlen(text) : 0);
}

static void
texts_pack(const char *const *texts, size_t n_texts, buffer_t *out)
{
    pack_list(out, n_texts);
    for (size_t i = 0; i < n_texts; i++)
        text_pack(texts[i], out);
}

static void
body_pack(bytes_t body, buffer_t *out)
{
    if (body.size > 0)
        buffer_add(out, body.data, body.size);
    else
        pack_map(out, 0);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations, whatever the data is */
static void
list_pack(const field_t *field, const void *body, buffer_t *out)
{
    const char *elements = *(const char *const *) field_at(field, body);
    size_t n_elements = field_length(field, body);
    size_t size = schema_of(field->element)->size;
    pack_list(out, n_elements);
    for (size_t i = 0; i < n_elements; i++)
        message_pack(field->element, elements + i * size, out);
}

static void
field_pack(const field_t *field, const void *body, buffer_t *out)
{
    const void *at = field_at(field, body);
    switch (field->kind) {
    case KIND_BOOL:
        pack_bool(out, *(const field_BOOL *) at);
        break;
    case KIND_INT:
    case KIND_TIME:
    case KIND_STAMP:
        pack_int(out, *(const field_INT *) at);
        break;
    case KIND_UINT:
    case KIND_LSN:
        pack_uint(out, *(const field_UINT *) at);
        break;
    case KIND_TEXT:
        text_pack(*(const field_TEXT *) at, out);
        break;
    case KIND_BYTES:
        pack_blob(out, *(const field_BYTES *) at);
        break;
    case KIND_BODY:
        body_pack(*(const field_BODY *) at, out);
        break;
    case KIND_TEXTS:
        texts_pack(*(const char *const *const *) at, field_length(field, body), out);
        break;
    case KIND_LIST:
        list_pack(field, body, out);
        break;
    case KIND_ONE:
        message_pack(field->element, field_record(field, body), out);
        break;
    case KIND_COUNT:
        break;
    }
}

void
fields_pack(message_id_t id, const void *body, buffer_t *out)
{
    const schema_t *schema = schema_of(id);
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        if (!field_is_sent(field, body))
            continue;
        pack_text(out, field->name, field->name_size);
        field_pack(field, body, out);
    }
}

void
message_pack(message_id_t id, const void *body, buffer_t *out)
{
    pack_map(out, fields_count(id, body));
    fields_pack(id, body, out);
}
/* NOLINTEND(misc-no-recursion) */
