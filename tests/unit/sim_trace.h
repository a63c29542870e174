/*  sim_trace - what was delivered in a simulation, to be looked through.  */

#pragma once

#include "runtime/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct trace {
    FILE *out;
    char *text;
    size_t size;
} trace_t;

static inline void
trace_begin(trace_t *self, sim_t *sim)
{
    *self = (trace_t){0};
    self->out = open_memstream(&self->text, &self->size);
    sim_trace_to(sim, self->out);
}

/*  What was written until now.  */
static inline const char *
trace_text(trace_t *self)
{
    (void) fflush(self->out);
    return self->text;
}

static inline void
trace_end(trace_t *self, sim_t *sim)
{
    sim_trace_to(sim, NULL);
    (void) fclose(self->out);
    free(self->text);
}

/*  How many lines have this in them.  */
static inline size_t
trace_count(trace_t *self, const char *what)
{
    size_t n = 0;
    for (const char *at = trace_text(self); (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}
