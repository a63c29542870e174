/*  Capture: whatever changes a row on the server is in the change log, in the writer's own
    transaction, with its values unharmed.  */

#include "schemas/codec.h"
#include "schemas/tables.h"
#include "tests/unit/catalog_world.h"

#include <stdio.h>

static int
make_server(void **state)
{
    assert_int_equal(make_world(state), 0);
    world_t *world = *state;
    run(world, server_sql);
    run(world, "INSERT INTO waybill_head (one, epoch, lsn) VALUES (1, 'e', 10)");
    assert_int_equal(sqlite3_open(world->path, &world->other), SQLITE_OK);
    return 0;
}

static void
capture(world_t *world, const char *name)
{
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
    table_t *table = catalog_table(world->catalog, name);
    assert_non_null(table);
    if (table_capture(table, &(capture_options_t){0}, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
}

static void
plain_sql(world_t *world, const char *sql)
{
    if (sqlite3_exec(world->other, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(world->other));
}

static void
make_todo(world_t *world)
{
    plain_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title, done INTEGER)");
    capture(world, "todo");
}

/*  The log as "operation data, operation data".  */
static void
expect_log(world_t *world, const char *expected)
{
    expect(world,
           "SELECT group_concat(operation || ' ' || data, ', ') FROM"
           " (SELECT * FROM change_log ORDER BY lsn, seq)",
           expected);
}

/*  --------------------------------------------------------------------------------- log  */

static void
plain_sql_of_another_program_is_logged(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "BEGIN; INSERT INTO todo VALUES ('1', 'milk', 0);"
                     "UPDATE todo SET done = 1; DELETE FROM todo; COMMIT");
    expect_log(world, "insert {\"id\":\"1\",\"title\":\"milk\",\"done\":0}, "
                      "update {\"id\":\"1\",\"title\":\"milk\",\"done\":1}, "
                      "delete {\"id\":\"1\"}");
    expect(world,
           "SELECT count(*) FROM change_log WHERE lsn = 11 AND tbl = 'todo'"
           " AND client_id IS NULL AND change_id IS NULL",
           "3");
}

static void
what_is_rolled_back_is_not_logged(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "BEGIN; INSERT INTO todo VALUES ('1', 'milk', 0); ROLLBACK");
    expect(world, "SELECT count(*) FROM change_log", "0");
}

static void
the_time_of_plain_sql_is_now(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 'milk', 0)");
    expect(world, "SELECT abs(updated_at - 1000 * unixepoch()) < 3600000 FROM change_log", "1");
    expect(world,
           "SELECT count(*) FROM change_log JOIN waybill_versions USING (tbl, lsn, updated_at)",
           "1");
}

static void
a_new_key_is_a_deletion_and_an_insertion(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('a', 1, 2); UPDATE todo SET id = 'A'");
    expect_log(world, "insert {\"id\":\"a\",\"title\":1,\"done\":2}, delete {\"id\":\"a\"}, "
                      "insert {\"id\":\"A\",\"title\":1,\"done\":2}");
    expect(world, "SELECT group_concat(key || deleted) FROM waybill_versions", "A0,a1");
}

static void
a_key_that_compares_alike_is_still_another(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE)");
    capture(world, "t");
    plain_sql(world, "INSERT INTO t VALUES ('a'); UPDATE t SET id = 'A'");
    expect_log(world, "insert {\"id\":\"a\"}, delete {\"id\":\"a\"}, insert {\"id\":\"A\"}");
}

static void
replaced_and_cascaded_rows_are_logged(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "PRAGMA foreign_keys = ON; CREATE TABLE note (id INTEGER PRIMARY KEY,"
                     " todo REFERENCES todo(id) ON DELETE CASCADE)");
    capture(world, "note");
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3); INSERT INTO note VALUES (7, '1');"
                     "INSERT OR REPLACE INTO todo VALUES ('2', 2, 3);"
                     "INSERT OR REPLACE INTO todo VALUES ('2', 4, 3);"
                     "INSERT INTO todo VALUES ('2', 5, 3) ON CONFLICT DO UPDATE SET title = 5;"
                     "DELETE FROM change_log; DELETE FROM todo WHERE id = '1'");
    expect_log(world, "delete {\"id\":7}, delete {\"id\":\"1\"}");
    expect(world, "SELECT group_concat(tbl || key || deleted) FROM waybill_versions",
           "note71,todo11,todo20");
}

