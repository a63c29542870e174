/*  The catalog: which tables there are, what fits them, and what each row operation does to a
    row that is there and to one that is not.  */

#include "actors/common/catalog.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct world {
    char path[64];
    db_t *db;
    catalog_t *catalog;
    fault_t fault;
    arena_t arena;
    buffer_t row; /* what row_of() made last */
} world_t;

static int
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

static int
remove_world(void **state)
{
    world_t *world = *state;
    catalog_close(&world->catalog);
    db_close(&world->db);
    buffer_release(&world->row);
    arena_release(&world->arena);
    unlink(world->path);
    free(world);
    return 0;
}

static void
run(world_t *world, const char *sql)
{
    if (db_exec(world->db, sql, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
}

static table_t *
todo(world_t *world)
{
    run(world, "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL,"
               " title NOT NULL, done INTEGER DEFAULT 7)");
    table_t *table = catalog_table(world->catalog, "todo");
    assert_non_null(table);
    return table;
}

static value_t
text(const char *letters)
{
    return (value_t){.kind = VALUE_TEXT, .bytes = {(const uint8_t *) letters, strlen(letters)}};
}

static value_t
integer(int64_t number)
{
    return (value_t){.kind = VALUE_INTEGER, .integer = number};
}

typedef struct member {
    const char *name;
    value_t value;
} member_t;

static bytes_t
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
static void
expect(world_t *world, const char *sql, const char *expected)
{
    err_t err = OK;
    sqlite3_stmt *row = db_statement(world->db, sql, &world->fault);
    if (!db_step(world->db, row, &err, &world->fault))
        fail_msg("%s: %s", sql, err == OK ? "no row" : world->fault.text);
    assert_string_equal(column_text(row, 0), expected);
    sqlite3_reset(row);
}

static void
expect_misfit(world_t *world, table_t *table, bytes_t row, const char *word)
{
    const char *key = NULL;
    world->fault = (fault_t){0};
    assert_int_equal(table_check(table, row, &world->arena, &key, &world->fault),
                     ERR_INVALID_CHANGE);
    assert_int_equal(world->fault.err, ERR_INVALID_CHANGE);
    if (strstr(world->fault.text, word) == NULL)
        fail_msg("no \"%s\" in: %s", word, world->fault.text);
}

/*  ------------------------------------------------------------------------------ tables  */

static void
lists_the_applications_tables_only(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE b (id PRIMARY KEY); CREATE TABLE a (id PRIMARY KEY);"
               "CREATE VIEW v AS SELECT * FROM a; CREATE TABLE local_changes (id PRIMARY KEY);"
               "CREATE TABLE Waybill_x (id PRIMARY KEY); CREATE TABLE Sync_State (id);"
               "CREATE TABLE change_log (id); CREATE TABLE client_changes (id);"
               "CREATE TABLE changes_history (seq INTEGER PRIMARY KEY AUTOINCREMENT);"
               "CREATE VIRTUAL TABLE search USING fts5(x)");
    assert_int_equal(catalog_count(world->catalog), 2);
    assert_string_equal(table_name(catalog_at(world->catalog, 0)), "a");
    assert_string_equal(table_name(catalog_at(world->catalog, 1)), "b");
    assert_null(catalog_table(world->catalog, "local_changes"));
    assert_null(catalog_table(world->catalog, "nothing"));
}

static void
puts_parents_first_and_survives_circles(void **state)
{
    static const char *const order[] = {"c", "b", "a", "self", "x", "y"};
    world_t *world = *state;
    run(world, "CREATE TABLE a (id PRIMARY KEY, b REFERENCES B(id), c REFERENCES c(id));"
               "CREATE TABLE b (id PRIMARY KEY, c REFERENCES c(id), n REFERENCES nowhere(id));"
               "CREATE TABLE c (id PRIMARY KEY);"
               "CREATE TABLE self (id PRIMARY KEY, up REFERENCES self(id));"
               "CREATE TABLE x (id PRIMARY KEY, y REFERENCES y(id));"
               "CREATE TABLE y (id PRIMARY KEY, x REFERENCES x(id))");
    assert_int_equal(catalog_count(world->catalog), COUNT_OF(order));
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_string_equal(table_name(catalog_at(world->catalog, i)), order[i]);
}

static void
notices_a_change_of_the_schema(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    assert_false(table_has_column(table, text("colour").bytes));
    run(world, "ALTER TABLE todo ADD COLUMN colour");
    table = catalog_table(world->catalog, "todo");
    assert_true(table_has_column(table, text("colour").bytes));
    const uint64_t before = db_statements_run(world->db);
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
    assert_int_equal(db_statements_run(world->db), before + 1);
    assert_ptr_equal(catalog_table(world->catalog, "todo"), table);
}

static void
leaves_generated_columns_out(void **state)
{
    world_t *world = *state;
    run(world,
        "CREATE TABLE t (id PRIMARY KEY, a, twice AS (a * 2), thrice AS (a * 3) STORED)");
    table_t *table = catalog_table(world->catalog, "t");
    assert_true(table_has_column(table, text("a").bytes));
    assert_false(table_has_column(table, text("twice").bytes));
    assert_false(table_has_column(table, text("thrice").bytes));
}

static void
refuses_tables_without_a_key_of_one_column(void **state)
{
    static const struct {
        const char *name, *word;
    } tables[] = {{"none", "no primary key"}, {"two", "several"}, {"real", "reals"}};
    world_t *world = *state;
    run(world, "CREATE TABLE none (a); CREATE TABLE two (a, b, PRIMARY KEY (a, b));"
               "CREATE TABLE real (a DOUBLE PRIMARY KEY)");
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        table_t *table = catalog_table(world->catalog, tables[i].name);
        assert_null(table_key(table));
        expect_misfit(world, table, ROW(world, {"a", integer(1)}), tables[i].word);
        assert_int_equal(table_capture(table, &world->fault), ERR_INVALID_CHANGE);
    }
}

