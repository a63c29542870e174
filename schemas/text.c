#include "schemas/text.h"

#include <string.h>

/*  ------------------------------------------------------------------- UTF-8  */

typedef struct letter {
    uint32_t code;
    size_t size; /* 0: these bytes are not UTF-8 */
} letter_t;

static const uint32_t smallest_of_size[] = {0, 0, 0x80, 0x800, 0x10000};

static size_t
size_of_letter(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

static letter_t
letter_of(const uint8_t *at, size_t left)
{
    size_t size = size_of_letter(*at);
    if (size <= 1)
        return (letter_t){*at, size};
    if (size > left)
        return (letter_t){0};
    uint32_t code = *at & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return (letter_t){0};
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    if (code < smallest_of_size[size] || code > 0x10ffff || surrogate)
        return (letter_t){0};
    return (letter_t){code, size};
}

/*  Eight letters at once: true if all are ASCII and none is NUL.  */
static bool
are_plain(const uint8_t *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return ((eight | (eight - ones)) & tops) == 0;
}

/*  How much of it is as it should be.  */
static size_t
good_size(bytes_t text, bool with_nul)
{
    size_t i = 0;
    while (i < text.size) {
        if (text.size - i >= 8 && are_plain(text.data + i)) {
            i += 8;
            continue;
        }
        letter_t letter = letter_of(text.data + i, text.size - i);
        if (letter.size == 0 || (letter.code == 0 && !with_nul))
            break;
        i += letter.size;
    }
    return i;
}

bool
text_is_clean(bytes_t text)
{
    return good_size(text, false) == text.size;
}

bool
text_is_utf8(bytes_t text)
{
    return good_size(text, true) == text.size;
}

void
text_repair(bytes_t text, buffer_t *out)
{
    while (text.size > 0) {
        const size_t good = good_size(text, true);
        const size_t used = good < text.size ? good + 1 : good;
        buffer_add(out, text.data, good);
        if (used > good)
            buffer_add_text(out, "\xef\xbf\xbd");
        text = (bytes_t){text.data + used, text.size - used};
    }
}

/*  -------------------------------------------------------------------- JSON  */

static const char short_escapes[0x20] = {
    ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
};

/*  Control letters, and those that end a line or turn its direction around.  */
static bool
is_dangerous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f)
           || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static void
escape_add(uint32_t code, buffer_t *out)
{
    if (code < sizeof(short_escapes) && short_escapes[code] != 0)
        buffer_add_format(out, "\\%c", short_escapes[code]);
    else
        buffer_add_format(out, "\\u%04x", code);
}

/*  How many letters from here on need no escape: added at once.  */
static size_t
plain_run(const uint8_t *at, size_t left)
{
    size_t size = 0;
    while (size < left && at[size] >= 0x20 && at[size] < 0x7f && at[size] != '"'
           && at[size] != '\\')
        size++;
    return size;
}

static size_t
letter_to_json(const uint8_t *at, size_t left, buffer_t *out)
{
    letter_t letter = letter_of(at, left);
    if (letter.size == 0) {
        buffer_add_text(out, "\\ufffd");
        return 1;
    }
    if (is_dangerous(letter.code))
        escape_add(letter.code, out);
    else if (letter.code == '"' || letter.code == '\\')
        buffer_add_format(out, "\\%c", (char) letter.code);
    else
        buffer_add(out, at, letter.size);
    return letter.size;
}

void
text_to_json(bytes_t text, buffer_t *out)
{
    buffer_add(out, "\"", 1);
    for (size_t i = 0; i < text.size;) {
        size_t run = plain_run(text.data + i, text.size - i);
        buffer_add(out, text.data + i, run);
        i += run;
        if (i < text.size)
            i += letter_to_json(text.data + i, text.size - i, out);
    }
    buffer_add(out, "\"", 1);
}

/*  ------------------------------------------------------------------ base64  */

static const char digits64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_write(bytes_t bytes, buffer_t *out)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t size = bytes.size - i < 3 ? bytes.size - i : 3;
        uint32_t three = 0;
        for (size_t j = 0; j < 3; j++)
            three = three << 8 | (j < size ? bytes.data[i + j] : 0u);
        char four[] = "====";
        for (size_t j = 0; j <= size; j++)
            four[j] = digits64[three >> (18 - 6 * j) & 0x3f];
        buffer_add_text(out, four);
    }
}

static bool
digit_value(uint8_t digit, uint32_t *value)
{
    const char *found = digit != '\0' ? strchr(digits64, digit) : NULL;
    if (found == NULL)
        return false;
    *value = (uint32_t) (found - digits64);
    return true;
}

/*  Four letters of which so many are digits, the others padding.  */
static bool
quantum_read(const uint8_t *four, size_t n_digits, buffer_t *out)
{
    uint32_t three = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = 0;
        if (i < n_digits && !digit_value(four[i], &value))
            return false;
        three = three << 6 | value;
    }
    const uint8_t bytes[] = {(uint8_t) (three >> 16), (uint8_t) (three >> 8), (uint8_t) three};
    for (size_t i = n_digits - 1; i < 3; i++)
        if (bytes[i] != 0)
            return false;
    buffer_add(out, bytes, n_digits - 1);
    return true;
}

static size_t
padding_of(bytes_t text)
{
    if (text.size == 0 || text.data[text.size - 1] != '=')
        return 0;
    return text.data[text.size - 2] == '=' ? 2 : 1;
}

bool
base64_read(bytes_t text, buffer_t *out)
{
    if (text.size % 4 != 0)
        return false;
    size_t before = out->size;
    size_t padding = padding_of(text);
    for (size_t i = 0; i < text.size; i += 4) {
        size_t n_digits = i + 4 == text.size ? 4 - padding : 4;
        if (!quantum_read(text.data + i, n_digits, out)) {
            out->size = before;
            return false;
        }
    }
    return true;
}

int
hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}
