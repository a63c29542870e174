/*  The clusters and databases of these tests themselves, and tools/postgres, which makes them.
 */

#include "tests/postgres/cluster.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
each_test_has_a_database_of_its_own(void **state)
{
    (void) state;
    database_t *one = database_new(NULL), *other = database_new(NULL);
    database_run(one, "CREATE TABLE todo (id INT PRIMARY KEY); INSERT INTO todo VALUES (7)");
    assert_int_equal(database_number(one, "SELECT id FROM todo"), 7);
    assert_false(database_try(other, "SELECT id FROM todo"));
    database_destroy(&one);
    database_destroy(&other);
}

static void
a_database_goes_with_its_slots(void **state)
{
    (void) state;
    database_t *database = database_new(NULL), *rest = database_open(NULL, "postgres");
    char *sql = mem_format("SELECT count(*) FROM pg_replication_slots WHERE database = '%s'",
                           database->name);
    database_run(database, "SELECT pg_create_logical_replication_slot('s' || oid, 'pgoutput')"
                           " FROM pg_database WHERE datname = current_database()");
    assert_int_equal(database_number(rest, sql), 1);
    database_destroy(&database);
    assert_int_equal(database_number(rest, sql), 0);
    database_destroy(&rest);
    free(sql);
}

static void
a_cluster_that_crashed_has_its_address_and_rows_again(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER("--set", "cluster_name=it's a 'test'");
    database_t *database = database_new(cluster);
    database_run(database, "CREATE TABLE todo (id INT PRIMARY KEY)");
    database_run(database, "INSERT INTO todo VALUES (7)");
    cluster_stop(cluster, true);
    assert_false(database_try(database, "SELECT 1"));
    cluster_start(cluster);
    database_await(database, "SELECT true");
    assert_int_equal(database_number(database, "SELECT id FROM todo"), 7);
    char *name = database_text(database, "SHOW cluster_name");
    assert_string_equal(name, "it's a 'test'");
    free(name);
    database_destroy(&database);
    cluster_destroy(&cluster);
}

static void
a_standby_follows_and_is_promoted(void **state)
{
    (void) state;
    cluster_t *primary = CLUSTER(NULL);
    database_t *database = database_new(primary);
    cluster_t *standby = CLUSTER("--copy-of", primary->dir, "--standby");
    database_t *copy = database_open(standby, database->name);
    database_run(database, "CREATE TABLE todo (id INT PRIMARY KEY)");
    database_await(copy, "SELECT to_regclass('todo') IS NOT NULL");
    assert_false(database_try(copy, "INSERT INTO todo VALUES (1)"));
    cluster_promote(standby);
    database_await(copy, "SELECT NOT pg_is_in_recovery()");
    database_run(copy, "INSERT INTO todo VALUES (1)");
    database_destroy(&copy);
    cluster_destroy(&standby);
    database_destroy(&database);
    cluster_destroy(&primary);
}

static void
what_is_none_of_its_directories_stays(void **state)
{
    (void) state;
    char command[] = "d=$(mktemp -d) && touch \"$d/mine\" && ! '" POSTGRES_TOOL
                     "' start \"$d\" 2>/dev/null && ! '" POSTGRES_TOOL
                     "' remove \"$d\" 2>/dev/null && rm \"$d/mine\" && rmdir \"$d\"";
    assert_int_equal(system(command), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_has_a_database_of_its_own),
        cmocka_unit_test(a_database_goes_with_its_slots),
        cmocka_unit_test(a_cluster_that_crashed_has_its_address_and_rows_again),
        cmocka_unit_test(a_standby_follows_and_is_promoted),
        cmocka_unit_test(what_is_none_of_its_directories_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
