/*  The catalog: which tables there are, how one is described, and what fits it.  */

#include "tests/unit/catalog_world.h"

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
refuses_tables_without_a_key(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE none (a UNIQUE NOT NULL)");
    table_t *table = catalog_table(world->catalog, "none");
    assert_null(table_key(table));
    expect_misfit(world, table, ROW(world, {"a", integer(1)}), "give it a PRIMARY KEY");
    assert_int_equal(table_capture(table, &(capture_options_t){0}, &world->fault),
                     ERR_INVALID_CHANGE);
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

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(lists_the_applications_tables_only),
        EACH(puts_parents_first_and_survives_circles),
        EACH(notices_a_change_of_the_schema),
        EACH(leaves_generated_columns_out),
        EACH(refuses_tables_without_a_key),
        EACH(a_description_makes_the_same_table),
        EACH(makes_no_table_from_a_hostile_description),
        EACH(names_the_column_that_does_not_fit),
        EACH(gives_the_key_as_text),
        EACH(refuses_numbers_written_as_text_in_a_column_of_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
