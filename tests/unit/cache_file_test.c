/*  Whose file the cache may be: nobody else's, as all of it is replaced.  */

#include "tests/unit/cache_world.h"

static void
run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
leaves_the_file_of_somebody_else_alone(void **state)
{
    world_t *world = *state;
    remove_file(world);
    run_sql(world->path, "CREATE TABLE mine (id); INSERT INTO mine VALUES (7)");
    assert_int_equal(cache_open(&world->settings, &world->cache, &world->fault), ERR_CONFIG);
    assert_non_null(strstr(world->fault.text, world->path));
    assert_non_null(strstr(world->fault.text, "mine"));
    assert_non_null(strstr(world->fault.text, "name a new file"));
    run_sql(world->path, "CREATE TABLE waybill_cache (it INT)"); /* there was none */
}

static void
takes_its_own_file_again(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tx\t1\t\\N\n");
    reopen(world);
    assert_int_equal(cache_state(world->cache)->captured, FILLED);
}

static void
has_it_alone_until_it_is_closed(void **state)
{
    world_t *world = *state;
    cache_t *second = NULL;
    assert_int_equal(cache_open(&world->settings, &second, &world->fault), ERR_EXISTS);
    assert_null(second);
    assert_non_null(strstr(world->fault.text, world->path));
    assert_non_null(strstr(world->fault.text, "of its own"));
    cache_close(&world->cache);
    must(world, cache_open(&world->settings, &second, &world->fault));
    cache_close(&second);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(leaves_the_file_of_somebody_else_alone),
        CASE(takes_its_own_file_again),
        CASE(has_it_alone_until_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
