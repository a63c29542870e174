#include "actors/server/chunk_steps.h"

void
chunk_steps(ctx_t *ctx, step_name_t step, const stream_chunk_t *chunk)
{
    for (size_t i = 0; i < chunk->n_changes; i++)
        if (chunk->changes[i].id && chunk->changes[i].id[0])
            ctx_step(ctx, step, chunk->changes[i].id, chunk->session);
}
