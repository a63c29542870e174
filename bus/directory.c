#include "bus/directory.h"

#include "schemas/base.h"

#include <stdlib.h>
#include <string.h>

static char **
copy_list(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && list[n] != NULL)
        n++;
    char **copy = mem_new((n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = mem_text(list[i]);
    return copy;
}

static void
free_list(char **list)
{
    for (char **each = list; *each != NULL; each++)
        free(*each);
    free(list);
}

static void
free_actor(directory_actor_t *actor)
{
    free(actor->name);
    free_list(actor->offers);
    free_list(actor->hears);
}

void
directory_add(directory_t *self, const char *name, const char *const *offers,
              const char *const *hears)
{
    directory_remove(self, name);
    self->actors = mem_grow(self->actors, (self->n + 1) * sizeof *self->actors);
    self->actors[self->n++] =
        (directory_actor_t){mem_text(name), copy_list(offers), copy_list(hears)};
}

void
directory_remove(directory_t *self, const char *name)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->actors[i].name, name) == 0) {
            free_actor(&self->actors[i]);
            self->actors[i] = self->actors[--self->n];
            return;
        }
}

const directory_actor_t *
directory_find(const directory_t *self, const char *name)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->actors[i].name, name) == 0)
            return &self->actors[i];
    return NULL;
}

/*  What every actor takes, because the cell around it does.  */
static const char *const of_all[] = {"recording_start", "recording_stop"};

bool
directory_offers(const directory_actor_t *actor, const char *type)
{
    for (size_t i = 0; i < COUNT_OF(of_all); i++)
        if (strcmp(of_all[i], type) == 0)
            return true;
    for (char **each = actor->offers; *each != NULL; each++)
        if (strcmp(*each, type) == 0)
            return true;
    return false;
}

void
directory_clear(directory_t *self)
{
    while (self->n > 0)
        free_actor(&self->actors[--self->n]);
    free(self->actors);
    self->actors = NULL;
}
