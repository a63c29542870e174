#include "tests/sim/sync_world.h"

#include "actors/agent/actors.h"
#include "actors/common/actors.h"
#include "actors/server/actors.h"
#include "schemas/row.h"
#include "tests/defaults.h"
#include "tests/sim/place.h"
#include "tests/sim/sim_clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 12, PARTS = 6 };

/*  As the simulation's own.  */
#define WALL_START_MS INT64_C(1767225600000)

/*  Replicas have neither the condition nor the reference: only the server can refuse.  */
static const char schema_sql[] =
    "CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY NOT NULL,"
    " value INTEGER CHECK (value % 25 <> 0), owner TEXT);\n"
    "CREATE TABLE IF NOT EXISTS part (id TEXT PRIMARY KEY NOT NULL,"
    " value INTEGER, owner TEXT REFERENCES item (id));\n"
    "CREATE TABLE IF NOT EXISTS entry_log (id TEXT PRIMARY KEY NOT NULL,"
    " value INTEGER, owner TEXT);\n";

uint64_t
world_draw(world_t *self, uint64_t limit)
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
        .bus_delay_ms = (uint32_t) world_draw(self, 20),
        .net_delay_ms = (uint32_t) world_draw(self, 300),
        .redeliver = (uint32_t) world_draw(self, 200),
        .net_cut = (uint32_t) world_draw(self, 300),
        .net_duplicate = (uint32_t) world_draw(self, 200),
        .actor_crash = (uint32_t) world_draw(self, 60),
        .node_crash = (uint32_t) world_draw(self, 20),
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
    agent->settings.outbox_window = 4 + (int64_t) world_draw(self, 40);
    agent->settings.outbox_merge = agent->settings.outbox_window % 2 == 0;
    agent->settings.outbox_frame_bytes = 4096;
    agent->node = add_node(self->sim, names[i], NULL, &agent->settings, agent_actors);
    witness_begin(&agent->witness, names[i], agent->path, self->history);
}

static void
add_server(world_t *self)
{
    self->server = defaults;
    self->server.server_db = self->server_path;
    self->server.server_schema = self->schema_path;
    self->server.stream_frame_bytes = 4096;
    self->server.stream_window = 1 + (int64_t) world_draw(self, 8);
    self->node = add_node(self->sim, "server", "server:1", &self->server, server_actors);
    self->history = history_new(self->server_path);
}

void
world_begin(world_t *self, uint64_t seed, buffer_t *complaints)
{
    *self = (world_t){.chance = seed, .complaints = complaints};
    sim_clock_seed(seed);
    sim_clock_set(WALL_START_MS);
    place_make(self->directory, sizeof self->directory);
    snprintf(self->server_path, sizeof self->server_path, "%s/server.db", self->directory);
    snprintf(self->schema_path, sizeof self->schema_path, "%s/schema.sql", self->directory);
    write_schema(self->schema_path);
    sim_faults_t faults = drawn_faults(self);
    self->sim = sim_new(seed, &faults);
    if (secure_getenv("WAYBILL_SIM_TRACE"))
        sim_trace_to(self->sim, stderr);
    add_server(self);
    for (size_t i = 0; i < AGENTS; i++)
        add_agent(self, i);
    start(self->sim, self->node);
    self->foreign = look_into(self->server_path);
    sqlite3_exec(self->foreign, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
}

void
world_end(world_t *self)
{
    sim_destroy(&self->sim);
    for (size_t i = 0; i < AGENTS; i++) {
        witness_end(&self->agents[i].witness);
        buffer_release(&self->agents[i].written);
    }
    history_destroy(&self->history);
    sqlite3_close(self->foreign);
    if (secure_getenv("WAYBILL_SIM_KEEP"))
        fprintf(stderr, "kept: %s\n", self->directory);
    else
        place_remove(self->directory);
}

/*  ----------------------------------------------------------------------------- running  */

void
world_start_agent(world_t *self, size_t i)
{
    self->agents[i].started = true;
    start(self->sim, self->agents[i].node);
}

static bool
look_at_replicas(void *arg)
{
    world_t *self = arg;
    for (size_t i = 0; i < AGENTS; i++)
        if (self->agents[i].started)
            witness_look(&self->agents[i].witness, self->complaints);
    return self->complaints->size > 0;
}

void
world_run(world_t *self, uint64_t virtual_ms)
{
    (void) sim_until(self->sim, look_at_replicas, self, virtual_ms);
}

/*  ------------------------------------------------------------------------ agents write  */

static void
add_text(buffer_t *out, const char *name, const char *text)
{
    row_add_name(out, name);
    row_add(out,
            &(value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) text, strlen(text)}});
}

