/*  reading - keeps caches and live queries as the database has it.

    Events say what to read again. Where they may have been missed (the agent was away, it says
    that they were lost, or the database changed without any) everything is read again.  */

#pragma once

#include "client/handle.h"
#include "client/reader.h"

/*  Opens the database of the agent, if it is not open; timeouts are the handle's.  */
CHECKED err_t reading_begin(waybill_t *self, fault_t *fault);

/*  That row may have changed.  */
void reading_note(waybill_t *self, const char *table, const char *id);
/*  Anything may have.  */
void reading_note_all(waybill_t *self);
/*  Once a second: did anything change without an event?  */
void reading_tick(waybill_t *self);
/*  Reads what was noted. On an error the rest is done nevertheless, and the next tick tries
    again.  */
CHECKED err_t reading_refresh(waybill_t *self, fault_t *fault);
/*  Removes what was closed.  */
void reading_sweep(waybill_t *self);
void reading_release(waybill_t *self);
