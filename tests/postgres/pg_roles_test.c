/*  packaging/postgres/roles.sql: the server's role can do what it needs, and no more.  */

#include "actors/server/postgres/identity.h"
#include "actors/server/postgres/tables.h"
#include "tests/postgres/pg_role.h"

static const char tables[] = "CREATE TABLE t (id serial PRIMARY KEY, name text);"
                             "CREATE TABLE nokey (id int);"
                             "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);"
                             "CREATE TABLE part PARTITION OF parted DEFAULT";

static void
lets_the_server_do_its_work(void **state)
{
    (void) state;
    fault_t fault = {0};
    role_place_t place;
    identity_t *identity = NULL;
    pg_tables_t *read = NULL;
    open_role_place(&place, tables);
    must(pg_tables_read(place.place.pg, &place.place.settings, &read, &fault), &fault);
    assert_true(pg_tables_find(read, "t")->published);
    assert_true(pg_tables_find(read, "parted")->published);
    must(identity_new(&place.place.settings, &identity, &fault), &fault);
    must(identity_prepare(identity, place.place.pg, &fault), &fault);
    exec(&place.place, "BEGIN; SELECT pg_logical_emit_message(true, 'waybill', 'x');"
                       "INSERT INTO t (name) VALUES ('a'); UPDATE t SET name = 'b'; SELECT * "
                       "FROM t FOR UPDATE;"
                       "DELETE FROM t; INSERT INTO parted VALUES (1);"
                       "INSERT INTO waybill.servers VALUES ('one', 'waybill_one', 1, 1);"
                       "UPDATE waybill.servers SET beat = 2; DELETE FROM waybill.servers;"
                       "INSERT INTO waybill.changes_history (time, client_id, change_id, tbl, "
                       "operation, code, "
                       "message) VALUES (1, '', '', '', '', '', ''); ROLLBACK");
    pg_tables_destroy(&read);
    identity_destroy(&identity);
    close_role_place(&place);
}

static void
lets_the_server_stream(void **state)
{
    (void) state;
    fault_t fault = {0};
    role_place_t place;
    open_role_place(&place, tables);
    pg_t *pg = pg_new(&place.place.settings, PG_REPLICATION, "test");
    must(pg_ready(pg, &fault), &fault);
    must(pg_run(pg, "CREATE_REPLICATION_SLOT passing TEMPORARY LOGICAL pgoutput", NULL, &fault,
                ""),
         &fault);
    pg_destroy(&pg);
    close_role_place(&place);
}

static void
lets_it_do_nothing_else(void **state)
{
    (void) state;
    static const char *const forbidden[] = {
        "CREATE TABLE x (id int)",
        "CREATE SCHEMA x",
        "CREATE TABLE waybill.x (id int)",
        "ALTER TABLE t ADD x int",
        "DROP TABLE t",
        "TRUNCATE t",
        "SELECT * FROM nokey",
        "ALTER PUBLICATION waybill DROP TABLE t",
        "CREATE ROLE x",
        "SELECT pg_read_file('/etc/passwd')",
    };
    fault_t fault = {0};
    role_place_t place;
    open_role_place(&place, tables);
    for (size_t i = 0; i < COUNT_OF(forbidden); i++)
        if (error_of(&place.place, forbidden[i], &fault) != ERR_CONFIG)
            fail_msg("%s: it may do that", forbidden[i]);
    close_role_place(&place);
}

static void
may_be_run_again_for_new_tables(void **state)
{
    (void) state;
    fault_t fault = {0};
    role_place_t place;
    pg_tables_t *read = NULL;
    open_role_place(&place, tables);
    database_run(place.place.database, "CREATE TABLE later (id int PRIMARY KEY)");
    assert_int_equal(error_of(&place.place, "SELECT * FROM later", &fault), OK);
    run_roles(&place);
    must(pg_tables_read(place.place.pg, &place.place.settings, &read, &fault), &fault);
    assert_true(pg_tables_find(read, "later")->published);
    pg_tables_destroy(&read);
    close_role_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests_of_roles[] = {
        cmocka_unit_test(lets_the_server_do_its_work),
        cmocka_unit_test(lets_the_server_stream),
        cmocka_unit_test(lets_it_do_nothing_else),
        cmocka_unit_test(may_be_run_again_for_new_tables),
    };
    return cmocka_run_group_tests(tests_of_roles, NULL, NULL);
}
