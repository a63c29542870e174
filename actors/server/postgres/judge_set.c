#include "actors/server/postgres/judge_set.h"

#include <string.h>

enum { FIRST_ROOM = 64 }; /* a power of two */

/*  FNV-1a.  */
static uint64_t
mix(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t) *text) * 0x100000001b3u;
    return hash * 0x100000001b3u;
}

static judge_pair_t *
place_of(const judge_set_t *self, judge_pair_t pair)
{
    size_t i = (size_t) mix(mix(0xcbf29ce484222325u, pair.first), pair.second);
    for (i &= self->room - 1; self->places[i].first != NULL; i = (i + 1) & (self->room - 1))
        if (strcmp(self->places[i].first, pair.first) == 0
            && strcmp(self->places[i].second, pair.second) == 0)
            break;
    return &self->places[i];
}

static void
grow(judge_set_t *self, arena_t *arena)
{
    const judge_set_t before = *self;
    self->room = before.room > 0 ? before.room * 2 : FIRST_ROOM;
    self->places = arena_new(arena, self->room * sizeof *self->places);
    for (size_t i = 0; i < before.room; i++)
        if (before.places[i].first != NULL)
            *place_of(self, before.places[i]) = before.places[i];
}

bool
judge_set_add(judge_set_t *self, judge_pair_t pair, arena_t *arena)
{
    if (self->n * 2 >= self->room)
        grow(self, arena);
    judge_pair_t *place = place_of(self, pair);
    if (place->first != NULL)
        return false;
    *place = pair;
    self->n++;
    return true;
}

bool
judge_set_has(const judge_set_t *self, judge_pair_t pair)
{
    return self->room > 0 && place_of(self, pair)->first != NULL;
}
