/*  Which statements the connection has prepared: a table with open addressing.  */

#include "actors/server/postgres/pg_private.h"

#include <stdlib.h>
#include <string.h>

/*  FNV-1a.  */
static uint64_t
hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t) *text) * 0x100000001b3u;
    return hash;
}

pg_prepared_t *
pg_prepared_place(pg_t *self, const char *sql)
{
    const uint64_t hash = hash_of(sql);
    size_t i = hash & (PG_PREPARED_PLACES - 1);
    while (self->prepared[i].sql != NULL
           && (self->prepared[i].hash != hash || strcmp(self->prepared[i].sql, sql) != 0))
        i = (i + 1) & (PG_PREPARED_PLACES - 1);
    return &self->prepared[i];
}

void
pg_prepared_take(pg_t *self, pg_prepared_t *place, const char *sql)
{
    if (place->sql == NULL) {
        *place = (pg_prepared_t){.sql = mem_text(sql), .hash = hash_of(sql)};
        self->n_prepared++;
    }
    place->number = ++self->last_number;
    place->made = true;
}

/*  Rare, so it may look everywhere.  */
void
pg_prepared_refuse(pg_t *self, uint64_t number)
{
    for (size_t i = 0; i < PG_PREPARED_PLACES; i++)
        if (self->prepared[i].sql != NULL && self->prepared[i].number == number)
            self->prepared[i].made = false;
}

void
pg_prepared_forget(pg_t *self)
{
    for (size_t i = 0; i < PG_PREPARED_PLACES; i++)
        free(self->prepared[i].sql);
    memset(self->prepared, 0, sizeof self->prepared);
    self->n_prepared = 0;
}
