#include "actors/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
have_the_declared_defaults(void **state)
{
    (void) state;
    config_t config;
    settings_t settings;
    config_defaults(&config, &settings_table, &settings);
    assert_string_equal(settings.server_listen, "127.0.0.1:8787");
    assert_string_equal(settings.agent_db, "");
    assert_true(settings.agent_connect);
    assert_int_equal(settings.outbox_window, 2000);
    fault_t fault = {0};
    assert_int_equal(config_check(&config, &fault), OK);
    config_release(&config);
}

static void
refuse_a_heartbeat_slower_than_the_silence(void **state)
{
    (void) state;
    config_t config;
    settings_t settings;
    fault_t fault = {0};
    config_defaults(&config, &settings_table, &settings);
    assert_int_equal(config_set(&config, "connection.silent_ms", "20000", &fault), OK);
    assert_int_equal(config_check(&config, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "connection.silent_ms"));
    config_release(&config);
}

static void
show_where_a_database_is_without_its_password(void **state)
{
    static const struct {
        const char *address, *shown;
    } cases[] = {
        {"hub.db", "hub.db"},
        {"postgres://ann:hush@db:5433/team?sslmode=require&password=hush",
         "postgres://ann@db:5433/team"},
        {"postgresql://ann@db/team", "postgres://ann@db/team"},
        {"postgres://db/team?user=ann&password=hush", "postgres://db/team"},
        {"postgres:///team?host=/run/postgresql", "postgres:///team"},
        {"postgres://ann:hu@sh@db/team", "postgres://"},
        {"postgres://ann:hu/sh@db/team", "postgres://"},
        {"postgres://ann:hu?sh@db/team", "postgres://"},
        {"postgres://ann@db/team?password=hu@sh", "postgres://"},
    };
    arena_t arena = {0};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const settings_t settings = {.server_db = cases[i].address};
        assert_string_equal(settings_database(&settings, &arena), cases[i].shown);
    }
    arena_release(&arena);
}

static void
expect_loadable(const char *role)
{
    char path[] = "/tmp/settings-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    config_write_commented(&settings_table, role, file);
    fclose(file);

    config_t config;
    settings_t settings;
    fault_t fault = {0};
    config_defaults(&config, &settings_table, &settings);
    err_t err = config_load(&config, path, &fault);
    unlink(path);
    assert_string_equal(fault.text, "");
    assert_int_equal(err, OK);
    config_release(&config);
}

static void
can_read_the_commented_files(void **state)
{
    (void) state;
    expect_loadable("agent");
    expect_loadable("server");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(have_the_declared_defaults),
        cmocka_unit_test(refuse_a_heartbeat_slower_than_the_silence),
        cmocka_unit_test(show_where_a_database_is_without_its_password),
        cmocka_unit_test(can_read_the_commented_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
