/*  pair_sim - an agent and the server it goes to in one simulation, and what passes between
    their actors.  */

#pragma once

#include "actors/server/actors.h"
#include "tests/unit/agent_sim.h"

typedef struct server {
    char path[140], schema_path[140];
    settings_t settings;
    int node;
} server_t;

static server_t server;

static inline void
add_server(world_t *world)
{
    (void) snprintf(server.path, sizeof server.path, "%s/server.db", world->directory);
    (void) snprintf(server.schema_path, sizeof server.schema_path, "%s/schema.sql",
                    world->directory);
    FILE *file = fopen(server.schema_path, "w");
    assert_non_null(file);
    (void) fputs("CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT);",
                 file);
    (void) fclose(file);
    server.settings = defaults;
    server.settings.server_db = server.path;
    server.settings.server_schema = server.schema_path;
    server.node = sim_node(world->sim, "server", "server:1", &server.settings);
    for (size_t i = 0; server_actors[i]; i++)
        sim_add(world->sim, server.node, server_actors[i]);
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, server.node);
}

/*  Of any agent in the simulation.  */
static inline const status_t *
status_of(world_t *world, int node)
{
    const uint64_t asked =
        sim_ask(world->sim, node, "service", MSG_status_get, &(status_get_t){.fresh = true});
    return await_answer(world->sim, node, asked, MSG_status, &world->heard);
}

static inline const status_t *
status(world_t *world)
{
    return status_of(world, world->node);
}

static inline void
connect_agent(world_t *world)
{
    sim_tell(world->sim, world->node, "service", MSG_connect, &(connect_t){});
}

/*  Generous: a connection that failed before is tried again after a minute at most.  */
static inline void
await_synced_of(world_t *world, int node)
{
    for (int i = 0; i < 300; i++) {
        if (status_of(world, node)->synced)
            return;
        sim_run_ms(world->sim, 1000);
    }
    fail_msg("not synced: %s, %s", status_of(world, node)->state,
             status_of(world, node)->reason);
}

static inline void
await_synced(world_t *world)
{
    await_synced_of(world, world->node);
}

static inline void
run_on_server(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(server.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/*  The simulator watches no files.  */
static inline void
tell_replicator(world_t *world)
{
    sim_tell(world->sim, server.node, "replicator", MSG_committed, &(committed_t){.lsn = 0});
    sim_run_ms(world->sim, 1000);
}
