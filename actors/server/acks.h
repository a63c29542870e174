/*  acks - what clients have acknowledged, kept by the registry now and then.

    It only tells people where each client stands, so it may be late, and lost.  */

#pragma once

#include "actors/server/registry.h"
#include "actors/server/streams.h"
#include "runtime/actor.h"

enum { TIMER_ACKS = 0 }; /* other timers of distributor are sessions */

/*  Zero is none.  */
typedef struct acks {
    size_t n; /* since they were saved */
    bool due; /* at the end of this round */
} acks_t;

/*  Of a stream that has it from now on; arms the timer.  */
void acks_note(acks_t *self, ctx_t *ctx, stream_t *stream, uint64_t lsn);
/*  What was not kept stays for the next time.  */
void acks_save(acks_t *self, ctx_t *ctx, streams_t *streams, registry_t *registry);
