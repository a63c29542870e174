#include "schemas/row.h"

#include "schemas/number.h"
#include "schemas/pack.h"
#include "schemas/plausible.h"
#include "schemas/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_ROW = 32767, USUAL_ROW = 16 }; /* columns; SQLite has no wider tables */

/*  Msgpack is not stricter than we are: an integer may be a boolean, a text a key.  */
static bool
value_of(const token_t *token, value_t *value)
{
    static const int kinds[] = {
        [TOKEN_NIL] = VALUE_NULL,  [TOKEN_BOOL] = VALUE_INTEGER, [TOKEN_INT] = VALUE_INTEGER,
        [TOKEN_HUGE] = -1,         [TOKEN_REAL] = VALUE_REAL,    [TOKEN_TEXT] = VALUE_TEXT,
        [TOKEN_BLOB] = VALUE_BLOB, [TOKEN_EXTENSION] = -1,       [TOKEN_LIST] = -1,
        [TOKEN_MAP] = -1,
    };
    if (kinds[token->kind] < 0)
        return false;
    *value = (value_t){.kind = (value_kind_t) kinds[token->kind],
                       .integer = token->integer,
                       .real = token->real,
                       .bytes = token->bytes};
    return true;
}

/*  -------------------------------------------------------------- checking  */

static int
shown(bytes_t name)
{
    return name.size < 64 ? (int) name.size : 64;
}

static err_t
refuse_column(fault_t *fault, bytes_t name, const char *what)
{
    return fault_set(fault, ERR_MALFORMED, "column \"%.*s\" %s", shown(name),
                     (const char *) name.data, what);
}

static err_t
columns_check(cursor_t cursor, bytes_t *names, size_t n_names, fault_t *fault)
{
    for (size_t i = 0; i < n_names; i++) {
        token_t key;
        token_t token;
        value_t value;
        if (!cursor_next(&cursor, &key) || key.kind != TOKEN_TEXT)
            return fault_set(fault, ERR_MALFORMED, "the name of column %zu is not a text",
                             i + 1);
        names[i] = key.bytes;
        if (!cursor_next(&cursor, &token) || !value_of(&token, &value))
            return refuse_column(fault, key.bytes,
                                 "is not null, a 64-bit integer, a real, a text or a blob");
        if (value.kind == VALUE_TEXT && !text_is_utf8(value.bytes))
            return refuse_column(fault, key.bytes, "is a text that is not UTF-8");
    }
    return OK;
}

static int
compare_names(const void *a, const void *b)
{
    const bytes_t *left = a;
    const bytes_t *right = b;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return memcmp(left->data, right->data, left->size);
}

/*  Sorted, because comparing each with each would let a wide row hold us up.  */
static err_t
names_check(bytes_t *names, size_t n_names, fault_t *fault)
{
    qsort(names, n_names, sizeof(*names), compare_names);
    for (size_t i = 1; i < n_names; i++)
        if (compare_names(&names[i - 1], &names[i]) == 0)
            return refuse_column(fault, names[i], "comes twice");
    return OK;
}

err_t
row_check(bytes_t row, fault_t *fault)
{
    size_t used;
    token_t map;
    cursor_t cursor = cursor_of(row);
    if (!plausible(row, &used) || used != row.size)
        return fault_set(fault, ERR_MALFORMED, "the row is not one whole msgpack value");
    if (!cursor_next(&cursor, &map) || map.kind != TOKEN_MAP)
        return fault_set(fault, ERR_MALFORMED, "the row is not a map");
    if (map.number > LARGEST_ROW)
        return fault_set(fault, ERR_MALFORMED, "the row has more than %d columns", LARGEST_ROW);

    bytes_t few[USUAL_ROW];
    size_t n_names = (size_t) map.number;
    bytes_t *names = n_names > USUAL_ROW ? mem_new(n_names * sizeof(*names)) : few;
    err_t err = columns_check(cursor, names, n_names, fault);
    if (err == OK)
        err = names_check(names, n_names, fault);
    if (names != few)
        free(names);
    return err;
}

/*  --------------------------------------------------------------- reading  */

row_reader_t
row_read(bytes_t row)
{
    cursor_t cursor = cursor_of(row);
    token_t map;
    bool is_map = cursor_next(&cursor, &map) && map.kind == TOKEN_MAP;
    return (row_reader_t){cursor.at, cursor.end, is_map ? (size_t) map.number : 0};
}

bool
row_next(row_reader_t *self, bytes_t *name, value_t *value)
{
    token_t key;
    token_t token;
    cursor_t cursor = {self->at, self->end};
    if (self->left == 0 || !cursor_next(&cursor, &key) || !cursor_next(&cursor, &token)
        || !value_of(&token, value))
        return false;
    *name = key.bytes;
    *self = (row_reader_t){cursor.at, cursor.end, self->left - 1};
    return true;
}

bool
row_find(bytes_t row, const char *name, value_t *value)
{
    bytes_t found;
    value_t each;
    size_t size = strlen(name);
    row_reader_t reader = row_read(row);
    while (row_next(&reader, &found, &each)) {
        if (found.size == size && memcmp(found.data, name, size) == 0) {
            *value = each;
            return true;
        }
    }
    return false;
}

/*  --------------------------------------------------------------- writing  */

void
row_begin(buffer_t *out, size_t n_columns)
{
    pack_map(out, n_columns);
}

void
row_add_name(buffer_t *out, const char *name)
{
    pack_text(out, name, strlen(name));
}

void
row_add(buffer_t *out, const value_t *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        pack_nil(out);
        break;
    case VALUE_INTEGER:
        pack_int(out, value->integer);
        break;
    case VALUE_REAL:
        pack_real(out, value->real);
        break;
    case VALUE_TEXT:
        pack_text(out, value->bytes.data, value->bytes.size);
        break;
    case VALUE_BLOB:
        pack_blob(out, value->bytes);
        break;
    }
}

void
row_add_text(buffer_t *out, const char *name, const char *text)
{
    const bytes_t bytes = {(const uint8_t *) text, strlen(text)};
    row_add_name(out, name);
    row_add(out, &(value_t){.kind = VALUE_TEXT, .bytes = bytes});
}

static char *
hex_text(bytes_t bytes, arena_t *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = arena_new(arena, bytes.size * 2 + 1);
    for (size_t i = 0; i < bytes.size; i++) {
        text[i * 2] = digits[bytes.data[i] >> 4];
        text[i * 2 + 1] = digits[bytes.data[i] & 0x0f];
    }
    return text;
}

const char *
value_text(const value_t *value, arena_t *arena)
{
    char number[REAL_TEXT];
    switch (value->kind) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        snprintf(number, sizeof(number), "%" PRId64, value->integer);
        return arena_text(arena, number);
    case VALUE_REAL:
        return arena_text(arena, real_text(value->real, number));
    case VALUE_TEXT:
        return arena_text_of(arena, value->bytes.data, value->bytes.size);
    case VALUE_BLOB:
        return hex_text(value->bytes, arena);
    }
    return "";
}

bool
value_equal(const value_t *a, const value_t *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VALUE_NULL)
        return true;
    if (a->kind == VALUE_INTEGER)
        return a->integer == b->integer;
    if (a->kind == VALUE_REAL)
        return a->real == b->real;
    return a->bytes.size == b->bytes.size
           && (a->bytes.size == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0);
}
