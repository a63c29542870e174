/*  capturing_sim - an agent in the simulator that captures with triggers.  */

#pragma once

#include "tests/unit/agent_sim.h"

#define START_SQL "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT, done INTEGER)"

static inline void
start_capturing(world_t *world)
{
    world->settings.agent_capture = "triggers";
    start_with_todo(world);
}

/*  Whatever waits in the outbox, at most.  */
static inline const outbox_batch_t *
fetch(world_t *world)
{
    return ASK(world, "recorder", outbox_fetch, outbox_batch, .limit = 1000,
               .max_bytes = 1000000);
}

static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    assert_string_equal(text_of(world, sql), expected);
}
