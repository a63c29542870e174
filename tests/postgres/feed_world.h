/*  feed_world - the replicator of a PostgreSQL database in the simulator, with a database
   beside it, and a look at the cache that it keeps.  */

#pragma once

#include "actors/common/actors.h"
#include "actors/server/actors.h"
#include "actors/settings.h"
#include "tests/defaults.h"
#include "tests/postgres/cluster.h"
#include "tests/sim/outsider.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPEED = 20, LOOK_MS = 20, BEAT_MS = 500 };

typedef struct world {
    char path[64]; /* of the cache */
    char name[40]; /* of the server */
    settings_t settings;
    database_t *database;
    sim_t *sim;
    int node;
    int64_t goal;
    buffer_t seen;
    buffer_t wanted;
} world_t;

/*  cluster NULL: the shared one.  */
static inline world_t *
world_in(cluster_t *cluster)
{
    static const sim_faults_t none = {0};
    static unsigned count;
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-feed-XXXXXX");
    (void) close(mkstemp(world->path));
    (void) snprintf(world->name, sizeof world->name, "feed_%d_%u", (int) getpid(), ++count);
    world->database = database_new(cluster);
    world->settings = defaults;
    world->settings.server_db = world->database->address;
    world->settings.server_cache = world->path;
    world->settings.postgres_name = world->name;
    world->settings.postgres_heartbeat_ms = BEAT_MS;
    world->settings.postgres_connect_ms = 600000; /* virtual ones */
    world->sim = sim_new(1, &none);
    world->node = sim_node(world->sim, "server", "127.0.0.1:8787", &world->settings);
    sim_add(world->sim, world->node, &checkpointer);
    sim_add(world->sim, world->node, &postgres_replicator);
    sim_watch_files(world->sim, SPEED);
    return world;
}

static inline int
make_world(void **state)
{
    *state = world_in(NULL);
    return 0;
}

static inline void
remove_cache(world_t *world)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *path = mem_format("%s%s", world->path, suffixes[i]);
        (void) unlink(path);
        free(path);
    }
}

static inline void
world_destroy(world_t *world)
{
    sim_destroy(&world->sim);
    database_destroy(&world->database);
    remove_cache(world);
    buffer_release(&world->seen);
    buffer_release(&world->wanted);
    free(world);
}

static inline int
remove_world(void **state)
{
    world_destroy(*state);
    return 0;
}

/*  ------------------------------------------------------------------- the cache  */

static inline void
rows_of(world_t *world, const char *sql, buffer_t *rows)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    buffer_clear(rows);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *) sqlite3_column_text(statement, 0);
        buffer_add_format(rows, "%s%s", rows->size > 0 ? " " : "", text ? text : "");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static inline int64_t
cached_number(world_t *world, const char *sql)
{
    rows_of(world, sql, &world->seen);
    return strtoll(buffer_text(&world->seen), NULL, 10);
}

/*  The first column of every row, with blanks between.  */
static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    rows_of(world, sql, &world->seen);
    assert_string_equal(buffer_text(&world->seen), expected);
}

/*  -------------------------------------------------------------------- following  */

/*  A number in the cache that is to be another one soon.  */
typedef struct number {
    world_t *world;
    const char *sql;
    int64_t wanted;
} number_t;

static inline bool
has_number(void *arg)
{
    const number_t *number = arg;
    sim_run_ms(number->world->sim, LOOK_MS);
    return cached_number(number->world, number->sql) == number->wanted;
}

static inline void
await_number(world_t *world, const char *sql, int64_t wanted)
{
    number_t number = {world, sql, wanted};
    await_true(has_number, &number, sql);
}

static inline bool
has_captured(void *arg)
{
    world_t *world = arg;
    sim_run_ms(world->sim, LOOK_MS);
    return cached_number(world, "SELECT captured FROM waybill_head") >= world->goal;
}

/*  Until the cache has everything that was committed.  */
static inline void
follow(world_t *world)
{
    world->goal = database_number(world->database,
                                  "SELECT pg_logical_emit_message(true, 'test', '') - '0/0'");
    await_true(has_captured, world, "the cache has what was committed");
}

static inline bool
is_filled(void *arg)
{
    world_t *world = arg;
    sim_run_ms(world->sim, LOOK_MS);
    return cached_number(world, "SELECT captured FROM waybill_head") > 0;
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, world->node);
    await_true(is_filled, world, "the cache is filled");
}

/*  The schema as SQL, then the server.  */
static inline void
start_with(world_t *world, const char *sql)
{
    database_run(world->database, sql);
    start_server(world);
}

static inline void
run(world_t *world, const char *sql)
{
    database_run(world->database, sql);
}
