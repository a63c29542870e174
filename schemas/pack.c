#include "schemas/pack.h"

#include "schemas/plausible.h"

#include <assert.h>
#include <string.h>

/*  --------------------------------------------------------------- writing  */

enum { SHORT_TEXT = 0x1f };
enum { TAG_NIL = 0xc0, TAG_FALSE = 0xc2, TAG_REAL = 0xcb, LARGEST_HEAD = 9 };

/*  A tag and the last so many bytes of a number, big-endian.  */
static void
head_add(buffer_t *out, unsigned tag, uint64_t number, unsigned width)
{
    uint8_t head[LARGEST_HEAD];
    head[0] = (uint8_t) tag;
    for (unsigned i = width; i > 0; i--, number >>= 8)
        head[i] = (uint8_t) number;
    buffer_add(out, head, width + 1);
}

/*  How a count or number is written: within the tag if it is small, else in 1, 2, 4 or 8
    bytes behind a tag of its own. A tag of 0 does not exist.  */
typedef struct form {
    unsigned small_tag, small_max;
    unsigned tag8, tag16, tag32, tag64;
} form_t;

static void
form_add(buffer_t *out, const form_t *form, uint64_t number)
{
    if (number <= form->small_max)
        head_add(out, form->small_tag | (unsigned) number, 0, 0);
    else if (number <= UINT8_MAX && form->tag8 != 0)
        head_add(out, form->tag8, number, 1);
    else if (number <= UINT16_MAX)
        head_add(out, form->tag16, number, 2);
    else if (number <= UINT32_MAX)
        head_add(out, form->tag32, number, 4);
    else
        head_add(out, form->tag64, number, 8);
}

static const form_t uint_form = {0x00, 0x7f, 0xcc, 0xcd, 0xce, 0xcf};
static const form_t text_form = {0xa0, SHORT_TEXT, 0xd9, 0xda, 0xdb, 0};
static const form_t list_form = {0x90, 0x0f, 0, 0xdc, 0xdd, 0};
static const form_t map_form = {0x80, 0x0f, 0, 0xde, 0xdf, 0};

void
pack_nil(buffer_t *out)
{
    head_add(out, TAG_NIL, 0, 0);
}

void
pack_bool(buffer_t *out, bool value)
{
    head_add(out, TAG_FALSE + (value ? 1u : 0u), 0, 0);
}

void
pack_uint(buffer_t *out, uint64_t value)
{
    form_add(out, &uint_form, value);
}

void
pack_int(buffer_t *out, int64_t value)
{
    if (value >= 0)
        pack_uint(out, (uint64_t) value);
    else if (value >= -32)
        head_add(out, (unsigned) (value & 0xff), 0, 0);
    else if (value >= INT8_MIN)
        head_add(out, 0xd0, (uint64_t) value, 1);
    else if (value >= INT16_MIN)
        head_add(out, 0xd1, (uint64_t) value, 2);
    else if (value >= INT32_MIN)
        head_add(out, 0xd2, (uint64_t) value, 4);
    else
        head_add(out, 0xd3, (uint64_t) value, 8);
}

void
pack_real(buffer_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    head_add(out, TAG_REAL, bits, 8);
}

void
pack_text(buffer_t *out, const void *data, size_t size)
{
    uint8_t both[SHORT_TEXT + 1];
    if (size == 0 || size > SHORT_TEXT) {
        form_add(out, &text_form, size);
        buffer_add(out, data, size);
        return;
    }
    both[0] = (uint8_t) (0xa0 | size); /* field names, most of them: added at once */
    memcpy(both + 1, data, size);
    buffer_add(out, both, size + 1);
}

void
pack_blob(buffer_t *out, bytes_t blob)
{
    if (blob.size <= UINT8_MAX)
        head_add(out, 0xc4, blob.size, 1);
    else if (blob.size <= UINT16_MAX)
        head_add(out, 0xc5, blob.size, 2);
    else
        head_add(out, 0xc6, blob.size, 4);
    buffer_add(out, blob.data, blob.size);
}

void
pack_list(buffer_t *out, size_t count)
{
    form_add(out, &list_form, count);
}

void
pack_map(buffer_t *out, size_t count)
{
    form_add(out, &map_form, count);
}

/*  --------------------------------------------------------------- reading  */

cursor_t
cursor_of(bytes_t bytes)
{
    return (cursor_t){bytes.data, bytes.size > 0 ? bytes.data + bytes.size : bytes.data};
}

size_t
cursor_left(const cursor_t *self)
{
    return (size_t) (self->end - self->at);
}

/*  What a tag from 0xc0 to 0xdf announces, and how wide the number behind it is.  */
typedef enum content {
    NOTHING, /* 0xc1: there is no such tag */
    NIL,
    FALSE_VALUE,
    TRUE_VALUE,
    UNSIGNED,
    SIGNED,
    REAL,
    COUNTED_TEXT,
    COUNTED_BLOB,
    COUNTED_EXTENSION,
    FIXED_EXTENSION, /* the number is the type and the bytes behind it */
    COUNTED_LIST,
    COUNTED_MAP
} content_t;

