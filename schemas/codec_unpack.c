#include "schemas/codec.h"

#include "schemas/number.h"
#include "schemas/pack.h"
#include "schemas/text.h"

#include <assert.h>
#include <string.h>

typedef struct reader {
    cursor_t cursor;
    arena_t *arena;
    fault_t *fault;
    unsigned level; /* containers around the cursor */
} reader_t;

/*  --------------------------------------------------------------- plain values  */

/*  Each stores one token as the C type of its kind, or finds that it is none.  */
typedef bool accept_fn(const token_t *token, arena_t *arena, void *at);

static bool
accept_bool(const token_t *token, arena_t *arena, void *at)
{
    (void) arena;
    *(field_BOOL *) at = token->integer != 0;
    return token->kind == TOKEN_BOOL;
}

static bool
accept_int(const token_t *token, arena_t *arena, void *at)
{
    (void) arena;
    *(field_INT *) at = token->integer;
    return token->kind == TOKEN_INT;
}

static bool
accept_uint(const token_t *token, arena_t *arena, void *at)
{
    (void) arena;
    *(field_UINT *) at = token->number;
    return token->kind == TOKEN_HUGE || (token->kind == TOKEN_INT && token->integer >= 0);
}

static bool
accept_time(const token_t *token, arena_t *arena, void *at)
{
    if (token->kind == TOKEN_TEXT)
        return time_parse(token->bytes, at);
    return accept_int(token, arena, at);
}

static bool
accept_lsn(const token_t *token, arena_t *arena, void *at)
{
    char text[LSN_TEXT] = "";
    if (token->kind != TOKEN_TEXT)
        return accept_uint(token, arena, at);
    if (token->bytes.size >= sizeof(text) || !text_is_clean(token->bytes))
        return false;
    memcpy(text, token->bytes.data, token->bytes.size);
    return lsn_parse(text, at);
}

static bool
accept_text(const token_t *token, arena_t *arena, void *at)
{
    if (token->kind != TOKEN_TEXT || !text_is_clean(token->bytes))
        return false;
    *(field_TEXT *) at = arena_text_of(arena, token->bytes.data, token->bytes.size);
    return true;
}

static bool
accept_bytes(const token_t *token, arena_t *arena, void *at)
{
    (void) arena;
    *(field_BYTES *) at = token->bytes;
    return token->kind == TOKEN_BLOB;
}

/*  What a fault says a field must be; and how plain ones, of one token, are read.  */
static const struct {
    const char *what;
    accept_fn *accept;
} kinds[KIND_COUNT] = {
    [KIND_BOOL] = {"true or false", accept_bool},
    [KIND_INT] = {"a 64-bit integer", accept_int},
    [KIND_UINT] = {"an integer from 0", accept_uint},
    [KIND_TIME] = {"milliseconds since 1970 or an ISO-8601 time", accept_time},
    [KIND_TEXT] = {"a text in UTF-8 without NUL", accept_text},
    [KIND_BYTES] = {"bytes", accept_bytes},
    [KIND_STAMP] = {"milliseconds since 1970 or an ISO-8601 time", accept_time},
    [KIND_LSN] = {"a position, an integer or HI/LO in hex", accept_lsn},
    [KIND_BODY] = {"a whole map of at most 32 levels", NULL},
    [KIND_TEXTS] = {"a list of texts in UTF-8 without NUL", NULL},
    [KIND_LIST] = {"a list", NULL},
    [KIND_ONE] = {"a map", NULL},
};

/*  ------------------------------------------------------------------ containers  */

static err_t
refuse(const reader_t *self, const schema_t *schema, const field_t *field)
{
    return fault_set(self->fault, ERR_MALFORMED, "%s: field \"%s\" must be %s", schema->name,
                     field->name, kinds[field->kind].what);
}

