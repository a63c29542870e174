/*  A round of client-changes: decided as a whole, or asked for again; the actor lives on.  */

#include "tests/unit/server_sim.h"

static void
run_sql(world_t *world, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
asks_for_changes_again_while_the_database_is_locked(void **state)
{
    world_t *world = *state;
    sqlite3 *other = NULL;
    start_server(world);
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_string_equal(insert_todo(world, "one", "a"), "retry");
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_string_equal(insert_todo(world, "one", "a"), "applied");
}

static void
rejects_a_change_whose_rule_rolls_everything_back(void **state)
{
    world_t *world = *state;
    start_server(world);
    run_sql(world, "CREATE TRIGGER strict BEFORE INSERT ON todo WHEN NEW.id = 'bad'"
                   " BEGIN SELECT RAISE(ROLLBACK, 'not here'); END");
    assert_string_equal(insert_todo(world, "one", "bad"), "rejected");
    assert_string_equal(insert_todo(world, "one", "good"), "applied");
    assert_int_equal(number_of(world, "SELECT count(*) FROM changes_history"
                                      " WHERE message = 'not here'"),
                     1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(asks_for_changes_again_while_the_database_is_locked),
        WITH_WORLD(rejects_a_change_whose_rule_rolls_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
