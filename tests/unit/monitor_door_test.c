/*  Who may look at the monitor page, and who may not.  */

#include "actors/common/monitor/door.h"
#include "tests/defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef-of-the-page"

static char token_path[] = "/tmp/waybill-door-XXXXXX";

static void
write_token(const char *text)
{
    FILE *file = fopen(token_path, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    assert_int_equal(chmod(token_path, 0600), 0);
}

static err_t
open_with(door_t *door, const char *listen, const char *token, fault_t *fault)
{
    settings_t settings = defaults;
    settings.monitor_listen = listen;
    if (token) {
        write_token(token);
        settings.monitor_token_file = token_path;
    }
    *door = (door_t){0};
    return door_open(door, &settings, fault);
}

static door_t
door_on(const char *listen, const char *token)
{
    door_t door;
    fault_t fault = {0};
    if (open_with(&door, listen, token, &fault) != OK)
        fail_msg("%s", fault.text);
    return door;
}

static void
expect_refused(const char *listen, const char *token, const char *why)
{
    door_t door;
    fault_t fault = {0};
    assert_int_equal(open_with(&door, listen, token, &fault), ERR_CONFIG);
    if (strstr(fault.text, why) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", listen, why, fault.text);
    door_close(&door);
}

static void
does_not_stand_open_to_other_machines(void **state)
{
    static const char *const open[] = {"0.0.0.0:1", "*:0", "[::]:1", "192.168.1.5:1",
                                       "pi.local:1"};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        expect_refused(open[i], NULL, "monitor.token_file");
        door_t door = door_on(open[i], SECRET "\n");
        door_close(&door);
    }
}

static void
wants_a_token_that_nobody_guesses(void **state)
{
    (void) state;
    expect_refused("127.0.0.1:0", "", "openssl rand");
    expect_refused("127.0.0.1:0", "short\n", "openssl rand");
    expect_refused("127.0.0.1:0", "two words in the file\n", "openssl rand");
    expect_refused("127.0.0.1:0", "with a\ttab0123456789\n", "openssl rand");
}

static void
wants_an_address(void **state)
{
    static const char *const wrong[] = {"", ":1", "127.0.0.1:x", "[::1", "::1:80", "on"};
    (void) state;
    for (size_t i = 0; i + 1 < COUNT_OF(wrong); i++)
        expect_refused(wrong[i], NULL, "monitor.listen");
}

/*  Of requests whose Host and Origin are these.  */
static bool
knows(const door_t *door, const char *host, const char *origin)
{
    net_answer_t answer = {0};
    const net_upgrade_t upgrade = {.host = host, .origin = origin};
    const bool known = door_knows_origin(door, &upgrade, &answer);
    assert_int_equal(answer.status, known ? 0 : 403);
    return known;
}

static void
knows_the_names_of_this_machine_only(void **state)
{
    static const char *const ours[] = {"127.0.0.1:8788", "127.0.0.1", "localhost:1",
                                       "LocalHost",      "[::1]:5",   "[::1]",
                                       "127.1.2.3:80"};
    static const char *const others[] = {"",
                                         "evil.example:8788",
                                         "evil.example",
                                         "localhost.evil.example",
                                         "127.0.0.1.evil.example",
                                         "192.168.1.5:1",
                                         "127.0.0.1:x",
                                         "[::1",
                                         "[::1]x",
                                         "a b",
                                         "localhost:1:2",
                                         "user@localhost"};
    (void) state;
    door_t door = door_on("127.0.0.1:0", NULL);
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (!knows(&door, ours[i], ""))
            fail_msg("%s is not known", ours[i]);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (knows(&door, others[i], ""))
            fail_msg("%s is known", others[i]);
    door_close(&door);
}

static void
knows_the_name_that_is_configured_and_addresses(void **state)
{
    (void) state;
    door_t door = door_on("pi.local:8788", SECRET);
    assert_true(knows(&door, "pi.local:8788", ""));
    assert_true(knows(&door, "PI.local", ""));
    assert_true(knows(&door, "192.168.1.5:8788", ""));
    assert_true(knows(&door, "localhost:8788", ""));
    assert_false(knows(&door, "evil.example:8788", ""));
    door_close(&door);
}

static void
knows_the_origin_of_its_own_page_only(void **state)
{
    (void) state;
    door_t door = door_on("127.0.0.1:0", NULL);
    assert_true(knows(&door, "localhost:81", "http://localhost:81"));
    assert_true(knows(&door, "127.0.0.1:81", "https://127.0.0.1:81"));
    assert_false(knows(&door, "localhost:81", "http://localhost:82"));
    assert_false(knows(&door, "localhost:81", "http://localhost"));
    assert_false(knows(&door, "localhost:81", "http://evil.example"));
    assert_false(knows(&door, "localhost:81", "null"));
    assert_false(knows(&door, "localhost:81", "localhost:81"));
    assert_false(knows(&door, "localhost:81", "file://"));
    door_close(&door);
}

static void
asks_for_the_token_where_there_is_one(void **state)
{
    static const struct {
        const char *authorization, *query;
        bool known;
    } rows[] = {
        {"Bearer " SECRET, "", true},
        {"bearer " SECRET, "", true},
        {"", "token=" SECRET, true},
        {"", "a=1&token=0123456789abcdef%2Dof-the-page", true},
        {"", "", false},
        {"", "token=", false},
        {"", "token=wrong", false},
        {"", "token=%zz", false},
        {"Bearer wrong", "", false},
        {"Bearer " SECRET "x", "", false},
        {"Bearer 0123456789abcdef", "", false},
        {"Bearer ", "", false},
        {"Basic " SECRET, "", false},
        {SECRET, "", false},
        {"Bearer wrong", "token=" SECRET, false},
    };
    (void) state;
    door_t door = door_on("127.0.0.1:0", SECRET "\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        net_answer_t answer = {0};
        const net_upgrade_t upgrade = {.authorization = rows[i].authorization,
                                       .query = rows[i].query};
        if (door_knows_token(&door, &upgrade, &answer) != rows[i].known)
            fail_msg("row %zu", i);
        assert_int_equal(answer.status, rows[i].known ? 0 : 401);
        assert_true(rows[i].known || strstr(answer.body, SECRET) == NULL);
    }
    door_close(&door);
}

static void
lets_so_many_in_a_second(void **state)
{
    (void) state;
    door_t door = door_on("127.0.0.1:0", NULL);
    size_t let_in = 0;
    for (int i = 0; i < 1000; i++)
        let_in += door_charge(&door, 1000000);
    assert_in_range(let_in, 150, 250);
    for (uint64_t now_us = 10000000; now_us < 20000000; now_us += 25000)
        assert_true(door_charge(&door, now_us));
    door_close(&door);
}

static int
make_file(void **state)
{
    (void) state;
    return close(mkstemp(token_path));
}

static int
remove_file(void **state)
{
    (void) state;
    return unlink(token_path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_not_stand_open_to_other_machines),
        cmocka_unit_test(wants_a_token_that_nobody_guesses),
        cmocka_unit_test(wants_an_address),
        cmocka_unit_test(knows_the_names_of_this_machine_only),
        cmocka_unit_test(knows_the_name_that_is_configured_and_addresses),
        cmocka_unit_test(knows_the_origin_of_its_own_page_only),
        cmocka_unit_test(asks_for_the_token_where_there_is_one),
        cmocka_unit_test(lets_so_many_in_a_second),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