static bool
accept_body(reader_t *self, field_BODY *at)
{
    const uint8_t *begin = self->cursor.at;
    cursor_t head = self->cursor;
    token_t token;
    if (!cursor_next(&head, &token) || token.kind != TOKEN_MAP
        || !cursor_skip(&self->cursor, self->level))
        return false;
    *at = (bytes_t){begin, (size_t) (self->cursor.at - begin)};
    return true;
}

static void
length_set(const field_t *field, void *body, size_t length)
{
    void *at = (char *) body + field->count_offset;
    *(size_t *) at = length;
}

static bool
accept_texts(reader_t *self, const field_t *field, void *body)
{
    token_t list;
    if (!cursor_next(&self->cursor, &list) || list.kind != TOKEN_LIST
        || list.number > cursor_left(&self->cursor))
        return false;

    size_t n_texts = (size_t) list.number;
    const char **texts = arena_new(self->arena, n_texts * sizeof(*texts));
    for (size_t i = 0; i < n_texts; i++) {
        token_t token;
        if (!cursor_next(&self->cursor, &token) || !accept_text(&token, self->arena, &texts[i]))
            return false;
    }
    void *at = (char *) body + field->offset;
    *(const char ***) at = texts;
    length_set(field, body, n_texts);
    return true;
}

/*  The fewest bytes that a message can take: its required names, and a byte a value. A list
    that claims more elements than could be there is refused before it gets memory.  */
static size_t
least_size(const schema_t *schema)
{
    size_t size = 1;
    for (size_t i = 0; i < schema->n_fields; i++)
        if (!(schema->fields[i].flags & OPTIONAL))
            size += schema->fields[i].name_size + 2;
    return size;
}

/*  ------------------------------------------------------------------------ maps  */

/*  The key as message_pack() writes it: by far the usual case.  */
static bool
key_is(const cursor_t *cursor, const field_t *field)
{
    size_t size = field->name_size;
    return cursor_left(cursor) > size && *cursor->at == (0xa0 | size)
           && memcmp(cursor->at + 1, field->name, size) == 0;
}

static size_t
field_named(const schema_t *schema, bytes_t name)
{
    size_t i = 0;
    while (i < schema->n_fields
           && (schema->fields[i].name_size != name.size
               || memcmp(schema->fields[i].name, name.data, name.size) != 0))
        i++;
    return i;
}

/*  Reads a key; *index is the field it names, n_fields if there is none. Fields come in
    the order declared, so the search begins behind the last one.  */
static bool
key_take(cursor_t *cursor, const schema_t *schema, size_t *index)
{
    for (size_t i = *index; i < schema->n_fields; i++) {
        if (!key_is(cursor, &schema->fields[i]))
            continue;
        cursor->at += schema->fields[i].name_size + 1;
        *index = i;
        return true;
    }
    token_t key;
    if (!cursor_next(cursor, &key) || key.kind != TOKEN_TEXT)
        return false;
    *index = field_named(schema, key.bytes);
    return true;
}

/*  Nil says of an OPTIONAL field that it is missing: JSON clients send null.  */
static bool
nil_take(cursor_t *cursor, const field_t *field)
{
    if (!(field->flags & OPTIONAL) || cursor_left(cursor) == 0 || *cursor->at != 0xc0)
        return false;
    cursor->at++;
    return true;
}

static err_t
plain_take(reader_t *self, const schema_t *schema, const field_t *field, void *body)
{
    token_t token;
    void *at = (char *) body + field->offset;
    if (cursor_next(&self->cursor, &token)
        && kinds[field->kind].accept(&token, self->arena, at))
        return OK;
    return refuse(self, schema, field);
}

