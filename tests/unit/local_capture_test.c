/*  The triggers of a replica: whatever program changes a row, with plain SQL, has its local
    change in the same transaction, with the values unharmed.  */

#include "actors/common/local_capture.h"
#include "schemas/codec.h"
#include "schemas/tables.h"
#include "tests/unit/catalog_world.h"

#include <stdio.h>

static int
make_replica(void **state)
{
    assert_int_equal(make_world(state), 0);
    world_t *world = *state;
    run(world, agent_sql);
    run(world, "INSERT INTO sync_state (one, client_id, lsn) VALUES (1, 'me', 77)");
    assert_int_equal(sqlite3_open(world->path, &world->other), SQLITE_OK);
    return 0;
}

static void
plain_sql(world_t *world, const char *sql)
{
    if (sqlite3_exec(world->other, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(world->other));
}

static void
capture(world_t *world, const char *name, bool adopt)
{
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
    table_t *table = catalog_table(world->catalog, name);
    assert_non_null(table);
    assert_int_equal(db_begin(world->db, &world->fault), OK);
    if (local_capture_make(table, adopt, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
    assert_int_equal(db_commit(world->db, &world->fault), OK);
}

static void
make_todo(world_t *world)
{
    plain_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title, done INTEGER)");
    capture(world, "todo", true);
}

static void
expect_text(world_t *world, const char *sql, const char *expected)
{
    sqlite3_stmt *row = NULL;
    assert_int_equal(sqlite3_prepare_v2(world->other, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const char *found = (const char *) sqlite3_column_text(row, 0);
    assert_string_equal(found ? found : "NULL", expected);
    sqlite3_finalize(row);
}

/*  "operation key data old, ..." in the order recorded.  */
static void
expect_changes(world_t *world, const char *expected)
{
    expect_text(world,
                "SELECT group_concat(operation || ' ' || entity_id || ifnull(' ' || data, '')"
                " || ifnull(' was ' || old_data, ''), ', ') FROM"
                " (SELECT * FROM local_changes ORDER BY rowid)",
                expected);
}

/*  --------------------------------------------------------------------------- operations  */

static void
plain_sql_is_a_local_change_with_what_it_replaced(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 'milk', 0)");
    plain_sql(world, "UPDATE todo SET done = 1");
    plain_sql(world, "DELETE FROM todo");
    expect_changes(world, "insert 1 {\"id\":\"1\",\"title\":\"milk\",\"done\":0}, "
                          "update 1 {\"id\":\"1\",\"done\":1} was {\"id\":\"1\",\"done\":0}, "
                          "delete 1 was {\"id\":\"1\",\"title\":\"milk\",\"done\":1}");
}

static void
a_captured_change_is_pending_and_complete(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 'milk', 0)");
    expect_text(world,
                "SELECT count(*) FROM local_changes WHERE state = 'pending' AND processed_local"
                " AND NOT processed_sync AND NOT from_server AND txn IS NULL AND base = 77"
                " AND entity_type = 'todo' AND abs(timestamp - 1000 * unixepoch()) < 3600000",
                "1");
}

static void
its_id_is_a_uuid_of_version_7(void **state)
{
    static const char hex[] = "[0-9a-f]";
    char pattern[400] = "";
    world_t *world = *state;
    for (int i = 0; i < 32; i++) {
        strcat(pattern, i == 8 || i == 12 || i == 16 || i == 20 ? "-" : "");
        strcat(pattern, i == 12 ? "7" : i == 16 ? "[89ab]" : hex);
    }
    make_todo(world);
    plain_sql(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
                     " INSERT INTO todo SELECT i, 0, 0 FROM n");
    char *sql = mem_format("SELECT count(*) FROM local_changes WHERE id GLOB '%s'", pattern);
    expect_text(world, sql, "500");
    free(sql);
    expect_text(world,
                "SELECT count(*) FROM local_changes WHERE abs(unixepoch() * 1000 - (SELECT"
                " timestamp)) < 3600000 AND substr(replace(id, '-', ''), 1, 12) ="
                " printf('%012x', timestamp)",
                "500");
}

static void
an_update_that_changes_nothing_is_none(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', NULL, 0), ('2', 1, 0);"
                     "DELETE FROM local_changes; UPDATE todo SET title = title, done = 0");
    expect_text(world, "SELECT count(*) FROM local_changes", "0");
    plain_sql(world, "UPDATE todo SET title = 1.0 WHERE id = '2'");
    expect_changes(world,
                   "update 2 {\"id\":\"2\",\"title\":1.0} was {\"id\":\"2\",\"title\":1}");
}

static void
a_new_key_is_a_deletion_and_an_insertion(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('a', 1, 2); DELETE FROM local_changes;"
                     "UPDATE todo SET id = 'A', title = 3");
    expect_changes(world, "delete a was {\"id\":\"a\",\"title\":1,\"done\":2}, "
                          "insert A {\"id\":\"A\",\"title\":3,\"done\":2}");
}

