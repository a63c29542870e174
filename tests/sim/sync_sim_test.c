/*  A server and three agents under faults: what was acknowledged is never lost, nothing
    takes effect twice, no position is ahead of its data, and at rest all are equal.

    WAYBILL_SIM_LOG=1 shows what the actors log, WAYBILL_SIM_TRACE=1 every message and frame,
    WAYBILL_SIM_KEEP=1 keeps the databases.  */

#include "actors/agent/actors.h"
#include "actors/common/actors.h"
#include "actors/server/actors.h"
#include "runtime/sim.h"
#include "schemas/row.h"
#include "tests/defaults.h"
#include "tests/sim/place.h"
#include "tests/sim/replicas.h"
#include "tests/sim/seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 200, AGENTS = 3, EARLY = 2, ROUNDS = 20, ITEMS = 12, REST_MS = 900000 };

static const char schema_sql[] =
    "CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY NOT NULL, value INTEGER, owner "
    "TEXT);\n"
    "CREATE TABLE IF NOT EXISTS entry_log (id TEXT PRIMARY KEY NOT NULL, value INTEGER,"
    " owner TEXT);\n";
static const char *const tables[] = {"item", "entry_log"};

typedef struct agent {
    const char *name;
    char path[PATH_ROOM];
    settings_t settings;
    int node;
    bool started;
    uint64_t entries;  /* rows of entry_log it has made */
    buffer_t written;  /* acknowledged change ids, each as an SQL value, with a comma before */
    uint64_t question; /* status_get under way */
    bool synced;
} agent_t;

typedef struct world {
    sim_t *sim;
    uint64_t chance;
    char directory[PATH_ROOM - 40];
    char server_path[PATH_ROOM];
    char schema_path[PATH_ROOM];
    settings_t server;
    int node;
    agent_t agents[AGENTS];
} world_t;

static uint64_t
below(world_t *self, uint64_t limit)
{
    self->chance = self->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (self->chance >> 33) % limit;
}

/*  --------------------------------------------------------------------------- beginning  */

static void
write_schema(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(schema_sql, file);
    fclose(file);
}

static sim_faults_t
drawn_faults(world_t *self)
{
    return (sim_faults_t){
        .bus_delay_ms = (uint32_t) below(self, 20),
        .net_delay_ms = (uint32_t) below(self, 300),
        .redeliver = (uint32_t) below(self, 200),
        .net_cut = (uint32_t) below(self, 300),
        .net_duplicate = (uint32_t) below(self, 200),
        .actor_crash = (uint32_t) below(self, 60),
        .node_crash = (uint32_t) below(self, 20),
        .restart_ms = 5000,
    };
}

static void
start(sim_t *sim, int node)
{
    fault_t fault;
    if (sim_start(sim, node, &fault) != OK)
        fail_msg("%s", fault.text);
}

/*  All but the logger: without it, lines go where WAYBILL_SIM_LOG wants them.  */
static int
add_node(sim_t *sim, const char *name, const char *address, const settings_t *settings,
         const actor_class_t *const *actors)
{
    int node = sim_node(sim, name, address, settings);
    for (; *actors; actors++)
        if (*actors != &logger)
            sim_add(sim, node, *actors);
    return node;
}

static void
add_agent(world_t *self, size_t i)
{
    static const char *const names[AGENTS] = {"a", "b", "c"};
    agent_t *agent = &self->agents[i];
    agent->name = names[i];
    snprintf(agent->path, sizeof agent->path, "%s/%s.db", self->directory, names[i]);
    agent->settings = defaults;
    agent->settings.agent_db = agent->path;
    agent->settings.agent_server = "ws://server:1/api/sync";
    agent->settings.outbox_window = 4 + (int64_t) below(self, 40);
    agent->settings.outbox_merge = agent->settings.outbox_window % 2 == 0;
    agent->settings.outbox_frame_bytes = 4096;
    agent->node = add_node(self->sim, names[i], NULL, &agent->settings, agent_actors);
}

