/*  What the actors have counted and remembered.  */

#include "runtime/cell_private.h"
#include "runtime/system_private.h"

#include <stdlib.h>
#include <string.h>

enum { US_PER_MS = 1000, NS_PER_US = 1000, NS_PER_MS = 1000000 };

/*  ------------------------------------------------------------------------- buckets  */

/*  A JSON reader keeps that many bits of a number.  */
#define ENDLESS_US (UINT64_C(1) << 53)

/*  From the first to the last one that is not empty: each begins where the one before ends.  */
static bucket_t *
list_buckets(const uint64_t counts[TIMES_BUCKETS], arena_t *arena, size_t *n)
{
    bucket_t *buckets = arena_new(arena, TIMES_BUCKETS * sizeof *buckets);
    *n = 0;
    for (size_t i = 0; i < TIMES_BUCKETS; i++) {
        uint64_t below = i + 1 < TIMES_BUCKETS ? UINT64_C(1) << i : ENDLESS_US;
        buckets[i] = (bucket_t){.below = below, .count = counts[i]};
        if (counts[i] > 0)
            *n = i + 1;
    }
    return buckets;
}

static void
add_times(const times_t *times, uint64_t counts[TIMES_BUCKETS], uint64_t *sum_us)
{
    if (times == NULL)
        return;
    for (size_t i = 0; i < TIMES_BUCKETS; i++)
        counts[i] += counter_get(&times->counts[i]);
    *sum_us += counter_get(&times->sum_us);
}

static bucket_t *
list_times(const times_t *times, arena_t *arena, size_t *n, uint64_t *sum_us)
{
    uint64_t counts[TIMES_BUCKETS] = {0};
    add_times(times, counts, sum_us);
    return list_buckets(counts, arena, n);
}

/*  -------------------------------------------------------------------------- metrics  */

static const char *
metric_title(arena_t *arena, const metric_about_t *about)
{
    if (about->labels[0] == '\0')
        return about->name;
    char *text = mem_format("%s{%s}", about->name, about->labels);
    const char *title = arena_text(arena, text);
    free(text);
    return title;
}

static void
fill_metric(const system_t *self, metric_id_t id, arena_t *arena, metric_t *metric)
{
    const metric_about_t *about = metric_about(id);
    uint64_t counts[TIMES_BUCKETS] = {0}, sum = 0;
    for (const resident_t *each = NULL; (each = system_next(self, each)) != NULL;) {
        const meters_t *meters = &each->cell->meters;
        sum += counter_get(&meters->values[id]);
        add_times(atomic_load_explicit(&meters->times[id], memory_order_acquire), counts, &sum);
    }
    *metric = (metric_t){.name = metric_title(arena, about),
                         .kind = metric_kind_name(about->kind),
                         .value = sum,
                         .help = about->help};
    if (about->kind == METRIC_TIMES)
        metric->buckets = list_buckets(counts, arena, &metric->n_buckets);
}

/*  --------------------------------------------------------------------------- actors  */

/*  Up to where it is done with what that one has sent.  */
static uint64_t
done_with(const cell_t *cell, const char *from)
{
    link_seen_t in;
    for (size_t i = 0; port_incoming(cell->port, i, &in); i++)
        if (strcmp(in.peer, from) == 0)
            return in.done;
    return 0;
}

static uint64_t
sent_and_not_done(const cell_t *from, const cell_t *to)
{
    link_seen_t out;
    for (size_t i = 0; port_outgoing(from->port, i, &out); i++) {
        if (strcmp(out.peer, to->class->name) != 0)
            continue;
        uint64_t done = done_with(to, from->class->name);
        return out.sent > done ? out.sent - done : 0;
    }
    return 0;
}

/*  Messages in an actor's mailbox and in its hands. Of those that come from outside, over ipc,
    only the latter are known.  */
static uint64_t
depth_of(const system_t *self, const cell_t *cell)
{
    uint64_t depth = 0;
    link_seen_t in;
    for (const resident_t *from = NULL; (from = system_next(self, from)) != NULL;)
        depth += sent_and_not_done(from->cell, cell);
    for (size_t i = 0; port_incoming(cell->port, i, &in); i++)
        if (strcmp(in.peer, "ipc") == 0)
            depth += in.sent - in.done;
    return depth;
}

static uint64_t
dead_of(const cell_t *cell)
{
    uint64_t dead = 0;
    for (err_t why = 0; why < ERR_COUNT; why++)
        dead += cell_dead(cell, why);
    return dead;
}

