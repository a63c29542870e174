/*  bench_writes - an application that writes row after row through its agent.  */

#pragma once

#include "tools/bench_world.h"

/*  Row number i: its id (both live in arena).  */
typedef bytes_t row_fn(size_t number, arena_t *arena, const char **id);

/*  Rows first to first + n of `items`, each a local transaction of its own; recorded, when it
    returns. False after a complaint.  */
bool member_queue_items(member_t *agent, size_t first, size_t n, row_fn *row);

/*  Waits until the agent hears us again: it gives up whoever is silent for some seconds. False
    after a complaint.  */
bool member_greet(member_t *agent);
