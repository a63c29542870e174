/*  Logging: levels for everybody and for some, lines with fields, steps of changes as lines,
    what found no room, and the last lines for whoever asks.  */

#include "actors/common/actors.h"
#include "actors/common/log_kept.h"
#include "actors/common/log_text.h"
#include "actors/settings.h"
#include "tests/unit/host_world.h"

#include <stdlib.h>
#include <string.h>

/*  ------------------------------------------------------------------------- levels  */

static log_levels_t
levels(const char *text)
{
    log_levels_t levels;
    fault_t fault = {0};
    if (log_levels_read(&levels, text, &fault) != OK)
        fail_msg("%s", fault.text);
    return levels;
}

static void
an_actor_that_is_named_has_a_level_of_its_own(void **state)
{
    (void) state;
    const log_levels_t both = levels("warning recorder:debug  listener:error");
    assert_int_equal(log_levels_of(&both, "recorder"), LOG_debug);
    assert_int_equal(log_levels_of(&both, "listener"), LOG_error);
    assert_int_equal(log_levels_of(&both, "processor"), LOG_warning);
    const log_levels_t none = levels("recorder:debug");
    assert_int_equal(log_levels_of(&none, "processor"), LOG_info);
}

static void
a_word_that_is_no_level_is_named(void **state)
{
    static const char too_long[] = "info a-name-that-is-longer-than-any-actor-may-have-it-"
                                   "and-then-some-more-of-it:info";
    static const char *const bad[] = {"loud", "info recorder:loud", ":debug",
                                      "info:", too_long};
    log_levels_t read;
    (void) state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        fault_t fault = {0};
        assert_int_equal(log_levels_read(&read, bad[i], &fault), ERR_CONFIG);
        assert_non_null(strstr(fault.text, "log_level"));
    }
}

static void
no_more_actors_are_named_than_there_is_room_for(void **state)
{
    buffer_t text = {0};
    log_levels_t read;
    fault_t fault = {0};
    (void) state;
    for (int i = 0; i < LOG_LEVELS_NAMED + 1; i++)
        buffer_add_format(&text, "a%d:debug ", i);
    assert_int_equal(log_levels_read(&read, buffer_text(&text), &fault), ERR_CONFIG);
    buffer_release(&text);
}

/*  ------------------------------------------------------------------------- one line  */

static void
a_line_in_json_has_what_is_known_of_it(void **state)
{
    buffer_t out = {0};
    (void) state;
    log_text_json(&(log_line_t){.time = 1700000000123,
                                .level = "info",
                                .actor = "recorder",
                                .text = "a \"b\"\n\x1b[2J \xc2\x9b",
                                .change = "c1",
                                .trace = "t1",
                                .lost = 3},
                  &out);
    assert_string_equal(
        buffer_text(&out),
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"actor\":\"recorder\","
        "\"text\":\"a \\\"b\\\"\\n\\u001b[2J \\u009b\",\"change\":\"c1\",\"trace\":\"t1\","
        "\"lost\":3}\n");
    buffer_clear(&out);
    log_text_json(&(log_line_t){.level = "error", .actor = "a", .text = "b"}, &out);
    assert_string_equal(buffer_text(&out), "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":"
                                           "\"error\",\"actor\":\"a\",\"text\":\"b\"}\n");
    buffer_release(&out);
}

static void
a_plain_line_tells_how_many_were_lost_before_it(void **state)
{
    buffer_t out = {0};
    (void) state;
    log_text_plain(
        &(log_line_t){.level = "info", .actor = "a", .text = "b", .change = "c", .lost = 2},
        &out);
    assert_string_equal(buffer_text(&out), "1970-01-01T00:00:00.000Z info a b (2 lines before "
                                           "it were lost)\n");
    buffer_release(&out);
}

/*  ------------------------------------------------------------------------- last lines  */

static log_kept_t kept;
static arena_t arena;

