/*  shell_private - the inside of a shell, shared by shell.c (its life), shell_host.c (what its
   cell wants of it) and shell_wait.c (how it waits).  */

#pragma once

#include "runtime/shell.h"

#include <poll.h>
#include <pthread.h>

struct shell {
    const actor_class_t *class;
    shell_options_t options;
    postbox_t *post;
    cell_t *cell;
    net_t *net;
    tap_source_t *tap;
    tap_gate_t gate;
    tap_ear_t *ear; /* NULL: it cannot watch the tap */
    int ear_fd;
    bool ear_open, ear_empty;
    int inbox_fds[LANE_COUNT];
    struct pollfd fds[MOST_FDS]; /* watched by the actor */
    size_t n_fds;
    uint64_t chance; /* state of the generator */
    pthread_t thread;
    bool empty[LANE_COUNT]; /* the last look found nothing: its descriptor will tell */
    bool launched, stopping;
    char leaving[NAME_ROOM + 1]; /* actor that is about to go; empty: none */
    uint64_t order;              /* number of the last order about another */
};

/*  What the cell is given.  */
cell_host_t shell_host(shell_t *self);

/*  Has the last look left something?  */
bool shell_something_waits(const shell_t *self);
/*  Until something comes, or is due.  */
void shell_wait(shell_t *self);
