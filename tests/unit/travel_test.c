/*  The journey of a change as `waybill tap trace` puts it together: from several who know parts
    of it, from lines of a log, and what it says is missing.  */

#include "tools/tap/sources.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHANGE "018f0000-0000-7000-8000-000000000001"

static journey_t journey;

static int
begin(void **state)
{
    (void) state;
    journey = (journey_t){.change = CHANGE};
    return 0;
}

static int
end(void **state)
{
    (void) state;
    journey_release(&journey);
    return 0;
}

static void
add_from(const char *process, const char *actor, step_name_t step, uint64_t time_us,
         uint64_t within_us)
{
    journey_add(&journey, &(journey_step_t){.process = process,
                                            .actor = actor,
                                            .step = step,
                                            .time_us = time_us,
                                            .within_us = within_us});
}

static void
add(step_name_t step, uint64_t time_us)
{
    add_from("p", "a", step, time_us, FROM_MEMORY);
}

/*  "recorded sent": in their order.  */
static void
expect_steps(const char *expected)
{
    buffer_t text = {0};
    journey_arrange(&journey);
    for (size_t i = 0; i < journey.n; i++)
        buffer_add_format(&text, "%s%s", i > 0 ? " " : "",
                          step_about(journey.steps[i].step)->name);
    assert_string_equal(buffer_text(&text), expected);
    buffer_release(&text);
}