static int
begin_empty(void **state)
{
    (void) state;
    kept = (log_kept_t){0};
    return 0;
}

static int
end_empty(void **state)
{
    (void) state;
    log_kept_release(&kept);
    arena_release(&arena);
    return 0;
}

static void
keep(size_t n, const char *actor, log_level_t level)
{
    for (size_t i = 0; i < n; i++) {
        char text[40];
        (void) snprintf(text, sizeof text, "%llu", (unsigned long long) kept.last + 1);
        log_kept_add(&kept, &(log_line_t){.level = "", .actor = actor, .text = text}, level);
    }
}

static log_lines_t
find(const log_get_t *request)
{
    log_lines_t found;
    fault_t fault = {0};
    assert_int_equal(log_kept_find(&kept, request, &arena, &found, &fault), OK);
    return found;
}

static void
the_newest_lines_come_oldest_first(void **state)
{
    (void) state;
    keep(10, "a", LOG_info);
    const log_lines_t found = find(&(log_get_t){.limit = 3});
    assert_int_equal(found.n_lines, 3);
    assert_string_equal(found.lines[0].text, "8");
    assert_string_equal(found.lines[2].text, "10");
    assert_string_equal(found.lines[2].level, "info");
    assert_int_equal(found.last, 10);
    assert_false(found.more);
}

static void
nothing_is_missed_between_two_questions(void **state)
{
    (void) state;
    keep(3, "a", LOG_info);
    log_lines_t found = find(&(log_get_t){.limit = 1});
    keep(5, "a", LOG_info);
    found = find(&(log_get_t){.after = found.last, .limit = 2});
    assert_string_equal(found.lines[0].text, "4");
    assert_true(found.more);
    found = find(&(log_get_t){.after = found.last});
    assert_int_equal(found.n_lines, 3);
    assert_string_equal(found.lines[2].text, "8");
    assert_false(found.more);
    assert_int_equal(find(&(log_get_t){.after = found.last}).n_lines, 0);
}

static void
only_those_wanted_are_counted(void **state)
{
    (void) state;
    keep(2, "a", LOG_warning);
    keep(300, "b", LOG_debug);
    assert_int_equal(find(&(log_get_t){.actor = "a", .limit = 5}).n_lines, 2);
    assert_int_equal(find(&(log_get_t){.level = "warning", .limit = 5}).n_lines, 2);
    assert_int_equal(find(&(log_get_t){.actor = "b", .level = "info"}).n_lines, 0);
}

static void
the_oldest_are_forgotten(void **state)
{
    (void) state;
    keep(LINES_KEPT + 5, "a", LOG_info);
    const log_lines_t found = find(&(log_get_t){.after = 2, .limit = 1});
    assert_string_equal(found.lines[0].text, "6");
}

static void
a_level_that_there_is_not_is_refused(void **state)
{
    log_lines_t found;
    fault_t fault = {0};
    (void) state;
    assert_int_equal(
        log_kept_find(&kept, &(log_get_t){.level = "loud"}, &arena, &found, &fault), ERR_USAGE);
}

/*  ------------------------------------------------------------------------- at a host  */

static char steps[2][200];
static size_t n_steps;
static uint64_t lost;

static void
listen_to(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (strncmp(line->text, "step ", 5) != 0 || n_steps == COUNT_OF(steps))
        return;
    (void) snprintf(steps[n_steps++], sizeof steps[0], "%s %s %s|%s", line->level, line->actor,
                    line->text, line->change);
}

static err_t
take_steps(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_step(ctx, STEP_committed, "018f0000-0000-7000-8000-000000000001", 42);
    ctx_step(ctx, STEP_sent, "two words", 0);
    host_stop(host);
    return OK;
}

static const actor_class_t stepper = {.name = "stepper", .start = take_steps};
static const actor_class_t *const steppers[] = {&stepper, NULL};

