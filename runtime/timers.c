#include "runtime/timers.h"

#include <stdlib.h>
#include <string.h>

static size_t
find(const timers_t *self, uint64_t tag)
{
    size_t i = 0;
    while (i < self->n && self->items[i].tag != tag)
        i++;
    return i;
}

static void
remove_at(timers_t *self, size_t i)
{
    self->n--;
    memmove(self->items + i, self->items + i + 1, (self->n - i) * sizeof *self->items);
}

/*  The list is kept in the order of due times: a handful of timers, looked at often.  */
void
timers_set(timers_t *self, uint64_t tag, uint64_t due_ms)
{
    timers_cancel(self, tag);
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 8;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    size_t i = self->n;
    while (i > 0 && self->items[i - 1].due_ms > due_ms)
        i--;
    memmove(self->items + i + 1, self->items + i, (self->n - i) * sizeof *self->items);
    self->items[i] = (struct timer){tag, due_ms};
    self->n++;
}

void
timers_cancel(timers_t *self, uint64_t tag)
{
    size_t i = find(self, tag);
    if (i < self->n)
        remove_at(self, i);
}

uint64_t
timers_next(const timers_t *self)
{
    return self->n ? self->items[0].due_ms : UINT64_MAX;
}

bool
timers_take_due(timers_t *self, uint64_t now_ms, uint64_t *tag)
{
    if (timers_next(self) > now_ms)
        return false;
    *tag = self->items[0].tag;
    remove_at(self, 0);
    return true;
}

void
timers_release(timers_t *self)
{
    free(self->items);
    *self = (timers_t){0};
}
