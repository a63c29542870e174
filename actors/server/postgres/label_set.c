#include "actors/server/postgres/label_set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 64 };

/*  FNV-1a over both, with the NUL between them.  */
static uint64_t
hash_of(const char *table, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *table != '\0'; table++)
        hash = (hash ^ (uint8_t) *table) * 0x100000001b3u;
    hash *= 0x100000001b3u;
    for (; *key != '\0'; key++)
        hash = (hash ^ (uint8_t) *key) * 0x100000001b3u;
    return hash;
}

static bool
names(const label_t *label, const char *table, const char *key)
{
    return strcmp(label->key, key) == 0 && strcmp(label->table, table) == 0;
}

/*  Where it is, or the free place where it belongs.  */
static label_place_t *
place_of(const label_set_t *self, const char *table, const char *key)
{
    size_t i = hash_of(table, key) & (self->n_places - 1);
    while (self->places[i].label.table != NULL && !names(&self->places[i].label, table, key))
        i = (i + 1) & (self->n_places - 1);
    return &self->places[i];
}

static void
make_room(label_set_t *self, size_t more)
{
    const label_set_t before = *self;
    size_t places = before.n_places > 0 ? before.n_places : FIRST_PLACES;
    while (places < (before.n + more) * 2)
        places *= 2;
    if (places == before.n_places)
        return;
    self->n_places = places;
    self->places = mem_new(places * sizeof *self->places);
    for (size_t i = 0; i < before.n_places; i++) {
        const label_place_t *place = &before.places[i];
        if (place->label.table != NULL)
            *place_of(self, place->label.table, place->label.key) = *place;
    }
    free(before.places);
}

void
label_set_add(label_set_t *self, const label_t *labels, size_t n)
{
    make_room(self, n);
    for (size_t i = 0; i < n; i++) {
        label_place_t *place = place_of(self, labels[i].table, labels[i].key);
        if (self->n == 0 || labels[i].updated_at < self->earliest)
            self->earliest = labels[i].updated_at;
        self->n += place->label.table == NULL;
        place->label = labels[i];
    }
}

/*  A row that nobody has labelled: a trigger writes it.  */
static void
note_row(label_set_t *self, const char *table, const char *key)
{
    make_room(self, 1);
    self->n++;
    *place_of(self, table, key) =
        (label_place_t){.label = {.table = arena_text(&self->arena, table),
                                  .key = arena_text(&self->arena, key)},
                        .written = true};
}

static void
note_writer(label_place_t *place, const char *client_id)
{
    const bool alone = !place->written
                       || (place->writer && client_id && strcmp(place->writer, client_id) == 0);
    place->written = true;
    place->writer = alone ? client_id : NULL;
}

/*  A label that was taken keeps its place, without a change, until all are cleared: others may
    have been put behind it.  */
bool
label_set_take(label_set_t *self, const char *table, const char *key, label_t *label)
{
    if (self->n == 0)
        return false;
    label_place_t *place = place_of(self, table, key);
    if (place->label.table == NULL) {
        note_row(self, table, key);
        return false;
    }
    const bool waits = place->label.change_id != NULL;
    *label = place->label;
    note_writer(place, waits ? label->client_id : NULL);
    label->client_id = place->writer;
    place->label.change_id = NULL;
    return waits;
}

void
label_set_clear(label_set_t *self)
{
    if (self->n > 0)
        memset(self->places, 0, self->n_places * sizeof *self->places);
    self->n = 0;
    arena_clear(&self->arena);
}

void
label_set_release(label_set_t *self)
{
    free(self->places);
    arena_release(&self->arena);
    *self = (label_set_t){0};
}
