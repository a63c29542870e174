/*  filling - copies all published tables into the cache, a portion at a time.

    It begins when the slot is there, reads what its snapshot shows, and ends with one commit of
    the cache. From then on the slot has everything that is missing.  */

#pragma once

#include "actors/server/postgres/cache.h"
#include "actors/server/postgres/tables.h"
#include "actors/server/postgres/wal_stream.h"

typedef struct filling filling_t;

typedef enum filling_step { FILLING_WAITS, FILLING_WORKS, FILLING_DONE } filling_step_t;

/*  pg: a connection that nobody else uses until it is done.  */
filling_t *filling_new(cache_t *cache, pg_t *pg, const settings_t *settings);
void filling_destroy(filling_t **self);

CHECKED err_t filling_begin(filling_t *self, const wal_snapshot_t *snapshot, fault_t *fault);
/*  FILLING_WAITS: watch the connection; FILLING_WORKS: there is more at once. FILLING_DONE: all
    is in the cache, and filling_end() commits it.  */
CHECKED err_t filling_go_on(filling_t *self, filling_step_t *step, fault_t *fault);
/*  state: what the cache belongs to; position and clock are filled in.  */
CHECKED err_t filling_end(filling_t *self, cache_state_t *state, fault_t *fault);

/*  For the log.  */
size_t filling_tables(const filling_t *self);
uint64_t filling_rows(const filling_t *self);
