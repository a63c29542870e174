/*  When a supervisor is told that a process does not work any more.  */

#include "actors/common/monitor/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { STUCK_MS = 10000 };

static void
expect_health(actor_stats_t *actors, size_t n, const char *text)
{
    const stats_t stats = {.actors = actors, .n_actors = n};
    buffer_t out = {0};
    const bool healthy = health_write(&stats, STUCK_MS, &out);
    assert_string_equal(buffer_text(&out), text);
    assert_int_equal(healthy, out.size == 3);
    buffer_release(&out);
}

static void
a_process_is_well_while_its_actors_work(void **state)
{
    actor_stats_t actors[] = {
        {.name = "recorder", .state = "ready", .busy_with = "write", .busy_ms = STUCK_MS - 1},
        {.name = "processor", .state = "backoff", .restarts = 2},
    };
    (void) state;
    expect_health(actors, 2, "ok\n");
}

static void
an_actor_that_was_given_up_is_named(void **state)
{
    actor_stats_t actors[] = {{.name = "logger", .state = "ready"},
                              {.name = "recorder", .state = "failed"}};
    (void) state;
    expect_health(actors, 2, "recorder was given up\n");
}

static void
an_actor_that_is_stuck_is_named(void **state)
{
    actor_stats_t actors[] = {
        {.name = "recorder", .state = "ready", .busy_with = "write", .busy_ms = STUCK_MS}};
    (void) state;
    expect_health(actors, 1, "recorder is stuck: in write for 10 s\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_well_while_its_actors_work),
        cmocka_unit_test(an_actor_that_was_given_up_is_named),
        cmocka_unit_test(an_actor_that_is_stuck_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
