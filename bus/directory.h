/*  directory - the actors of this process as the gateway knows them: who there is, and what
    each takes from programs that have joined.  */

#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct directory_actor {
    char *name;
    char **offers; /* NULL-terminated */
    char **hears;  /* the same */
} directory_actor_t;

typedef struct directory {
    directory_actor_t *actors;
    size_t n;
} directory_t;

/*  Copies all of it; the lists are NULL-terminated, NULL is an empty one. Who has that name
    already is replaced.  */
void directory_add(directory_t *self, const char *name, const char *const *offers,
                   const char *const *hears);
void directory_remove(directory_t *self, const char *name);
/*  NULL: there is none. Valid until the next change.  */
const directory_actor_t *directory_find(const directory_t *self, const char *name);
bool directory_offers(const directory_actor_t *actor, const char *type);
void directory_clear(directory_t *self);
