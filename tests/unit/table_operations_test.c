/*  What each row operation does to a row that is there and to one that is not.  */

#include "tests/unit/catalog_world.h"

#include <math.h>

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
    const bytes_t key = arena_bytes(&world->arena, ROW(world, {"id", text("1")}));
    assert_int_equal(table_delete(table, key, &changed, &world->fault), OK);
    assert_false(changed);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3), ('2', 'b', 3)");
    assert_int_equal(table_delete(table, key, &changed, &world->fault), OK);
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
    const bytes_t key = arena_bytes(&world->arena, ROW(world, {"id", text("1")}));
    assert_int_equal(table_read(table, key, &out, &found, &world->fault), OK);
    assert_false(found);
    assert_int_equal(out.size, 0);
    run(world, "INSERT INTO todo VALUES ('1', 'a', 3)");
    assert_int_equal(table_read(table, key, &out, &found, &world->fault), OK);
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
    const bytes_t key = arena_bytes(&world->arena, ROW(world, {"id", integer(1)}));
    assert_int_equal(
        table_upsert(table, ROW(world, {"id", integer(1)}, {"x", value}), &world->fault), OK);
    assert_int_equal(table_read(table, key, &out, &found, &world->fault), OK);
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

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
