/*  system_private - the inside of a system, shared by system.c (who is here), system_tree.c,
    system_stats.c (what is told of them), and the cells that are in it.  */

#pragma once

#include "runtime/cell.h"
#include "runtime/graveyard.h"
#include "runtime/system.h"
#include "runtime/watched.h"

#include <pthread.h>

enum { MOST_RESIDENTS = 256 };

/*  A place for a cell, and what it last said of its state. Places are never given back, so that
    a signal handler can look at them; once a cell is gone, its place is there for another.  */
typedef struct resident {
    char name[NAME_ROOM + 1];
    watched_t watched;
    /*  Behind the lock.  */
    const cell_t *cell; /* NULL: gone */
    cell_state_t state;
    char reason[256];
    uint64_t calls, since_ns; /* as last looked at: that call has gone on since then */
    bool told;                /* that it is stuck in it */
} resident_t;

enum { MOST_JOINED = 64 };

/*  A program that has joined.  */
typedef struct visitor {
    char name[NAME_ROOM + 1];
    hello_t *hello;
} visitor_t;

struct system {
    system_options_t options;
    int64_t started_ms;
    _Atomic(resident_t *) residents[MOST_RESIDENTS]; /* in the order they were made */
    pthread_mutex_t lock;                            /* of what follows */
    char monitor[128];
    unsigned dumps;
    graveyard_t graveyard;
    visitor_t visitors[MOST_JOINED];
    size_t n_visitors;
};

/*  The i-th; NULL: there are not so many. Signal handlers may.  */
resident_t *system_resident(const system_t *self, size_t i);
/*  The next one whose cell lives, after NULL the first. With the lock held.  */
resident_t *system_next(const system_t *self, const resident_t *after);
/*  How many those are.  */
size_t system_size(const system_t *self);

/*  For how long it has been in the same callback, at least; 0: it is idle. With the lock held.
 */
uint64_t system_busy_ns(resident_t *resident, uint64_t now_ns);

/*  For cells. Without a system nothing happens, but for join, which gives memory that is the
    cell's then.  */
/*  What the system itself knows.  */
const char *system_monitor_known(ctx_t *ctx);
watched_t *system_join(system_t *self, const cell_t *cell);
/*  It will not be delivered.  */
void system_bury(system_t *self, const envelope_t *envelope, bytes_t payload, err_t why);
void system_leave(system_t *self, const cell_t *cell);
void system_note_state(system_t *self, const cell_t *cell, cell_state_t state,
                       const char *reason);
