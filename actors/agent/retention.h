/*  retention - rows of local_changes that are done are kept for a time, or up to a number,
    and then removed with their errors, a portion at a time.

    Never removed: what is not decided or not in its table; an applied change that still stands
    above the server's stream; whatever belongs to a row with an undecided change, or with a
    server change that is set aside.  */

#pragma once

#include "actors/agent/recording.h"

enum { TIMER_RETENTION = 2 }; /* of the recorder */

/*  Something was written, by whomever: in a while it is looked whether anything is too old.
    Without that nobody looks, so that idleness costs nothing.  */
void retention_arm(recorder_t *recorder, ctx_t *ctx);
void retention_on_timer(recorder_t *recorder, ctx_t *ctx);
