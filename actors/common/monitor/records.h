/*  records - the messages between actors, while a page follows them.  */

#pragma once

#include "actors/common/monitor/monitor.h"

/*  Watches the tap if a page follows, and no longer than that. ERR_NOT_FOUND: there is none. */
CHECKED err_t records_follow(monitor_t *self, ctx_t *ctx);
/*  What came in at an actor, or was not delivered, to the pages that want it.  */
err_t records_pass_on(void *state, ctx_t *ctx, const tap_record_t *record);
