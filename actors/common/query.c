#include "actors/common/query.h"

#include "schemas/text.h"

#include <stdlib.h>
#include <string.h>

bool
query_decode(const char *from, size_t size, char *to, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++, n++) {
        if (n + 1 >= room)
            return false;
        to[n] = from[i];
        if (from[i] != '%')
            continue;
        if (i + 2 >= size || hex_digit(from[i + 1]) < 0 || hex_digit(from[i + 2]) < 0)
            return false;
        to[n] = (char) (hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]));
        i += 2;
    }
    to[n] = '\0';
    return text_is_clean((bytes_t){(const uint8_t *) to, n});
}

const char *
query_find(const char *query, const char *name, size_t *size)
{
    const size_t length = strlen(name);
    while (*query) {
        const size_t pair = strcspn(query, "&");
        if (pair > length && strncmp(query, name, length) == 0 && query[length] == '=') {
            *size = pair - length - 1;
            return query + length + 1;
        }
        query += pair + (query[pair] == '&');
    }
    return NULL;
}

bool
query_read(const char *query, const char *name, char *to, size_t room)
{
    size_t size = 0;
    const char *value = query_find(query, name, &size);
    to[0] = '\0';
    return value == NULL || query_decode(value, size, to, room);
}

bool
query_read_number(const char *query, const char *name, uint64_t *to)
{
    enum { DIGITS = 19 };
    size_t size = 0;
    const char *value = query_find(query, name, &size);
    if (value == NULL)
        return true;
    if (size == 0 || size > DIGITS || strspn(value, "0123456789") < size)
        return false;
    *to = strtoull(value, NULL, 10);
    return true;
}
