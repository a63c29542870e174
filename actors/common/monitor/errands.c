#include "actors/common/monitor/errands.h"

errand_t *
errands_add(errands_t *self)
{
    if (self->n == ERRANDS)
        return NULL;
    errand_t *errand = &self->items[self->n++];
    *errand = (errand_t){.token = ++self->last};
    return errand;
}

bool
errands_take(errands_t *self, uint64_t token, errand_t *errand)
{
    size_t i = 0;
    while (i < self->n && self->items[i].token != token)
        i++;
    if (i == self->n)
        return false;
    *errand = self->items[i];
    self->items[i] = self->items[--self->n];
    return true;
}

bool
errands_has(const errands_t *self, const view_t *view)
{
    for (size_t i = 0; i < self->n; i++)
        if (self->items[i].whose == FOR_WATCHERS && self->items[i].view == view)
            return true;
    return false;
}
