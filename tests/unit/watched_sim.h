/*  watched_sim - what the actors of a simulation have counted, and the steps of changes that
    they remember.  */

#pragma once

#include "runtime/sim.h"
#include "tests/unit/pair_sim.h"

enum { STEPS_SEEN = 32 };

static inline const meters_t *
meters_of(world_t *world, int node, const char *actor)
{
    const cell_t *cell = sim_cell(world->sim, node, actor);
    assert_non_null(cell);
    return cell_meters(cell);
}

/*  "recorded sent decided": of that change, at that actor, in their order.  */
static inline const char *
steps_at(world_t *world, int node, const char *actor, const char *change)
{
    step_taken_t steps[STEPS_SEEN];
    uint8_t key[16];
    buffer_t text = {0};
    step_change(change, key);
    const size_t n = meters_steps(meters_of(world, node, actor), key, steps, STEPS_SEEN);
    for (size_t i = 0; i < n; i++)
        buffer_add_format(&text, "%s%s", i > 0 ? " " : "", step_about(steps[i].step)->name);
    const char *kept = arena_text(&world->arena, buffer_text(&text));
    buffer_release(&text);
    return kept;
}

static inline void
expect_steps(world_t *world, int node, const char *actor, const char *change,
             const char *expected)
{
    assert_string_equal(steps_at(world, node, actor, change), expected);
}

/*  What that step says; it must have been taken.  */
static inline uint64_t
detail_at(world_t *world, int node, const char *actor, const char *change, step_name_t step)
{
    step_taken_t steps[STEPS_SEEN];
    uint8_t key[16];
    step_change(change, key);
    const size_t n = meters_steps(meters_of(world, node, actor), key, steps, STEPS_SEEN);
    for (size_t i = 0; i < n; i++)
        if (steps[i].step == step)
            return steps[i].detail;
    fail_msg("%s: no step %s", actor, step_about(step)->name);
    return 0;
}

static inline uint64_t
value_at(world_t *world, int node, const char *actor, metric_id_t metric)
{
    return atomic_load(&meters_of(world, node, actor)->values[metric]);
}

/*  How many times were measured.  */
static inline uint64_t
times_at(world_t *world, int node, const char *actor, metric_id_t metric)
{
    const times_t *times = atomic_load(&meters_of(world, node, actor)->times[metric]);
    uint64_t n = 0;
    for (size_t i = 0; times && i < TIMES_BUCKETS; i++)
        n += atomic_load(&times->counts[i]);
    return n;
}

#define VALUE(world, node, actor, name) value_at(world, node, actor, METRIC_##name)
#define MEASURED(world, node, actor, name) times_at(world, node, actor, METRIC_##name)

/*  ------------------------------------------------------------------ a second agent  */

typedef struct other {
    char path[140];
    settings_t settings;
    int node;
} other_t;

static other_t other;

static inline void
add_other(world_t *world)
{
    (void) snprintf(other.path, sizeof other.path, "%s/other.db", world->directory);
    other.settings = world->settings;
    other.settings.agent_db = other.path;
    other.node = sim_node(world->sim, "other", NULL, &other.settings);
    for (size_t i = 0; agent_actors[i]; i++)
        sim_add(world->sim, other.node, agent_actors[i]);
}

/*  Two agents that are live.  */
static inline void
start_three(world_t *world)
{
    add_server(world);
    add_other(world);
    start_server(world);
    start_agent(world);
    start_node(world->sim, other.node);
    connect_agent(world);
    sim_tell(world->sim, other.node, "service", MSG_connect, &(connect_t){});
    await_synced(world);
    await_synced_of(world, other.node);
}

static inline void
await_quiet(world_t *world)
{
    await_synced(world);
    await_synced_of(world, other.node);
}