/*  A NULL key names no row; a real or a blob is not synchronised.  */
static void
rows_with_null_for_a_key_are_left_alone(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE t (id PRIMARY KEY, x)");
    capture(world, "t");
    plain_sql(world, "INSERT INTO t VALUES (NULL, 1), (NULL, 2); UPDATE t SET x = 4;"
                     "UPDATE t SET id = 9 WHERE rowid = 1; UPDATE t SET id = NULL WHERE id = 9;"
                     "DELETE FROM t");
    expect_log(world, "insert {\"id\":9,\"x\":4}, delete {\"id\":9}");
}

/*  ------------------------------------------------------------------------------ origin  */

static void
a_change_of_ours_carries_its_origin(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "BEGIN; INSERT INTO waybill_origin VALUES (1, 'alice', 'c1', 123);"
                     "INSERT INTO todo VALUES ('1', 2, 3); DELETE FROM waybill_origin;"
                     "UPDATE waybill_head SET lsn = lsn + 1; COMMIT;"
                     "INSERT INTO todo VALUES ('2', 2, 3)");
    expect(world,
           "SELECT group_concat(lsn || ' ' || ifnull(client_id || change_id || updated_at, "
           "'none')) FROM change_log",
           "11 alicec1123,12 none");
    expect(world,
           "SELECT group_concat(key || ' ' || lsn || client_id || (updated_at = 123)) FROM "
           "waybill_versions",
           "1 11alice1,2 120");
}

static void
the_version_is_that_of_the_last_writer(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3); DELETE FROM todo;"
                     "UPDATE waybill_head SET lsn = 40");
    expect(world, "SELECT lsn || ' ' || deleted FROM waybill_versions", "11 1");
    plain_sql(world, "INSERT OR IGNORE INTO todo VALUES ('1', 2, 3)");
    expect(world, "SELECT lsn || ' ' || deleted FROM waybill_versions", "41 0");
}

/*  ------------------------------------------------------------------------------ values  */

static void
expect_comes_back(world_t *world, const char *expression)
{
    err_t err = OK;
    value_t value = {0};
    buffer_t row = {0};
    char sql[256];
    plain_sql(world, "DELETE FROM any; DELETE FROM change_log");
    (void) snprintf(sql, sizeof sql, "INSERT INTO any VALUES (1, %s)", expression);
    plain_sql(world, sql);
    sqlite3_stmt *log = db_statement(world->db, "SELECT data, x FROM change_log, any", NULL);
    assert_true(db_step(world->db, log, &err, &world->fault));
    const bytes_t json = column_bytes(log, 0);
    if (json_to_msgpack((const char *) json.data, json.size, &row, &world->fault) != OK)
        fail_msg("%s: %s", json.data, world->fault.text);
    const value_t stored = column_value(log, 1);
    if (!row_find(buffer_bytes(&row), "x", &value))
        fail_msg("%s: %s", expression, column_text(log, 0));
    assert_int_equal(value.kind, stored.kind);
    assert_int_equal(value.integer, stored.integer);
    assert_true(value.real == stored.real);
    assert_int_equal(value.bytes.size, stored.bytes.size);
    if (stored.bytes.size > 0)
        assert_memory_equal(value.bytes.data, stored.bytes.data, stored.bytes.size);
    sqlite3_reset(log);
    buffer_release(&row);
}

static void
values_come_back_as_they_were(void **state)
{
    static const char *const expressions[] = {
        "NULL",
        "9223372036854775807",
        "-9223372036854775807 - 1",
        "9007199254740993",
        "1.0",
        "0.1 + 0.2",
        "1e300",
        "-1.3119934712720373e+290",
        "5e-324",
        "1.7976931348623157e308",
        "9e999",
        "-9e999",
        "''",
        "'\xc3\xa9 \xf0\x9f\x98\x80'",
        "'\"\\/' || char(10, 9, 1, 127)",
        "'{\"$hex\":\"00\"}'",
        "x''",
        "x'00ff10'",
        "zeroblob(1000)",
        "'it''s'",
        "json('{\"a\":1}')",
    };
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE any (id INTEGER PRIMARY KEY, x)");
    capture(world, "any");
    for (size_t i = 0; i < COUNT_OF(expressions); i++)
        expect_comes_back(world, expressions[i]);
}

