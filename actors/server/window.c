#include "actors/server/window.h"

#include <stdlib.h>
#include <string.h>

size_t
window_count(const window_t *self)
{
    return self->pages + self->n;
}

void
window_add_page(window_t *self)
{
    self->pages++;
}

void
window_add(window_t *self, uint64_t lsn)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 8;
        self->lsns = mem_grow(self->lsns, self->room * sizeof *self->lsns);
    }
    self->lsns[self->n++] = lsn;
}

void
window_take_page(window_t *self)
{
    self->pages -= self->pages > 0;
}

void
window_take(window_t *self, uint64_t lsn)
{
    size_t taken = 0;
    while (taken < self->n && self->lsns[taken] < lsn)
        taken++;
    if (taken < self->n && self->lsns[taken] == lsn)
        taken++;
    if (taken == 0)
        return;
    self->n -= taken;
    memmove(self->lsns, self->lsns + taken, self->n * sizeof *self->lsns);
}

void
window_clear(window_t *self)
{
    self->pages = 0;
    self->n = 0;
}

void
window_release(window_t *self)
{
    free(self->lsns);
    *self = (window_t){0};
}
