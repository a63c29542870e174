/*  live - a query that is run again; the part of it that reading.c drives.  */

#pragma once

#include "client/handle.h"

void live_note(waybill_live_t *self, const char *table);
void live_note_all(waybill_live_t *self);
/*  What failed is tried again.  */
void live_retry(waybill_live_t *self);
/*  Calls back if there is a difference.  */
CHECKED err_t live_refresh(waybill_live_t *self, fault_t *fault);
waybill_live_t *live_next(const waybill_live_t *self);
/*  Removes those that were closed; all: every one.  */
void lives_sweep(waybill_live_t **at, bool all);
