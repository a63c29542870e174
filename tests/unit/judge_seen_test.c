/*  What the judge learns of the cache about rows that somebody wrote with plain SQL.  */

#include "actors/server/postgres/judge_seen.h"
#include "schemas/codec.h"
#include "tests/unit/cache_world.h"

static bytes_t
row_of(world_t *world, const char *json)
{
    buffer_t row = {0};
    must(world, json_to_msgpack(json, strlen(json), &row, &world->fault));
    const bytes_t kept = arena_bytes(&world->arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}

static seen_row_t
todo_of(world_t *world, const char *json)
{
    return (seen_row_t){"todo", "a", row_of(world, "{\"id\":\"a\"}"),
                        json ? row_of(world, json) : (bytes_t){0}};
}

static judge_seen_t *
see(world_t *world)
{
    static char address[] = "postgres://nowhere/db";
    world->settings.server_db = address;
    judge_seen_t *seen = judge_seen_new(&world->settings);
    judge_seen_begin(seen);
    assert_true(judge_seen_is_there(seen));
    return seen;
}

/*  Does the cache show the row of todo like that?  */
static bool
is_shown(world_t *world, const char *json)
{
    version_t version;
    judge_seen_t *seen = see(world);
    const seen_row_t row = todo_of(world, json);
    const bool shown = judge_seen_version(seen, &row, &world->arena, &version);
    judge_seen_end(seen);
    judge_seen_destroy(&seen);
    return shown;
}

static bool
is_column_shown(world_t *world, const char *json, const char *column)
{
    judge_seen_t *seen = see(world);
    const seen_row_t row = todo_of(world, json);
    const bool shown = judge_seen_shows(seen, &row, column);
    judge_seen_end(seen);
    judge_seen_destroy(&seen);
    return shown;
}

static void
knows_a_row_as_it_is(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tTea\t1\t\\N\n");
    assert_true(is_shown(world, "{\"id\":\"a\",\"title\":\"Tea\",\"n\":1,\"big\":null}"));
    assert_false(is_shown(world, "{\"id\":\"a\",\"title\":\"Milk\",\"n\":1,\"big\":null}"));
    assert_false(is_shown(world, NULL));
}

static void
knows_that_there_is_no_row(void **state)
{
    world_t *world = *state;
    FILL(world, "b\tTea\t1\t\\N\n");
    assert_true(is_shown(world, NULL));
    assert_false(is_shown(world, "{\"id\":\"a\",\"title\":null,\"n\":null,\"big\":null}"));
}

/*  The cache learns of it with the next row, or at a heartbeat; nobody wrote the rows since. */
static void
knows_a_row_by_its_columns_of_before(void **state)
{
    world_t *world = *state;
    FILL(world, "a\tTea\t1\t\\N\n");
    assert_true(is_shown(
        world, "{\"id\":\"a\",\"title\":\"Tea\",\"n\":1,\"big\":null,\"added\":null}"));
    assert_true(
        is_shown(world, "{\"id\":\"a\",\"title\":\"Tea\",\"n\":1,\"big\":null,\"added\":5}"));
    assert_true(is_shown(world, "{\"id\":\"a\",\"title\":\"Tea\",\"big\":null}"));
    assert_true(is_column_shown(world, "{\"id\":\"a\",\"added\":null}", "added"));
    assert_false(is_column_shown(world, "{\"id\":\"a\",\"added\":5}", "added"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_a_row_as_it_is, make_world, remove_world),
        cmocka_unit_test_setup_teardown(knows_that_there_is_no_row, make_world, remove_world),
        cmocka_unit_test_setup_teardown(knows_a_row_by_its_columns_of_before, make_world,
                                        remove_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
