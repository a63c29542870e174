/*  watched - what client-changes shows of its work to whoever watches.  */

#pragma once

#include "actors/common/catalog.h"
#include "runtime/actor.h"

/*  Names the tables that are not synchronised, so that nobody looks for them on a client in
    vain.  */
void watched_left_out(ctx_t *ctx, catalog_t *catalog);
/*  So many verdicts are made, and not committed yet.  */
void watched_judged(ctx_t *ctx, const verdict_t *verdicts, size_t n);
/*  They are committed; their changes came at that time.  */
void watched_committed(ctx_t *ctx, const verdict_t *verdicts, size_t n, uint64_t taken_us);
