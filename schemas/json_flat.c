#include "schemas/json_flat.h"

#include "schemas/pack.h"
#include "schemas/row.h"
#include "schemas/text.h"

#include <string.h>

enum {
    PAIRS = 64,  /* each is compared with those before it */
    DIGITS = 18, /* these fit an int64_t, whatever they are */
};

typedef struct pair {
    bytes_t name;
    value_t value;
} pair_t;

typedef struct reading {
    const uint8_t *at, *end;
    pair_t pairs[PAIRS];
    size_t n;
} reading_t;

static void
skip_blanks(reading_t *self)
{
    while (self->at < self->end
           && (*self->at == ' ' || *self->at == '\t' || *self->at == '\n' || *self->at == '\r'))
        self->at++;
}

static bool
take(reading_t *self, uint8_t letter)
{
    if (self->at == self->end || *self->at != letter)
        return false;
    self->at++;
    return true;
}

static bool
take_text(reading_t *self, bytes_t *text)
{
    skip_blanks(self);
    if (!take(self, '"'))
        return false;
    const uint8_t *start = self->at;
    while (self->at < self->end && *self->at != '"' && *self->at != '\\' && *self->at >= ' ')
        self->at++;
    *text = (bytes_t){start, (size_t) (self->at - start)};
    return take(self, '"') && text_is_clean(*text);
}

static bool
take_sign(reading_t *self, uint8_t sign)
{
    skip_blanks(self);
    return take(self, sign);
}

/*  Neither -0 nor 01.  */
static bool
take_integer(reading_t *self, int64_t *integer)
{
    const bool negative = take(self, '-');
    const uint8_t *start = self->at;
    *integer = 0;
    while (self->at < self->end && *self->at >= '0' && *self->at <= '9'
           && self->at - start < DIGITS)
        *integer = *integer * 10 + (*self->at++ - '0');
    const bool whole =
        self->at > start && (start[0] != '0' || (self->at - start == 1 && !negative));
    *integer = negative ? -*integer : *integer;
    return whole;
}

static bool
take_null(reading_t *self)
{
    static const char null[] = "null";
    const size_t size = strlen(null);
    const bool is =
        (size_t) (self->end - self->at) >= size && memcmp(self->at, null, size) == 0;
    self->at += is ? size : 0;
    return is;
}

static bool
take_value(reading_t *self, value_t *value)
{
    skip_blanks(self);
    const uint8_t *start = self->at;
    *value = (value_t){.kind = VALUE_TEXT};
    if (take_text(self, &value->bytes))
        return true;
    self->at = start;
    value->kind = VALUE_INTEGER;
    if (take_integer(self, &value->integer))
        return true;
    self->at = start;
    value->kind = VALUE_NULL;
    return take_null(self);
}

static bool
is_new(const reading_t *self, bytes_t name)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->pairs[i].name.size == name.size
            && memcmp(self->pairs[i].name.data, name.data, name.size) == 0)
            return false;
    return true;
}

static bool
take_pair(reading_t *self)
{
    pair_t pair = {0};
    if (self->n == PAIRS || !take_text(self, &pair.name) || !take_sign(self, ':')
        || !take_value(self, &pair.value) || !is_new(self, pair.name))
        return false;
    self->pairs[self->n++] = pair;
    return true;
}

static bool
take_object(reading_t *self)
{
    bool good = take_sign(self, '{') && take_pair(self);
    while (good && take_sign(self, ','))
        good = take_pair(self);
    return good && take_sign(self, '}') && self->at == self->end;
}

bool
json_flat_to_msgpack(bytes_t json, buffer_t *out)
{
    reading_t reading = {.at = json.data, .end = json.data + json.size};
    if (!take_object(&reading))
        return false;
    row_begin(out, reading.n);
    for (size_t i = 0; i < reading.n; i++) {
        pack_text(out, reading.pairs[i].name.data, reading.pairs[i].name.size);
        row_add(out, &reading.pairs[i].value);
    }
    return true;
}
