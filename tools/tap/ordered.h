/*  ordered - puts lines that come a little out of order back into the order of time.

    Each actor hands over what it has seen every few milliseconds, so a message may be told to
    have come in before it is told to have been sent. Lines wait for a moment, and leave by
    their time.  */

#pragma once

#include "schemas/base.h"

enum { ORDERED_WAIT_MS = 40 };

typedef struct ordered ordered_t;

ordered_t *ordered_new(void);
void ordered_destroy(ordered_t **self);

/*  Takes a copy of the line, which was so at that moment; those of one moment stay as given. */
void ordered_add(ordered_t *self, uint64_t at_ns, const char *line);
/*  Adds to out all lines of that moment and before; UINT64_MAX: all.  */
void ordered_take(ordered_t *self, uint64_t until_ns, buffer_t *out);
bool ordered_is_empty(const ordered_t *self);
