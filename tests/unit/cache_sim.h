/*  cache_sim - distributor and listener in the simulator, on a cache that the test writes as
   the feed does.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/server/actors.h"
#include "actors/server/change_log.h"
#include "actors/server/schema.h"
#include "schemas/tables.h"
#include "tests/postgres/cluster.h"
#include "tests/unit/agent_sim.h"

#include <inttypes.h>

#define CACHE_TABLE "CREATE TABLE todo (id TEXT PRIMARY KEY NOT NULL, title TEXT, owner TEXT);"

#define EPOCH "b8a3c1de-6f10-4a6e-9a54-0d6c1b7f2e11"
#define SECOND "0e9d7c55-1b7a-4c7e-8d0f-5a44c2d9b802"

enum { FIRST = 1000 };

static struct {
    char path[140];
    settings_t settings;
    table_settings_t rules;
    int node;
    db_t *db; /* the feed's connection */
    database_t *database;
    int64_t schema_version;
} server;

static inline void
run(const char *sql)
{
    fault_t fault = {0};
    if (db_exec(server.db, sql, &fault) != OK)
        fail_msg("%s", fault.text);
}

static inline void
must(err_t err, const fault_t *fault)
{
    if (err != OK)
        fail_msg("%s", fault->text);
}

static inline void
capture_tables(void)
{
    fault_t fault = {0};
    catalog_t *catalog = NULL;
    must(catalog_open(server.db, &catalog, &fault), &fault);
    server.schema_version = -1;
    must(schema_follow(server.db, catalog, &server.settings, &server.schema_version, &fault),
         &fault);
    catalog_close(&catalog);
}

static inline void
set_head(uint64_t lsn, uint64_t floor, uint64_t captured)
{
    char sql[200];
    (void) snprintf(sql, sizeof sql,
                    "UPDATE waybill_head SET lsn = %" PRIu64 ", floor = %" PRIu64
                    ", captured = %" PRIu64,
                    lsn, floor, captured);
    run(sql);
}

/*  One transaction of PostgreSQL, committed there.  */
static inline void
feed(uint64_t lsn, const char *sql)
{
    fault_t fault = {0};
    uint64_t sealed = 0;
    must(db_begin(server.db, &fault), &fault);
    char head[80];
    (void) snprintf(head, sizeof head, "UPDATE waybill_head SET lsn = %" PRIu64, lsn - 1);
    run(head);
    run(sql);
    capture_tables();
    must(change_log_seal(server.db, &sealed, &fault), &fault);
    assert_int_equal(sealed, lsn);
    run("UPDATE waybill_head SET captured = lsn");
    must(db_commit(server.db, &fault), &fault);
}

/*  A cache that holds nothing yet.  */
static inline void
make_cache(world_t *world)
{
    fault_t fault = {0};
    (void) snprintf(server.path, sizeof server.path, "%s/cache.db", world->directory);
    must(db_open(server.path, true, &server.db, &fault), &fault);
    must(schema_prepare(server.db, "", EPOCH, &fault), &fault);
}

static inline int
make_both(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    server.settings = defaults;
    server.database = database_new(NULL);
    database_run(server.database, postgres_sql);
    server.settings.server_db = server.database->address;
    server.settings.server_cache = server.path;
    make_cache(world);
    server.node = sim_node(world->sim, "server", "server:1", &server.settings);
    sim_add(world->sim, server.node, &distributor);
    sim_add(world->sim, server.node, &listener);
    return result;
}

static inline int
remove_both(void **state)
{
    db_close(&server.db);
    const int result = remove_world(state);
    database_destroy(&server.database);
    return result;
}

/*  With the table, read in up to FIRST.  */
static inline void
fill(void)
{
    run(CACHE_TABLE);
    capture_tables();
    set_head(FIRST, FIRST, FIRST);
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, server.node);
}