static void
a_description_makes_the_same_table(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE \"it's \"\"t\"\"\" (\"a b\" VARCHAR(20) PRIMARY KEY NOT NULL,"
               " n INTEGER NOT NULL, \"x;--\" DECIMAL(10, 2))");
    table_t *table = catalog_table(world->catalog, "it's \"t\"");
    const table_schema_t schema = table_describe(table, &world->arena);
    run(world, "DROP TABLE \"it's \"\"t\"\"\"");
    assert_int_equal(table_create(world->db, &schema, &world->fault), OK);
    assert_int_equal(table_create(world->db, &schema, &world->fault), OK);
    run(world, "SELECT 1");
    const table_schema_t again =
        table_describe(catalog_table(world->catalog, "it's \"t\""), &world->arena);
    assert_int_equal(again.n_columns, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(again.columns[i].name, schema.columns[i].name);
        assert_string_equal(again.columns[i].type, schema.columns[i].type);
        assert_int_equal(again.columns[i].key, schema.columns[i].key);
        assert_int_equal(again.columns[i].not_null, schema.columns[i].not_null);
    }
}

static void
makes_no_table_from_a_hostile_description(void **state)
{
    world_t *world = *state;
    column_t column = {.name = "id", .type = "TEXT); DROP TABLE todo; --", .key = 1};
    const table_schema_t hostile = {.name = "t", .columns = &column, .n_columns = 1};
    assert_int_equal(table_create(world->db, &hostile, &world->fault), ERR_INVALID_CHANGE);
    column.type = "TEXT";
    const table_schema_t ours = {.name = "Waybill_head", .columns = &column, .n_columns = 1};
    assert_int_equal(table_create(world->db, &ours, &world->fault), ERR_INVALID_CHANGE);
    run(world, "SELECT 1");
    assert_int_equal(catalog_count(world->catalog), 0);
}

