/*  intake - what has come over the bus and was not delivered yet.

    It is taken off the bus at every call, not at dispatching only: the agent counts what is
    not taken, and would at last accept no more writes. The queue has a limit, beyond which
    events are forgotten and MISSED says so; answers are kept.  */

#pragma once

#include "client/handle.h"

/*  Waits at most that long for something, then takes all that is there.  */
void intake_collect(waybill_t *self, int timeout_ms);
/*  The oldest; false: there is none. Its body lives in the handle's arena, which is cleared
    before.  */
bool intake_next(waybill_t *self, ipc_heard_t *heard);
/*  Events were forgotten since the last call of this.  */
bool intake_overflowed(waybill_t *self);
void intake_release(waybill_t *self);
