#include "actors/agent/report.h"

#include <string.h>

static void
make_room(report_t *self)
{
    const size_t room = self->room ? self->room * 2 : 64;
    processed_t *items = arena_new(self->arena, room * sizeof *items);
    if (self->n > 0)
        memcpy(items, self->items, self->n * sizeof *items);
    self->items = items;
    self->room = room;
}

static const char *
copy(const report_t *self, const char *text)
{
    return text ? arena_text(self->arena, text) : NULL;
}

void
report_add(report_t *self, const processed_t *processed)
{
    self->many = self->many || self->n == REPORT_LISTS;
    if (self->many)
        return;
    if (self->n == self->room)
        make_room(self);
    processed_t *item = &self->items[self->n++];
    *item = *processed;
    item->id = copy(self, processed->id);
    item->entity_type = copy(self, processed->entity_type);
    item->entity_id = copy(self, processed->entity_id);
    item->operation = copy(self, processed->operation);
    item->code = copy(self, processed->code);
    item->message = copy(self, processed->message);
}