/* clang-format off */
static const struct {
    uint8_t content;
    uint8_t width;
} tags[0x20] = {
    {NIL, 0}, {NOTHING, 0}, {FALSE_VALUE, 0}, {TRUE_VALUE, 0},
    {COUNTED_BLOB, 1}, {COUNTED_BLOB, 2}, {COUNTED_BLOB, 4},
    {COUNTED_EXTENSION, 1}, {COUNTED_EXTENSION, 2}, {COUNTED_EXTENSION, 4},
    {REAL, 4}, {REAL, 8},
    {UNSIGNED, 1}, {UNSIGNED, 2}, {UNSIGNED, 4}, {UNSIGNED, 8},
    {SIGNED, 1}, {SIGNED, 2}, {SIGNED, 4}, {SIGNED, 8},
    {FIXED_EXTENSION, 1}, {FIXED_EXTENSION, 2}, {FIXED_EXTENSION, 4}, {FIXED_EXTENSION, 8},
    {FIXED_EXTENSION, 16},
    {COUNTED_TEXT, 1}, {COUNTED_TEXT, 2}, {COUNTED_TEXT, 4},
    {COUNTED_LIST, 2}, {COUNTED_LIST, 4},
    {COUNTED_MAP, 2}, {COUNTED_MAP, 4},
};
/* clang-format on */

static uint64_t
number_take(cursor_t *self, unsigned width)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < width; i++)
        number = number << 8 | *self->at++;
    return number;
}

static bool
bytes_take(cursor_t *self, token_kind_t kind, uint64_t size, token_t *token)
{
    if (size > cursor_left(self))
        return false;
    token->kind = kind;
    token->bytes = (bytes_t){self->at, (size_t) size};
    self->at += size;
    return true;
}

static bool
number_is(token_t *token, token_kind_t kind, uint64_t number)
{
    token->kind = kind;
    token->number = number;
    token->integer = (int64_t) number;
    return true;
}

static bool
signed_is(token_t *token, uint64_t number, unsigned width)
{
    assert(width > 0);
    unsigned unused = 64 - 8 * width;
    return number_is(token, TOKEN_INT, (uint64_t) ((int64_t) (number << unused) >> unused));
}

static bool
real_is(token_t *token, uint64_t bits, unsigned width)
{
    token->kind = TOKEN_REAL;
    if (width == sizeof(double)) {
        memcpy(&token->real, &bits, sizeof(double));
        return true;
    }
    float narrow;
    uint32_t narrow_bits = (uint32_t) bits;
    memcpy(&narrow, &narrow_bits, sizeof(narrow));
    token->real = (double) narrow;
    return true;
}

/*  The tags that have a number, or nothing, behind them.  */
static bool
tagged_next(cursor_t *self, uint8_t tag, token_t *token)
{
    content_t content = (content_t) tags[tag - 0xc0].content;
    unsigned width = tags[tag - 0xc0].width;
    if (content == FIXED_EXTENSION)
        return bytes_take(self, TOKEN_EXTENSION, width + 1, token);
    if (width > cursor_left(self))
        return false;

    uint64_t number = number_take(self, width);
    switch (content) {
    case NIL:
        return number_is(token, TOKEN_NIL, 0);
    case FALSE_VALUE:
    case TRUE_VALUE:
        return number_is(token, TOKEN_BOOL, content == TRUE_VALUE);
    case UNSIGNED:
        return number_is(token, number > INT64_MAX ? TOKEN_HUGE : TOKEN_INT, number);
    case SIGNED:
        return signed_is(token, number, width);
    case REAL:
        return real_is(token, number, width);
    case COUNTED_TEXT:
        return bytes_take(self, TOKEN_TEXT, number, token);
    case COUNTED_BLOB:
        return bytes_take(self, TOKEN_BLOB, number, token);
    case COUNTED_EXTENSION:
        return bytes_take(self, TOKEN_EXTENSION, number + 1, token);
    case COUNTED_LIST:
        return number_is(token, TOKEN_LIST, number);
    case COUNTED_MAP:
        return number_is(token, TOKEN_MAP, number);
    case NOTHING:
    case FIXED_EXTENSION:
        break;
    }
    return false;
}

bool
cursor_next(cursor_t *self, token_t *token)
{
    *token = (token_t){0};
    if (self->at == self->end)
        return false;
    uint8_t tag = *self->at++;
    if (tag < 0x80)
        return number_is(token, TOKEN_INT, tag);
    if (tag < 0x90)
        return number_is(token, TOKEN_MAP, tag & 0x0f);
    if (tag < 0xa0)
        return number_is(token, TOKEN_LIST, tag & 0x0f);
    if (tag < 0xc0)
        return bytes_take(self, TOKEN_TEXT, tag & 0x1f, token);
    if (tag < 0xe0)
        return tagged_next(self, tag, token);
    return signed_is(token, tag, 1);
}

static uint64_t
elements(const token_t *token)
{
    if (token->kind == TOKEN_MAP)
        return token->number * 2;
    return token->kind == TOKEN_LIST ? token->number : 0;
}

/*  owed[n] values are still to come n containers deep; total is their sum. Every one of
    them takes at least a byte.  */
bool
cursor_skip(cursor_t *self, unsigned level)
{
    uint64_t owed[PLAUSIBLE_DEPTH + 1];
    uint64_t total = 1;
    unsigned depth = level;
    owed[level] = 1;
    while (total > 0) {
        token_t token;
        if (total > cursor_left(self) || !cursor_next(self, &token))
            return false;
        total--;
        owed[depth]--;
        if (token.kind == TOKEN_LIST || token.kind == TOKEN_MAP) {
            if (depth == PLAUSIBLE_DEPTH)
                return false;
            owed[++depth] = elements(&token);
            total += owed[depth];
        }
        while (depth > level && owed[depth] == 0)
            depth--;
    }
    return true;
}

bool
cursor_take_list(cursor_t *self, uint64_t n)
{
    token_t token;
    return cursor_next(self, &token) && token.kind == TOKEN_LIST && token.number == n;
}

bool
cursor_take_number(cursor_t *self, uint64_t *number)
{
    token_t token;
    const bool good =
        cursor_next(self, &token)
        && (token.kind == TOKEN_HUGE || (token.kind == TOKEN_INT && token.integer >= 0));
    *number = good ? token.number : 0;
    return good;
}