static void
a_replaced_row_is_inserted_and_an_upserted_one_updated(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3); DELETE FROM local_changes;"
                     "INSERT OR REPLACE INTO todo VALUES ('1', 4, 3);"
                     "INSERT OR IGNORE INTO todo VALUES ('1', 9, 9);"
                     "INSERT INTO todo VALUES ('1', 5, 3) ON CONFLICT DO UPDATE SET title = 5");
    expect_changes(world, "insert 1 {\"id\":\"1\",\"title\":4,\"done\":3}, "
                          "update 1 {\"id\":\"1\",\"title\":5} was {\"id\":\"1\",\"title\":4}");
}

/*  Where the writer's connection says so, SQLite tells of the row that is replaced as well.  */
static void
a_replaced_row_is_deleted_first_with_recursive_triggers(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world,
              "PRAGMA recursive_triggers = ON; INSERT INTO todo VALUES ('1', 2, 3);"
              "DELETE FROM local_changes; INSERT OR REPLACE INTO todo VALUES ('1', 4, 3)");
    expect_changes(world, "delete 1 was {\"id\":\"1\",\"title\":2,\"done\":3}, "
                          "insert 1 {\"id\":\"1\",\"title\":4,\"done\":3}");
}

static void
cascades_and_triggers_of_the_application_are_captured(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "PRAGMA foreign_keys = ON; CREATE TABLE note (id INTEGER PRIMARY KEY,"
                     " todo REFERENCES todo(id) ON DELETE CASCADE);"
                     "CREATE TRIGGER first AFTER INSERT ON todo BEGIN"
                     " INSERT INTO note (todo) VALUES (NEW.id); END");
    capture(world, "note", true);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3)");
    expect_text(world, "SELECT count(*) FROM local_changes WHERE entity_type = 'note'", "1");
    plain_sql(world, "DELETE FROM local_changes; DELETE FROM todo");
    expect_changes(world, "delete 1 was {\"id\":1,\"todo\":\"1\"}, "
                          "delete 1 was {\"id\":\"1\",\"title\":2,\"done\":3}");
}

/*  --------------------------------------------------------------------------- transactions  */

static void
what_is_rolled_back_is_not_captured(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "BEGIN; INSERT INTO todo VALUES ('1', 'milk', 0); ROLLBACK;"
                     "BEGIN; INSERT INTO todo VALUES ('2', 2, 0); SAVEPOINT s;"
                     "INSERT INTO todo VALUES ('3', 3, 0); ROLLBACK TO s; COMMIT");
    expect_changes(world, "insert 2 {\"id\":\"2\",\"title\":2,\"done\":0}");
}

static void
a_muted_transaction_is_not_captured_and_the_next_one_is(void **state)
{
    world_t *world = *state;
    make_todo(world);
    assert_int_equal(db_begin(world->db, &world->fault), OK);
    assert_int_equal(local_capture_mute(world->db, &world->fault), OK);
    run(world, "INSERT INTO todo VALUES ('1', 2, 3); UPDATE todo SET id = '2'; UPDATE todo SET"
               " done = 4; DELETE FROM todo");
    assert_int_equal(local_capture_unmute(world->db, &world->fault), OK);
    assert_int_equal(db_commit(world->db, &world->fault), OK);
    expect_text(world, "SELECT count(*) FROM local_changes", "0");

    assert_int_equal(db_begin(world->db, &world->fault), OK);
    assert_int_equal(local_capture_mute(world->db, &world->fault), OK);
    db_rollback(world->db);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3)");
    expect_text(world, "SELECT count(*) FROM local_changes", "1");
}

