/*  A server and three agents under faults. After every step each replica is the server at one
    position with its own changes on top; what was acknowledged is never lost, nothing takes
    effect twice, and at rest all are equal.

    WAYBILL_SIM_LOG=1 shows what the actors log, WAYBILL_SIM_TRACE=1 every message and frame,
    WAYBILL_SIM_KEEP=1 keeps the databases.  */

#include "tests/sim/seeds.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sync_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SEEDS = 100, EARLY = 2, ROUNDS = 20, REST_MS = 900000, TWICE = 40, DAY_MS = 86400000 };

/*  --------------------------------------------------------------------------- disturbing  */

/*  Up to a day before or after the right time, or right again.  */
static void
set_a_clock(world_t *self)
{
    const int64_t ahead = (int64_t) world_draw(self, 2 * DAY_MS + 1) - DAY_MS;
    const size_t whose = world_draw(self, AGENTS + 1);
    sim_set_clock(self->sim, whose < AGENTS ? self->agents[whose].node : self->node,
                  world_draw(self, 3) == 0 ? 0 : ahead);
}

static void
disturb(world_t *self)
{
    for (size_t i = 0; i < AGENTS; i++)
        if (self->agents[i].started && world_draw(self, 10) == 0)
            sim_link(self->sim, self->agents[i].node, world_draw(self, 2) == 0);
    if (world_draw(self, 8) == 0)
        set_a_clock(self);
    if (world_draw(self, 4) == 0)
        world_write_on_server(self);
    world_run(self, world_draw(self, 800));
}

/*  The first agents make the tables with their first connection: writes before are refused.  */
static void
work(world_t *self)
{
    for (size_t i = 0; i < EARLY; i++)
        world_start_agent(self, i);
    world_run(self, 3000);
    for (size_t round = 0; round < ROUNDS && self->complaints->size == 0; round++) {
        if (round == ROUNDS / 2)
            world_start_agent(self, EARLY);
        for (size_t i = 0; i < AGENTS; i++)
            if (self->agents[i].started)
                world_write(self, &self->agents[i]);
        disturb(self);
        for (size_t i = 0; i < AGENTS; i++)
            world_listen(self, &self->agents[i]);
    }
}

/*  ----------------------------------------------------------------------------- resting  */

static bool
all_synced(world_t *self)
{
    for (size_t i = 0; i < AGENTS; i++) {
        agent_t *agent = &self->agents[i];
        agent->synced = false;
        agent->question = sim_ask(self->sim, agent->node, "service", MSG_status_get,
                                  &(status_get_t){.fresh = true});
    }
    world_run(self, 1000);
    bool synced = true;
    for (size_t i = 0; i < AGENTS; i++) {
        world_listen(self, &self->agents[i]);
        synced &= self->agents[i].synced;
    }
    return synced;
}

/*  Twice in a row: one may have been told before another had sent its last change.  */
static void
rest(world_t *self)
{
    sim_calm(self->sim);
    for (size_t i = 0; i < AGENTS; i++)
        sim_link(self->sim, self->agents[i].node, true);
    uint64_t limit = sim_now_ms(self->sim) + REST_MS;
    for (int in_a_row = 0; in_a_row < 2 && self->complaints->size == 0;) {
        in_a_row = all_synced(self) ? in_a_row + 1 : 0;
        for (size_t i = 0; sim_now_ms(self->sim) > limit && i < AGENTS; i++)
            if (!self->agents[i].synced)
                buffer_add_format(self->complaints, "%s is not synced\n", self->agents[i].name);
    }
}

/*  ------------------------------------------------------------------------------ the run  */

static void
compare_agent(world_t *self, agent_t *agent)
{
    for (size_t t = 0; t < TABLES; t++)
        compare_tables(self->server_path, agent->path, sim_tables[t], self->complaints);
    compare_journals(self->server_path, agent->path, buffer_text(&agent->written),
                     self->complaints);
}

static uint64_t
run(uint64_t seed, buffer_t *complaints)
{
    world_t world;
    world_begin(&world, seed, complaints);
    work(&world);
    if (complaints->size == 0)
        rest(&world);
    for (size_t i = 0; i < AGENTS && complaints->size == 0; i++)
        compare_agent(&world, &world.agents[i]);
    if (complaints->size == 0)
        compare_effects(world.server_path, complaints);
    uint64_t hash = sim_trace_hash(world.sim);
    world_end(&world);
    return hash;
}

static void
synchronise(uint64_t seed, buffer_t *complaints)
{
    (void) run(seed, complaints);
}

static void
repeat(uint64_t seed, buffer_t *complaints)
{
    if (seed % TWICE != 1)
        return;
    uint64_t hash = run(seed, complaints);
    if (run(seed, complaints) != hash)
        buffer_add_text(complaints, "two runs differ\n");
}

static void
replicas_converge_whatever_happens(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("sync_sim_test", SEEDS, synchronise), 0);
}

static void
a_seed_is_a_run_bit_for_bit(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("sync_sim_test", SEEDS, repeat), 0);
}

int
main(void)
{
    /*  There is one thread, and nobody asks what SQLite uses.  */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sim_clock_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_converge_whatever_happens),
        cmocka_unit_test(a_seed_is_a_run_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
