/*  figures - what `top` and `stats` show, made of two answers of the actor `system`.  */

#pragma once

#include "schemas/message.h"

/*  Microseconds: half of them were shorter, and 99 in a hundred. Of buckets, so about.  */
typedef struct spread {
    uint64_t n; /* 0: nothing was measured */
    uint64_t p50, p99;
} spread_t;

typedef struct actor_figures {
    const actor_stats_t *now;
    double messages; /* handled; a second, or in all */
    spread_t handled, waited;
} actor_figures_t;

typedef struct type_figures {
    const type_stats_t *now;
    double messages, bytes; /* a second, or in all */
    spread_t waited;
} type_figures_t;

typedef struct metric_figures {
    const metric_t *now;
    double amount; /* a gauge as it is; of the others a second, or in all */
    spread_t times;
} metric_figures_t;

typedef struct figures {
    bool rates; /* a second; else since the start */
    actor_figures_t *actors;
    type_figures_t *types;
    metric_figures_t *metrics;
    size_t n_actors, n_types, n_metrics;
    double messages; /* all actors together */
} figures_t;

/*  before NULL: totals since the start. Of what was not there before, or has begun anew since,
    all of it counts. Lives in arena, and points into after.  */
figures_t figures_make(const stats_t *before, const stats_t *after, arena_t *arena);

typedef enum figures_order {
    ORDER_messages,
    ORDER_name,
    ORDER_time,
    ORDER_load
} figures_order_t;
/*  time: the longest p99 first; load: the deepest mailbox, the most bytes.  */
void figures_sort(figures_t *self, figures_order_t order);