static void
its_time_never_falls(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3);"
                     "UPDATE local_changes SET timestamp = timestamp + 86400000;"
                     "INSERT INTO todo VALUES ('2', 2, 3)");
    expect_text(world, "SELECT count(DISTINCT timestamp) FROM local_changes", "1");
    plain_sql(world, "UPDATE sync_state SET clock = 90000000000000;"
                     "INSERT INTO todo VALUES ('3', 2, 3)");
    expect_text(world, "SELECT max(timestamp) FROM local_changes", "90000000000001");
}

/*  In one connection the count grows with every change, within a statement, too; so one that
    does not is another connection's.  */
static void
the_count_of_the_writer_grows_within_a_connection(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3), ('2', 2, 3), ('3', 2, 3);"
                     "UPDATE todo SET title = 5; UPDATE todo SET id = id || 'x';"
                     "BEGIN; SAVEPOINT s; DELETE FROM todo WHERE id = '1x'; ROLLBACK TO s;"
                     "DELETE FROM todo; COMMIT");
    expect_text(world,
                "SELECT count(*) || ' ' || sum(grows) FROM (SELECT writer > lag(writer, 1, -1)"
                " OVER (ORDER BY rowid) AS grows FROM local_changes)",
                "15 15");
}

/*  --------------------------------------------------------------------------------- values  */

static void
expect_comes_back(world_t *world, const char *expression)
{
    err_t err = OK;
    value_t value = {0};
    buffer_t row = {0};
    char sql[256];
    plain_sql(world, "DELETE FROM any; INSERT INTO any VALUES (1, 'before');"
                     "DELETE FROM local_changes");
    (void) snprintf(sql, sizeof sql, "UPDATE any SET x = %s", expression);
    plain_sql(world, sql);
    sqlite3_stmt *found =
        db_statement(world->db, "SELECT data, x FROM local_changes, any", NULL);
    assert_true(db_step(world->db, found, &err, &world->fault));
    const bytes_t json = column_bytes(found, 0);
    if (json_to_msgpack((const char *) json.data, json.size, &row, &world->fault) != OK)
        fail_msg("%s: %s", json.data, world->fault.text);
    const value_t stored = column_value(found, 1);
    if (!row_find(buffer_bytes(&row), "x", &value) || !value_equal(&value, &stored))
        fail_msg("%s: %s", expression, column_text(found, 0));
    assert_int_equal(value.kind, stored.kind);
    sqlite3_reset(found);
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
        "5e-324",
        "9e999",
        "''",
        "'\xc3\xa9 \xf0\x9f\x98\x80'",
        "'\"\\/' || char(10, 9, 1, 127)",
        "x''",
        "x'00ff10'",
        "json('[1]')",
    };
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE any (id INTEGER PRIMARY KEY, x)");
    capture(world, "any", true);
    for (size_t i = 0; i < COUNT_OF(expressions); i++)
        expect_comes_back(world, expressions[i]);
}

/*  ------------------------------------------------------------------------------- triggers  */

static void
a_new_column_is_captured_once_the_triggers_are_made_anew(void **state)
{
    world_t *world = *state;
    make_todo(world);
    plain_sql(world, "ALTER TABLE todo ADD COLUMN due");
    capture(world, "todo", true);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3, 4)");
    expect_changes(world, "insert 1 {\"id\":\"1\",\"title\":2,\"done\":3,\"due\":4}");
    expect_text(world, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", "4");
}

static void
rows_from_before_are_recorded_if_they_are_to_be_adopted(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE a (id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 2),"
                     " (2, 3); CREATE TABLE b (id INTEGER PRIMARY KEY, x);"
                     "INSERT INTO b VALUES (1, 2)");
    capture(world, "a", true);
    capture(world, "b", false);
    expect_changes(world, "insert 1 {\"id\":1,\"x\":2}, insert 2 {\"id\":2,\"x\":3}");
}

static void
dropped_triggers_leave_nothing(void **state)
{
    bool any = false;
    world_t *world = *state;
    make_todo(world);
    assert_int_equal(local_capture_any(world->db, &any, &world->fault), OK);
    assert_true(any);
    assert_int_equal(local_capture_drop(catalog_table(world->catalog, "todo"), &world->fault),
                     OK);
    assert_int_equal(local_capture_any(world->db, &any, &world->fault), OK);
    assert_false(any);
    plain_sql(world, "INSERT INTO todo VALUES ('1', 2, 3)");
    expect_text(world, "SELECT count(*) FROM local_changes", "0");
}

