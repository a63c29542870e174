/*  wishes - what a page wants to have done, in frames of its WebSocket.  */

#pragma once

#include "actors/common/monitor/asking.h"

/*  One frame; each is answered.  */
void wishes_take(monitor_t *self, ctx_t *ctx, watcher_t *watcher, bytes_t frame);
