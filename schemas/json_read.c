#include "schemas/codec.h"
#include "schemas/json.h"
#include "schemas/json_flat.h"
#include "schemas/pack.h"
#include "schemas/plausible.h"
#include "schemas/text.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/*  A list or map being read: which member comes next.  */
typedef struct open {
    json_t *json;
    void *member; /* of a map */
    size_t index; /* in a list */
} open_t;

typedef struct reader {
    open_t opened[PLAUSIBLE_DEPTH];
    size_t depth;
    buffer_t *out;
    fault_t *fault;
} reader_t;

static void
text_pack(const json_t *text, buffer_t *out)
{
    pack_text(out, json_string_value(text), json_string_length(text));
}

static err_t
blob_pack(const json_t *text, buffer_t *out, fault_t *fault)
{
    buffer_t blob = {0};
    bytes_t letters = {(const uint8_t *) json_string_value(text), json_string_length(text)};
    if (!base64_read(letters, &blob)) {
        buffer_release(&blob);
        return fault_set(fault, ERR_MALFORMED, "\"" BLOB_NAME "\" must be padded base64");
    }
    pack_blob(out, buffer_bytes(&blob));
    buffer_release(&blob);
    return OK;
}

static bool
hex_read(bytes_t text, buffer_t *out)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_digit((char) text.data[i]);
        int low = hex_digit((char) text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uint8_t byte = (uint8_t) (high << 4 | low);
        buffer_add(out, &byte, 1);
    }
    return true;
}

static err_t
hex_pack(const json_t *text, buffer_t *out, fault_t *fault)
{
    buffer_t blob = {0};
    bytes_t letters = {(const uint8_t *) json_string_value(text), json_string_length(text)};
    bool is_hex = hex_read(letters, &blob);
    if (is_hex)
        pack_blob(out, buffer_bytes(&blob));
    buffer_release(&blob);
    if (is_hex)
        return OK;
    return fault_set(fault, ERR_MALFORMED, "\"" HEX_NAME "\" must be pairs of hex digits");
}

static err_t
infinity_pack(const json_t *text, buffer_t *out, fault_t *fault)
{
    bool is_negative = strcmp(json_string_value(text), "-Inf") == 0;
    if (!is_negative && strcmp(json_string_value(text), "Inf") != 0)
        return fault_set(fault, ERR_MALFORMED, "\"" REAL_NAME "\" must be Inf or -Inf");
    pack_real(out, is_negative ? -HUGE_VAL : HUGE_VAL);
    return OK;
}

static err_t
marked_text_pack(const json_t *text, buffer_t *out, fault_t *fault)
{
    (void) fault;
    text_pack(text, out);
    return OK;
}

/*  A row value that JSON has no word for: an object of one such member.  */
typedef struct mark {
    const char *name;
    err_t (*pack)(const json_t *text, buffer_t *out, fault_t *fault);
} mark_t;

static const mark_t marks[] = {
    {BLOB_NAME, blob_pack},
    {HEX_NAME, hex_pack},
    {REAL_NAME, infinity_pack},
    {TEXT_NAME, marked_text_pack},
};

static const mark_t *
mark_of(const json_t *object)
{
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (json_object_size(object) == 1
            && json_is_string(json_object_get(object, marks[i].name)))
            return &marks[i];
    return NULL;
}

static err_t
open_pack(reader_t *self, json_t *json)
{
    if (self->depth == PLAUSIBLE_DEPTH)
        return fault_set(self->fault, ERR_MALFORMED, "the JSON is nested deeper than %d levels",
                         PLAUSIBLE_DEPTH);
    if (json_is_object(json))
        pack_map(self->out, json_object_size(json));
    else
        pack_list(self->out, json_array_size(json));
    self->opened[self->depth++] = (open_t){.json = json, .member = json_object_iter(json)};
    return OK;
}

static err_t
object_pack(reader_t *self, json_t *json)
{
    const mark_t *mark = self->depth > 0 ? mark_of(json) : NULL;
    if (mark == NULL)
        return open_pack(self, json);
    return mark->pack(json_object_get(json, mark->name), self->out, self->fault);
}

static err_t
value_pack(reader_t *self, json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        pack_nil(self->out);
        return OK;
    case JSON_TRUE:
    case JSON_FALSE:
        pack_bool(self->out, json_is_true(json));
        return OK;
    case JSON_INTEGER:
        pack_int(self->out, json_integer_value(json));
        return OK;
    case JSON_REAL:
        pack_real(self->out, json_real_value(json));
        return OK;
    case JSON_STRING:
        text_pack(json, self->out);
        return OK;
    case JSON_OBJECT:
        return object_pack(self, json);
    case JSON_ARRAY:
        return open_pack(self, json);
    }
    return fault_set(self->fault, ERR_MALFORMED, "the JSON has a value of no known type");
}

/*  Packs the key, if there are keys; NULL behind the last value.  */
static json_t *
next_value(open_t *open, buffer_t *out)
{
    if (json_is_array(open->json))
        return json_array_get(open->json, open->index++);
    if (open->member == NULL)
        return NULL;
    const char *name = json_object_iter_key(open->member);
    json_t *value = json_object_iter_value(open->member);
    pack_text(out, name, strlen(name));
    open->member = json_object_iter_next(open->json, open->member);
    return value;
}

static err_t
tree_pack(json_t *root, buffer_t *out, fault_t *fault)
{
    reader_t reader = {.out = out, .fault = fault};
    err_t err = value_pack(&reader, root);
    while (err == OK && reader.depth > 0) {
        json_t *value = next_value(&reader.opened[reader.depth - 1], out);
        if (value == NULL)
            reader.depth--;
        else
            err = value_pack(&reader, value);
    }
    return err;
}

err_t
json_to_msgpack(const char *json, size_t size, buffer_t *out, fault_t *fault)
{
    json_error_t error;
    size_t before = out->size;
    if (json_flat_to_msgpack((bytes_t){(const uint8_t *) json, size}, out))
        return OK;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL)
        return fault_set(fault, ERR_MALFORMED, "it is not JSON: line %d, column %d: %s",
                         error.line, error.column, error.text);
    err_t err = tree_pack(root, out, fault);
    if (err != OK)
        out->size = before;
    json_decref(root);
    return err;
}

err_t
stored_json_to_msgpack(bytes_t json, buffer_t *out, fault_t *fault)
{
    if (text_is_utf8(json))
        return json_to_msgpack((const char *) json.data, json.size, out, fault);
    buffer_t repaired = {0};
    text_repair(json, &repaired);
    const err_t err = json_to_msgpack(buffer_text(&repaired), repaired.size, out, fault);
    buffer_release(&repaired);
    return err;
}
