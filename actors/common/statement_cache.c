#include "actors/common/statement_cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 64 };

/*  FNV-1a.  */
static uint64_t
hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t) *text) * 0x100000001b3u;
    return hash;
}

/*  Where it is, or the free place where it belongs.  */
static cached_t *
place_of(const statement_cache_t *self, const char *sql, uint64_t hash)
{
    size_t i = hash & (self->n_places - 1);
    while (self->places[i].sql != NULL
           && (self->places[i].hash != hash || strcmp(self->places[i].sql, sql) != 0))
        i = (i + 1) & (self->n_places - 1);
    return &self->places[i];
}

/*  A literal comes from the same address each time, and comparing is cheaper than hashing.
    The address alone proves nothing: a buffer is used again with other text.  */
static cached_t *
recent_of(statement_cache_t *self, const char *sql)
{
    return &self->recent[((uintptr_t) sql >> 3) % CACHE_RECENT];
}

sqlite3_stmt *
statement_cache_find(statement_cache_t *self, const char *sql)
{
    cached_t *recent = recent_of(self, sql);
    if (recent->sql != NULL && strcmp(recent->sql, sql) == 0)
        return recent->statement;
    if (self->n_places == 0)
        return NULL;
    const cached_t *place = place_of(self, sql, hash_of(sql));
    if (place->sql != NULL)
        *recent = *place;
    return place->statement;
}

static void
grow(statement_cache_t *self)
{
    const statement_cache_t old = *self;
    self->n_places = old.n_places > 0 ? old.n_places * 2 : FIRST_PLACES;
    self->places = mem_new(self->n_places * sizeof(cached_t));
    for (size_t i = 0; i < old.n_places; i++)
        if (old.places[i].sql != NULL)
            *place_of(self, old.places[i].sql, old.places[i].hash) = old.places[i];
    free(old.places);
}

void
statement_cache_put(statement_cache_t *self, const char *sql, sqlite3_stmt *statement)
{
    if (self->n_used * 2 >= self->n_places)
        grow(self);
    const uint64_t hash = hash_of(sql);
    *place_of(self, sql, hash) =
        (cached_t){.sql = mem_text(sql), .hash = hash, .statement = statement};
    self->n_used++;
}

void
statement_cache_release(statement_cache_t *self)
{
    for (size_t i = 0; i < self->n_places; i++) {
        sqlite3_finalize(self->places[i].statement);
        free(self->places[i].sql);
    }
    free(self->places);
    *self = (statement_cache_t){0};
}
