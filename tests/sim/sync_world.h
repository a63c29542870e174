/*  sync_world - a simulated server with its agents, and everybody who writes there.  */

#pragma once

#include "actors/settings.h"
#include "runtime/sim.h"
#include "tests/sim/replicas.h"
#include "tests/sim/witness.h"

enum { AGENTS = 3 };

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
    witness_t witness;
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
    history_t *history;
    sqlite3 *foreign; /* a program on the server that writes plain SQL */
    buffer_t *complaints;
} world_t;

/*  The server runs, the agents do not yet. complaints outlives the world.  */
void world_begin(world_t *self, uint64_t seed, buffer_t *complaints);
void world_end(world_t *self);
uint64_t world_draw(world_t *self, uint64_t limit);

void world_start_agent(world_t *self, size_t i);
/*  Lets time pass, and looks at every replica after every step; stops at the first complaint.
 */
void world_run(world_t *self, uint64_t virtual_ms);

/*  One local transaction, of one to four changes.  */
void world_write(world_t *self, agent_t *agent);
/*  A transaction of plain SQL on the server.  */
void world_write_on_server(world_t *self);
/*  Takes the answers to what was asked and written.  */
void world_listen(world_t *self, agent_t *agent);
