#include "schemas/plausible.h"

#include "schemas/pack.h"

bool
plausible(bytes_t bytes, size_t *used)
{
    cursor_t cursor = cursor_of(bytes);
    if (!cursor_skip(&cursor, 0))
        return false;
    *used = bytes.size - cursor_left(&cursor);
    return true;
}
