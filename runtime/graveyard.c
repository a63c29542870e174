#include "runtime/graveyard.h"

#include <stdlib.h>
#include <string.h>

void
graveyard_release(graveyard_t *self)
{
    for (size_t i = 0; i < GRAVES; i++)
        free(self->kept[i]);
}

uint64_t
graveyard_first(const graveyard_t *self)
{
    return self->dropped + 1;
}

const grave_t *
graveyard_at(const graveyard_t *self, uint64_t n)
{
    const grave_t *grave = self->kept[n % GRAVES];
    return grave && grave->n == n ? grave : NULL;
}

static size_t
room_of(const grave_t *grave)
{
    return sizeof *grave + grave->payload.size;
}

void
graveyard_remove(graveyard_t *self, uint64_t n)
{
    grave_t **place = &self->kept[n % GRAVES];
    if (graveyard_at(self, n) == NULL)
        return;
    self->bytes -= room_of(*place);
    free(*place);
    *place = NULL;
}

/*  ---------------------------------------------------------------------------- adding  */

static const char *
place_text(const char *text, char **at)
{
    const char *placed = *at;
    size_t size = strlen(text) + 1;
    memcpy(*at, text, size);
    *at += size;
    return placed;
}

/*  One block: the grave, its texts, its payload.  */
static grave_t *
grave_new(const envelope_t *envelope, bytes_t payload)
{
    const char *from = envelope->from ? envelope->from : "";
    const char *to = envelope->to ? envelope->to : "";
    size_t texts = strlen(envelope->type) + strlen(from) + strlen(to) + 3;
    grave_t *self = mem_new(sizeof *self + texts + payload.size);
    char *at = (char *) (self + 1);
    self->kind = envelope->kind;
    self->type = place_text(envelope->type, &at);
    self->from = place_text(from, &at);
    self->to = place_text(to, &at);
    memcpy(self->id, envelope->id, sizeof self->id);
    memcpy(self->trace, envelope->trace, sizeof self->trace);
    if (payload.data) {
        memcpy(at, payload.data, payload.size);
        self->payload = (bytes_t){(const uint8_t *) at, payload.size};
    }
    return self;
}

void
graveyard_add(graveyard_t *self, const envelope_t *envelope, bytes_t payload, err_t why,
              int64_t time_ms)
{
    size_t size = payload.size;
    if ((envelope->flags & FLAG_NO_TAP) || size > GRAVE_BYTES / 2)
        payload = (bytes_t){0};
    grave_t *grave = grave_new(envelope, payload);
    grave->n = ++self->count;
    grave->time_ms = time_ms;
    grave->why = why;
    grave->size = size;
    if (grave->n > GRAVES && self->dropped < grave->n - GRAVES) {
        self->dropped = grave->n - GRAVES;
        graveyard_remove(self, self->dropped);
    }
    self->kept[grave->n % GRAVES] = grave;
    self->bytes += room_of(grave);
    while (self->bytes > GRAVE_BYTES)
        graveyard_remove(self, ++self->dropped);
}
