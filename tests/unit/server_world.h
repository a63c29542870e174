/*  server_world - a server's database in a file of its own, for the tests of what works on
    it, and short ways to say what a client sends.  */

#pragma once

#include "actors/common/catalog.h"
#include "actors/server/change_log.h"
#include "actors/server/embedded/executor.h"
#include "actors/server/embedded/transaction.h"
#include "actors/server/schema.h"
#include "schemas/codec.h"
#include "tests/defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1000000, BATCH = 8 };

typedef struct world {
    char path[64];
    db_t *db;
    catalog_t *catalog;
    rights_t *rights; /* NULL: everybody may do anything */
    const char *user;
    settings_t settings;
    int64_t schema_version;
    sqlite3 *other; /* a program that knows nothing of us */
    arena_t arena;
    buffer_t seen;
    fault_t fault;
    verdict_t verdicts[BATCH];
    mark_t marks[BATCH];
    uint64_t lsn;
} world_t;

static const char world_sql[] =
    "CREATE TABLE list (id INTEGER PRIMARY KEY NOT NULL, name TEXT UNIQUE);"
    "CREATE TABLE todo (id TEXT PRIMARY KEY NOT NULL, title TEXT CHECK (title <> 'bad'),"
    " list INTEGER REFERENCES list (id) DEFERRABLE INITIALLY DEFERRED);";

static inline void
must(world_t *world, err_t err)
{
    if (err != OK)
        fail_msg("%s", world->fault.text);
}

static inline void
follow_schema(world_t *world)
{
    must(world, db_begin(world->db, &world->fault));
    must(world, schema_follow(world->db, world->catalog, &world->settings,
                              &world->schema_version, &world->fault));
    must(world, change_log_seal(world->db, &world->lsn, &world->fault));
    must(world, db_commit(world->db, &world->fault));
}

static inline int
make_world(void **state)
{
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-server-XXXXXX");
    (void) close(mkstemp(world->path));
    world->schema_version = -1;
    world->user = "";
    world->settings = defaults;
    must(world, db_open(world->path, true, &world->db, &world->fault));
    must(world, schema_prepare(world->db, "", "epoch-1", &world->fault));
    must(world, db_exec(world->db, world_sql, &world->fault));
    must(world, catalog_open(world->db, &world->catalog, &world->fault));
    follow_schema(world);
    assert_int_equal(sqlite3_open(world->path, &world->other), SQLITE_OK);
    *state = world;
    return 0;
}

static inline int
remove_world(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    world_t *world = *state;
    sqlite3_close(world->other);
    rights_close(&world->rights);
    catalog_close(&world->catalog);
    db_close(&world->db);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *path = mem_format("%s%s", world->path, suffixes[i]);
        (void) unlink(path);
        free(path);
    }
    buffer_release(&world->seen);
    arena_release(&world->arena);
    free(world);
    return 0;
}

static inline void
plain_sql(world_t *world, const char *sql)
{
    if (sqlite3_exec(world->other, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(world->other));
}

static inline void
seal(world_t *world)
{
    must(world, db_begin(world->db, &world->fault));
    must(world, change_log_seal(world->db, &world->lsn, &world->fault));
    must(world, db_commit(world->db, &world->fault));
}

/*  The first column of every row, with blanks between.  */
static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    err_t err = OK;
    sqlite3_stmt *rows = db_query(world->db, sql, &world->fault, "");
    buffer_clear(&world->seen);
    while (db_step(world->db, rows, &err, &world->fault)) {
        if (world->seen.size > 0)
            buffer_add_text(&world->seen, " ");
        buffer_add_text(&world->seen, column_text(rows, 0));
    }
    must(world, err);
    assert_string_equal(buffer_text(&world->seen), expected);
}

static inline bytes_t
row_of(world_t *world, const char *json)
{
    buffer_t row = {0};
    must(world, json_to_msgpack(json, strlen(json), &row, &world->fault));
    const bytes_t kept = arena_bytes(&world->arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}

/*  words: "ID TABLE OPERATION", made at that time.  */
static inline client_change_t
change(world_t *world, const char *words, const char *json, int64_t updated_at)
{
    char *text = arena_text(&world->arena, words);
    char *rest = NULL;
    client_change_t made = {.txn = "t", .updated_at = updated_at, .data = row_of(world, json)};
    made.id = strtok_r(text, " ", &rest);
    made.table = strtok_r(NULL, " ", &rest);
    made.operation = strtok_r(NULL, " ", &rest);
    return made;
}

static inline work_t
work_of(world_t *world, const char *client_id)
{
    return (work_t){
        .db = world->db,
        .catalog = world->catalog,
        .settings = &world->settings,
        .rights = world->rights,
        .arena = &world->arena,
        .client_id = client_id,
        .user = world->user,
        .wall_ms = NOW,
    };
}

/*  One local transaction of a client, decided and committed.  */
static inline void
submit(world_t *world, const char *client_id, const client_change_t *changes, size_t n)
{
    const work_t work = work_of(world, client_id);
    const transaction_t transaction = {
        .changes = changes,
        .verdicts = world->verdicts,
        .marks = world->marks,
        .n = n,
    };
    assert_true(n <= BATCH);
    must(world, db_begin(world->db, &world->fault));
    must(world, change_log_seal(world->db, &world->lsn, &world->fault));
    must(world, transaction_judge(&work, &transaction, &world->lsn, &world->fault));
    must(world, executor_forget_origin(world->db, &world->fault));
    must(world, db_commit(world->db, &world->fault));
}

static inline void
submit_one(world_t *world, const char *client_id, client_change_t only)
{
    submit(world, client_id, &only, 1);
}

/*  "applied", "rejected RULE_VIOLATION", "duplicate of merged", ...  */
static inline void
expect_verdict(world_t *world, size_t index, const char *expected)
{
    const verdict_t *verdict = &world->verdicts[index];
    buffer_clear(&world->seen);
    buffer_add_text(&world->seen, verdict->verdict);
    if (verdict->first)
        buffer_add_format(&world->seen, " of %s", verdict->first);
    if (verdict->code)
        buffer_add_format(&world->seen, " %s", verdict->code);
    assert_string_equal(buffer_text(&world->seen), expected);
}

/*  The row given with a verdict as JSON; "" if there is none.  */
static inline void
expect_row(world_t *world, size_t index, const char *expected)
{
    const bytes_t row = world->verdicts[index].row;
    buffer_clear(&world->seen);
    if (row.size > 0)
        must(world, msgpack_to_json(row, &world->seen));
    assert_string_equal(buffer_text(&world->seen), expected);
}
