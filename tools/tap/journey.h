/*  journey - the steps of one change, from wherever they are known, in the order of time.  */

#pragma once

#include "schemas/base.h"
#include "schemas/steps.h"

/*  Whoever tells of a step knows its time so well, in microseconds. A step that somebody else
    tells better is not told twice.  */
enum { FROM_MEMORY = 1000, FROM_LOG = 5000, FROM_ROWS = 1000000 };

typedef struct journey_step {
    uint64_t time_us; /* since 1970 */
    uint64_t within_us;
    const char *process; /* who tells it: a process, or a file */
    const char *actor;
    step_name_t step;
    uint64_t detail;
    bool shown;
} journey_step_t;

/*  Zero is empty.  */
typedef struct journey {
    const char *change;
    arena_t arena;
    journey_step_t *steps;
    size_t n, room;
    buffer_t notes; /* lines of what has no time */
} journey_t;

/*  Texts are copied. One that is known already is not added.  */
void journey_add(journey_t *self, const journey_step_t *step);
/*  A line of what has no time.  */
void journey_note(journey_t *self, const char *format, ...) PRINTF_LIKE(2, 3);
/*  Puts the steps in order; of what several tell, the best is kept.  */
void journey_arrange(journey_t *self);
bool journey_has(const journey_t *self, step_name_t step);
/*  It is applied somewhere, or was refused, or a person has ended it.  */
bool journey_has_ended(const journey_t *self);
/*  Lines: stations between others that nobody tells of, what comes next, and replicas that have
    not said that they applied it.  */
void journey_missing(const journey_t *self, buffer_t *out);
void journey_release(journey_t *self);

/*  A line for people, or one JSON object; the step before (NULL: it is the first).  */
void journey_write(const journey_t *self, const journey_step_t *step,
                   const journey_step_t *before, bool coloured, buffer_t *out);
void journey_write_json(const journey_t *self, const journey_step_t *step,
                        const journey_step_t *before, buffer_t *out);
