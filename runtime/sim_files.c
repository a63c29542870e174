#include "runtime/sim_files.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum { LONGEST_MS = 1000 };

void
files_watch(files_t *self, int fd, int ready)
{
    const int events = (ready & FD_READ ? POLLIN : 0) | (ready & FD_WRITE ? POLLOUT : 0);
    if (ready) {
        assert(self->n < MOST_FDS);
        self->watched[self->n++] = (struct pollfd){.fd = fd, .events = (short) events};
        return;
    }
    for (size_t i = 0; i < self->n; i++)
        if (self->watched[i].fd == fd)
            self->watched[i] = self->watched[--self->n];
}

void
ears_add(ears_t *self, const files_t *files, void *owner)
{
    for (size_t i = 0; i < files->n; i++) {
        if (self->n == self->room) {
            self->room = self->room * 2 + 8;
            self->watched = mem_grow(self->watched, self->room * sizeof *self->watched);
            self->owners = mem_grow(self->owners, self->room * sizeof *self->owners);
        }
        self->watched[self->n] = files->watched[i];
        self->owners[self->n++] = owner;
    }
}

static uint64_t
real_ns(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/*  In real time, rounded up: the virtual clock never overtakes.  */
static int
patience_ms(const world_t *world, uint64_t until_ns)
{
    if (until_ns <= world->now_ns)
        return 0;
    const uint64_t ms = (until_ns - world->now_ns) / world->speed / 1000000 + 1;
    return ms < LONGEST_MS ? (int) ms : LONGEST_MS;
}

static int
as_ready(short events)
{
    return (events & POLLIN ? FD_READ : 0) | (events & POLLOUT ? FD_WRITE : 0);
}

/*  One that has failed is ready for whatever is wanted of it.  */
static int
readiness(const struct pollfd *file)
{
    const bool failed = file->revents & (POLLERR | POLLHUP | POLLNVAL);
    return failed ? as_ready(file->events) : as_ready(file->revents);
}

void
ears_listen(ears_t *self, world_t *world, uint64_t until_ns,
            void (*heard)(void *owner, int fd, int ready))
{
    const uint64_t began = real_ns();
    if (self->n == 0)
        return;
    (void) poll(self->watched, self->n, patience_ms(world, until_ns));
    const uint64_t passed = world->now_ns + (real_ns() - began) * world->speed;
    if (until_ns > world->now_ns)
        world->now_ns = passed < until_ns ? passed : until_ns;
    for (size_t i = 0; i < self->n; i++)
        if (self->watched[i].revents)
            heard(self->owners[i], self->watched[i].fd, readiness(&self->watched[i]));
    self->n = 0;
}

void
ears_release(ears_t *self)
{
    free(self->watched);
    free(self->owners);
    *self = (ears_t){0};
}
