/*  server_sim - a server in the simulator, without faults, and an outsider who asks its
    actors. Its database is SQLite, or PostgreSQL where the environment says so (backend.h).  */

#pragma once

#include "schemas/row.h"
#include "tests/defaults.h"
#include "tests/sim/outsider.h"
#include "tests/unit/backend.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct world {
    char path[64]; /* of the database, or of the cache */
    char schema_path[80];
    backend_t backend;
    settings_t settings;
    sim_t *sim;
    int node;
    uint64_t sessions; /* begun by insert_todo() */
    sim_heard_t heard;
    buffer_t row;
} world_t;

/*  Run at each start of the server; tests may have another.  */
static const char *schema_sql =
    "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT);";

static inline void
write_schema(world_t *world)
{
    (void) snprintf(world->schema_path, sizeof world->schema_path, "%s.sql", world->path);
    FILE *file = fopen(world->schema_path, "w");
    assert_non_null(file);
    (void) fputs(schema_sql, file);
    (void) fclose(file);
}

static inline void
start_server(world_t *world)
{
    start_node(world->sim, world->node);
    if (on_postgres())
        backend_follow(&world->backend); /* it has read the database */
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
    backend_open(&world->backend, world->path, &world->settings);
    if (on_postgres()) /* whoever makes tables there */
        backend_run(&world->backend, schema_sql);
    if (!on_postgres())
        world->settings.server_schema = world->schema_path;
    world->sim = sim_new(1, &none);
    world->node = sim_node(world->sim, "server", "127.0.0.1:8787", &world->settings);
    backend_join(&world->backend, world->sim, world->node);
    *state = world;
    return 0;
}

static inline int
remove_world(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-mark", ".sql"};
    world_t *world = *state;
    sim_destroy(&world->sim);
    backend_close(&world->backend);
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

/*  The same word, that lives longer than the answer.  */
static inline const char *
verdict_word(const char *verdict)
{
    static const char *const words[] = {"applied", "merged", "rejected", "duplicate", "retry"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(words[i], verdict) == 0)
            return words[i];
    fail_msg("a verdict: %s", verdict);
    return NULL;
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
    return verdict_word(verdicts->verdicts[0].verdict);
}

/*  The history has what clients have written. On SQLite it has it with the verdict.  */
static inline void
await_history(world_t *world)
{
    if (on_postgres())
        backend_follow(&world->backend);
}

/*  As another program, which knows nothing of the server.  */
static inline void
foreign_sql(world_t *world, const char *sql)
{
    backend_run(&world->backend, sql);
}

/*  One number out of the server's database.  */
static inline int64_t
number_of(world_t *world, const char *sql)
{
    return backend_number(&world->backend, sql);
}

/*  It was written right behind that one: on PostgreSQL others write as well.  */
static inline bool
is_next(uint64_t lsn, uint64_t before)
{
    return on_postgres() ? lsn > before : lsn == before + 1;
}

/*  The newest position.  */
static inline uint64_t
head_of(world_t *world)
{
    return (uint64_t) number_of(world, "SELECT lsn FROM waybill_head");
}
