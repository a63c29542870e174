/*  writing - batches, and writes that were sent and wait for an answer.

    Each change has an id before it is sent. So a write whose answer was lost with the agent
    is sent again, as often as it takes, and recorded once.  */

#pragma once

#include "client/handle.h"

/*  That was the answer to a write: removes it, and event tells what came of it. False: it was
    not, or it is not known yet what came of the write.  */
bool writing_on_answer(waybill_t *self, const ipc_heard_t *heard, waybill_event_t *event);
/*  The agent may have forgotten: what has no answer is asked again. Does not wait.  */
void writing_ask_again(waybill_t *self);
/*  What was answered with "nobody knows" is asked again.  */
void writing_ask_unasked(waybill_t *self);
void writing_release(waybill_t *self);
