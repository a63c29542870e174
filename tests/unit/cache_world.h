/*  cache_world - a cache in a file of its own, and short ways to say what the log tells.

    Tables: todo (id text, title text, n bigint, big text) with the key id, and pair (a bigint,
    b text, note text) with the key (b, a).  */

#pragma once

#include "actors/server/postgres/cache.h"
#include "tests/defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TODO = 100, PAIR = 200, FILLED = 999, TYPE_TEXT = 25, TYPE_BIGINT = 20 };

typedef struct world {
    char path[64];
    settings_t settings;
    cache_t *cache;
    arena_t arena;
    buffer_t seen;
    fault_t fault;
    uint64_t lsn; /* of the transaction at hand */
} world_t;

static const column_t todo_columns[] = {{.name = "id", .type = "TEXT", .key = 1},
                                        {.name = "title", .type = "TEXT"},
                                        {.name = "n", .type = "BIGINT"},
                                        {.name = "big", .type = "TEXT"}};
static const column_t pair_columns[] = {{.name = "a", .type = "BIGINT", .key = 2},
                                        {.name = "b", .type = "TEXT", .key = 1},
                                        {.name = "note", .type = "TEXT"}};
static const char server_token[] = "a token of servers";
static const char todo_told[] = "25 -1 id\n25 -1 title\n20 -1 n\n25 -1 big\n";
static const char pair_told[] = "20 -1 a\n25 -1 b\n25 -1 note\n";

static inline void
must(world_t *world, err_t err)
{
    if (err != OK)
        fail_msg("%s", world->fault.text);
}

/*  lines: as COPY writes them, of table todo.  */
static inline void
fill(world_t *world, const char *const *lines, size_t n)
{
    const table_schema_t todo = {
        .name = "todo", .columns = (column_t *) todo_columns, .n_columns = 4};
    const table_schema_t pair = {
        .name = "pair", .columns = (column_t *) pair_columns, .n_columns = 3};
    cache_state_t state = {.epoch = "epoch-1",
                           .system_id = "1",
                           .timeline = 1,
                           .slot = "waybill_test",
                           .captured = FILLED,
                           .clock = 77};
    must(world, cache_fill_begin(world->cache, &world->fault));
    must(world, cache_fill_table(world->cache, &pair, pair_told, PAIR, &world->fault));
    must(world, cache_fill_table(world->cache, &todo, todo_told, TODO, &world->fault));
    for (size_t i = 0; i < n; i++)
        must(world, cache_fill_line(world->cache,
                                    (bytes_t){(const uint8_t *) lines[i], strlen(lines[i])},
                                    &world->fault));
    must(world, cache_fill_end(world->cache, &state, &world->fault));
}
#define FILL(world, ...)                                                                       \
    fill(world, (const char *const[]){__VA_ARGS__, NULL},                                      \
         COUNT_OF(((const char *const[]){__VA_ARGS__})))

static inline int
make_world(void **state)
{
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-cache-XXXXXX");
    (void) close(mkstemp(world->path));
    world->settings = defaults;
    world->settings.server_cache = world->path;
    must(world, cache_open(&world->settings, &world->cache, &world->fault));
    cache_trust(world->cache, server_token);
    *state = world;
    return 0;
}

static inline void
remove_file(world_t *world)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    cache_close(&world->cache);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *path = mem_format("%s%s", world->path, suffixes[i]);
        (void) unlink(path);
        free(path);
    }
}

static inline int
remove_world(void **state)
{
    world_t *world = *state;
    remove_file(world);
    buffer_release(&world->seen);
    arena_release(&world->arena);
    free(world);
    return 0;
}

/*  As if the process had ended and begun again.  */
static inline void
reopen(world_t *world)
{
    cache_close(&world->cache);
    must(world, cache_open(&world->settings, &world->cache, &world->fault));
    cache_trust(world->cache, server_token);
}

/*  The first column of every row, with blanks between.  */
static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    err_t err = OK;
    db_t *db = cache_db(world->cache);
    sqlite3_stmt *rows = db_query(db, sql, &world->fault, "");
    buffer_clear(&world->seen);
    while (db_step(db, rows, &err, &world->fault)) {
        if (world->seen.size > 0)
            buffer_add_text(&world->seen, " ");
        buffer_add_text(&world->seen, column_text(rows, 0));
    }
    must(world, err);
    assert_string_equal(buffer_text(&world->seen), expected);
}

