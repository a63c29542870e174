#include "tools/tap/ordered.h"

#include <stdlib.h>
#include <string.h>

typedef struct waiting {
    uint64_t at_ns, number; /* in the order they came */
    char *line;
} waiting_t;

/*  A heap: the line that leaves first is the first.  */
struct ordered {
    waiting_t *items;
    size_t n, room;
    uint64_t number;
};

ordered_t *
ordered_new(void)
{
    return mem_new(sizeof(ordered_t));
}

void
ordered_destroy(ordered_t **self_p)
{
    ordered_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->n; i++)
        free(self->items[i].line);
    free(self->items);
    free(self);
    *self_p = NULL;
}

static bool
is_before(const waiting_t *a, const waiting_t *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void
swap(waiting_t *a, waiting_t *b)
{
    waiting_t kept = *a;
    *a = *b;
    *b = kept;
}

void
ordered_add(ordered_t *self, uint64_t at_ns, const char *line)
{
    if (self->n == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    size_t at = self->n++;
    self->items[at] = (waiting_t){at_ns, self->number++, mem_text(line)};
    for (; at > 0 && is_before(&self->items[at], &self->items[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&self->items[at], &self->items[(at - 1) / 2]);
}

/*  Its line is the caller's.  */
static char *
remove_first(ordered_t *self)
{
    char *line = self->items[0].line;
    self->items[0] = self->items[--self->n];
    self->items[self->n].line = NULL;
    for (size_t at = 0;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < self->n; child++)
            if (is_before(&self->items[child], &self->items[first]))
                first = child;
        if (first == at)
            return line;
        swap(&self->items[at], &self->items[first]);
        at = first;
    }
}

void
ordered_take(ordered_t *self, uint64_t until_ns, buffer_t *out)
{
    while (self->n > 0 && self->items[0].at_ns <= until_ns) {
        char *line = remove_first(self);
        buffer_add_text(out, line);
        free(line);
    }
}

bool
ordered_is_empty(const ordered_t *self)
{
    return self->n == 0;
}
