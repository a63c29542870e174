#include "actors/agent/servers.h"

#include <string.h>

static const char between[] = " \t\r\n,";

/*  Moves on behind the next address, which has so many letters; 0: there is none.  */
static size_t
take(const char **list)
{
    *list += strspn(*list, between);
    const size_t size = strcspn(*list, between);
    *list += size;
    return size;
}

size_t
servers_count(const char *list)
{
    size_t n = 0;
    while (take(&list) > 0)
        n++;
    return n;
}

const char *
servers_at(const char *list, size_t index, arena_t *arena)
{
    const size_t n = servers_count(list);
    size_t size = 0;
    for (size_t i = 0; n > 0 && i <= index % n; i++)
        size = take(&list);
    return arena_text_of(arena, list - size, size);
}
