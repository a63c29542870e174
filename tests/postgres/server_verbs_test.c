/*  waybill server check, and waybill server slots, as one types them.  */

#include "schemas/tables.h"
#include "tests/integration/world.h"
#include "tests/postgres/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t
lines_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void
check_says_yes_or_no(void **state)
{
    (void) state;
    database_t *database = database_new(NULL);
    database_run(database, "CREATE TABLE t (id int PRIMARY KEY)");
    outcome_t yes = RUN("server", "check", "--db", database->address);
    assert_int_equal(yes.status, 0);
    assert_contains(yes.out, "ok       wal_level: logical\n");
    assert_contains(yes.out, "0 problems, ");
    database_run(database, "CREATE PUBLICATION waybill WITH (publish = 'insert')");
    outcome_t no = RUN("server", "check", "--db", database->address);
    assert_int_equal(no.status, 1);
    assert_contains(no.out,
                    "problem  publication waybill: it leaves out some kinds of changes\n"
                    "         ALTER PUBLICATION waybill SET (publish = ");
    outcome_release(&yes);
    outcome_release(&no);
    database_destroy(&database);
}

static void
check_gives_an_object_a_line(void **state)
{
    (void) state;
    database_t *database = database_new(NULL);
    database_run(database, "CREATE TABLE \"a\"\"\n\" (id int)");
    outcome_t outcome = RUN("server", "check", "--json", "--db", database->address);
    assert_int_equal(outcome.status, 0);
    assert_contains(outcome.out, "{\"level\": \"ok\", \"thing\": \"wal_level\", \"says\": "
                                 "\"logical\"}\n");
    assert_contains(outcome.out, "\"thing\": \"table a\\\"\\n\"");
    outcome_release(&outcome);
    database_destroy(&database);
}

/*  The thing, the cause and the way out; and no password.  */
static void
a_database_out_of_reach_is_one_line(void **state)
{
    (void) state;
    static const char *const verbs[] = {"check", "slots"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        outcome_t outcome =
            RUN("server", verbs[i], "--db", "postgres://me:hush@127.0.0.1:1/nothing");
        assert_int_equal(outcome.status, 1);
        assert_string_equal(outcome.out, "");
        assert_int_equal(lines_of(outcome.err), 1);
        assert_contains(outcome.err, "127.0.0.1");
        assert_contains(outcome.err, "Connection refused; look whether the database runs");
        assert_null(strstr(outcome.err, "hush"));
        outcome_release(&outcome);
    }
}

static void
a_file_has_nothing_to_check(void **state)
{
    (void) state;
    outcome_t outcome = RUN("server", "check", "--db", "notes.db");
    assert_int_equal(outcome.status, 2);
    assert_contains(outcome.err, "no address of a database in PostgreSQL");
    outcome_release(&outcome);
}

static void
no_slots_are_a_line(void **state)
{
    (void) state;
    database_t *database = database_new(NULL);
    outcome_t listed = RUN("server", "slots", "--db", database->address);
    outcome_t json = RUN("server", "slots", "--db", database->address, "--json");
    assert_int_equal(listed.status, 0);
    assert_string_equal(listed.out, "no slots: no server has followed this database yet\n");
    assert_int_equal(json.status, 0);
    assert_string_equal(json.out, "");
    outcome_release(&listed);
    outcome_release(&json);
    database_destroy(&database);
}

static void
slots_are_listed_and_dropped(void **state)
{
    (void) state;
    database_t *database = database_new(NULL);
    database_run(database, postgres_sql);
    char *sql =
        mem_format("SELECT pg_create_logical_replication_slot('waybill_%1$s', 'pgoutput');"
                   "INSERT INTO waybill.servers VALUES ('%1$s', 'waybill_%1$s', 7, 1000)",
                   database->name);
    database_run(database, sql);
    outcome_t listed = RUN("server", "slots", "--db", database->address);
    assert_int_equal(listed.status, 0);
    assert_contains(listed.out, ": inactive, ");
    assert_contains(listed.out, "last seen 1970-01-01T00:00:01.000Z\n");
    outcome_t dropped = RUN("server", "slots", "--db", database->address, "--drop-inactive");
    assert_int_equal(dropped.status, 0);
    assert_contains(dropped.out, ": dropped, server ");
    outcome_t after = RUN("server", "slots", "--db", database->address, "--json");
    assert_contains(after.out, "\"state\": \"dropped\"");
    assert_int_equal(
        database_number(database, "SELECT count(*) FROM waybill.servers WHERE dropped"), 1);
    assert_int_equal(database_number(database, "SELECT count(*) FROM pg_replication_slots "
                                               "WHERE database = current_database()"),
                     0);
    outcome_release(&listed);
    outcome_release(&dropped);
    outcome_release(&after);
    free(sql);
    database_destroy(&database);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_says_yes_or_no),
        cmocka_unit_test(check_gives_an_object_a_line),
        cmocka_unit_test(a_database_out_of_reach_is_one_line),
        cmocka_unit_test(a_file_has_nothing_to_check),
        cmocka_unit_test(no_slots_are_a_line),
        cmocka_unit_test(slots_are_listed_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