static void
begin(world_t *self, uint64_t seed)
{
    *self = (world_t){.chance = seed};
    place_make(self->directory, sizeof self->directory);
    snprintf(self->server_path, sizeof self->server_path, "%s/server.db", self->directory);
    snprintf(self->schema_path, sizeof self->schema_path, "%s/schema.sql", self->directory);
    write_schema(self->schema_path);
    sim_faults_t faults = drawn_faults(self);
    self->sim = sim_new(seed, &faults);
    if (secure_getenv("WAYBILL_SIM_TRACE"))
        sim_trace_to(self->sim, stderr);
    self->server = defaults;
    self->server.server_db = self->server_path;
    self->server.server_schema = self->schema_path;
    self->server.stream_frame_bytes = 4096;
    self->server.stream_window = 1 + (int64_t) below(self, 8);
    self->node = add_node(self->sim, "server", "server:1", &self->server, server_actors);
    for (size_t i = 0; i < AGENTS; i++)
        add_agent(self, i);
    start(self->sim, self->node);
}

static void
end(world_t *self)
{
    sim_destroy(&self->sim);
    for (size_t i = 0; i < AGENTS; i++)
        buffer_release(&self->agents[i].written);
    if (secure_getenv("WAYBILL_SIM_KEEP"))
        fprintf(stderr, "kept: %s\n", self->directory);
    else
        place_remove(self->directory);
}

/*  ----------------------------------------------------------------------------- writing  */

static bytes_t
row(buffer_t *out, const char *id, int64_t number, const char *owner)
{
    out->size = 0;
    row_begin(out, 3);
    row_add_name(out, "id");
    row_add(out, &(value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) id, strlen(id)}});
    row_add_name(out, "value");
    row_add(out, &(value_t){.kind = VALUE_INTEGER, .integer = number});
    row_add_name(out, "owner");
    row_add(out,
            &(value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) owner, strlen(owner)}});
    return buffer_bytes(out);
}

/*  One to four changes in one transaction: rows that both agents write, and now and then one
    that nobody else will ever write.  */
static void
write_something(world_t *self, agent_t *agent)
{
    static const char *const operations[] = {"insert", "update", "upsert", "upsert", "delete"};
    char ids[4][40];
    buffer_t rows[4] = {{0}};
    entry_t entries[4];
    size_t n = 1 + below(self, 4);
    for (size_t i = 0; i < n; i++) {
        bool log = below(self, 3) == 0;
        const char *operation = log ? "insert" : operations[below(self, COUNT_OF(operations))];
        if (log)
            snprintf(ids[i], sizeof ids[i], "%s%" PRIu64, agent->name, ++agent->entries);
        else
            snprintf(ids[i], sizeof ids[i], "item%" PRIu64, below(self, ITEMS));
        bytes_t data = row(&rows[i], ids[i], (int64_t) below(self, 1000000), agent->name);
        entries[i] = (entry_t){.table = tables[log],
                               .operation = operation,
                               .id = ids[i],
                               .data = strcmp(operation, "delete") == 0 ? (bytes_t){0} : data};
    }
    sim_ask(self->sim, agent->node, "service", MSG_write,
            &(write_t){.changes = entries, .n_changes = n});
    for (size_t i = 0; i < n; i++)
        buffer_release(&rows[i]);
}

static void
note_written(agent_t *self, const written_t *written)
{
    for (size_t i = 0; i < written->n_ids; i++)
        buffer_add_format(&self->written, "%s('%s')", self->written.size ? "," : "",
                          written->ids[i]);
}

/*  What depends on a change that waits for a person waits with it.  */
static bool
is_at_rest(const status_t *status)
{
    bool blocked = strcmp(status->state, "live") == 0 && status->parked > 0
                   && status->in_flight == 0 && status->lsn == status->server_lsn;
    return status->failed == 0 && (status->synced || blocked);
}