/*  ---------------------------------------------------------------------------- checking  */

static void
names_the_column_that_does_not_fit(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    expect_misfit(world, table, ROW(world, {"id", text("1")}, {"colour", text("red")}),
                  "colour");
    expect_misfit(world, table, ROW(world, {"id\" = 1; --", text("1")}), "id\" = 1; --");
    expect_misfit(world, table, ROW(world, {"title", text("x")}), "column id is missing");
    expect_misfit(world, table, ROW(world, {"id", {.kind = VALUE_NULL}}), "NULL");
    expect_misfit(world, table, ROW(world, {"id", {.kind = VALUE_REAL, .real = 1}}), "real");
    expect_misfit(world, table, ROW(world, {"id", {.kind = VALUE_BLOB}}), "blob");
    expect_misfit(
        world, table,
        ROW(world, {"id", {.kind = VALUE_TEXT, .bytes = {(const uint8_t *) "a\0b", 3}}}),
        "zero byte");
    expect_misfit(world, table, text("\x81").bytes, "todo");
    expect_misfit(world, table, ROW(world, {"id", text("1")}, {"id", text("2")}), "id");
}

static void
gives_the_key_as_text(void **state)
{
    world_t *world = *state;
    const char *key = NULL;
    table_t *table = todo(world);
    assert_int_equal(table_check(table,
                                 ROW(world, {"title", text("x")}, {"id", text("k\xc3\xa9y")}),
                                 &world->arena, &key, &world->fault),
                     OK);
    assert_string_equal(key, "k\xc3\xa9y");
    assert_int_equal(
        table_check(table, ROW(world, {"id", integer(-5)}), &world->arena, &key, &world->fault),
        OK);
    assert_string_equal(key, "-5");
}

/*  SQLite would store them as other keys than their texts say.  */
static void
refuses_numbers_written_as_text_in_a_column_of_numbers(void **state)
{
    static const char *const refused[] = {"07",  "+7",  " 7",
                                          "7.0", "1e3", "99999999999999999999"};
    static const char *const good[] = {"7", "-7", "seven", "2020-01-01", "0x10", "", "1-2"};
    world_t *world = *state;
    const char *key = NULL;
    run(world, "CREATE TABLE t (id NUMERIC PRIMARY KEY)");
    table_t *table = catalog_table(world->catalog, "t");
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        expect_misfit(world, table, ROW(world, {"id", text(refused[i])}), "written as text");
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const bytes_t row = ROW(world, {"id", text(good[i])});
        assert_int_equal(table_check(table, row, &world->arena, &key, &world->fault), OK);
        assert_int_equal(table_insert(table, row, &world->fault), OK);
        expect(world, "SELECT id || '' FROM t ORDER BY rowid DESC LIMIT 1", key);
    }
}

/*  -------------------------------------------------------------------------- operations  */

static void
insert_adds_a_row_but_not_over_another(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    assert_int_equal(
        table_insert(table, ROW(world, {"id", text("1")}, {"title", text("a")}), &world->fault),
        OK);
    assert_int_equal(
        table_insert(table, ROW(world, {"id", text("1")}, {"title", text("b")}), &world->fault),
        ERR_RULE_VIOLATION);
    expect(world, "SELECT group_concat(title || done) FROM todo", "a7");
}

static void
update_changes_only_a_row_that_is_there(void **state)
{
    bool changed = false;
    world_t *world = *state;
    table_t *table = todo(world);
    const bytes_t row = ROW(world, {"title", text("b")}, {"id", text("1")});
    assert_int_equal(table_update(table, row, &changed, &world->fault), OK);
    assert_false(changed);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3), ('2', 'a', 3)");
    assert_int_equal(table_update(table, row, &changed, &world->fault), OK);
    assert_true(changed);
    expect(world, "SELECT group_concat(title || done) FROM todo", "b3,a3");
}

