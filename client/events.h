/*  events - what has come, handed to whoever subscribed to it.  */

#pragma once

#include "client/handle.h"

/*  Calls back whoever wants it; counts it as something that happened.  */
void events_tell(waybill_t *self, waybill_event_t event);
/*  Events were lost: everything is to be read again.  */
void events_tell_missed(waybill_t *self);
/*  Takes in one message: an answer or an event.  */
void events_on_heard(waybill_t *self, const ipc_heard_t *heard);
/*  Removes the subscriptions that were cancelled.  */
void events_sweep(waybill_t *self);
void events_release(waybill_t *self);
