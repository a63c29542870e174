/*  The status of an agent as people read it.  */

#include "tools/status_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
assert_shows(const status_t *status, const char *const *parts)
{
    buffer_t text = {0};
    status_text(status, false, &text);
    for (; *parts; parts++)
        if (strstr(buffer_text(&text), *parts) == NULL)
            fail_msg("\"%s\" is not in: %s", *parts, buffer_text(&text));
    buffer_release(&text);
}

#define SHOWS(status, ...) assert_shows(status, (const char *const[]){__VA_ARGS__, NULL})

static void
begins_with_how_things_stand(void **state)
{
    (void) state;
    static const struct {
        status_t status;
        const char *word;
    } cases[] = {
        {{.state = "live", .synced = true}, "● in sync: "},
        {{.state = "live"}, "● connected: "},
        {{.state = "initial"}, "● first sync: "},
        {{.state = "catchup"}, "● catching up: "},
        {{.state = "connecting"}, "● connecting: "},
        {{.state = "offline"}, "● offline: "},
        {{.state = "stopped"}, "● paused: "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buffer_t text = {0};
        status_text(&cases[i].status, false, &text);
        assert_int_equal(strncmp(buffer_text(&text), cases[i].word, strlen(cases[i].word)), 0);
        buffer_release(&text);
    }
}

static void
tells_why_nothing_moves_and_when_it_is_tried_again(void **state)
{
    (void) state;
    const status_t status = {.state = "offline",
                             .reason = "connection refused",
                             .retry_in = 1500,
                             .pending = 7,
                             .lsn = 0x2A};
    SHOWS(&status, "because   connection refused\n", "again in  1.5 s\n",
          "pending   7, of them 0", "position  0/2A of ?\n");
}

static void
tells_a_person_what_to_do(void **state)
{
    (void) state;
    const status_t status = {.state = "live", .parked = 2, .held = 1};
    SHOWS(&status, "2 waiting for a person\n", "→ `waybill changes --parked`",
          "→ `waybill logs`");
}

static void
what_a_stranger_said_does_not_steer_the_terminal(void **state)
{
    (void) state;
    const status_t status = {.state = "offline", .reason = "\033[2J\nstate     live"};
    SHOWS(&status, "because   ?[2J?state     live\n");
}

static void
tells_that_a_server_is_without_its_database(void **state)
{
    const clients_list_t server = {.listen = "127.0.0.1:8787",
                                   .db = "postgres://ann@db/team",
                                   .trouble = "it is stopped",
                                   .since = 86400000,
                                   .count = 2};
    static const char *const parts[] = {"without its database", "it is stopped",
                                        "1970-01-02T00:00:00", "postgres://ann@db/team"};
    buffer_t text = {0};
    (void) state;
    status_text_server(&server, false, &text);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        assert_non_null(strstr(buffer_text(&text), parts[i]));
    buffer_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_that_a_server_is_without_its_database),
        cmocka_unit_test(begins_with_how_things_stand),
        cmocka_unit_test(tells_why_nothing_moves_and_when_it_is_tried_again),
        cmocka_unit_test(tells_a_person_what_to_do),
        cmocka_unit_test(what_a_stranger_said_does_not_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
