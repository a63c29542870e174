/*  answers - what the recorder says to whoever asked, once the round is on disk.  */

#pragma once

#include "actors/agent/recording.h"

/*  To the jobs of the round, and to those that have waited for what it decided.  */
void answers_give(recorder_t *self, ctx_t *ctx);
/*  To those that have waited long enough; with all set, to everybody that waits.  */
void answers_give_late(recorder_t *self, ctx_t *ctx, bool all);

/*  The recorder's timer for it.  */
enum { TIMER_WAITERS = 1 };
