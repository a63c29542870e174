/*  cache - the rows of one table; the part of it that reading.c drives.  */

#pragma once

#include "client/handle.h"
#include "client/rows.h"

void cache_note(waybill_cache_t *self, const char *table, const char *id);
void cache_note_all(waybill_cache_t *self);
/*  What failed is tried again.  */
void cache_retry(waybill_cache_t *self);
CHECKED err_t cache_refresh(waybill_cache_t *self, fault_t *fault);
waybill_cache_t *cache_next(const waybill_cache_t *self);
/*  Removes those that were closed; all: every one.  */
void caches_sweep(waybill_cache_t **at, bool all);
