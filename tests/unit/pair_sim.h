/*  pair_sim - an agent and the server it goes to in one simulation, and what passes between
    their actors. The server's database is SQLite, or PostgreSQL where the environment says so
    (backend.h).  */

#pragma once

#include "actors/server/actors.h"
#include "tests/unit/agent_sim.h"
#include "tests/unit/backend.h"

typedef struct server {
    char path[140], schema_path[140];
    settings_t settings;
    backend_t backend;
    int node;
} server_t;

static server_t server;
/*  Tests may have another.  */
static const char *server_schema_sql =
    "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT);";

static inline void
add_server(world_t *world)
{
    (void) snprintf(server.path, sizeof server.path, "%s/server.db", world->directory);
    (void) snprintf(server.schema_path, sizeof server.schema_path, "%s/schema.sql",
                    world->directory);
    FILE *file = fopen(server.schema_path, "w");
    assert_non_null(file);
    (void) fputs(server_schema_sql, file);
    (void) fclose(file);
    server.settings = defaults;
    backend_open(&server.backend, server.path, &server.settings);
    if (on_postgres()) /* whoever makes tables there */
        backend_run(&server.backend, server_schema_sql);
    if (!on_postgres())
        server.settings.server_schema = server.schema_path;
    server.node = sim_node(world->sim, "server", "server:1", &server.settings);
    backend_join(&server.backend, world->sim, server.node);
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, server.node);
    if (on_postgres())
        backend_follow(&server.backend); /* it has read the database */
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

/*  As another program, which knows nothing of the server.  */
static inline void
run_on_server(const char *sql)
{
    backend_run(&server.backend, sql);
}

/*  The server sees what was written, and says so to the agents.  */
static inline void
tell_replicator(world_t *world)
{
    backend_follow(&server.backend);
    sim_run_ms(world->sim, 1000);
}

/*  For cmocka's tear-down, in place of remove_world().  */
static inline int
remove_pair(void **state)
{
    const int result = remove_world(state);
    backend_close(&server.backend);
    return result;
}
#define IN_PAIR(test) cmocka_unit_test_setup_teardown(test, make_world, remove_pair)
