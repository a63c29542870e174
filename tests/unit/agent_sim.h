/*  agent_sim - an agent in the simulator, without faults, and an outsider who asks its
    actors. It does not connect by itself.  */

#pragma once

#include "actors/agent/actors.h"
#include "tests/defaults.h"
#include "tests/sim/outsider.h"
#include "tests/sim/place.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
    char directory[100];
    char path[140];
    settings_t settings;
    sim_t *sim;
    int node;
    sim_heard_t heard;
    arena_t arena;
} world_t;

/*  Not started: tests may change the settings first.  */
static inline int
make_world(void **state)
{
    static const sim_faults_t none = {0};
    world_t *world = mem_new(sizeof *world);
    place_make(world->directory, sizeof world->directory);
    (void) snprintf(world->path, sizeof world->path, "%s/agent.db", world->directory);
    world->settings = defaults;
    world->settings.agent_db = world->path;
    world->settings.agent_server = "ws://server:1/api/sync";
    world->settings.agent_connect = false;
    world->sim = sim_new(1, &none);
    world->node = sim_node(world->sim, "agent", NULL, &world->settings);
    for (size_t i = 0; agent_actors[i]; i++)
        sim_add(world->sim, world->node, agent_actors[i]);
    *state = world;
    return 0;
}

static inline int
remove_world(void **state)
{
    world_t *world = *state;
    sim_destroy(&world->sim);
    place_remove(world->directory);
    arena_release(&world->arena);
    free(world);
    return 0;
}

/*  The application's own connection.  */
static inline sqlite3 *
open_database(world_t *world)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return db;
}

static inline void
run_sql(world_t *world, const char *sql)
{
    sqlite3 *db = open_database(world);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/*  The first column of the first row, as text; "none" without a row.  */
static inline const char *
text_of(world_t *world, const char *sql)
{
    sqlite3 *db = open_database(world);
    sqlite3_stmt *statement = NULL;
    const char *text = "none";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *found = (const char *) sqlite3_column_text(statement, 0);
        text = found ? arena_text(&world->arena, found) : "NULL";
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

/*  And has asked itself where it stands, as it does at its start.  */
static inline void
start_agent(world_t *world)
{
    start_node(world->sim, world->node);
    sim_run_ms(world->sim, 50);
}

/*  With a table that the application made.  */
static inline void
start_with_todo(world_t *world)
{
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT, done INTEGER)");
    start_agent(world);
}

/*  ------------------------------------------------------------------------- asking  */

/*  The body of the answer, which must be of that type, until the next question.  */
static inline const void *
ask(world_t *world, const char *to, message_id_t id, const void *body, message_id_t expected)
{
    const uint64_t asked = sim_ask(world->sim, world->node, to, id, body);
    return await_answer(world->sim, world->node, asked, expected, &world->heard);
}

/*  {"id": "a"} as a row.  */
static inline bytes_t
row(world_t *world, const char *json)
{
    buffer_t packed = {0};
    fault_t fault = {0};
    if (json == NULL)
        return (bytes_t){0};
    if (json_to_msgpack(json, strlen(json), &packed, &fault) != OK)
        fail_msg("%s", fault.text);
    const bytes_t kept = arena_bytes(&world->arena, buffer_bytes(&packed));
    buffer_release(&packed);
    return kept;
}

static inline entry_t
entry(world_t *world, const char *operation, const char *id, const char *json)
{
    return (entry_t){
        .table = "todo", .operation = operation, .id = id, .data = row(world, json)};
}

/*  One change; gives its id.  */
static inline const char *
write_one(world_t *world, const char *operation, const char *id, const char *json)
{
    entry_t change = entry(world, operation, id, json);
    const written_t *written =
        ASK(world, "service", write, written, .changes = &change, .n_changes = 1);
    assert_int_equal(written->n_ids, 1);
    return arena_text(&world->arena, written->ids[0]);
}

/*  Why it is refused.  */
static inline const problem_t *
write_refused(world_t *world, const char *operation, const char *id, const char *json)
{
    entry_t change = entry(world, operation, id, json);
    return ASK(world, "service", write, problem, .changes = &change, .n_changes = 1);
}

static inline void
decide(world_t *world, const char *id, const char *word, uint64_t lsn, const char *json)
{
    verdict_t verdict = {.id = id, .verdict = word, .lsn = lsn, .row = row(world, json)};
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
               .n_verdicts = 1);
}

/*  ------------------------------------------------------------------ the server's side  */

/*  An empty snapshot at position 10: a history to follow.  */
static inline void
begin_history(world_t *world)
{
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 10, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_end",
               .epoch = "e", .lsn = 10, .last = true);
}

static inline server_change_t
server_change(world_t *world, const char *operation, uint64_t lsn, const char *json)
{
    return (server_change_t){.table = "todo",
                             .operation = operation,
                             .lsn = lsn,
                             .last = true,
                             .data = row(world, json)};
}

/*  One transaction of one change, right behind the one before; gives the outcome.  */
static inline const char *
apply(world_t *world, const char *operation, uint64_t lsn, const char *json)
{
    server_change_t change = server_change(world, operation, lsn, json);
    const changes_applied_t *applied = ASK(
        world, "lsn-manager", server_changes, changes_applied, .phase = "live", .epoch = "e",
        .prev = lsn - 1, .lsn = lsn, .last = true, .changes = &change, .n_changes = 1);
    return arena_text(&world->arena, applied->outcome);
}
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)