static void
an_update_of_nothing_asks_for_the_row(void **state)
{
    bool changed = false;
    world_t *world = *state;
    table_t *table = todo(world);
    const bytes_t row = ROW(world, {"id", text("1")});
    assert_int_equal(table_update(table, row, &changed, &world->fault), OK);
    assert_false(changed);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3)");
    assert_int_equal(table_update(table, row, &changed, &world->fault), OK);
    assert_true(changed);
}

static void
upsert_adds_or_changes_and_leaves_other_columns(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    assert_int_equal(
        table_upsert(table,
                     ROW(world, {"id", text("1")}, {"title", text("a")}, {"done", integer(1)}),
                     &world->fault),
        OK);
    assert_int_equal(
        table_upsert(table,
                     ROW(world, {"id", text("1")}, {"title", text("b")}, {"done", integer(2)}),
                     &world->fault),
        OK);
    assert_int_equal(
        table_upsert(table, ROW(world, {"id", text("1")}, {"done", integer(3)}), &world->fault),
        OK);
    assert_int_equal(table_upsert(table, ROW(world, {"id", text("1")}), &world->fault), OK);
    assert_int_equal(
        table_upsert(table, ROW(world, {"id", text("2")}, {"title", text("c")}), &world->fault),
        OK);
    expect(world, "SELECT group_concat(title || done) FROM todo", "b3,c7");
    assert_int_equal(table_upsert(table, ROW(world, {"id", text("3")}), &world->fault),
                     ERR_RULE_VIOLATION);
}

static void
upsert_of_a_table_that_is_only_a_key(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    table_t *table = catalog_table(world->catalog, "t");
    for (int i = 0; i < 2; i++)
        assert_int_equal(table_upsert(table, ROW(world, {"id", integer(4)}), &world->fault),
                         OK);
    expect(world, "SELECT group_concat(id) FROM t", "4");
}

static void
delete_removes_one_row(void **state)
{
    bool changed = false;
    world_t *world = *state;
    table_t *table = todo(world);
    const value_t key = text("1");
    assert_int_equal(table_delete(table, &key, &changed, &world->fault), OK);
    assert_false(changed);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3), ('2', 'b', 3)");
    assert_int_equal(table_delete(table, &key, &changed, &world->fault), OK);
    assert_true(changed);
    expect(world, "SELECT group_concat(title) FROM todo", "b");
}

static void
read_adds_the_whole_row_or_nothing(void **state)
{
    bool found = true;
    value_t value;
    buffer_t out = {0};
    world_t *world = *state;
    table_t *table = todo(world);
    const value_t key = text("1");
    assert_int_equal(table_read(table, &key, &out, &found, &world->fault), OK);
    assert_false(found);
    assert_int_equal(out.size, 0);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3)");
    assert_int_equal(table_read(table, &key, &out, &found, &world->fault), OK);
    assert_true(found);
    assert_true(row_find(buffer_bytes(&out), "done", &value));
    assert_int_equal(value.integer, 3);
    assert_int_equal(row_check(buffer_bytes(&out), &world->fault), OK);
    buffer_release(&out);
}

static void
expect_survives(world_t *world, value_t value)
{
    bool found = false;
    value_t back;
    buffer_t out = {0};
    table_t *table = catalog_table(world->catalog, "any");
    const value_t key = integer(1);
    assert_int_equal(table_upsert(table, ROW(world, {"id", key}, {"x", value}), &world->fault),
                     OK);
    assert_int_equal(table_read(table, &key, &out, &found, &world->fault), OK);
    assert_true(row_find(buffer_bytes(&out), "x", &back));
    assert_int_equal(back.kind, value.kind);
    assert_int_equal(back.integer, value.integer);
    assert_memory_equal(&back.real, &value.real, sizeof(double));
    assert_int_equal(back.bytes.size, value.bytes.size);
    assert_memory_equal(back.bytes.data, value.bytes.data, value.bytes.size);
    buffer_release(&out);
}

