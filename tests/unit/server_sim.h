/*  server_sim - a server in the simulator, without faults, and an outsider who asks its
    actors.  */

#pragma once

#include "actors/server/actors.h"
#include "schemas/row.h"
#include "tests/defaults.h"
#include "tests/sim/outsider.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct world {
    char path[64];
    char schema_path[80];
    settings_t settings;
    sim_t *sim;
    int node;
    uint64_t sessions; /* begun by insert_todo() */
    sim_heard_t heard;
    buffer_t row;
} world_t;

static inline void
write_schema(world_t *world)
{
    (void) snprintf(world->schema_path, sizeof world->schema_path, "%s.sql", world->path);
    FILE *file = fopen(world->schema_path, "w");
    assert_non_null(file);
    (void) fputs("CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT);",
                 file);
    (void) fclose(file);
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, world->node);
}

/*  Not started: tests may change the settings first.  */
static inline int
make_world(void **state)
{
    static const sim_faults_t none = {0};
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-serving-XXXXXX");
    (void) close(mkstemp(world->path));
    write_schema(world);
    world->settings = defaults;
    world->settings.server_db = world->path;
    world->settings.server_schema = world->schema_path;
    world->sim = sim_new(1, &none);
    world->node = sim_node(world->sim, "server", "127.0.0.1:8787", &world->settings);
    for (size_t i = 0; server_actors[i]; i++)
        sim_add(world->sim, world->node, server_actors[i]);
    *state = world;
    return 0;
}

static inline int
remove_world(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-mark", ".sql"};
    world_t *world = *state;
    sim_destroy(&world->sim);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *path = mem_format("%s%s", world->path, suffixes[i]);
        (void) unlink(path);
        free(path);
    }
    buffer_release(&world->row);
    free(world);
    return 0;
}

/*  The body of the answer, which must be of that type, until the next question.  */
static inline const void *
ask(world_t *world, const char *to, message_id_t id, const void *body, message_id_t expected)
{
    const uint64_t asked = sim_ask(world->sim, world->node, to, id, body);
    return await_answer(world->sim, world->node, asked, expected, &world->heard);
}

/*  A client inserts a todo; gives its verdict.  */
static inline const char *
insert_todo(world_t *world, const char *client_id, const char *id)
{
    client_change_t made = {
        .id = id, .txn = id, .table = "todo", .operation = "insert", .updated_at = 1};
    const value_t key = {
        .kind = VALUE_TEXT,
        .bytes = {(const uint8_t *) id, strlen(id)},
    };
    buffer_clear(&world->row);
    row_begin(&world->row, 1);
    row_add_name(&world->row, "id");
    row_add(&world->row, &key);
    made.data = buffer_bytes(&world->row);
    const client_verdicts_t *verdicts = ASK(
        world, "client-changes", client_changes, client_verdicts, .session = ++world->sessions,
        .client_id = client_id, .changes = &made, .n_changes = 1);
    assert_int_equal(verdicts->n_verdicts, 1);
    return verdicts->verdicts[0].verdict;
}

/*  As another program, which knows nothing of the server.  */
static inline void
foreign_sql(world_t *world, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/*  One number out of the server's database.  */
static inline int64_t
number_of(world_t *world, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    const int64_t number =
        sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}
