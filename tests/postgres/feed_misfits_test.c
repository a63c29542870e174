/*  Tables that cannot be followed: they are left out or put off, and the rest goes on.  */

#include "tests/postgres/feed_world.h"

static const char tables_sql[] = "CREATE TABLE todo (id int PRIMARY KEY, title text);"
                                 "CREATE TABLE other (id int PRIMARY KEY);"
                                 "INSERT INTO todo VALUES (1, 'one'), (2, 'two');"
                                 "INSERT INTO other VALUES (1);";

static const char todo_is_there[] =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'todo'";

/*  Each attempt of a server to follow the database counts one, and so does a beat.  */
static int64_t
attempts(world_t *world)
{
    return database_number(world->database, "SELECT beat FROM waybill.servers");
}

/*  ------------------------------------------------------------------------ in part  */

static const char *const parts[] = {"todo WHERE (id > 1)", "todo (id)"};

static void
leaves_out_what_is_published_in_part(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        void *made = NULL;
        (void) make_world(&made);
        world_t *world = made;
        char *sql = mem_format("%s CREATE PUBLICATION waybill FOR TABLE other, %s", tables_sql,
                               parts[i]);
        start_with(world, sql);
        run(world, "INSERT INTO todo VALUES (3, 'three'); INSERT INTO other VALUES (2)");
        follow(world);
        expect(world, "SELECT id FROM other ORDER BY id", "1 2");
        expect(world, todo_is_there, "0");
        free(sql);
        (void) remove_world(&made);
    }
}

static void
has_it_again_when_it_is_published_as_a_whole(void **state)
{
    (void) state;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        void *made = NULL;
        (void) make_world(&made);
        world_t *world = made;
        char *sql = mem_format("ALTER PUBLICATION waybill SET TABLE other, %s;"
                               "INSERT INTO todo VALUES (3, 'three')",
                               parts[i]);
        start_with(world, tables_sql);
        expect(world, "SELECT id FROM todo ORDER BY id", "1 2");
        run(world, sql);
        await_number(world, todo_is_there, 0);
        run(world, "UPDATE todo SET title = 'more'; INSERT INTO other VALUES (2)");
        follow(world);
        expect(world, "SELECT id FROM other ORDER BY id", "1 2");
        expect(world, todo_is_there, "0");
        run(world, "ALTER PUBLICATION waybill DROP TABLE todo;"
                   "ALTER PUBLICATION waybill ADD TABLE todo");
        await_number(world, todo_is_there, 1);
        follow(world);
        expect(world, "SELECT id || title FROM todo ORDER BY id", "1more 2more 3more");
        free(sql);
        (void) remove_world(&made);
    }
}

/*  ------------------------------------------------------------------------ put off  */

/*  Nobody can read a table with a value like this.  */
static const char breakage[] = "CREATE TYPE mood AS ENUM ('good');"
                               "CREATE TABLE broken (id int PRIMARY KEY, m mood);"
                               "INSERT INTO broken VALUES (1, 'good');"
                               "DELETE FROM pg_enum WHERE enumtypid = 'mood'::regtype;"
                               "ALTER PUBLICATION waybill ADD TABLE broken;"
                               "ALTER TABLE todo ADD COLUMN n int DEFAULT 1;"
                               "UPDATE todo SET n = 2";

static void
puts_off_a_copy_that_is_in_vain_more_and_more(void **state)
{
    world_t *world = *state;
    enum { LONG_MS = 120000, MOST = 7 };
    start_with(world, tables_sql);
    const int64_t before = attempts(world);
    run(world, breakage);
    sim_run_ms(world->sim, LONG_MS);
    assert_in_range(attempts(world) - before, 2, MOST);
    expect(world, "SELECT title FROM todo ORDER BY id", "one two");
    run(world, "DROP TABLE broken");
    await_number(world, "SELECT count(*) FROM pragma_table_info('todo')", 3);
    follow(world);
    expect(world, "SELECT id || title || n FROM todo ORDER BY id", "1one2 2two2");
}

/*  ---------------------------------------------------------------------------- all  */

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_what_is_published_in_part),
        cmocka_unit_test(has_it_again_when_it_is_published_as_a_whole),
        CASE(puts_off_a_copy_that_is_in_vain_more_and_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
