/*  waybill compare with a database of PostgreSQL.  */

#include "tests/integration/world.h"
#include "tests/postgres/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

static const char tables[] =
    "CREATE TABLE kinds (id UUID PRIMARY KEY, n NUMERIC(9,3), at TIMESTAMPTZ, list TEXT[],"
    " raw BYTEA, yes BOOLEAN, r REAL, twice BIGINT GENERATED ALWAYS AS (k * 2) STORED, k "
    "BIGINT);"
    "INSERT INTO kinds VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '2026-01-02 "
    "03:04+01',"
    " '{a,\"b c\"}', '\\x00ff', TRUE, 0.1, DEFAULT, 7);"
    "CREATE PUBLICATION waybill FOR ALL TABLES";

/*  The same as an agent would have it.  */
static char *
make_replica(const char *dir)
{
    char *path = path_in(dir, "replica.db");
    sqlite3 *db = NULL;
    sqlite3_open(path, &db);
    assert_int_equal(
        sqlite3_exec(
            db,
            "CREATE TABLE kinds (id TEXT PRIMARY KEY NOT NULL, n TEXT, at TEXT, list TEXT,"
            " raw BLOB, yes BOOLEAN, r REAL, k BIGINT);"
            "INSERT INTO kinds VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1.500',"
            " '2026-01-02 02:04:00+00', '{a,\"b c\"}', x'00ff', 1, 0.1, 7)",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    return path;
}

static void
compares_the_published_tables_as_agents_have_them(void **state)
{
    (void) state;
    char *dir = directory_new(), *replica = make_replica(dir);
    database_t *database = database_new(cluster_shared());
    database_run(database, tables);
    outcome_t equal = RUN("compare", database->address, replica);
    assert_string_equal(equal.err, "");
    assert_contains(equal.out, "all equal: 2 databases, 1 rows each");

    database_run(database, "UPDATE kinds SET n = 2");
    outcome_t different = RUN("compare", database->address, replica);
    assert_int_equal(different.status, 1);
    assert_contains(different.out, "n is '2.000' in postgres:");
    outcome_release(&equal);
    outcome_release(&different);
    database_destroy(&database);
    free(replica);
    directory_destroy(&dir);
}

static void
says_that_nothing_is_published(void **state)
{
    (void) state;
    database_t *database = database_new(cluster_shared());
    outcome_t outcome = RUN("compare", database->address, database->address);
    assert_int_equal(outcome.status, 2);
    assert_contains(outcome.err, "no table is published");
    outcome_release(&outcome);
    database_destroy(&database);
}

static void
never_prints_a_password(void **state)
{
    (void) state;
    outcome_t outcome =
        RUN("compare", "postgres://me:open-sesame@127.0.0.1:1/x", "/nowhere.db");
    assert_int_equal(outcome.status, 2);
    assert_null(strstr(outcome.err, "open-sesame"));
    outcome_release(&outcome);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_the_published_tables_as_agents_have_them),
        cmocka_unit_test(says_that_nothing_is_published),
        cmocka_unit_test(never_prints_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