static void
each_step_is_a_line_where_that_is_wanted(void **state)
{
    (void) state;
    n_steps = 0;
    run_host(&(host_options_t){.name = "test",
                               .log = listen_to,
                               .log_level = LOG_info,
                               .log_steps = true,
                               .stop_deadline_ms = 60000},
             steppers, OK);
    assert_int_equal(n_steps, 2);
    assert_string_equal(steps[0], "info stepper step committed 018f0000-0000-7000-8000-"
                                  "000000000001 42|018f0000-0000-7000-8000-000000000001");
    assert_string_equal(steps[1], "info stepper step sent two words 0|two words");
}

static void
an_actor_may_be_kept_quieter_than_the_others(void **state)
{
    static const log_levels_t quiet = {
        .others = LOG_info, .n = 1, .named = {{"stepper", LOG_warning}}};
    (void) state;
    n_steps = 0;
    run_host(&(host_options_t){.name = "test",
                               .log = listen_to,
                               .log_levels = &quiet,
                               .log_steps = true,
                               .stop_deadline_ms = 60000},
             steppers, OK);
    assert_int_equal(n_steps, 0);
}

/*  ------------------------------------------------------------------ without room  */

enum { FLOOD = 110000, AGAIN_MS = 10 }; /* more than PORT_EVENT_QUEUE */

static err_t
flood(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    for (int i = 0; i < (timer == 0 ? FLOOD : 1); i++)
        ctx_log(ctx, LOG_info, timer == 0 ? "water %d" : "drop %d", i);
    ctx_after(ctx, 1, AGAIN_MS);
    return OK;
}

static err_t
begin_flood(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 0, 0);
    return OK;
}

static err_t
on_line(void *state, ctx_t *ctx, const void *body)
{
    const log_line_t *line = body;
    (void) state, (void) ctx;
    lost += line->lost;
    if (line->lost > 0 || strncmp(line->text, "drop", 4) == 0)
        host_stop(host);
    return OK;
}

static handler_fn *const keeper_handlers[MSG_COUNT] = {[MSG_log_line] = on_line};
static const char *const keeper_hears[] = {"log_line", NULL};
static const actor_class_t keeper = {
    .name = "keeper", .hears = keeper_hears, .handlers = keeper_handlers};
static const actor_class_t flooder = {
    .name = "flooder", .start = begin_flood, .on_timer = flood};

static void
the_next_line_says_how_many_found_no_room(void **state)
{
    static const actor_class_t *const classes[] = {&keeper, &flooder, NULL};
    (void) state;
    lost = 0;
    run_host(
        &(host_options_t){
            .name = "test", .log = listen_to, .log_level = LOG_info, .stop_deadline_ms = 60000},
        classes, OK);
    if (lost == 0)
        fail_msg("the first line behind the flood tells of none that was lost");
    assert_true(lost < FLOOD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_actor_that_is_named_has_a_level_of_its_own),
        cmocka_unit_test(a_word_that_is_no_level_is_named),
        cmocka_unit_test(no_more_actors_are_named_than_there_is_room_for),
        cmocka_unit_test(a_line_in_json_has_what_is_known_of_it),
        cmocka_unit_test(a_plain_line_tells_how_many_were_lost_before_it),
        cmocka_unit_test_setup_teardown(the_newest_lines_come_oldest_first, begin_empty,
                                        end_empty),
        cmocka_unit_test_setup_teardown(nothing_is_missed_between_two_questions, begin_empty,
                                        end_empty),
        cmocka_unit_test_setup_teardown(only_those_wanted_are_counted, begin_empty, end_empty),
        cmocka_unit_test_setup_teardown(the_oldest_are_forgotten, begin_empty, end_empty),
        cmocka_unit_test_setup_teardown(a_level_that_there_is_not_is_refused, begin_empty,
                                        end_empty),
        cmocka_unit_test(each_step_is_a_line_where_that_is_wanted),
        cmocka_unit_test(an_actor_may_be_kept_quieter_than_the_others),
        cmocka_unit_test(the_next_line_says_how_many_found_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
