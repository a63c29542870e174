/*  sim_files - the descriptors that the actors of a simulation watch, and what is ready of
   them: nothing ever, or, for tests with a database beside the simulation, what really is.  */

#pragma once

#include "runtime/actor.h"
#include "runtime/sim_world.h"

#include <poll.h>

/*  Of one actor. Zero is empty.  */
typedef struct files {
    struct pollfd watched[MOST_FDS];
    size_t n;
} files_t;

/*  ready 0: no more.  */
void files_watch(files_t *self, int fd, int ready);

/*  Everybody's, and who is called.  */
typedef struct ears {
    struct pollfd *watched;
    void **owners;
    size_t n, room;
} ears_t;

void ears_add(ears_t *self, const files_t *files, void *owner);
/*  Waits until one is ready, but no longer than the virtual clock has to go until then; moves
   that clock. Calls each that is ready. NEVER: waits for a while.  */
void ears_listen(ears_t *self, world_t *world, uint64_t until_ns,
                 void (*heard)(void *owner, int fd, int ready));
void ears_release(ears_t *self);
