/*  The feed and tables that are altered, made, dropped and published while it runs.  */

#include "tests/postgres/feed_world.h"

static const char todo_sql[] =
    "CREATE TABLE todo (id text PRIMARY KEY, title text, n int, big text);";

/*  ---------------------------------------------------------------------- other tables  */

static bool
has_columns(void *arg)
{
    world_t *world = arg;
    sim_run_ms(world->sim, LOOK_MS);
    return cached_number(world, "SELECT count(*) FROM pragma_table_info('todo')")
           == world->goal;
}

static void
await_columns(world_t *world, int64_t n)
{
    world->goal = n;
    await_true(has_columns, world, "the replica has the columns");
    follow(world);
}

static void
adds_an_empty_column_while_it_runs(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    run(world,
        "BEGIN; INSERT INTO todo (id) VALUES ('b'); ALTER TABLE todo ADD COLUMN more int;"
        " INSERT INTO todo (id, more) VALUES ('c', 7); COMMIT");
    follow(world);
    expect(world, "SELECT id || quote(more) FROM todo ORDER BY id", "aNULL bNULL c7");
    expect(world, "SELECT count(*) FROM change_log", "2"); /* the same history */
}

static void
reads_the_database_again_for_a_column_with_a_default(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    run(world, "ALTER TABLE todo ADD COLUMN more int DEFAULT 5");
    run(world, "INSERT INTO todo (id) VALUES ('b')");
    await_columns(world, 5);
    expect(world, "SELECT id || quote(more) FROM todo ORDER BY id", "a5 b5");
    expect(world, "SELECT floor > 0 FROM waybill_head", "1");
    run(world, "INSERT INTO todo (id) VALUES ('c')");
    follow(world);
    expect(world, "SELECT id FROM todo ORDER BY id", "a b c");
}

static void
reads_the_database_again_for_a_default_that_is_gone_again(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    run(world, "ALTER TABLE todo ADD COLUMN more int DEFAULT 5;"
               " ALTER TABLE todo ALTER COLUMN more DROP DEFAULT;"
               " INSERT INTO todo (id) VALUES ('b')");
    await_columns(world, 5);
    expect(world, "SELECT id || quote(more) FROM todo ORDER BY id", "a5 bNULL");
}

static void
reads_the_database_again_when_columns_go_or_change(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo VALUES ('a', 'x', 1, 'y')");
    run(world, "ALTER TABLE todo DROP COLUMN big");
    run(world, "INSERT INTO todo (id) VALUES ('b')");
    await_columns(world, 3);
    expect(world, "SELECT id || quote(title) || quote(n) FROM todo ORDER BY id",
           "a'x'1 bNULLNULL");
    run(world, "ALTER TABLE todo RENAME COLUMN title TO name;"
               " ALTER TABLE todo ALTER COLUMN n TYPE text, ADD COLUMN other text");
    run(world, "INSERT INTO todo (id, name) VALUES ('c', 'z')");
    await_columns(world, 4);
    expect(world, "SELECT id || quote(name) || quote(n) FROM todo ORDER BY id",
           "a'x''1' bNULLNULL c'z'NULL");
}

/*  ---------------------------------------------------------------------- new tables  */

static bool
has_late(void *arg)
{
    world_t *world = arg;
    sim_run_ms(world->sim, LOOK_MS);
    return cached_number(world, "SELECT count(*) FROM pragma_table_info('late')") > 0;
}

static void
await_late(world_t *world)
{
    await_true(has_late, world, "the cache has the table");
    follow(world);
}

static bool
is_published_again(void *arg)
{
    world_t *world = arg;
    sim_run_ms(world->sim, LOOK_MS);
    return database_number(
               world->database,
               "SELECT count(*) FROM pg_publication_tables WHERE tablename = 'todo'")
           > 0;
}

static void
takes_a_new_table_with_its_rows(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world,
        "CREATE TABLE late (id int PRIMARY KEY, flag boolean, t text, twice int GENERATED"
        " ALWAYS AS (id * 2) STORED);"
        "INSERT INTO late VALUES (1, true, 'x,\"y'), (2, NULL, NULL), (3, false, '')");
    await_late(world);
    run(world, "INSERT INTO late VALUES (4, true, 'z')");
    follow(world);
    expect(world, "SELECT operation || data FROM change_log ORDER BY seq",
           "insert{\"id\":1,\"flag\":1,\"t\":\"x,\\\"y\"}"
           " insert{\"id\":2,\"flag\":null,\"t\":null}"
           " insert{\"id\":3,\"flag\":0,\"t\":\"\"}"
           " insert{\"id\":4,\"flag\":1,\"t\":\"z\"}");
    assert_int_equal(cached_number(world, "SELECT floor FROM waybill_head"), floor);
}

/*  Any role may write a message into the log.  */
static void
believes_rows_in_messages_of_servers_alone(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "SELECT pg_logical_emit_message(true, 'waybill-row', '{secret,todo,id,forged}');"
               "SELECT pg_logical_emit_message(true, 'waybill-row', '{secret,todo}');"
               "SELECT pg_logical_emit_message(true, 'waybill-row', 'nonsense');"
               "SELECT pg_logical_emit_message(true, 'waybill', 'nonsense');"
               "INSERT INTO todo (id) VALUES ('true')");
    follow(world);
    expect(world, "SELECT id FROM todo", "true");
}