/*  ---------------------------------------------------------------- what the log tells  */

static inline void
apply(world_t *world, pgoutput_message_t message)
{
    must(world, cache_apply(world->cache, &message, &world->fault));
}

static inline void
tell_columns(world_t *world, uint32_t relation, const char *table, pgoutput_column_t *columns,
             size_t n)
{
    apply(world, (pgoutput_message_t){.kind = PGOUTPUT_RELATION,
                                      .relation = relation,
                                      .schema = "public",
                                      .table = table,
                                      .identity = 'd',
                                      .columns = columns,
                                      .n_columns = n});
}

static inline void
tell_tables(world_t *world)
{
    pgoutput_column_t todo[] = {{true, "id", TYPE_TEXT, -1},
                                {false, "title", TYPE_TEXT, -1},
                                {false, "n", TYPE_BIGINT, -1},
                                {false, "big", TYPE_TEXT, -1}};
    pgoutput_column_t pair[] = {{true, "a", TYPE_BIGINT, -1},
                                {true, "b", TYPE_TEXT, -1},
                                {false, "note", TYPE_TEXT, -1}};
    tell_columns(world, TODO, "todo", todo, COUNT_OF(todo));
    tell_columns(world, PAIR, "pair", pair, COUNT_OF(pair));
}

/*  Values by words: NULL is NULL, "~" was not sent.  */
static inline pgoutput_tuple_t
tuple(world_t *world, const char *const *words, size_t n)
{
    pgoutput_value_t *values = arena_new(&world->arena, n * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        values[i].kind = words[i] == NULL ? 'n' : strcmp(words[i], "~") == 0 ? 'u' : 't';
        if (values[i].kind == 't')
            values[i].text = (bytes_t){(const uint8_t *) words[i], strlen(words[i])};
    }
    return (pgoutput_tuple_t){.n = n, .values = values};
}
#define TUPLE(world, ...)                                                                      \
    tuple(world, (const char *const[]){__VA_ARGS__},                                           \
          COUNT_OF(((const char *const[]){__VA_ARGS__})))

/*  time: of its commit.  */
static inline void
begin(world_t *world, uint64_t lsn, int64_t time)
{
    world->lsn = lsn;
    apply(world, (pgoutput_message_t){.kind = PGOUTPUT_BEGIN, .lsn = lsn, .time_ms = time});
}

/*  Of PostgreSQL's; the cache has it in a transaction that is open.  */
static inline void
end(world_t *world)
{
    apply(world, (pgoutput_message_t){
                     .kind = PGOUTPUT_COMMIT, .lsn = world->lsn, .end = world->lsn + 8});
}

static inline void
commit(world_t *world)
{
    uint64_t head = 0;
    must(world, cache_seal(world->cache, &head, &world->fault));
    must(world, cache_commit(world->cache, &world->fault));
}

static inline void
insert_into(world_t *world, uint32_t relation, pgoutput_tuple_t row)
{
    apply(world,
          (pgoutput_message_t){.kind = PGOUTPUT_INSERT, .relation = relation, .fresh = row});
}

static inline void
update_of(world_t *world, uint32_t relation, pgoutput_tuple_t row)
{
    apply(world,
          (pgoutput_message_t){.kind = PGOUTPUT_UPDATE, .relation = relation, .fresh = row});
}

static inline void
move_in(world_t *world, uint32_t relation, char kind, pgoutput_tuple_t old,
        pgoutput_tuple_t row)
{
    apply(world, (pgoutput_message_t){.kind = PGOUTPUT_UPDATE,
                                      .relation = relation,
                                      .old_kind = kind,
                                      .old = old,
                                      .fresh = row});
}

static inline void
delete_from(world_t *world, uint32_t relation, pgoutput_tuple_t key)
{
    apply(world,
          (pgoutput_message_t){
              .kind = PGOUTPUT_DELETE, .relation = relation, .old_kind = 'K', .old = key});
}

static inline void
label_rows(world_t *world, const label_t *labels, size_t n)
{
    buffer_t bytes = {0};
    buffer_add_text(&bytes, server_token);
    labels_pack(labels, n, &bytes);
    apply(world, (pgoutput_message_t){.kind = PGOUTPUT_MESSAGE,
                                      .transactional = true,
                                      .prefix = LABELS_PREFIX,
                                      .content = buffer_bytes(&bytes)});
    buffer_release(&bytes);
}
