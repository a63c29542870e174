#include "actors/agent/text_set.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 64 };

/*  FNV-1a  */
static size_t
hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        value = (value ^ (uint8_t) *text) * UINT64_C(0x100000001b3);
    return (size_t) (value ^ (value >> 32));
}

/*  Where text is, or where it would be put. There is always a free place.  */
static size_t
place_of(const text_set_t *self, const char *text)
{
    size_t place = hash(text) & (self->n_places - 1);
    while (self->places[place] && strcmp(self->places[place], text) != 0)
        place = (place + 1) & (self->n_places - 1);
    return place;
}

static void
grow(text_set_t *self)
{
    const text_set_t old = *self;
    self->n_places = old.n_places ? old.n_places * 2 : FIRST_PLACES;
    self->places = mem_new(self->n_places * sizeof *self->places);
    for (size_t i = 0; i < old.n_places; i++)
        if (old.places[i])
            self->places[place_of(self, old.places[i])] = old.places[i];
    free(old.places);
}

static char *
join(const char *text, const char *note)
{
    const size_t size = strlen(text) + 1;
    const size_t rest = strlen(note) + 1;
    char *both = mem_new(size + rest);
    memcpy(both, text, size);
    memcpy(both + size, note, rest);
    return both;
}

void
text_set_add_note(text_set_t *self, const char *text, const char *note)
{
    if (self->n * 2 >= self->n_places)
        grow(self);
    const size_t place = place_of(self, text);
    if (self->places[place])
        return;
    self->places[place] = join(text, note);
    self->n++;
}

bool
text_set_has(const text_set_t *self, const char *text)
{
    return self->n > 0 && self->places[place_of(self, text)] != NULL;
}

void
text_set_add(text_set_t *self, const char *text)
{
    text_set_add_note(self, text, "");
}

const char *
text_set_note(const text_set_t *self, const char *text)
{
    const char *found = self->n > 0 ? self->places[place_of(self, text)] : NULL;
    return found ? found + strlen(found) + 1 : NULL;
}

bool
text_set_remove(text_set_t *self, const char *text)
{
    if (!text_set_has(self, text))
        return false;
    size_t place = place_of(self, text);
    free(self->places[place]);
    self->places[place] = NULL;
    self->n--;
    /*  Whoever stood behind it must still be found without a hole on the way.  */
    for (;;) {
        place = (place + 1) & (self->n_places - 1);
        char *moved = self->places[place];
        if (moved == NULL)
            return true;
        self->places[place] = NULL;
        self->places[place_of(self, moved)] = moved;
    }
}

void
text_set_release(text_set_t *self)
{
    for (size_t i = 0; i < self->n_places; i++)
        free(self->places[i]);
    free(self->places);
    *self = (text_set_t){0};
}
