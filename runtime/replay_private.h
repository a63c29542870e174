/*  replay_private - shared by replay.c (inputs) and replay_host.c (values and outputs).  */

#pragma once

#include "runtime/cell_private.h"
#include "runtime/replay.h"
#include "runtime/tape_places.h"

typedef struct replay {
    const tape_reader_t *tape;
    size_t at; /* number of the next event */
    cell_t *cell;
    replay_result_t *result;
    bool running;    /* outside of it nothing is compared */
    tap_gate_t gate; /* shut: nobody taps it */
    bool broken;     /* the tape makes no sense */
    tape_event_t last_now, last_wall;
    tape_places_t places;
} replay_t;

/*  What comes next, as the actor's doing has it. False: something else does, or the replay is
    over.  */
bool replay_expect(replay_t *self, const tape_event_t *got, tape_event_t *found);
/*  The tape goes on with something that the actor does not do.  */
void replay_miss(replay_t *self, const char *got);
/*  One input, and whatever it brings forth.  */
void replay_feed(replay_t *self);

extern const cell_host_t replay_host; /* .transport.self is to be a replay_t */
extern const net_driver_t replay_driver;
