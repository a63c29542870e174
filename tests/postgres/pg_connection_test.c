/*  A connection that breaks, freezes, or is of another kind.  */

#include "tests/postgres/pg_place.h"

#include <signal.h>

/*  ------------------------------------------------------------------------- connection  */

static void
connects_again_when_it_is_asked_to(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    open_place(&place, NULL);
    assert_int_equal(pg_connections(place.pg), 1);
    database_run(place.database,
                 "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND application_name = 'test'");
    assert_int_equal(error_of(&place, "SELECT 1", &fault), ERR_OFFLINE);
    assert_int_equal(error_of(&place, "SELECT 1", &fault), ERR_OFFLINE);
    assert_false(pg_is_connected(place.pg));
    must(pg_ready(place.pg, &fault), &fault);
    assert_int_equal(number_of(&place, "SELECT 1"), 1);
    assert_int_equal(pg_connections(place.pg), 2);
    close_place(&place);
}

static void
notices_that_the_database_went_away_while_nothing_was_asked(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    cluster_t *cluster = CLUSTER("--set", "max_connections=20");
    open_place(&place, cluster);
    cluster_stop(cluster, true);
    assert_int_equal(pg_ready(place.pg, &fault), ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "127.0.0.1"));
    cluster_start(cluster);
    must(pg_ready(place.pg, &fault), &fault);
    assert_int_equal(number_of(&place, "SELECT 1"), 1);
    close_place(&place);
    cluster_destroy(&cluster);
}

static void
continue_process(int64_t pid)
{
    assert_int_equal(kill((pid_t) pid, SIGCONT), 0);
}

/*  Neither the connection nor an attempt to make one lasts for ever.  */
static void
gives_up_a_database_that_is_frozen(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    cluster_t *cluster = CLUSTER("--set", "max_connections=20");
    open_place(&place, cluster);
    settings_t settings = place.settings;
    settings.postgres_statement_ms = 100;
    settings.postgres_connect_ms = 1000;
    pg_t *pg = pg_new(&settings, PG_SQL, "test");
    must(pg_ready(pg, &fault), &fault);
    int64_t backend = 0;
    must(pg_number(pg, "SELECT pg_backend_pid()", &backend, &fault, ""), &fault);
    const int64_t postmaster =
        number_of(&place, "SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int");
    assert_int_equal(kill((pid_t) backend, SIGSTOP), 0);
    assert_int_equal(pg_run(pg, "SELECT 1", NULL, &fault, ""), ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "no answer"));
    assert_false(pg_is_connected(pg));
    assert_int_equal(kill((pid_t) postmaster, SIGSTOP), 0);
    assert_int_equal(pg_ready(pg, &fault), ERR_OFFLINE);
    continue_process(postmaster);
    continue_process(backend);
    must(pg_ready(pg, &fault), &fault);
    pg_destroy(&pg);
    close_place(&place);
    cluster_destroy(&cluster);
}

/*  libpq would take part of each of these passwords for a host, a port or a database.  */
static void
tells_no_password(void **state)
{
    (void) state;
    static const char *const addresses[] = {
        "postgres://me:se@cret@127.0.0.1:1/db", "postgres://me:se/cret@127.0.0.1:1/db",
        "postgres://me:sesame@cret:1/db",       "postgres://me:cret@[::1",
        "postgres://me:cret@127.0.0.1:1/db",    "postgres://127.0.0.1:1/db?password=cret",
        "postgres://me:cret@127.0.0.1:1?cret",
    };
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        fault_t fault = {0};
        settings_t settings = defaults;
        settings.server_db = addresses[i];
        pg_t *pg = pg_new(&settings, PG_SQL, "test");
        assert_int_not_equal(pg_ready(pg, &fault), OK);
        if (i != 2)
            assert_null(strstr(fault.text, "cret"));
        assert_null(strstr(fault.text, "sesame"));
        pg_destroy(&pg);
    }
}

static void
runs_commands_of_the_replication_protocol(void **state)
{
    (void) state;
    pg_place_t place;
    fault_t fault = {0};
    PGresult *rows = NULL;
    open_place(&place, NULL);
    pg_t *pg = pg_new(&place.settings, PG_REPLICATION, "test");
    must(pg_ready(pg, &fault), &fault);
    must(pg_run(pg, "IDENTIFY_SYSTEM", &rows, &fault, ""), &fault);
    assert_string_equal(pg_text_at(rows, 0, 3), place.database->name);
    PQclear(rows);
    pg_destroy(&pg);
    close_place(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_again_when_it_is_asked_to),
        cmocka_unit_test(notices_that_the_database_went_away_while_nothing_was_asked),
        cmocka_unit_test(gives_up_a_database_that_is_frozen),
        cmocka_unit_test(tells_no_password),
        cmocka_unit_test(runs_commands_of_the_replication_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
