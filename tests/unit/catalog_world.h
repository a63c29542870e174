/*  catalog_world - a database in a file of its own and its catalog, and short ways to say what
    a row is and to look at what is there.  */

#pragma once

#include "actors/common/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct world {
    char path[64];
    db_t *db;
    catalog_t *catalog;
    sqlite3 *other; /* a program that knows nothing of us; NULL until opened */
    fault_t fault;
    arena_t arena;
    buffer_t row; /* what row_of() made last */
} world_t;

static inline int
make_world(void **state)
{
    world_t *world = mem_new(sizeof *world);
    strcpy(world->path, "/tmp/waybill-catalog-XXXXXX");
    close(mkstemp(world->path));
    assert_int_equal(db_open(world->path, true, &world->db, &world->fault), OK);
    assert_int_equal(catalog_open(world->db, &world->catalog, &world->fault), OK);
    *state = world;
    return 0;
}

static inline int
remove_world(void **state)
{
    world_t *world = *state;
    sqlite3_close(world->other);
    catalog_close(&world->catalog);
    db_close(&world->db);
    buffer_release(&world->row);
    arena_release(&world->arena);
    unlink(world->path);
    free(world);
    return 0;
}

static inline void
run(world_t *world, const char *sql)
{
    if (db_exec(world->db, sql, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
}

static inline table_t *
todo(world_t *world)
{
    run(world, "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL,"
               " title NOT NULL, done INTEGER DEFAULT 7)");
    table_t *table = catalog_table(world->catalog, "todo");
    assert_non_null(table);
    return table;
}

static inline value_t
text(const char *letters)
{
    return (value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) letters, strlen(letters)}};
}

static inline value_t
integer(int64_t number)
{
    return (value_t){.kind = VALUE_INTEGER, .integer = number};
}

typedef struct member {
    const char *name;
    value_t value;
} member_t;

static inline bytes_t
row_of(world_t *world, size_t n_members, const member_t *members)
{
    buffer_clear(&world->row);
    row_begin(&world->row, n_members);
    for (size_t i = 0; i < n_members; i++) {
        row_add_name(&world->row, members[i].name);
        row_add(&world->row, &members[i].value);
    }
    return buffer_bytes(&world->row);
}
#define ROW(world, ...)                                                                        \
    row_of(world, sizeof((member_t[]){__VA_ARGS__}) / sizeof(member_t),                        \
           (member_t[]){__VA_ARGS__})

/*  The first value of the first row, as text.  */
static inline void
expect(world_t *world, const char *sql, const char *expected)
{
    err_t err = OK;
    sqlite3_stmt *row = db_statement(world->db, sql, &world->fault);
    if (!db_step(world->db, row, &err, &world->fault))
        fail_msg("%s: %s", sql, err == OK ? "no row" : world->fault.text);
    assert_string_equal(column_text(row, 0), expected);
    sqlite3_reset(row);
}
