#include "tools/tap/figures.h"

#include <stdlib.h>
#include <string.h>

/*  ------------------------------------------------------------------------- spread  */

typedef struct buckets {
    const bucket_t *at;
    size_t n;
} buckets_t;

static uint64_t
count_below(buckets_t buckets, uint64_t below)
{
    for (size_t i = 0; i < buckets.n; i++)
        if (buckets.at[i].below == below)
            return buckets.at[i].count;
    return 0;
}

/*  What has come into a bucket since; a count that fell has begun anew.  */
static uint64_t
grown(uint64_t before, uint64_t after)
{
    return after >= before ? after - before : after;
}

static uint64_t
sum(buckets_t before, buckets_t after)
{
    uint64_t n = 0;
    for (size_t i = 0; i < after.n; i++)
        n += grown(count_below(before, after.at[i].below), after.at[i].count);
    return n;
}

/*  The value that so many are not above: in its bucket as far as their share goes.  */
static uint64_t
quantile(buckets_t before, buckets_t after, double wanted)
{
    double passed = 0;
    for (size_t i = 0; i < after.n; i++) {
        uint64_t below = after.at[i].below;
        double n = (double) grown(count_below(before, below), after.at[i].count);
        if (n > 0 && passed + n >= wanted) {
            double low = (double) below / 2;
            return (uint64_t) (low + ((double) below - low) * (wanted - passed) / n);
        }
        passed += n;
    }
    return 0;
}

static spread_t
spread(buckets_t before, buckets_t after)
{
    uint64_t n = sum(before, after);
    if (n == 0)
        return (spread_t){0};
    return (spread_t){.n = n,
                      .p50 = quantile(before, after, (double) n * 0.5),
                      .p99 = quantile(before, after, (double) n * 0.99)};
}

/*  ------------------------------------------------------------------------ figures  */

/*  Zeros for one that was not there before.  */
static actor_stats_t
actor_before(const stats_t *before, const char *name)
{
    for (size_t i = 0; before && i < before->n_actors; i++)
        if (strcmp(before->actors[i].name, name) == 0)
            return before->actors[i];
    return (actor_stats_t){0};
}

static type_stats_t
type_before(const stats_t *before, const char *type)
{
    for (size_t i = 0; before && i < before->n_types; i++)
        if (strcmp(before->types[i].type, type) == 0)
            return before->types[i];
    return (type_stats_t){0};
}

static metric_t
metric_before(const stats_t *before, const char *name)
{
    for (size_t i = 0; before && i < before->n_metrics; i++)
        if (strcmp(before->metrics[i].name, name) == 0)
            return before->metrics[i];
    return (metric_t){0};
}

static actor_figures_t
actor_figures(const actor_stats_t *then, const actor_stats_t *now, double seconds)
{
    return (actor_figures_t){
        .now = now,
        .messages = (double) grown(then->done, now->done) / seconds,
        .handled = spread((buckets_t){then->handled, then->n_handled},
                          (buckets_t){now->handled, now->n_handled}),
        .waited = spread((buckets_t){then->waited, then->n_waited},
                         (buckets_t){now->waited, now->n_waited}),
    };
}

static type_figures_t
type_figures(const type_stats_t *then, const type_stats_t *now, double seconds)
{
    return (type_figures_t){
        .now = now,
        .messages = (double) grown(then->received, now->received) / seconds,
        .bytes = (double) grown(then->bytes, now->bytes) / seconds,
        .waited = spread((buckets_t){then->waited, then->n_waited},
                         (buckets_t){now->waited, now->n_waited}),
    };
}

static metric_figures_t
metric_figures(const metric_t *then, const metric_t *now, double seconds)
{
    metric_figures_t self = {.now = now, .amount = (double) now->value};
    if (strcmp(now->kind, "counter") == 0)
        self.amount = (double) grown(then->value, now->value) / seconds;
    if (strcmp(now->kind, "histogram") == 0) {
        self.times = spread((buckets_t){then->buckets, then->n_buckets},
                            (buckets_t){now->buckets, now->n_buckets});
        self.amount = (double) self.times.n / seconds;
    }
    return self;
}

