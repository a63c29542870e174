/*  watched - what client-changes shows of its work to whoever watches.  */

#pragma once

#include "runtime/actor.h"

/*  So many verdicts are made, and not committed yet; what has none is left out.  */
void watched_judged(ctx_t *ctx, const verdict_t *verdicts, size_t n);
/*  They are committed; their changes came at that time.  */
void watched_committed(ctx_t *ctx, const verdict_t *verdicts, size_t n, uint64_t taken_us);
