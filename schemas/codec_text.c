#include "schemas/codec.h"

#include "schemas/fields.h"
#include "schemas/json.h"
#include "schemas/number.h"
#include "schemas/text.h"

#include <inttypes.h>
#include <string.h>

/*  JSON and the line for a human eye differ in little: one walker writes both.  */
typedef struct style {
    const char *quote; /* around names, times and positions */
    const char *colon, *comma;
    bool mask;
    bool shows_bytes; /* else only how many there are */
} style_t;

static const style_t line_style = {"", ": ", ", ", true, false};
static const style_t json_style = {"\"", ":", ",", false, true};
static const style_t masked_style = {"\"", ":", ",", true, true};

static void
quoted_write(const style_t *style, const char *text, buffer_t *out)
{
    buffer_add_text(out, style->quote);
    buffer_add_text(out, text);
    buffer_add_text(out, style->quote);
}

static void
time_write(const style_t *style, int64_t unix_ms, buffer_t *out)
{
    char text[TIME_TEXT];
    quoted_write(style, time_text(unix_ms, text), out);
}

static void
lsn_write(const style_t *style, uint64_t lsn, buffer_t *out)
{
    char text[LSN_TEXT];
    quoted_write(style, lsn_text(lsn, text), out);
}

static void
text_write(const char *text, buffer_t *out)
{
    text = text ? text : "";
    text_to_json((bytes_t){(const uint8_t *) text, strlen(text)}, out);
}

static void
bytes_write(const style_t *style, bytes_t bytes, buffer_t *out)
{
    if (style->shows_bytes)
        blob_to_json(bytes, out);
    else
        buffer_add_format(out, "<%zu bytes>", bytes.size);
}

static void
texts_write(const style_t *style, const char *const *texts, size_t n_texts, buffer_t *out)
{
    buffer_add_text(out, "[");
    for (size_t i = 0; i < n_texts; i++) {
        buffer_add_text(out, i > 0 ? style->comma : "");
        text_write(texts[i], out);
    }
    buffer_add_text(out, "]");
}

/*  A body was checked when it came in; if it is damaged all the same, say so.  */
static void
body_write(bytes_t body, buffer_t *out)
{
    if (body.size == 0)
        buffer_add_text(out, "{}");
    else if (msgpack_to_json(body, out) != OK)
        buffer_add_text(out, "\"damaged\"");
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations, whatever the data is */
static void fields_write(const style_t *style, message_id_t id, const void *body,
                         buffer_t *out);

static void
record_write(const style_t *style, message_id_t id, const void *body, buffer_t *out)
{
    buffer_add_text(out, "{");
    fields_write(style, id, body, out);
    buffer_add_text(out, "}");
}

static void
list_write(const style_t *style, const field_t *field, const void *body, buffer_t *out)
{
    const char *elements = *(const char *const *) field_at(field, body);
    size_t n_elements = field_length(field, body);
    size_t size = schema_of(field->element)->size;
    buffer_add_text(out, "[");
    for (size_t i = 0; i < n_elements; i++) {
        buffer_add_text(out, i > 0 ? style->comma : "");
        record_write(style, field->element, elements + i * size, out);
    }
    buffer_add_text(out, "]");
}

static void
field_write(const style_t *style, const field_t *field, const void *body, buffer_t *out)
{
    const void *at = field_at(field, body);
    switch (field->kind) {
    case KIND_BOOL:
        buffer_add_text(out, *(const field_BOOL *) at ? "true" : "false");
        break;
    case KIND_INT:
    case KIND_STAMP:
        buffer_add_format(out, "%" PRId64, *(const field_INT *) at);
        break;
    case KIND_UINT:
        buffer_add_format(out, "%" PRIu64, *(const field_UINT *) at);
        break;
    case KIND_TIME:
        time_write(style, *(const field_TIME *) at, out);
        break;
    case KIND_TEXT:
        text_write(*(const field_TEXT *) at, out);
        break;
    case KIND_BYTES:
        bytes_write(style, *(const field_BYTES *) at, out);
        break;
    case KIND_LSN:
        lsn_write(style, *(const field_LSN *) at, out);
        break;
    case KIND_BODY:
        body_write(*(const field_BODY *) at, out);
        break;
    case KIND_TEXTS:
        texts_write(style, *(const char *const *const *) at, field_length(field, body), out);
        break;
    case KIND_LIST:
        list_write(style, field, body, out);
        break;
    case KIND_ONE:
        record_write(style, field->element, field_record(field, body), out);
        break;
    case KIND_COUNT:
        break;
    }
}

static void
fields_write(const style_t *style, message_id_t id, const void *body, buffer_t *out)
{
    const schema_t *schema = schema_of(id);
    const char *comma = "";
    for (size_t i = 0; i < schema->n_fields; i++) {
        const field_t *field = &schema->fields[i];
        if (!field_is_sent(field, body))
            continue;
        buffer_add_text(out, comma);
        quoted_write(style, field->name, out);
        buffer_add_text(out, style->colon);
        if (style->mask && (field->flags & SECRET))
            quoted_write(style, "***", out);
        else
            field_write(style, field, body, out);
        comma = style->comma;
    }
}
/* NOLINTEND(misc-no-recursion) */

void
fields_to_json(message_id_t id, const void *body, bool mask, buffer_t *out)
{
    fields_write(mask ? &masked_style : &json_style, id, body, out);
}

void
message_to_json(message_id_t id, const void *body, bool mask, buffer_t *out)
{
    buffer_add_text(out, "{");
    fields_to_json(id, body, mask, out);
    buffer_add_text(out, "}");
}

void
message_print(message_id_t id, const void *body, FILE *out)
{
    buffer_t line = {0};
    buffer_add_format(&line, "%s {", schema_of(id)->name);
    fields_write(&line_style, id, body, &line);
    buffer_add_text(&line, "}\n");
    fwrite(line.data, 1, line.size, out);
    buffer_release(&line);
}
