#include "schemas/base.h"

#include "schemas/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*  ------------------------------------------------------------------- LSN  */

const char *
lsn_text(uint64_t lsn, char text[LSN_TEXT])
{
    snprintf(text, LSN_TEXT, "%" PRIX64 "/%" PRIX64, lsn >> 32, lsn & UINT32_MAX);
    return text;
}

/*  One to eight digits; gives back where they end, NULL if that is not so.  */
static const char *
half_parse(const char *text, uint64_t *half)
{
    int digits = 0;
    *half = 0;
    for (; hex_digit(*text) >= 0; text++, digits++) {
        if (digits == 8)
            return NULL;
        *half = *half << 4 | (uint64_t) hex_digit(*text);
    }
    return digits > 0 ? text : NULL;
}

bool
lsn_parse(const char *text, uint64_t *lsn)
{
    uint64_t high;
    uint64_t low;
    const char *slash = half_parse(text, &high);
    if (slash == NULL || *slash != '/')
        return false;
    const char *end = half_parse(slash + 1, &low);
    if (end == NULL || *end != '\0')
        return false;
    *lsn = high << 32 | low;
    return true;
}

/*  ------------------------------------------------------------------ UUID  */

static void
put_big_endian(uint8_t *at, uint64_t number, int size)
{
    for (int i = size - 1; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t) number;
}

void
uuid_v7(uint8_t uuid[16], uint64_t unix_ms, uint64_t random_hi, uint64_t random_lo)
{
    put_big_endian(uuid, unix_ms, 6);
    put_big_endian(uuid + 6, random_hi, 2);
    put_big_endian(uuid + 8, random_lo, 8);
    uuid[6] = (uint8_t) (0x70 | (uuid[6] & 0x0f)); /* version 7 */
    uuid[8] = (uint8_t) (0x80 | (uuid[8] & 0x3f)); /* variant of RFC 9562 */
}

const char *
uuid_text(const uint8_t uuid[16], char text[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[uuid[i] >> 4];
        *at++ = digits[uuid[i] & 0x0f];
    }
    *at = '\0';
    return text;
}

bool
uuid_is_zero(const uint8_t uuid[16])
{
    static const uint8_t zero[16];
    return memcmp(uuid, zero, sizeof zero) == 0;
}

bool
uuid_is_text(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;
    for (; shape[i] != '\0' && text[i] != '\0'; i++)
        if (shape[i] == '-' ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    return shape[i] == '\0' && text[i] == '\0';
}