static void
expect_missing(const char *part)
{
    buffer_t text = {0};
    journey_missing(&journey, &text);
    if (*part == '\0')
        assert_string_equal(buffer_text(&text), "");
    else if (strstr(buffer_text(&text), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, buffer_text(&text));
    buffer_release(&text);
}

/*  ------------------------------------------------------------------------- putting together
 */

static void
steps_come_in_the_order_of_time(void **state)
{
    (void) state;
    expect_steps("");
    add(STEP_sent, 30000);
    add(STEP_asked, 10000);
    add(STEP_recorded, 20000);
    expect_steps("asked recorded sent");
}

static void
who_is_asked_again_tells_nothing_new(void **state)
{
    (void) state;
    add(STEP_sent, 30000);
    add(STEP_sent, 30400);
    add(STEP_sent, 90000);
    expect_steps("sent sent");
}

static void
what_memory_tells_is_not_told_by_the_log_as_well(void **state)
{
    (void) state;
    add_from("agent", "recorder", STEP_recorded, 1234567, FROM_MEMORY);
    add_from("a.log", "recorder", STEP_recorded, 1234000, FROM_LOG);
    add_from("a.db", "recorder", STEP_recorded, 1200000, FROM_ROWS);
    expect_steps("recorded");
    assert_string_equal(journey.steps[0].process, "agent");
}

static void
what_only_the_log_tells_stays(void **state)
{
    (void) state;
    add_from("agent", "processor", STEP_applied, 1234567, FROM_MEMORY);
    add_from("b.log", "processor", STEP_applied, 1264000, FROM_LOG);
    expect_steps("applied applied");
}

/*  ------------------------------------------------------------------------- what is missing */

static void
nothing_is_missing_of_a_whole_journey(void **state)
{
    static const step_name_t all[] = {STEP_asked,       STEP_recorded, STEP_sent,
                                      STEP_received,    STEP_judged,   STEP_committed,
                                      STEP_answered,    STEP_decided,  STEP_fetched,
                                      STEP_distributed, STEP_applied};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        add(all[i], (i + 1) * 10000);
    expect_missing("");
    assert_true(journey_has_ended(&journey));
}

static void
the_next_station_is_named(void **state)
{
    (void) state;
    add(STEP_captured, 1);
    expect_missing("not told yet: sent (agent), in a frame to the server\n");
    assert_false(journey_has_ended(&journey));
}

static void
stations_that_nobody_tells_are_named(void **state)
{
    (void) state;
    add(STEP_recorded, 1);
    add(STEP_sent, 2);
    add(STEP_decided, 3);
    expect_missing("nobody who was asked remembers: received (server), judged (server),"
                   " committed (server), answered (server); ");
}

static void
replicas_that_are_silent_are_counted(void **state)
{
    (void) state;
    add_from("server", "listener", STEP_distributed, 10000, FROM_MEMORY);
    add_from("server", "listener", STEP_distributed, 20000, FROM_MEMORY);
    add_from("b", "processor", STEP_applied, 30000, FROM_MEMORY);
    expect_missing("1 of 2 replicas");
}

static void
an_unknown_change_is_unknown(void **state)
{
    (void) state;
    expect_missing("nobody who was asked knows anything of this change");
}

/*  ------------------------------------------------------------------------- lines of a log  */

static void
a_plain_line_is_a_step(void **state)
{
    (void) state;
    sources_read_line("2026-11-21T19:12:26.199Z info connection-manager step arrived " CHANGE
                      " 536870913\n",
                      "b.log", &journey);
    expect_steps("arrived");
    assert_string_equal(journey.steps[0].actor, "connection-manager");
    assert_true(journey.steps[0].detail == 536870913);
    assert_true(journey.steps[0].time_us == UINT64_C(1795288346199000));
}

static void
a_line_in_json_is_a_step(void **state)
{
    (void) state;
    sources_read_line("{\"time\":\"2026-11-21T19:12:26.201Z\",\"level\":\"info\",\"actor\":"
                      "\"processor\",\"text\":\"step applied " CHANGE
                      " 7\",\"change\":\"" CHANGE "\"}\n",
                      "b.log", &journey);
    expect_steps("applied");
    assert_string_equal(journey.steps[0].actor, "processor");
    assert_true(journey.steps[0].detail == 7);
}

static void
other_lines_are_passed_over(void **state)
{
    static const char *const lines[] = {
        "",
        "\n",
        "{",
        "{\"text\":\"step applied " CHANGE " 7\"}",
        "{\"time\":1,\"actor\":[],\"text\":\"step applied " CHANGE " 7\"}",
        "2026-11-21T19:12:26.199Z info a step flown " CHANGE " 1",
        "2026-11-21T19:12:26.199Z info a step sent another 1",
        "2026-11-21T19:12:26.199Z info a step sent " CHANGE "x 1",
        "2026-11-21T19:12:26.199Z info a step sent " CHANGE,
        "2026-11-21T19:12:26.199Z info a step sent " CHANGE " one",
        "yesterday info a step sent " CHANGE " 1",
        "2026-11-21T19:12:26.199Z info a change " CHANGE " came back",
    };
    (void) state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        sources_read_line(lines[i], "b.log", &journey);
    expect_steps("");
}

static void
an_id_with_blanks_is_found(void **state)
{
    (void) state;
    journey.change = "two words";
    sources_read_line("2026-11-21T19:12:26.199Z info a step sent two words 1\n", "b.log",
                      &journey);
    expect_steps("sent");
}

static void
a_row_that_knows_no_position_tells_no_second_refusal(void **state)
{
    (void) state;
    journey_add(&journey, &(journey_step_t){.process = "p",
                                            .actor = "recorder",
                                            .step = STEP_refused,
                                            .time_us = 5002000,
                                            .within_us = FROM_LOG,
                                            .detail = 7});
    add_from("p", "recorder", STEP_refused, 5000000, FROM_ROWS);
    expect_steps("refused");
    assert_true(journey.steps[0].detail == 7);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(steps_come_in_the_order_of_time),
        EACH(who_is_asked_again_tells_nothing_new),
        EACH(what_memory_tells_is_not_told_by_the_log_as_well),
        EACH(what_only_the_log_tells_stays),
        EACH(nothing_is_missing_of_a_whole_journey),
        EACH(the_next_station_is_named),
        EACH(stations_that_nobody_tells_are_named),
        EACH(replicas_that_are_silent_are_counted),
        EACH(an_unknown_change_is_unknown),
        EACH(a_plain_line_is_a_step),
        EACH(a_line_in_json_is_a_step),
        EACH(other_lines_are_passed_over),
        EACH(an_id_with_blanks_is_found),
        EACH(a_row_that_knows_no_position_tells_no_second_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