static void
fill_actor(const system_t *self, resident_t *resident, arena_t *arena, uint64_t now_ns,
           actor_stats_t *stats)
{
    const cell_t *cell = resident->cell;
    port_stats_t port = port_stats(cell->port);
    const char *parked_on = port_parked_on(cell->port);
    uint64_t answers = counter_get(&cell->answers_taken);
    *stats = (actor_stats_t){
        .name = arena_text(arena, cell->class->name), /* a plug-in takes its own along */
        .state = cell_state_name(resident->state),
        .received = port.received + answers,
        .done = port.done + answers,
        .sent = port.sent + port.answered,
        .depth = depth_of(self, cell),
        .in_flight = port.in_flight,
        .parked = port.parked,
        .parked_on = parked_on ? arena_text(arena, parked_on) : NULL,
        .requests = counter_get(&cell->requests.n),
        .dead = dead_of(cell),
        .restarts = counter_get(&cell->restarts),
        .tap_lost = counter_get(&cell->tap_lost),
        .busy_ms = system_busy_ns(resident, now_ns) / NS_PER_MS,
    };
    const char *busy = cell_busy_with(cell);
    stats->busy_with = busy ? arena_text(arena, busy) : NULL;
    stats->handled =
        list_times(&cell->meters.handled, arena, &stats->n_handled, &stats->handled_us);
    stats->waited =
        list_times(&cell->meters.waited, arena, &stats->n_waited, &stats->waited_us);
}

/*  ---------------------------------------------------------------------------- types  */

static void
add_type(const system_t *self, size_t id, arena_t *arena, stats_t *stats)
{
    uint64_t counts[TIMES_BUCKETS] = {0}, sum = 0;
    type_stats_t type = {.type = "other"};
    if (id < MSG_COUNT) {
        type.type = schema_of((message_id_t) id)->name;
        type.hash = schema_hash((message_id_t) id);
    }
    for (const resident_t *each = NULL; (each = system_next(self, each)) != NULL;) {
        const type_meter_t *meter = &each->cell->meters.types[id];
        type.received += counter_get(&meter->n);
        type.bytes += counter_get(&meter->bytes);
        add_times(atomic_load_explicit(&meter->waited, memory_order_acquire), counts, &sum);
    }
    if (type.received == 0)
        return;
    type.waited = list_buckets(counts, arena, &type.n_waited);
    stats->types[stats->n_types++] = type;
}

void
system_stats(ctx_t *ctx, stats_t *stats)
{
    system_t *self = ctx_system(ctx);
    arena_t *arena = ctx_arena(ctx);
    *stats = (stats_t){
        .time = self->options.wall_us(self->options.self) / US_PER_MS,
        .metrics = arena_new(arena, METRIC_COUNT * sizeof *stats->metrics),
        .n_metrics = METRIC_COUNT,
        .types = arena_new(arena, (MSG_COUNT + 1) * sizeof *stats->types),
    };
    pthread_mutex_lock(&self->lock);
    stats->actors = arena_new(arena, (system_size(self) + 1) * sizeof *stats->actors);
    uint64_t now_ns = ctx_now_us(ctx) * NS_PER_US;
    for (resident_t *each = NULL; (each = system_next(self, each)) != NULL;)
        fill_actor(self, each, arena, now_ns, &stats->actors[stats->n_actors++]);
    for (metric_id_t id = 0; id < METRIC_COUNT; id++)
        fill_metric(self, id, arena, &stats->metrics[id]);
    for (size_t id = 0; id <= MSG_COUNT; id++)
        add_type(self, id, arena, stats);
    pthread_mutex_unlock(&self->lock);
}

/*  ---------------------------------------------------------------------------- steps  */

enum { STEPS_TOLD = 256 };

typedef struct found {
    step_taken_t taken[STEPS_TOLD];
    const char *actors[STEPS_TOLD];
    size_t n;
} found_t;

static void
find_steps(const system_t *self, const uint8_t change[16], arena_t *arena, found_t *found)
{
    for (const resident_t *each = NULL; (each = system_next(self, each)) != NULL;) {
        size_t n = meters_steps(&each->cell->meters, change, &found->taken[found->n],
                                STEPS_TOLD - found->n);
        const char *name = n > 0 ? arena_text(arena, each->cell->class->name) : NULL;
        for (; n > 0; n--)
            found->actors[found->n++] = name;
    }
}

static int
compare_times(const void *a, const void *b)
{
    const change_step_t *first = a, *second = b;
    return (first->time_us > second->time_us) - (first->time_us < second->time_us);
}

void
system_steps(ctx_t *ctx, const char *change, change_steps_t *steps)
{
    system_t *self = ctx_system(ctx);
    uint8_t key[16];
    found_t *found = arena_new(ctx_arena(ctx), sizeof *found);
    step_change(change, key);
    pthread_mutex_lock(&self->lock);
    find_steps(self, key, ctx_arena(ctx), found);
    pthread_mutex_unlock(&self->lock);
    uint64_t boot_us = (uint64_t) self->options.wall_us(self->options.self) - ctx_now_us(ctx);
    steps->steps = arena_new(ctx_arena(ctx), STEPS_TOLD * sizeof *steps->steps);
    for (size_t i = 0; i < found->n; i++)
        steps->steps[i] = (change_step_t){
            .name = step_about(found->taken[i].step)->name,
            .time_us = boot_us + found->taken[i].now_ns / NS_PER_US,
            .actor = found->actors[i],
            .detail = found->taken[i].detail,
        };
    steps->n_steps = found->n;
    qsort(steps->steps, steps->n_steps, sizeof *steps->steps, compare_times);
}
