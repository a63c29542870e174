/*  plugin_turn - one thing that the process of a plug-in asks its parent to do.  */

#pragma once

#include "runtime/plugin_acts.h"
#include "runtime/plugin_frames.h"

/*  given is valid until the next, and until the end of the round. False: it is no such thing.
 */
bool plugin_turn(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given);
