/*  Capture: what is kept beside the change itself, where it is asked for.  */

#include "schemas/tables.h"
#include "tests/unit/catalog_world.h"

static int
make_server(void **state)
{
    assert_int_equal(make_world(state), 0);
    run(*state, server_sql);
    run(*state, "INSERT INTO waybill_head (one, epoch, lsn) VALUES (1, 'e', 10)");
    return 0;
}

static void
capture(world_t *world, const char *name, const capture_options_t *options)
{
    assert_int_equal(catalog_refresh(world->catalog, &world->fault), OK);
    table_t *table = catalog_table(world->catalog, name);
    if (table_capture(table, options, &world->fault) != OK)
        fail_msg("%s", world->fault.text);
}

/*  First without: options that change make the triggers anew.  */
static void
make_todo(world_t *world, capture_options_t options)
{
    run(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title, done INTEGER)");
    capture(world, "todo", &(capture_options_t){0});
    capture(world, "todo", &options);
}

static void
the_row_before_is_kept_where_asked_for(void **state)
{
    world_t *world = *state;
    make_todo(world, (capture_options_t){.keep_old = true});
    run(world, "INSERT INTO todo VALUES ('a', 'x', 0); UPDATE todo SET title = 'y';"
               "UPDATE todo SET id = 'b'; DELETE FROM todo");
    expect(world,
           "SELECT group_concat(operation || ' ' || ifnull(old, '-'), ', ')"
           " FROM (SELECT * FROM change_log ORDER BY seq)",
           "insert -, update {\"id\":\"a\",\"title\":\"x\",\"done\":0},"
           " delete {\"id\":\"a\",\"title\":\"y\",\"done\":0}, insert -,"
           " delete {\"id\":\"b\",\"title\":\"y\",\"done\":0}");
}

static void
each_column_written_gets_its_version_where_asked_for(void **state)
{
    world_t *world = *state;
    make_todo(world, (capture_options_t){.columns = true});
    run(world, "INSERT INTO waybill_origin VALUES (1, 'c1', 'x', 100);"
               "INSERT INTO todo VALUES ('a', 'x', 0);"
               "UPDATE waybill_origin SET client_id = 'c2', updated_at = 200;"
               "UPDATE todo SET title = 'y', done = 0");
    expect(world,
           "SELECT group_concat(key || ' ' || col || ' ' || updated_at || ' ' || client_id,"
           " ', ') FROM (SELECT * FROM waybill_columns ORDER BY col)",
           "a done 100 c1, a title 200 c2");
    run(world, "UPDATE todo SET id = 'b'");
    expect(world,
           "SELECT group_concat(key || ' ' || col || ' ' || updated_at, ', ')"
           " FROM (SELECT * FROM waybill_columns ORDER BY col)",
           "b done 200, b title 200");
    run(world, "DELETE FROM todo");
    expect(world, "SELECT count(*) FROM waybill_columns", "0");
}

static void
the_log_knows_when_a_change_was_written(void **state)
{
    world_t *world = *state;
    make_todo(world, (capture_options_t){0});
    run(world, "INSERT INTO waybill_origin VALUES (1, 'c1', 'x', 100);"
               "INSERT INTO todo VALUES ('a', 'x', 0)");
    expect(world, "SELECT updated_at || ' ' || (time > 1700000000000) FROM change_log",
           "100 1");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_server, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_row_before_is_kept_where_asked_for),
        EACH(each_column_written_gets_its_version_where_asked_for),
        EACH(the_log_knows_when_a_change_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