static void
values_survive_unchanged(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE any (id INTEGER PRIMARY KEY, x)");
    expect_survives(world, integer(INT64_MAX));
    expect_survives(world, integer(INT64_MIN));
    expect_survives(world, integer((INT64_C(1) << 53) + 1));
    expect_survives(world, (value_t){.kind = VALUE_REAL, .real = -0.0});
    expect_survives(world, (value_t){.kind = VALUE_REAL, .real = 0.1 + 0.2});
    expect_survives(world, (value_t){.kind = VALUE_REAL, .real = -HUGE_VAL});
    expect_survives(world, (value_t){.kind = VALUE_REAL, .real = 5e-324});
    expect_survives(world, text(""));
    expect_survives(world, text("\xf0\x9f\x98\x80 '; DROP TABLE any; -- \"\\\n"));
    expect_survives(world,
                    (value_t){.kind = VALUE_BLOB, .bytes = {(const uint8_t *) "\0\xff\0", 3}});
    expect_survives(world, (value_t){.kind = VALUE_BLOB, .bytes = {(const uint8_t *) "", 0}});
    expect_survives(world, (value_t){.kind = VALUE_NULL, .bytes = {(const uint8_t *) "", 0}});
}

static void
hostile_names_are_only_names(void **state)
{
    bool changed = false;
    world_t *world = *state;
    run(world, "CREATE TABLE \"a\"\"; DROP TABLE b; --\" (\"k\"\"?1\" TEXT PRIMARY KEY, "
               "\"select\", \"x' || 'y\");"
               "CREATE TABLE b (id PRIMARY KEY)");
    table_t *table = catalog_table(world->catalog, "a\"; DROP TABLE b; --");
    assert_non_null(table);
    const bytes_t row =
        ROW(world, {"x' || 'y", integer(1)}, {"select", text("'")}, {"k\"?1", text("key")});
    assert_int_equal(table_insert(table, row, &world->fault), OK);
    assert_int_equal(table_upsert(table, row, &world->fault), OK);
    assert_int_equal(table_update(table, row, &changed, &world->fault), OK);
    expect(world, "SELECT \"select\" FROM \"a\"\"; DROP TABLE b; --\"", "'");
    expect(world, "SELECT count(*) FROM b", "0");
}

/*  More sets of columns than statements are kept for.  */
static void
any_set_of_columns_works_again_and_again(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    world_t *world = *state;
    run(world, "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g)");
    table_t *table = catalog_table(world->catalog, "t");
    for (int round = 0; round < 3; round++)
        for (unsigned set = 0; set < 128; set++) {
            member_t members[8] = {{"id", integer(set)}};
            size_t n_members = 1;
            for (size_t i = 0; i < COUNT_OF(names); i++)
                if (set & (1u << i))
                    members[n_members++] = (member_t){names[i], integer(round)};
            assert_int_equal(
                table_upsert(table, row_of(world, n_members, members), &world->fault), OK);
        }
    expect(world, "SELECT count(*) || ' ' || sum(a + 0) || ' ' || count(g) FROM t",
           "128 128 64");
}

/*  ------------------------------------------------------------------------------ ranges  */

typedef struct page {
    char keys[64];
    size_t left;
} page_t;

static bool
take(void *arg, bytes_t row)
{
    value_t key;
    page_t *page = arg;
    assert_true(row_find(row, "id", &key));
    const size_t size = strlen(page->keys);
    (void) snprintf(page->keys + size, sizeof page->keys - size, "%.*s ", (int) key.bytes.size,
                    (const char *) key.bytes.data);
    return --page->left > 0;
}

static void
scans_pages_in_order_of_the_key(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('c', 1), ('a', 1), ('d', 1), ('b', 1)");
    page_t first = {.left = 3};
    assert_int_equal(table_scan(table, NULL, take, &first, &world->fault), OK);
    assert_string_equal(first.keys, "a b c ");
    page_t second = {.left = 3};
    const value_t after = text("c");
    assert_int_equal(table_scan(table, &after, take, &second, &world->fault), OK);
    assert_string_equal(second.keys, "d ");
}