figures_t
figures_make(const stats_t *before, const stats_t *after, arena_t *arena)
{
    double seconds = before ? (double) (after->time - before->time) / 1000 : 1;
    seconds = seconds > 0.001 ? seconds : 0.001; /* the clock may have been set back */
    figures_t self = {
        .rates = before != NULL,
        .actors = arena_new(arena, after->n_actors * sizeof(actor_figures_t)),
        .types = arena_new(arena, after->n_types * sizeof(type_figures_t)),
        .metrics = arena_new(arena, after->n_metrics * sizeof(metric_figures_t)),
        .n_actors = after->n_actors,
        .n_types = after->n_types,
        .n_metrics = after->n_metrics,
    };
    for (size_t i = 0; i < after->n_actors; i++) {
        const actor_stats_t *now = &after->actors[i], then = actor_before(before, now->name);
        self.actors[i] = actor_figures(&then, now, seconds);
        self.messages += self.actors[i].messages;
    }
    for (size_t i = 0; i < after->n_types; i++) {
        const type_stats_t *now = &after->types[i], then = type_before(before, now->type);
        self.types[i] = type_figures(&then, now, seconds);
    }
    for (size_t i = 0; i < after->n_metrics; i++) {
        const metric_t *now = &after->metrics[i], then = metric_before(before, now->name);
        self.metrics[i] = metric_figures(&then, now, seconds);
    }
    return self;
}

/*  ------------------------------------------------------------------------ sorting  */

static int
downwards(double a, double b)
{
    return (a < b) - (a > b);
}

static int
actors_by_name(const void *a, const void *b)
{
    const actor_figures_t *x = a, *y = b;
    return strcmp(x->now->name, y->now->name);
}

static int
actors_by_messages(const void *a, const void *b)
{
    const actor_figures_t *x = a, *y = b;
    int order = downwards(x->messages, y->messages);
    return order ? order : actors_by_name(a, b);
}

static int
actors_by_time(const void *a, const void *b)
{
    const actor_figures_t *x = a, *y = b;
    int order = downwards((double) x->handled.p99, (double) y->handled.p99);
    return order ? order : actors_by_name(a, b);
}

static int
actors_by_load(const void *a, const void *b)
{
    const actor_figures_t *x = a, *y = b;
    int order = downwards((double) x->now->depth, (double) y->now->depth);
    return order ? order : actors_by_name(a, b);
}

static int
types_by_name(const void *a, const void *b)
{
    const type_figures_t *x = a, *y = b;
    return strcmp(x->now->type, y->now->type);
}

static int
types_by_messages(const void *a, const void *b)
{
    const type_figures_t *x = a, *y = b;
    int order = downwards(x->messages, y->messages);
    return order ? order : types_by_name(a, b);
}

static int
types_by_time(const void *a, const void *b)
{
    const type_figures_t *x = a, *y = b;
    int order = downwards((double) x->waited.p99, (double) y->waited.p99);
    return order ? order : types_by_name(a, b);
}

static int
types_by_load(const void *a, const void *b)
{
    const type_figures_t *x = a, *y = b;
    int order = downwards(x->bytes, y->bytes);
    return order ? order : types_by_name(a, b);
}

typedef int order_fn(const void *a, const void *b);

static const struct {
    order_fn *actors, *types;
} orders[] = {
    [ORDER_messages] = {actors_by_messages, types_by_messages},
    [ORDER_name] = {actors_by_name, types_by_name},
    [ORDER_time] = {actors_by_time, types_by_time},
    [ORDER_load] = {actors_by_load, types_by_load},
};

void
figures_sort(figures_t *self, figures_order_t order)
{
    if (self->n_actors > 0)
        qsort(self->actors, self->n_actors, sizeof *self->actors, orders[order].actors);
    if (self->n_types > 0)
        qsort(self->types, self->n_types, sizeof *self->types, orders[order].types);
}
