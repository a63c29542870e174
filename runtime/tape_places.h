/*  tape_places - numbers that stand for descriptors on a tape: elsewhere those are others, so
    what is told is which of those that the actor watches.  */

#pragma once

#include "runtime/actor.h"

typedef struct tape_places {
    int fds[MOST_FDS]; /* descriptor + 1; 0: free */
} tape_places_t;

/*  The place of a descriptor; it gets one if it has none. MOST_FDS: no place is free.  */
size_t tape_places_of(tape_places_t *self, int fd);
/*  What is at a place; -1: nothing.  */
int tape_places_fd(const tape_places_t *self, uint64_t place);
/*  Frees a place, if there is one of that number.  */
void tape_places_free(tape_places_t *self, size_t place);
