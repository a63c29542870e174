/*  sim_world - the clock, the chance and the trace that all parts of a simulation share.

    Whatever could happen next is a choice: when, and what to call. Each part of the
    simulation puts its choices on the agenda; one of those due is drawn and run.  */

#pragma once

#include "bus/envelope.h"
#include "runtime/sim.h"

typedef struct world {
    uint64_t now_ns;
    uint64_t random[4];
    sim_faults_t faults;
    uint64_t hash;
    FILE *trace;    /* NULL: nobody reads along */
    uint32_t speed; /* against real time, while files are watched; 0: none ever is ready */
    bool log;       /* lines of the actors go to stderr */
} world_t;

#define NEVER UINT64_MAX

void world_init(world_t *self, uint64_t seed, const sim_faults_t *faults);
uint64_t world_random(world_t *self);
/*  From 0 to limit - 1; 0 if limit is 0.  */
uint64_t world_below(world_t *self, uint64_t limit);
bool world_chance(world_t *self, uint32_t per_10000);
/*  When something that takes up to limit_ms and starts now will be there.  */
uint64_t world_later(world_t *self, uint32_t limit_ms);
int64_t world_wall_ms(const world_t *self);
int64_t world_wall_us(const world_t *self);

/*  What is delivered goes into the hash, and to whoever reads along.  */
void world_note(world_t *self, const char *what, bytes_t bytes);
void world_note_message(world_t *self, const char *node, const envelope_t *envelope,
                        bytes_t payload);
void world_note_frame(world_t *self, const char *address, conn_t conn, bytes_t frame);

typedef struct choice {
    uint64_t at_ns;
    void (*run)(void *subject);
    void *subject;
} choice_t;

typedef struct agenda {
    choice_t *choices;
    size_t n, room;
} agenda_t;

void agenda_add(agenda_t *self, uint64_t at_ns, void (*run)(void *subject), void *subject);
/*  When the first choice is; NEVER: there is none.  */
uint64_t agenda_first(const agenda_t *self);
/*  Moves the clock to the first choice, unless that lies beyond limit_ns, and draws one of
    those due. False: nothing happens until limit_ns, where the clock stands now.  */
bool agenda_draw(agenda_t *self, world_t *world, uint64_t limit_ns, choice_t *drawn);
void agenda_release(agenda_t *self);
