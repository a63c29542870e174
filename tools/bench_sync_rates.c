/*  How fast much of it goes: down to an agent and up from one.  */

#include "tools/bench_agent.h"
#include "tools/bench_sync.h"
#include "tools/bench_world.h"
#include "tools/bench_writes.h"
#include "tools/measure.h"
#include "tools/verb.h"

enum {
    INITIAL = 100000,
    UPLOAD = 10000,
    STREAM = 20000,
    A_TRANSACTION = 100,
};

/*  ------------------------------------------------------------------------- the clocks  */

typedef struct watch {
    uint64_t start;
    double server_s, agent_s;
} watch_t;

static watch_t
watch_start(const bench_world_t *world)
{
    return (watch_t){.start = now_ns(),
                     .server_s = member_cpu(&world->server),
                     .agent_s = member_cpu(&world->agents[0])};
}

/*  After n changes.  */
static void
watch_read(const watch_t *self, const bench_world_t *world, size_t n, measured_t *ours)
{
    const double us = 1e6 / (double) n;
    ours->figures[0] = (double) n / seconds_since(self->start);
    ours->server_us = (member_cpu(&world->server) - self->server_s) * us;
    ours->agents_us = (member_cpu(&world->agents[0]) - self->agent_s) * us;
}

/*  ----------------------------------------------------------------------- initial sync  */

static bool
first_sync(bench_world_t *world, size_t n, measured_t *ours)
{
    member_t *agent = bench_world_add_agent(world);
    const watch_t watch = watch_start(world);
    const bool good = agent && member_connect(agent) && bench_world_await(world, agent);
    watch_read(&watch, world, n, ours);
    return good;
}

/*  A world with an agent that has what there is: nothing.  */
static bool
begin(bench_world_t *world)
{
    measured_t nothing;
    return world && first_sync(world, 1, &nothing);
}

static bool
has_rows(bench_world_t *world, size_t rows)
{
    return member_await(&world->agents[0], "SELECT count(*) FROM items", (int64_t) rows);
}

bool
sync_initial(const bench_t *bench, measured_t *ours)
{
    const size_t rows = bench_size(bench, INITIAL);
    bench_world_t *world = bench_world_new(bench, rows);
    const bool good = world && first_sync(world, rows, ours) && has_rows(world, rows);
    bench_world_destroy(&world);
    return good;
}

/*  ----------------------------------------------------------------------------- upload  */

static bytes_t
as_recorded(size_t number, arena_t *arena, const char **id)
{
    const bench_item_t item = bench_item(number);
    *id = arena_text(arena, item.id);
    return bench_item_row(&item, arena);
}

static bool
upload(bench_world_t *world, size_t n, measured_t *ours)
{
    static const char undecided[] =
        "SELECT EXISTS (SELECT 1 FROM local_changes WHERE processed_sync = 0)";
    member_t *agent = &world->agents[0];
    if (!member_disconnect(agent) || !member_queue_items(agent, 0, n, as_recorded))
        return false;
    const watch_t watch = watch_start(world);
    const bool good = member_connect(agent) && member_await(agent, undecided, 0);
    watch_read(&watch, world, n, ours);
    return good && member_await(&world->server, "SELECT count(*) FROM items", (int64_t) n);
}

bool
sync_upload(const bench_t *bench, measured_t *ours)
{
    const size_t n = bench_size(bench, UPLOAD);
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = begin(world) && upload(world, n, ours);
    bench_world_destroy(&world);
    return good;
}

/*  ------------------------------------------------------------- what the server streams  */

/*  The clock starts before the first write.  */
static bool
fan_out(bench_world_t *world, size_t n, measured_t *ours)
{
    const watch_t watch = watch_start(world);
    const bool good = member_put_items(&world->server, 0, n, A_TRANSACTION)
                      && bench_world_await(world, &world->agents[0]);
    watch_read(&watch, world, n, ours);
    return good;
}

bool
sync_fan_out(const bench_t *bench, measured_t *ours)
{
    const size_t n = bench_size(bench, STREAM);
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = begin(world) && fan_out(world, n, ours) && has_rows(world, n);
    bench_world_destroy(&world);
    return good;
}

static bool
catch_up(bench_world_t *world, size_t n, measured_t *ours)
{
    member_t *agent = &world->agents[0];
    if (!member_disconnect(agent) || !member_put_items(&world->server, 0, n, A_TRANSACTION))
        return false;
    const watch_t watch = watch_start(world);
    const bool good = member_connect(agent) && bench_world_await(world, agent);
    watch_read(&watch, world, n, ours);
    return good;
}

bool
sync_catch_up(const bench_t *bench, measured_t *ours)
{
    const size_t n = bench_size(bench, STREAM);
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = begin(world) && catch_up(world, n, ours) && has_rows(world, n);
    bench_world_destroy(&world);
    return good;
}