static void
forgets_what_a_table_lost_while_it_was_not_published(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "INSERT INTO todo (id) VALUES ('a'), ('b')");
    follow(world);
    run(world,
        "BEGIN; ALTER PUBLICATION waybill DROP TABLE todo; DELETE FROM todo WHERE id = 'a';"
        "COMMIT");
    await_true(is_published_again, world, "the table is published again");
    follow(world);
    expect(world, "SELECT id FROM todo", "b");
}

static void
reads_the_database_again_for_a_large_table(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world, "CREATE TABLE late (id int PRIMARY KEY, t text);"
               "ALTER TABLE late ALTER t SET STORAGE EXTERNAL;"
               "INSERT INTO late SELECT i, repeat('x', 1000000) FROM generate_series(1, 70) i");
    await_late(world);
    expect(world, "SELECT count(*) || ' ' || sum(length(t)) FROM late", "70 70000000");
    expect(world, "SELECT count(*) FROM change_log", "0");
    assert_true(cached_number(world, "SELECT floor FROM waybill_head") > floor);
}

static void
takes_a_new_table_without_rows(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world, "CREATE TABLE late (id int PRIMARY KEY)");
    await_late(world);
    run(world, "INSERT INTO late VALUES (4)");
    follow(world);
    expect(world, "SELECT data FROM change_log", "{\"id\":4}");
    assert_int_equal(cached_number(world, "SELECT floor FROM waybill_head"), floor);
}

static void
reads_the_database_again_for_a_table_published_by_hand(void **state)
{
    world_t *world = *state;
    world->settings.postgres_heartbeat_ms = 3600000; /* it does not notice the table itself */
    start_with(world, todo_sql);
    run(world, "CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1);"
               "ALTER PUBLICATION waybill ADD TABLE late; INSERT INTO late VALUES (2)");
    await_late(world);
    expect(world, "SELECT id FROM late ORDER BY id", "1 2");
    expect(world, "SELECT count(*) FROM change_log", "0");
}

static void
notices_other_columns_though_no_row_is_written(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo VALUES ('a', 'x', 1, 'y')");
    run(world, "ALTER TABLE todo DROP COLUMN big");
    await_columns(world, 3);
    run(world, "ALTER TABLE todo RENAME TO task");
    await_number(world, "SELECT count(*) FROM pragma_table_info('task')", 3);
    follow(world);
    expect(world, "SELECT id || title FROM task", "ax");
    expect(world, "SELECT name FROM pragma_table_list WHERE name IN ('todo', 'task')", "task");
}

static void
adds_an_empty_column_though_no_row_is_written(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo VALUES ('a', 'x', 1, 'y')");
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world, "ALTER TABLE todo ADD COLUMN more int");
    await_columns(world, 5);
    run(world, "UPDATE todo SET more = 7");
    follow(world);
    expect(world, "SELECT id || more FROM todo", "a7");
    assert_int_equal(cached_number(world, "SELECT floor FROM waybill_head"), floor);
    run(world, "ALTER TABLE todo ADD COLUMN five int DEFAULT 5");
    await_columns(world, 6);
    expect(world, "SELECT id || more || five FROM todo", "a75");
}

static void
drops_the_replica_of_a_dropped_table(void **state)
{
    world_t *world = *state;
    run(world, todo_sql);
    start_with(world, "CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)");
    const int64_t floor = cached_number(world, "SELECT floor FROM waybill_head");
    run(world, "DROP TABLE late");
    await_number(world, "SELECT count(*) FROM pragma_table_info('late')", 0);
    run(world, "INSERT INTO todo (id) VALUES ('a')");
    follow(world);
    expect(world, "SELECT id FROM todo", "a");
    assert_int_equal(cached_number(world, "SELECT floor FROM waybill_head"), floor);
}

static void
passes_over_a_table_that_is_gone(void **state)
{
    world_t *world = *state;
    start_with(world, todo_sql);
    run(world, "CREATE TABLE late (id int PRIMARY KEY)");
    await_late(world);
    sim_crash(world->sim, world->node);
    run(world, "INSERT INTO late VALUES (2); INSERT INTO todo (id) VALUES ('a');"
               "DROP TABLE late; INSERT INTO todo (id) VALUES ('b')");
    start_server(world);
    follow(world);
    expect(world, "SELECT id FROM todo ORDER BY id", "a b");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(adds_an_empty_column_while_it_runs),
        CASE(reads_the_database_again_for_a_column_with_a_default),
        CASE(reads_the_database_again_for_a_default_that_is_gone_again),
        CASE(reads_the_database_again_when_columns_go_or_change),
        CASE(takes_a_new_table_with_its_rows),
        CASE(believes_rows_in_messages_of_servers_alone),
        CASE(forgets_what_a_table_lost_while_it_was_not_published),
        CASE(reads_the_database_again_for_a_large_table),
        CASE(takes_a_new_table_without_rows),
        CASE(reads_the_database_again_for_a_table_published_by_hand),
        CASE(notices_other_columns_though_no_row_is_written),
        CASE(adds_an_empty_column_though_no_row_is_written),
        CASE(drops_the_replica_of_a_dropped_table),
        CASE(passes_over_a_table_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
