/*  judge_world - client-changes alone in the simulator, on a database in PostgreSQL: what it
    judges, and what it wrote there. There is no cache.  */

#pragma once

#include "actors/server/actors.h"
#include "tests/unit/judge_world.h"

static const char lists_sql[] =
    "CREATE TABLE list (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
    "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT CHECK (title <> 'bad'),"
    " list INTEGER REFERENCES list (id));"
    "CREATE PUBLICATION waybill FOR TABLE list, todo;";

/*  In the shared cluster, if that is NULL.  */
static inline int
make_world_of(const actor_class_t *class, cluster_t *cluster, void **state)
{
    static const sim_faults_t none = {0};
    static char cache[] = "/tmp/waybill-judge-no-cache";
    world_t *world = mem_new(sizeof *world);
    world->settings = defaults;
    world->backend.database = database_new(cluster);
    world->settings.server_db = world->backend.database->address;
    world->settings.server_cache = cache;
    database_run(world->backend.database, lists_sql);
    world->sim = sim_new(1, &none);
    world->node = sim_node(world->sim, "server", "127.0.0.1:8787", &world->settings);
    sim_add(world->sim, world->node, class);
    judged.user = "";
    start_node(world->sim, world->node);
    *state = world;
    return 0;
}

static inline int
make_lists(void **state)
{
    return make_world_of(&client_changes, NULL, state);
}

/*  With another actor in place of client-changes.  */
static inline int
make_judge_of(const actor_class_t *class, void **state)
{
    return make_world_of(class, NULL, state);
}

/*  In one of its own, to be stopped.  */
static inline int
make_cluster(void **state)
{
    return make_world_of(&client_changes, CLUSTER(NULL), state);
}

static inline int
remove_lists(void **state)
{
    world_t *world = *state;
    sim_destroy(&world->sim);
    database_destroy(&world->backend.database);
    free(world);
    arena_release(&judged.arena);
    buffer_release(&judged.seen);
    return 0;
}
static inline int
remove_cluster(void **state)
{
    cluster_t *cluster = ((world_t *) *state)->backend.database->cluster;
    const int result = remove_lists(state);
    cluster_destroy(&cluster);
    return result;
}
#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, make_cluster, remove_cluster)
#define WITH_LISTS(test) cmocka_unit_test_setup_teardown(test, make_lists, remove_lists)

static inline void
run(world_t *world, const char *sql)
{
    database_run(world->backend.database, sql);
}

/*  Rows as lines, columns with | between.  */
static inline void
expect_text(world_t *world, const char *sql, const char *expected)
{
    char *text = database_text(world->backend.database, sql);
    assert_string_equal(text, expected);
    free(text);
}

/*  The server forgets what it knows of the tables.  */
static inline void
restart_judge(world_t *world)
{
    sim_crash(world->sim, world->node);
    start_node(world->sim, world->node);
}

/*  A change that is a local transaction by itself.  */
static inline client_change_t
by_itself(const char *words, const char *json)
{
    client_change_t made = change(words, json, 10);
    made.txn = NULL;
    return made;
}
