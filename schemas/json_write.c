#include "schemas/codec.h"
#include "schemas/json.h"
#include "schemas/number.h"
#include "schemas/pack.h"
#include "schemas/plausible.h"
#include "schemas/text.h"

#include <inttypes.h>
#include <math.h>

void
blob_to_json(bytes_t blob, buffer_t *out)
{
    buffer_add_text(out, "{\"" BLOB_NAME "\":\"");
    base64_write(blob, out);
    buffer_add_text(out, "\"}");
}

/*  A list or map being written: values still to come, keys among them.  */
typedef struct open {
    token_kind_t kind;
    uint64_t left;
    bool began;
} open_t;

typedef struct writer {
    open_t opened[PLAUSIBLE_DEPTH + 1]; /* the first holds the value itself */
    size_t depth;
    buffer_t *out;
} writer_t;

static void
real_write(double real, buffer_t *out)
{
    char text[REAL_TEXT];
    if (isinf(real))
        buffer_add_format(out, "{\"" REAL_NAME "\":\"%sInf\"}", real < 0 ? "-" : "");
    else
        buffer_add_text(out, real_text(real, text));
}

/*  False for what JSON and rows do not have.  */
static bool
plain_write(const token_t *token, buffer_t *out)
{
    switch (token->kind) {
    case TOKEN_NIL:
        buffer_add_text(out, "null");
        return true;
    case TOKEN_BOOL:
        buffer_add_text(out, token->integer ? "true" : "false");
        return true;
    case TOKEN_INT:
        buffer_add_format(out, "%" PRId64, token->integer);
        return true;
    case TOKEN_HUGE:
        buffer_add_format(out, "%" PRIu64, token->number);
        return true;
    case TOKEN_REAL:
        real_write(token->real, out);
        return true;
    case TOKEN_TEXT:
        text_to_json(token->bytes, out);
        return true;
    case TOKEN_BLOB:
        blob_to_json(token->bytes, out);
        return true;
    case TOKEN_EXTENSION:
    case TOKEN_LIST:
    case TOKEN_MAP:
        break;
    }
    return false;
}

static bool
expects_key(const open_t *open)
{
    return open->kind == TOKEN_MAP && open->left % 2 == 0;
}

static void
separate(open_t *open, buffer_t *out)
{
    bool is_value = open->kind == TOKEN_MAP && !expects_key(open);
    if (is_value)
        buffer_add_text(out, ":");
    else if (open->began)
        buffer_add_text(out, ",");
    open->began = true;
}

static bool
open_write(writer_t *self, const token_t *token)
{
    if (self->depth == PLAUSIBLE_DEPTH)
        return false;
    bool is_map = token->kind == TOKEN_MAP;
    self->opened[++self->depth] =
        (open_t){.kind = token->kind, .left = is_map ? token->number * 2 : token->number};
    buffer_add_text(self->out, is_map ? "{" : "[");
    return true;
}

static bool
token_write(writer_t *self, const token_t *token)
{
    open_t *open = &self->opened[self->depth];
    if (expects_key(open) && token->kind != TOKEN_TEXT)
        return false;
    separate(open, self->out);
    open->left--;
    if (token->kind == TOKEN_LIST || token->kind == TOKEN_MAP)
        return open_write(self, token);
    return plain_write(token, self->out);
}

static void
close_finished(writer_t *self)
{
    while (self->depth > 0 && self->opened[self->depth].left == 0)
        buffer_add_text(self->out, self->opened[self->depth--].kind == TOKEN_MAP ? "}" : "]");
}

err_t
msgpack_to_json(bytes_t value, buffer_t *out)
{
    cursor_t cursor = cursor_of(value);
    size_t before = out->size;
    writer_t writer = {.out = out, .opened = {{.kind = TOKEN_LIST, .left = 1}}};
    while (writer.opened[0].left > 0 || writer.depth > 0) {
        token_t token;
        if (!cursor_next(&cursor, &token) || !token_write(&writer, &token)) {
            out->size = before;
            return ERR_MALFORMED;
        }
        close_finished(&writer);
    }
    return OK;
}
