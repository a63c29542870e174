#include "runtime/tape_places.h"

size_t
tape_places_of(tape_places_t *self, int fd)
{
    size_t vacant = MOST_FDS;
    for (size_t i = MOST_FDS; i-- > 0;) {
        if (self->fds[i] == fd + 1)
            return i;
        if (self->fds[i] == 0)
            vacant = i;
    }
    if (vacant < MOST_FDS)
        self->fds[vacant] = fd + 1;
    return vacant;
}

int
tape_places_fd(const tape_places_t *self, uint64_t place)
{
    return place < MOST_FDS ? self->fds[place] - 1 : -1;
}

void
tape_places_free(tape_places_t *self, size_t place)
{
    if (place < MOST_FDS)
        self->fds[place] = 0;
}
