/*  chunk_steps - how far the changes in a chunk of a stream have come, for whoever watches.  */

#pragma once

#include "runtime/actor.h"

/*  Rows of a snapshot, and what programs on the server wrote, have no ids: there is no journey
    to follow.  */
void chunk_steps(ctx_t *ctx, step_name_t step, const stream_chunk_t *chunk);