static void
add_number(buffer_t *out, const char *name, int64_t number)
{
    row_add_name(out, name);
    row_add(out, &(value_t){.kind = VALUE_INTEGER, .integer = number});
}

typedef struct draft {
    size_t table;
    const char *operation;
    char id[40];
    buffer_t row;
} draft_t;

/*  An update may name some of the columns only.  */
static void
fill_row(world_t *self, const agent_t *agent, draft_t *draft)
{
    const bool partial = strcmp(draft->operation, "update") == 0 && world_draw(self, 2) == 0;
    char owner[40];
    snprintf(owner, sizeof owner, "%s", agent->name);
    if (draft->table == 1)
        snprintf(owner, sizeof owner, "item%" PRIu64, world_draw(self, ITEMS));
    row_begin(&draft->row, partial ? 2 : 3);
    add_text(&draft->row, "id", draft->id);
    add_number(&draft->row, "value", (int64_t) world_draw(self, 1000000));
    if (!partial)
        add_text(&draft->row, "owner", owner);
}

/*  Rows that everybody writes, and now and then one that nobody else will ever write.  */
static void
draw_change(world_t *self, agent_t *agent, draft_t *draft)
{
    static const char *const operations[] = {"insert", "update", "update",
                                             "upsert", "upsert", "delete"};
    static const size_t drawn[] = {0, 0, 0, 1, 2, 2};
    *draft = (draft_t){.table = drawn[world_draw(self, COUNT_OF(drawn))]};
    const bool log = draft->table == 2;
    draft->operation = log ? "insert" : operations[world_draw(self, COUNT_OF(operations))];
    if (log)
        snprintf(draft->id, sizeof draft->id, "%s%" PRIu64, agent->name, ++agent->entries);
    else
        snprintf(draft->id, sizeof draft->id, "%s%" PRIu64, sim_tables[draft->table],
                 world_draw(self, draft->table == 1 ? PARTS : ITEMS));
    if (strcmp(draft->operation, "delete") != 0)
        fill_row(self, agent, draft);
}

void
world_write(world_t *self, agent_t *agent)
{
    draft_t drafts[4];
    entry_t entries[4];
    size_t n = 1 + world_draw(self, 4);
    for (size_t i = 0; i < n; i++) {
        draw_change(self, agent, &drafts[i]);
        entries[i] = (entry_t){.table = sim_tables[drafts[i].table],
                               .operation = drafts[i].operation,
                               .id = drafts[i].id,
                               .data = buffer_bytes(&drafts[i].row)};
    }
    sim_ask(self->sim, agent->node, "service", MSG_write,
            &(write_t){.changes = entries, .n_changes = n});
    for (size_t i = 0; i < n; i++)
        buffer_release(&drafts[i].row);
}

/*  ---------------------------------------------------------------- the server is written  */

static char *
foreign_statement(world_t *self)
{
    static const char *const forms[] = {
        "REPLACE INTO item (id, value, owner) VALUES ('item%llu', %llu, 'sql')",
        "UPDATE item SET value = value + 1 WHERE id >= 'item%llu' AND value > %llu",
        "DELETE FROM item WHERE id = 'item%llu' AND value > %llu",
        "REPLACE INTO item (id, value) VALUES ('item%llu', %llu)",
        "REPLACE INTO part (id, owner, value) VALUES ('part1', 'item%llu', %llu)",
        "DELETE FROM part WHERE owner = 'item%llu' AND value > %llu",
    };
    return sqlite3_mprintf(forms[world_draw(self, COUNT_OF(forms))], world_draw(self, ITEMS),
                           world_draw(self, 1000000));
}

/*  What a rule forbids, or somebody holds the lock against, is not written. No descriptor of a
    simulation can ever be read, so the replicator is told.  */
void
world_write_on_server(world_t *self)
{
    int result = sqlite3_exec(self->foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return;
    sim_clock_set(WALL_START_MS + (int64_t) sim_now_ms(self->sim));
    for (size_t n = 1 + world_draw(self, 3); n > 0 && result == SQLITE_OK; n--) {
        char *sql = foreign_statement(self);
        result = sqlite3_exec(self->foreign, sql, NULL, NULL, NULL);
        sqlite3_free(sql);
    }
    sqlite3_exec(self->foreign, result == SQLITE_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    if (sim_up(self->sim, self->node))
        sim_tell(self->sim, self->node, "replicator", MSG_committed, &(committed_t){.lsn = 0});
}

/*  ---------------------------------------------------------------------------- listening  */

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

void
world_listen(world_t *self, agent_t *agent)
{
    sim_heard_t heard;
    while (sim_take(self->sim, agent->node, &heard)) {
        if (heard.id == MSG_written)
            note_written(agent, heard.body);
        if (heard.id == MSG_status && heard.ask == agent->question)
            agent->synced = is_at_rest(heard.body);
    }
}