static void
names_and_texts_of_any_kind_are_quoted(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE \"it's \"\"so\" (\"a'b\" TEXT PRIMARY KEY, \"c\"\"d\")");
    capture(world, "it's \"so", true);
    plain_sql(world, "INSERT INTO \"it's \"\"so\" VALUES ('x', 'y')");
    expect_changes(world, "insert x {\"a'b\":\"x\",\"c\\\"d\":\"y\"}");
}

static void
a_table_without_a_key_is_refused_by_name(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE loose (x)");
    assert_int_equal(
        local_capture_make(catalog_table(world->catalog, "loose"), true, &world->fault),
        ERR_INVALID_CHANGE);
    assert_non_null(strstr(world->fault.text, "loose"));
}

static void
keys_of_several_columns_and_of_any_type_are_captured(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE t (a TEXT, b, x, PRIMARY KEY (a, b))");
    capture(world, "t", true);
    plain_sql(world, "INSERT INTO t VALUES ('p', 1.5, 2); UPDATE t SET x = 3;"
                     "UPDATE t SET b = x'00'; INSERT INTO t VALUES ('no', NULL, 1)");
    expect_text(world,
                "SELECT group_concat(operation || ' ' || data) FROM"
                " (SELECT * FROM local_changes ORDER BY rowid)",
                "insert {\"a\":\"p\",\"b\":1.5,\"x\":2},"
                "update {\"a\":\"p\",\"b\":1.5,\"x\":3},"
                "insert {\"a\":\"p\",\"b\":{\"$hex\":\"00\"},\"x\":3}");
    expect_text(world,
                "SELECT count(DISTINCT entity_id) || ' of ' || count(*) FROM local_changes",
                "2 of 4");
}

static void
a_table_of_many_columns_is_captured(void **state)
{
    buffer_t sql = {0};
    world_t *world = *state;
    buffer_add_text(&sql, "CREATE TABLE wide (id INTEGER PRIMARY KEY");
    for (int i = 0; i < 200; i++)
        buffer_add_format(&sql, ", c%d", i);
    buffer_add_text(&sql, ")");
    plain_sql(world, buffer_text(&sql));
    buffer_release(&sql);
    capture(world, "wide", true);
    plain_sql(world, "INSERT INTO wide (id, c199) VALUES (1, 2); UPDATE wide SET c150 = 3");
    expect_text(world, "SELECT data FROM local_changes WHERE operation = 'update'",
                "{\"id\":1,\"c150\":3}");
}

#define WITH_REPLICA(test) cmocka_unit_test_setup_teardown(test, make_replica, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REPLICA(plain_sql_is_a_local_change_with_what_it_replaced),
        WITH_REPLICA(a_captured_change_is_pending_and_complete),
        WITH_REPLICA(its_id_is_a_uuid_of_version_7),
        WITH_REPLICA(an_update_that_changes_nothing_is_none),
        WITH_REPLICA(a_new_key_is_a_deletion_and_an_insertion),
        WITH_REPLICA(a_replaced_row_is_inserted_and_an_upserted_one_updated),
        WITH_REPLICA(a_replaced_row_is_deleted_first_with_recursive_triggers),
        WITH_REPLICA(cascades_and_triggers_of_the_application_are_captured),
        WITH_REPLICA(what_is_rolled_back_is_not_captured),
        WITH_REPLICA(a_muted_transaction_is_not_captured_and_the_next_one_is),
        WITH_REPLICA(its_time_never_falls),
        WITH_REPLICA(the_count_of_the_writer_grows_within_a_connection),
        WITH_REPLICA(values_come_back_as_they_were),
        WITH_REPLICA(a_new_column_is_captured_once_the_triggers_are_made_anew),
        WITH_REPLICA(rows_from_before_are_recorded_if_they_are_to_be_adopted),
        WITH_REPLICA(dropped_triggers_leave_nothing),
        WITH_REPLICA(names_and_texts_of_any_kind_are_quoted),
        WITH_REPLICA(a_table_without_a_key_is_refused_by_name),
        WITH_REPLICA(keys_of_several_columns_and_of_any_type_are_captured),
        WITH_REPLICA(a_table_of_many_columns_is_captured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