static void
scan_orders_keys_by_their_bytes_however_the_table_collates(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE folded (id TEXT COLLATE NOCASE PRIMARY KEY);"
               " INSERT INTO folded VALUES ('c'), ('A'), ('D'), ('b')");
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
    table_t *table = catalog_table(world->catalog, "folded");
    page_t first = {.left = 3};
    assert_int_equal(table_scan(table, NULL, take, &first, &world->fault), OK);
    assert_string_equal(first.keys, "A D b ");
    page_t second = {.left = 3};
    const value_t after = text("b");
    assert_int_equal(table_scan(table, &after, take, &second, &world->fault), OK);
    assert_string_equal(second.keys, "c ");
}

static bool
spare_d(void *arg, const char *key)
{
    (void) arg;
    return strcmp(key, "d") == 0;
}

static void
prune_removes_what_the_page_does_not_have(void **state)
{
    buffer_t rows[2] = {{0}};
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('a', 1), ('b', 1), ('c', 1), ('d', 1),"
               " ('e', 1), ('f', 1), ('g', 1)");
    server_change_t keep[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        const bytes_t row = ROW(world, {"title", text("x")}, {"id", text(i == 0 ? "f" : "c")});
        buffer_add(&rows[i], row.data, row.size);
        keep[i].data = buffer_bytes(&rows[i]);
    }
    const value_t after = text("a");
    const value_t up_to = text("f");
    assert_int_equal(table_prune(table, &after, &up_to, keep, 2, spare_d, NULL, &world->fault),
                     OK);
    expect(world, "SELECT group_concat(id, '') FROM todo", "acdfg");
    buffer_release(&rows[0]);
    buffer_release(&rows[1]);
}

static void
prune_without_bounds_empties_the_table(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    run(world, "INSERT INTO todo (id, title) VALUES ('a', 1), ('b', 1)");
    assert_int_equal(table_prune(table, NULL, NULL, NULL, 0, NULL, NULL, &world->fault), OK);
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
prune_of_nothing_is_one_statement(void **state)
{
    world_t *world = *state;
    table_t *table = todo(world);
    const uint64_t before = db_statements_run(world->db);
    const value_t after = text("a");
    assert_int_equal(table_prune(table, &after, NULL, NULL, 0, NULL, NULL, &world->fault), OK);
    assert_int_equal(db_statements_run(world->db), before + 1);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(lists_the_applications_tables_only),
        EACH(puts_parents_first_and_survives_circles),
        EACH(notices_a_change_of_the_schema),
        EACH(leaves_generated_columns_out),
        EACH(refuses_tables_without_a_key_of_one_column),
        EACH(a_description_makes_the_same_table),
        EACH(makes_no_table_from_a_hostile_description),
        EACH(names_the_column_that_does_not_fit),
        EACH(gives_the_key_as_text),
        EACH(refuses_numbers_written_as_text_in_a_column_of_numbers),
        EACH(insert_adds_a_row_but_not_over_another),
        EACH(update_changes_only_a_row_that_is_there),
        EACH(an_update_of_nothing_asks_for_the_row),
        EACH(upsert_adds_or_changes_and_leaves_other_columns),
        EACH(upsert_of_a_table_that_is_only_a_key),
        EACH(delete_removes_one_row),
        EACH(read_adds_the_whole_row_or_nothing),
        EACH(values_survive_unchanged),
        EACH(hostile_names_are_only_names),
        EACH(any_set_of_columns_works_again_and_again),
        EACH(scans_pages_in_order_of_the_key),
        EACH(scan_orders_keys_by_their_bytes_however_the_table_collates),
        EACH(prune_removes_what_the_page_does_not_have),
        EACH(prune_without_bounds_empties_the_table),
        EACH(prune_of_nothing_is_one_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
