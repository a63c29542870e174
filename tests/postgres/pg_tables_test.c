/*  The tables of a schema, as the catalog has them.  */

#include "actors/server/postgres/tables.h"
#include "tests/postgres/pg_place.h"

static pg_tables_t *
tables_of(pg_place_t *place)
{
    fault_t fault = {0};
    pg_tables_t *tables = NULL;
    must(pg_tables_read(place->pg, &place->settings, &tables, &fault), &fault);
    return tables;
}

static pg_tables_t *
tables_made_by(pg_place_t *place, const char *sql)
{
    open_place(place, NULL);
    exec(place, sql);
    return tables_of(place);
}

static const pg_column_t *
column(const pg_table_t *table, const char *name)
{
    const pg_column_t *found = pg_table_column(table, name, strlen(name));
    assert_non_null(found);
    return found;
}

static void
describes_columns(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables = tables_made_by(
        &place,
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN more AS positive;"
        "CREATE TYPE mood AS ENUM ('good', 'bad');"
        "CREATE TABLE t (b int, gone int, n numeric(6,2) DEFAULT 1, a uuid, m mood, "
        "m2 more, data bytea, g int GENERATED ALWAYS AS (b + 1) STORED, "
        "i bigint GENERATED ALWAYS AS IDENTITY, yes bool, r real, list text[], "
        "PRIMARY KEY (a, b) INCLUDE (i)); ALTER TABLE t DROP gone");
    const pg_table_t *t = pg_tables_find(tables, "t");
    assert_non_null(t);
    assert_int_equal(t->n_columns, 11);
    assert_int_equal(t->n_keys, 2);
    assert_int_equal(column(t, "a")->key, 1);
    assert_int_equal(column(t, "b")->key, 2);
    assert_true(column(t, "b")->not_null);
    assert_int_equal(column(t, "i")->key, 0);
    assert_true(column(t, "i")->has_default);
    assert_string_equal(column(t, "n")->type, "numeric(6,2)");
    assert_true(column(t, "n")->has_default);
    assert_string_equal(column(t, "m")->type, "mood");
    assert_int_equal(column(t, "m")->shape, SHAPE_TEXT);
    assert_string_equal(column(t, "m2")->type, "more");
    assert_int_equal(column(t, "m2")->shape, SHAPE_INTEGER);
    assert_int_equal(column(t, "data")->shape, SHAPE_BLOB);
    assert_int_equal(column(t, "yes")->shape, SHAPE_BOOLEAN);
    assert_int_equal(column(t, "r")->shape, SHAPE_REAL);
    assert_int_equal(column(t, "list")->shape, SHAPE_TEXT);
    assert_true(column(t, "g")->generated);
    assert_false(column(t, "g")->has_default);
    assert_null(pg_table_column(t, "nn", 2));
    assert_null(pg_table_column(t, "n", 0));
    assert_null(t->fix);
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
describes_the_table_of_the_replica(void **state)
{
    (void) state;
    pg_place_t place;
    arena_t arena = {0};
    pg_tables_t *tables =
        tables_made_by(&place, "CREATE TABLE t (id int PRIMARY KEY, "
                               "g int GENERATED ALWAYS AS (1) STORED, name varchar(9))");
    const table_schema_t schema = pg_table_describe(pg_tables_find(tables, "t"), &arena);
    assert_string_equal(schema.name, "t");
    assert_int_equal(schema.n_columns, 2);
    assert_string_equal(schema.columns[0].type, "BIGINT");
    assert_int_equal(schema.columns[0].key, 1);
    assert_true(schema.columns[0].not_null);
    assert_string_equal(schema.columns[1].name, "name");
    assert_string_equal(schema.columns[1].type, "TEXT");
    arena_release(&arena);
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
has_parents_before_children(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables = tables_made_by(
        &place, "CREATE TABLE z (id int PRIMARY KEY, z int REFERENCES z DEFERRABLE);"
                "CREATE TABLE a (id int PRIMARY KEY, m int);"
                "CREATE TABLE m (id int PRIMARY KEY, z int REFERENCES z);"
                "ALTER TABLE a ADD FOREIGN KEY (m) REFERENCES m");
    assert_int_equal(pg_tables_count(tables), 3);
    assert_string_equal(pg_tables_at(tables, 0)->name, "z");
    assert_string_equal(pg_tables_at(tables, 1)->name, "m");
    assert_string_equal(pg_tables_at(tables, 2)->name, "a");
    assert_true(pg_tables_at(tables, 0)->deferrable);
    assert_false(pg_tables_at(tables, 1)->deferrable);
    assert_string_equal(pg_tables_at(tables, 2)->parents[0], "m");
    assert_null(pg_tables_at(tables, 2)->parents[1]);
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
gets_over_a_circle_of_parents(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables =
        tables_made_by(&place, "CREATE TABLE a (id int PRIMARY KEY, b int);"
                               "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
                               "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b");
    assert_int_equal(pg_tables_count(tables), 2);
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
leaves_out_what_is_no_table_of_the_schema(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables = tables_made_by(
        &place, "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT * FROM t;"
                "CREATE SCHEMA other; CREATE TABLE other.x (id int PRIMARY KEY);"
                "CREATE TEMP TABLE passing (id int PRIMARY KEY);"
                "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);"
                "CREATE TABLE part PARTITION OF parted DEFAULT");
    assert_int_equal(pg_tables_count(tables), 2);
    assert_non_null(pg_tables_find(tables, "t"));
    assert_non_null(pg_tables_find(tables, "parted"));
    assert_null(pg_tables_find(tables, "part"));
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
tells_what_is_published(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables = tables_made_by(
        &place, "CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY);"
                "CREATE PUBLICATION waybill FOR TABLE one; CREATE PUBLICATION x FOR TABLE two");
    assert_true(pg_tables_find(tables, "one")->published);
    assert_false(pg_tables_find(tables, "two")->published);
    pg_tables_destroy(&tables);
    close_place(&place);
}

/*  Each statement is run, but those with a gap in them, and makes the table fit.  */
static void
names_the_sql_that_makes_a_table_fit(void **state)
{
    (void) state;
    static const struct {
        const char *sql;
        const char *name;
        const char *fix;
    } cases[] = {
        {"CREATE TABLE t (id int)", "t", "ALTER TABLE \"public\".\"t\" ADD PRIMARY KEY (...)"},
        {"CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING", "t",
         "ALTER TABLE \"public\".\"t\" REPLICA IDENTITY DEFAULT"},
        {"CREATE TABLE t (id int PRIMARY KEY, u int NOT NULL UNIQUE);"
         "ALTER TABLE t REPLICA IDENTITY USING INDEX t_u_key",
         "t", "ALTER TABLE \"public\".\"t\" REPLICA IDENTITY DEFAULT"},
        {"CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)", "t",
         "ALTER TABLE \"public\".\"t\" DROP CONSTRAINT ..., "
         "ADD PRIMARY KEY (...) NOT DEFERRABLE"},
        {"CREATE TABLE t (a int, id int GENERATED ALWAYS AS (a) STORED PRIMARY KEY)", "t",
         "ALTER TABLE \"public\".\"t\" ALTER COLUMN \"id\" DROP EXPRESSION"},
        {"CREATE UNLOGGED TABLE t (id int PRIMARY KEY)", "t",
         "ALTER TABLE \"public\".\"t\" SET LOGGED"},
        {"CREATE TABLE waybill_things (id int PRIMARY KEY)", "waybill_things",
         "ALTER TABLE \"public\".\"waybill_things\" RENAME TO \"my_waybill_things\""},
        {"CREATE TABLE \"T\" (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY)", "t",
         "ALTER TABLE \"public\".\"t\" RENAME TO \"my_t\""},
        {"CREATE TABLE t (id int PRIMARY KEY, a int, \"A\" int)", "t",
         "ALTER TABLE \"public\".\"t\" RENAME COLUMN \"A\" TO \"my_A\""},
        {"CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION waybill FOR TABLE t"
         " WHERE (id > 1)",
         "t",
         "ALTER PUBLICATION \"waybill\" DROP TABLE \"public\".\"t\"; "
         "ALTER PUBLICATION \"waybill\" ADD TABLE \"public\".\"t\""},
        {"CREATE TABLE t (id int PRIMARY KEY, n int); CREATE PUBLICATION waybill"
         " FOR TABLE t (id)",
         "t",
         "ALTER PUBLICATION \"waybill\" DROP TABLE \"public\".\"t\"; "
         "ALTER PUBLICATION \"waybill\" ADD TABLE \"public\".\"t\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pg_place_t place;
        pg_tables_t *tables = tables_made_by(&place, cases[i].sql);
        const char *fix = pg_tables_find(tables, cases[i].name)->fix;
        assert_non_null(fix);
        assert_string_equal(fix, cases[i].fix);
        if (strstr(fix, "...") == NULL)
            exec(&place, fix);
        pg_tables_destroy(&tables);
        close_place(&place);
    }
}

static void
fits_with_an_identity_that_holds_the_key(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables =
        tables_made_by(&place, "CREATE TABLE a (id int PRIMARY KEY);"
                               "ALTER TABLE a REPLICA IDENTITY FULL;"
                               "CREATE TABLE b (id int PRIMARY KEY);"
                               "ALTER TABLE b REPLICA IDENTITY USING INDEX b_pkey");
    assert_null(pg_tables_find(tables, "a")->fix);
    assert_null(pg_tables_find(tables, "b")->fix);
    pg_tables_destroy(&tables);
    close_place(&place);
}

/*  What is left out of the one publication, the other one has.  */
static void
fits_where_all_rows_are_published_all_the_same(void **state)
{
    (void) state;
    pg_place_t place;
    pg_tables_t *tables = tables_made_by(
        &place, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
                "CREATE PUBLICATION other FOR TABLE a WHERE (id > 1);"
                "CREATE PUBLICATION waybill FOR TABLE a, b WHERE (id > 1), "
                "TABLES IN SCHEMA public");
    assert_true(pg_table_is_synchronised(pg_tables_find(tables, "a")));
    assert_true(pg_table_is_synchronised(pg_tables_find(tables, "b")));
    pg_tables_destroy(&tables);
    close_place(&place);
}

static void
can_be_read_again(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    pg_tables_t *tables = tables_made_by(&place, "CREATE TABLE a (id int PRIMARY KEY)");
    exec(&place, "CREATE TABLE b (id int PRIMARY KEY)");
    assert_null(pg_tables_find(tables, "b"));
    must(pg_tables_read(place.pg, &place.settings, &tables, &fault), &fault);
    assert_non_null(pg_tables_find(tables, "b"));
    pg_disconnect(place.pg);
    assert_int_equal(pg_tables_read(place.pg, &place.settings, &tables, &fault), ERR_OFFLINE);
    assert_non_null(pg_tables_find(tables, "b"));
    pg_tables_destroy(&tables);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_columns),
        cmocka_unit_test(describes_the_table_of_the_replica),
        cmocka_unit_test(has_parents_before_children),
        cmocka_unit_test(gets_over_a_circle_of_parents),
        cmocka_unit_test(leaves_out_what_is_no_table_of_the_schema),
        cmocka_unit_test(tells_what_is_published),
        cmocka_unit_test(names_the_sql_that_makes_a_table_fit),
        cmocka_unit_test(fits_with_an_identity_that_holds_the_key),
        cmocka_unit_test(fits_where_all_rows_are_published_all_the_same),
        cmocka_unit_test(can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