static void
tables_of_very_many_columns_are_captured(void **state)
{
    value_t value;
    err_t err = OK;
    buffer_t sql = {0};
    buffer_t row = {0};
    world_t *world = *state;
    buffer_add_text(&sql, "CREATE TABLE wide (id INTEGER PRIMARY KEY");
    for (int i = 1; i < 1000; i++)
        buffer_add_format(&sql, ", c%d DEFAULT %d", i, i);
    buffer_add_text(&sql, ")");
    plain_sql(world, buffer_text(&sql));
    capture(world, "wide");
    plain_sql(world, "INSERT INTO wide (id) VALUES (5); UPDATE wide SET c999 = 'end'");
    sqlite3_stmt *log =
        db_statement(world->db, "SELECT data FROM change_log ORDER BY seq DESC", NULL);
    assert_true(db_step(world->db, log, &err, &world->fault));
    assert_int_equal(
        json_to_msgpack(column_text(log, 0), column_bytes(log, 0).size, &row, &world->fault),
        OK);
    assert_true(row_find(buffer_bytes(&row), "c999", &value));
    assert_memory_equal(value.bytes.data, "end", 3);
    assert_true(row_find(buffer_bytes(&row), "c500", &value));
    assert_int_equal(value.integer, 500);
    sqlite3_reset(log);
    buffer_release(&row);
    buffer_release(&sql);
}

static void
hostile_names_are_only_names(void **state)
{
    world_t *world = *state;
    plain_sql(
        world,
        "CREATE TABLE \"t'\"\"; --\" (\"$column\" INTEGER PRIMARY KEY, \"a\"\"'\\ b\" TEXT)");
    capture(world, "t'\"; --");
    plain_sql(world, "INSERT INTO \"t'\"\"; --\" VALUES (1, 'x')");
    expect_log(world, "insert {\"$column\":1,\"a\\\"'\\\\ b\":\"x\"}");
    expect(world, "SELECT tbl FROM change_log", "t'\"; --");
}

/*  ---------------------------------------------------------------------------- triggers  */

static void
capturing_again_changes_nothing(void **state)
{
    world_t *world = *state;
    make_todo(world);
    const int64_t version = db_number(world->db, "PRAGMA schema_version", -1);
    capture(world, "todo");
    assert_int_equal(db_number(world->db, "PRAGMA schema_version", -2), version);
}

static void
a_new_column_is_captured_after_the_next_call(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "ALTER TABLE todo ADD COLUMN colour");
    capture(world, "todo");
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3, 'red')");
    expect_log(world, "insert {\"id\":\"1\",\"title\":2,\"done\":3,\"colour\":\"red\"}");
}

static void
a_renamed_table_is_logged_once_under_its_new_name(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "ALTER TABLE todo RENAME TO task");
    capture(world, "task");
    plain_sql(world, "INSERT INTO task VALUES ('1', 2, 3)");
    expect(world, "SELECT group_concat(tbl) FROM change_log", "task");
}

/*  The last that is logged of a row is what all replicas keep.  */
static void
what_a_younger_trigger_makes_of_a_row_is_logged_behind_it(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "CREATE TRIGGER shout AFTER INSERT ON todo BEGIN"
                     " UPDATE todo SET title = upper(title) WHERE id = NEW.id; END");
    capture(world, "todo");
    plain_sql(world, "INSERT INTO todo VALUES ('1', 'a', 0)");
    expect_log(world, "insert {\"id\":\"1\",\"title\":\"a\",\"done\":0},"
                      " update {\"id\":\"1\",\"title\":\"A\",\"done\":0}");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_server, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_a_younger_trigger_makes_of_a_row_is_logged_behind_it),
        EACH(plain_sql_of_another_program_is_logged),
        EACH(what_is_rolled_back_is_not_logged),
        EACH(the_time_of_plain_sql_is_now),
        EACH(a_new_key_is_a_deletion_and_an_insertion),
        EACH(a_key_that_compares_alike_is_still_another),
        EACH(replaced_and_cascaded_rows_are_logged),
        EACH(rows_with_null_for_a_key_are_left_alone),
        EACH(a_change_of_ours_carries_its_origin),
        EACH(the_version_is_that_of_the_last_writer),
        EACH(values_come_back_as_they_were),
        EACH(tables_of_very_many_columns_are_captured),
        EACH(hostile_names_are_only_names),
        EACH(capturing_again_changes_nothing),
        EACH(a_new_column_is_captured_after_the_next_call),
        EACH(a_renamed_table_is_logged_once_under_its_new_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
