/*  system_private - the inside of a system, shared by system.c (who is here), system_tree.c,
    system_stats.c (what is told of them), and the cells that are in it.  */

#pragma once

#include "runtime/cell.h"
#include "runtime/system.h"

#include <pthread.h>

/*  A cell, and what it last said of its state.  */
typedef struct resident {
    struct resident *next;
    const cell_t *cell;
    cell_state_t state;
    char reason[256];
} resident_t;

struct system {
    system_options_t options;
    int64_t started_ms;
    pthread_mutex_t lock;          /* of all that follows */
    resident_t *residents, **last; /* in the order they were made */
    char monitor[128];
};

/*  How many residents.  */
size_t system_size(const system_t *self);

/*  For cells; self may be NULL, then nothing happens.  */
void system_join(system_t *self, const cell_t *cell);
void system_leave(system_t *self, const cell_t *cell);
void system_note_state(system_t *self, const cell_t *cell, cell_state_t state,
                       const char *reason);