static err_t
missing_check(const reader_t *self, const schema_t *schema, uint64_t seen)
{
    for (size_t i = 0; i < schema->n_fields; i++)
        if (!(schema->fields[i].flags & OPTIONAL) && !(seen >> i & 1))
            return fault_set(self->fault, ERR_MALFORMED, "%s: field \"%s\" is missing",
                             schema->name, schema->fields[i].name);
    return OK;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the declarations, whatever the bytes say */
static err_t map_take(reader_t *self, const schema_t *schema, void *body);

static err_t
list_take(reader_t *self, const schema_t *schema, const field_t *field, void *body)
{
    const schema_t *element = schema_of(field->element);
    token_t list;
    if (!cursor_next(&self->cursor, &list) || list.kind != TOKEN_LIST
        || list.number > cursor_left(&self->cursor) / least_size(element))
        return refuse(self, schema, field);

    size_t n_elements = (size_t) list.number;
    char *elements = arena_new(self->arena, n_elements * element->size);
    self->level++;
    for (size_t i = 0; i < n_elements; i++) {
        err_t err = map_take(self, element, elements + i * element->size);
        if (err != OK)
            return err;
    }
    self->level--;
    void *at = (char *) body + field->offset;
    *(void **) at = elements;
    length_set(field, body, n_elements);
    return OK;
}

static err_t
record_take(reader_t *self, const field_t *field, void *body)
{
    const schema_t *schema = schema_of(field->element);
    void *record = arena_new(self->arena, schema->size);
    void *at = (char *) body + field->offset;
    *(void **) at = record;
    return map_take(self, schema, record);
}

static err_t
field_take(reader_t *self, const schema_t *schema, const field_t *field, void *body)
{
    if (nil_take(&self->cursor, field))
        return OK;
    void *at = (char *) body + field->offset;
    if (field->kind == KIND_LIST)
        return list_take(self, schema, field, body);
    if (field->kind == KIND_ONE)
        return record_take(self, field, body);
    if (field->kind == KIND_TEXTS)
        return accept_texts(self, field, body) ? OK : refuse(self, schema, field);
    if (field->kind == KIND_BODY)
        return accept_body(self, at) ? OK : refuse(self, schema, field);
    return plain_take(self, schema, field, body);
}

/*  One pair. *index is where the last one was, and becomes the next to expect.  */
static err_t
pair_take(reader_t *self, const schema_t *schema, void *body, size_t *index, uint64_t *seen)
{
    if (!key_take(&self->cursor, schema, index))
        return fault_set(self->fault, ERR_MALFORMED, "%s: it is cut off or a key is not a text",
                         schema->name);
    if (*index == schema->n_fields) {
        *index = 0;
        if (cursor_skip(&self->cursor, self->level))
            return OK;
        return fault_set(self->fault, ERR_MALFORMED, "%s: an unknown field is damaged",
                         schema->name);
    }
    const field_t *field = &schema->fields[(*index)];
    uint64_t bit = UINT64_C(1) << (*index)++;
    if (*seen & bit)
        return fault_set(self->fault, ERR_MALFORMED, "%s: field \"%s\" comes twice",
                         schema->name, field->name);
    *seen |= bit;
    return field_take(self, schema, field, body);
}

static err_t
map_take(reader_t *self, const schema_t *schema, void *body)
{
    token_t map;
    uint64_t seen = 0;
    size_t index = 0;
    err_t err = OK;
    assert(schema->n_fields <= 64);
    memset(body, 0, schema->size);
    if (!cursor_next(&self->cursor, &map) || map.kind != TOKEN_MAP)
        return fault_set(self->fault, ERR_MALFORMED, "%s: it is not a map", schema->name);

    self->level++;
    for (uint64_t i = 0; i < map.number && err == OK; i++)
        err = pair_take(self, schema, body, &index, &seen);
    self->level--;
    return err == OK ? missing_check(self, schema, seen) : err;
}
/* NOLINTEND(misc-no-recursion) */

err_t
message_unpack(message_id_t id, bytes_t bytes, arena_t *arena, void *body, fault_t *fault)
{
    reader_t reader = {.cursor = cursor_of(bytes), .arena = arena, .fault = fault};
    const schema_t *schema = schema_of(id);
    err_t err = map_take(&reader, schema, body);
    if (err == OK && cursor_left(&reader.cursor) > 0)
        err = fault_set(fault, ERR_MALFORMED, "%s: something follows its end", schema->name);
    return err;
}
