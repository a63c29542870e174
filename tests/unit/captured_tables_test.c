/*  Which tables of an agent are captured, from when on, and what becomes of the rows they had.
 */

#include "tests/unit/capturing_sim.h"

static const char captured_tables[] =
    "SELECT group_concat(tbl_name) FROM (SELECT DISTINCT tbl_name FROM sqlite_schema"
    " WHERE type = 'trigger' ORDER BY 1)";

static void
a_table_can_be_captured_otherwise_than_the_rest(void **state)
{
    world_t *world = *state;
    table_settings_t table = *settings_of_table(&defaults, "todo");
    table.name = "todo";
    table.tables_capture = "triggers";
    world->settings.tables = &table;
    world->settings.n_tables = 1;
    run_sql(world, "CREATE TABLE other (id INTEGER PRIMARY KEY)");
    start_with_todo(world);
    expect(world, captured_tables, "todo");

    sim_stop(world->sim, world->node);
    table.tables_capture = "api";
    world->settings.agent_capture = "triggers";
    start_agent(world);
    expect(world, captured_tables, "other");
}

static void
triggers_that_nobody_wants_any_more_are_dropped(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    expect(world, captured_tables, "todo");
    sim_stop(world->sim, world->node);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0)");
    world->settings.agent_capture = "api";
    start_agent(world);
    expect(world, captured_tables, "NULL");
    sim_run_ms(world->sim, 100);
    assert_int_equal(fetch(world)->n_changes, 1);
}

static void
a_table_that_an_application_makes_later_is_captured_with_its_rows(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    run_sql(world, "CREATE TABLE later (id INTEGER PRIMARY KEY, x);"
                   "INSERT INTO later VALUES (1, 2)");
    assert_int_equal(fetch(world)->n_changes, 1);
    run_sql(world, "INSERT INTO later VALUES (2, 3)");
    assert_int_equal(fetch(world)->n_changes, 2);
}

static void
a_table_of_the_server_is_captured_before_anybody_can_write_to_it(void **state)
{
    column_t columns[] = {{.name = "id", .type = "TEXT", .key = 1}, {.name = "x"}};
    table_schema_t table = {.name = "new", .columns = columns, .n_columns = 2};
    world_t *world = *state;
    start_capturing(world);
    begin_history(world);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e",
               .tables = &table, .n_tables = 1);
    expect(world, captured_tables, "new,todo");
    run_sql(world, "INSERT INTO new VALUES ('a', 1)");
    assert_int_equal(fetch(world)->n_changes, 1);
}

/*  What was there when both sides agreed is not sent again.  */
static void
rows_of_a_replica_are_not_recorded_when_it_begins_to_capture(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\", \"done\": 0}");
    sim_stop(world->sim, world->node);
    world->settings.agent_capture = "triggers";
    start_agent(world);
    sim_run_ms(world->sim, 100);
    assert_int_equal(fetch(world)->n_changes, 0);
    expect(world, captured_tables, "todo");
}

static void
rows_from_before_the_first_connection_are_recorded(void **state)
{
    world_t *world = *state;
    world->settings.agent_capture = "triggers";
    run_sql(world, START_SQL "; INSERT INTO todo VALUES ('a', 'Tea', 0), ('b', 'Milk', 1)");
    start_agent(world);
    assert_int_equal(fetch(world)->n_changes, 2);
    expect(world, "SELECT count(DISTINCT txn) FROM local_changes", "2");
}

static void
a_guard_left_behind_hides_nothing_after_the_next_start(void **state)
{
    world_t *world = *state;
    start_capturing(world);
    sim_crash(world->sim, world->node);
    run_sql(world, "INSERT INTO waybill_guard VALUES (1, 1)");
    start_agent(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', 0)");
    assert_int_equal(fetch(world)->n_changes, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_table_can_be_captured_otherwise_than_the_rest),
        IN_WORLD(triggers_that_nobody_wants_any_more_are_dropped),
        IN_WORLD(a_table_that_an_application_makes_later_is_captured_with_its_rows),
        IN_WORLD(a_table_of_the_server_is_captured_before_anybody_can_write_to_it),
        IN_WORLD(rows_of_a_replica_are_not_recorded_when_it_begins_to_capture),
        IN_WORLD(rows_from_before_the_first_connection_are_recorded),
        IN_WORLD(a_guard_left_behind_hides_nothing_after_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