static void
listen(world_t *self, agent_t *agent)
{
    sim_heard_t heard;
    while (sim_take(self->sim, agent->node, &heard)) {
        if (heard.id == MSG_written)
            note_written(agent, heard.body);
        if (heard.id != MSG_status || heard.ask != agent->question)
            continue;
        agent->synced = is_at_rest(heard.body);
    }
}

/*  --------------------------------------------------------------------------- disturbing  */

static void
look_at_positions(world_t *self, buffer_t *complaints)
{
    for (size_t i = 0; i < AGENTS; i++) {
        const agent_t *agent = &self->agents[i];
        for (size_t t = 0; agent->started && t < COUNT_OF(tables); t++)
            compare_position(self->server_path, agent->path, tables[t], complaints);
    }
}

static void
disturb(world_t *self)
{
    for (size_t i = 0; i < AGENTS; i++)
        if (self->agents[i].started && below(self, 10) == 0)
            sim_link(self->sim, self->agents[i].node, below(self, 2) == 0);
    sim_run_ms(self->sim, below(self, 800));
}

static void
start_agent(world_t *self, size_t i)
{
    self->agents[i].started = true;
    start(self->sim, self->agents[i].node);
}

/*  The first agents make the tables with their first connection: writes before are refused.  */
static void
work(world_t *self, buffer_t *complaints)
{
    for (size_t i = 0; i < EARLY; i++)
        start_agent(self, i);
    sim_run_ms(self->sim, 3000);
    for (size_t round = 0; round < ROUNDS && complaints->size == 0; round++) {
        if (round == ROUNDS / 2)
            start_agent(self, EARLY);
        for (size_t i = 0; i < AGENTS; i++)
            if (self->agents[i].started)
                write_something(self, &self->agents[i]);
        disturb(self);
        for (size_t i = 0; i < AGENTS; i++)
            listen(self, &self->agents[i]);
        if (below(self, 4) == 0)
            look_at_positions(self, complaints);
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
    sim_run_ms(self->sim, 1000);
    bool synced = true;
    for (size_t i = 0; i < AGENTS; i++) {
        listen(self, &self->agents[i]);
        synced &= self->agents[i].synced;
    }
    return synced;
}

/*  Twice in a row: one may have been told before another had sent its last change.  */
static void
rest(world_t *self, buffer_t *complaints)
{
    sim_calm(self->sim);
    for (size_t i = 0; i < AGENTS; i++)
        sim_link(self->sim, self->agents[i].node, true);
    uint64_t limit = sim_now_ms(self->sim) + REST_MS;
    for (int in_a_row = 0; in_a_row < 2;) {
        in_a_row = all_synced(self) ? in_a_row + 1 : 0;
        if (sim_now_ms(self->sim) > limit) {
            for (size_t i = 0; i < AGENTS; i++)
                if (!self->agents[i].synced)
                    buffer_add_format(complaints, "%s is not synced\n", self->agents[i].name);
            return;
        }
    }
}

/*  ------------------------------------------------------------------------------ the run  */

static void
compare_agent(world_t *self, agent_t *agent, buffer_t *complaints)
{
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        compare_tables(self->server_path, agent->path, tables[t], complaints);
    compare_journals(self->server_path, agent->path, buffer_text(&agent->written), complaints);
}

static uint64_t
run(uint64_t seed, buffer_t *complaints)
{
    world_t world;
    begin(&world, seed);
    work(&world, complaints);
    if (complaints->size == 0)
        rest(&world, complaints);
    for (size_t i = 0; i < AGENTS && complaints->size == 0; i++)
        compare_agent(&world, &world.agents[i], complaints);
    if (complaints->size == 0)
        compare_effects(world.server_path, complaints);
    uint64_t hash = sim_trace_hash(world.sim);
    end(&world);
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
    assert_int_equal(seeds_failing("sync_sim_test", 5, repeat), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_converge_whatever_happens),
        cmocka_unit_test(a_seed_is_a_run_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
