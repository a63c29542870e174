/*  replay - gives a new actor what a tape says that one of its class took in, and compares what
    it does with what the tape says the other did.

    No socket, clock or chance: values come from the tape, in their order. Each input is
   followed by the values and outputs that belong to it, and those must be asked for and made in
   the same order; the first that differs ends the replay.  */

#pragma once

#include "runtime/actor.h"
#include "runtime/tape.h"

typedef struct replay_result {
    uint64_t inputs, outputs; /* that were alike */
    size_t event;             /* the first that differs; 0: all equal */
    buffer_t expected, got;   /* what the tape says, and what came instead */
} replay_result_t;

/*  class: whose instance it shall be, whatever its name. OK: it was run, and result tells how
   it went; otherwise the tape makes no sense.  */
CHECKED err_t replay_run(const tape_reader_t *tape, const actor_class_t *class,
                         const void *settings, replay_result_t *result, fault_t *fault);
void replay_result_release(replay_result_t *result);
