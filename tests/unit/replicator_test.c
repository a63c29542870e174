/*  The replicator: whatever was committed becomes a position, and old ones are forgotten.  */

#include "tests/unit/server_sim.h"

static void
wake(world_t *world)
{
    backend_follow(&world->backend);
    sim_run_ms(world->sim, 10);
}

/*  Tables that others made: on PostgreSQL it looks for them at each sign of life.  */
static void
notice_tables(world_t *world)
{
    if (on_postgres())
        sim_run_ms(world->sim, 2 * (uint64_t) world->settings.postgres_heartbeat_ms);
    wake(world);
}

static void
seals_what_another_program_wrote(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t before = head_of(world);
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('a'), ('b')");
    if (!on_postgres()) /* it looks when it is told */
        assert_int_equal(head_of(world), before);
    wake(world);
    const uint64_t sealed = head_of(world);
    assert_true(is_next(sealed, before));
    wake(world);
    assert_int_equal(head_of(world), sealed);
}

static void
makes_a_position_of_what_was_written_while_the_server_was_down(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t before = head_of(world);
    sim_crash(world->sim, world->node);
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    start_server(world);
    assert_true(is_next(head_of(world), before));
    assert_int_equal(number_of(world, "SELECT count(*) FROM change_log"), 1);
}

static void
captures_a_table_made_while_it_runs(void **state)
{
    world_t *world = *state;
    start_server(world);
    foreign_sql(world, "CREATE TABLE late (id TEXT PRIMARY KEY)");
    insert_todo(world, "w", "t1");
    notice_tables(world);
    foreign_sql(world, "INSERT INTO late VALUES ('a')");
    wake(world);
    assert_int_equal(number_of(world, "SELECT count(*) FROM change_log WHERE tbl = 'late'"), 1);
}

static void
hands_on_the_rows_of_a_table_that_another_program_made(void **state)
{
    static const char logged[] = "SELECT count(*) FROM change_log WHERE tbl = 'late'";
    world_t *world = *state;
    start_server(world);
    insert_todo(world, "w", "t1");
    await_history(world);
    const uint64_t before = head_of(world);
    foreign_sql(world, "CREATE TABLE late (id TEXT PRIMARY KEY, n INT);"
                       " INSERT INTO late VALUES ('a', 1), ('b', 2)");
    notice_tables(world);
    assert_int_equal(number_of(world, logged), 2);
    assert_true(is_next(head_of(world), before));
    foreign_sql(world, "INSERT INTO late VALUES ('c', 3)");
    wake(world);
    assert_int_equal(number_of(world, logged), 3);
}

static void
does_not_log_what_was_there_before_the_history_began(void **state)
{
    world_t *world = *state;
    foreign_sql(world, "CREATE TABLE early (id TEXT PRIMARY KEY);"
                       " INSERT INTO early VALUES ('a')");
    start_server(world);
    wake(world);
    assert_int_equal(number_of(world, "SELECT count(*) FROM change_log"), 0);
}

static void
forgets_what_is_older_than_the_history_kept(void **state)
{
    world_t *world = *state;
    char id[16];
    world->settings.stream_history = 10;
    start_server(world);
    for (int i = 0; i < 300; i++) {
        (void) snprintf(id, sizeof id, "t%d", i);
        insert_todo(world, "w", id);
    }
    sim_run_ms(world->sim, 10);
    const int64_t kept = number_of(world, "SELECT count(*) FROM change_log");
    assert_true(kept >= 10 && kept < 300);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(seals_what_another_program_wrote),
        WITH_WORLD(makes_a_position_of_what_was_written_while_the_server_was_down),
        WITH_WORLD(captures_a_table_made_while_it_runs),
        WITH_WORLD(hands_on_the_rows_of_a_table_that_another_program_made),
        WITH_WORLD(does_not_log_what_was_there_before_the_history_began),
        WITH_WORLD(forgets_what_is_older_than_the_history_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
