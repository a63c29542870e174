#include "actors/agent/handlers.h"

#include "actors/agent/handlers/archive.h"

#include <stdlib.h>
#include <string.h>

typedef struct handlers_entry {
    const char *table;
    const handler_t *handler;
} handlers_entry_t;

const handler_t *const handlers_known[] = {&archive_handler, NULL};

const handler_t *
handlers_named(const char *name)
{
    for (size_t i = 0; handlers_known[i] != NULL; i++)
        if (strcmp(handlers_known[i]->name, name) == 0)
            return handlers_known[i];
    return NULL;
}

void
handlers_give(handlers_t *self, const char *table, const handler_t *handler)
{
    self->entries = mem_grow(self->entries, (self->n + 1) * sizeof *self->entries);
    self->entries[self->n++] = (handlers_entry_t){table, handler};
}

const handler_t *
handlers_of(const handlers_t *self, const char *table)
{
    for (size_t i = self->n; i > 0; i--)
        if (strcmp(self->entries[i - 1].table, table) == 0)
            return self->entries[i - 1].handler;
    return NULL;
}

void
handlers_release(handlers_t *self)
{
    free(self->entries);
    *self = (handlers_t){0};
}
