/*  What `tap stats` and `top` make of two answers, and how their tables look.  */

#include "tools/tap/figures_text.h"

#include "tools/show.h"
#include "tools/tap/duration.h"
#include "tools/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static figures_t
make(arena_t *arena, const stats_t *before, const stats_t *after)
{
    return figures_make(before, after, arena);
}

static void
rates_are_differences_of_two_answers(void **state)
{
    (void) state;
    arena_t arena = {0};
    actor_stats_t then = {.name = "a", .state = "ready", .done = 100};
    actor_stats_t now[] = {{.name = "a", .state = "ready", .done = 300},
                           {.name = "new", .state = "ready", .done = 10}};
    type_stats_t was = {.type = "head", .received = 5, .bytes = 500};
    type_stats_t is = {.type = "head", .received = 7, .bytes = 900};
    metric_t metric[] = {{.name = "c", .kind = "counter", .value = 7},
                         {.name = "g", .kind = "gauge", .value = 7}};
    metric_t later[] = {{.name = "c", .kind = "counter", .value = 9},
                        {.name = "g", .kind = "gauge", .value = 9}};
    const stats_t before = {1000, &then, 1, &was, 1, metric, 2};
    const stats_t after = {3000, now, 2, &is, 1, later, 2};
    figures_t figures = make(&arena, &before, &after);
    assert_true(figures.actors[0].messages == 100);
    assert_true(figures.actors[1].messages == 5);
    assert_true(figures.messages == 105);
    assert_true(figures.types[0].messages == 1);
    assert_true(figures.types[0].bytes == 200);
    assert_true(figures.metrics[0].amount == 1);
    assert_true(figures.metrics[1].amount == 9);

    figures = make(&arena, NULL, &after);
    assert_true(figures.actors[0].messages == 300);
    assert_true(figures.types[0].bytes == 900);
    arena_release(&arena);
}

static void
counts_that_fell_have_begun_anew(void **state)
{
    (void) state;
    arena_t arena = {0};
    actor_stats_t then = {.name = "a", .state = "ready", .done = 100};
    actor_stats_t now = {.name = "a", .state = "ready", .done = 20};
    const stats_t before = {0, &then, 1, NULL, 0, NULL, 0};
    const stats_t after = {1000, &now, 1, NULL, 0, NULL, 0};
    assert_true(make(&arena, &before, &after).actors[0].messages == 20);
    const stats_t at_once = {0, &now, 1, NULL, 0, NULL, 0}; /* the clock was set back */
    assert_true(make(&arena, &before, &at_once).actors[0].messages > 0);
    arena_release(&arena);
}

static void
percentiles_are_those_of_the_time_between(void **state)
{
    (void) state;
    arena_t arena = {0};
    bucket_t was[] = {{4, 1000}, {1024, 1}};
    bucket_t is[] = {{4, 1000}, {16, 98}, {1024, 3}, {4096, 0}};
    actor_stats_t then = {.name = "a", .state = "ready", .handled = was, .n_handled = 2};
    actor_stats_t now = {.name = "a", .state = "ready", .handled = is, .n_handled = 4};
    const stats_t before = {0, &then, 1, NULL, 0, NULL, 0};
    const stats_t after = {1000, &now, 1, NULL, 0, NULL, 0};
    spread_t spread = make(&arena, &before, &after).actors[0].handled;
    assert_int_equal(spread.n, 100);
    assert_in_range(spread.p50, 8, 16);
    assert_in_range(spread.p99, 512, 1024);
    spread = make(&arena, &after, &after).actors[0].handled;
    assert_int_equal(spread.n, 0);
    arena_release(&arena);
}

static void
sorts_by_what_was_asked_for(void **state)
{
    (void) state;
    arena_t arena = {0};
    bucket_t slow = {1 << 20, 10};
    actor_stats_t actors[] = {
        {.name = "b", .state = "ready", .done = 9},
        {.name = "a", .state = "ready", .depth = 4},
        {.name = "c", .state = "ready", .handled = &slow, .n_handled = 1}};
    const stats_t after = {0, actors, 3, NULL, 0, NULL, 0};
    figures_t figures = make(&arena, NULL, &after);
    const char first[] = {
        [ORDER_messages] = 'b', [ORDER_name] = 'a', [ORDER_time] = 'c', [ORDER_load] = 'a'};
    for (figures_order_t order = 0; order < COUNT_OF(first); order++) {
        figures_sort(&figures, order);
        assert_int_equal(*figures.actors[0].now->name, first[order]);
    }
    arena_release(&arena);
}

static void
every_line_of_a_table_fits_80_columns(void **state)
{
    (void) state;
    arena_t arena = {0};
    buffer_t text = {0};
    bucket_t buckets[] = {{1 << 20, 10}, {1u << 31, 10}};
    actor_stats_t actor = {.name = "an-actor-with-a-very-long-name",
                           .state = "backoff",
                           .depth = 99999,
                           .in_flight = 99999,
                           .parked = 1024,
                           .done = 1234567,
                           .busy_with = "server_changes\033[2J",
                           .busy_ms = 61000,
                           .restarts = 31,
                           .handled = buckets,
                           .n_handled = 2};
    type_stats_t type = {.type = "a_message_with_a_very_long_name",
                         .received = 12345678,
                         .bytes = 123456789012,
                         .waited = buckets,
                         .n_waited = 2};
    const stats_t after = {0, &actor, 1, &type, 1, NULL, 0};
    figures_t figures = make(&arena, NULL, &after);
    figures_print(&figures, false, &text);
    AUTO(text) lines = mem_text(buffer_text(&text));
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));)
        assert_in_range(show_width(line), 0, 79);
    assert_non_null(strstr(buffer_text(&text), "an-actor-with-a-ve…"));
    assert_null(strchr(buffer_text(&text), '\033'));
    buffer_release(&text);
    arena_release(&arena);
}

static void
json_tells_actors_types_and_metrics(void **state)
{
    (void) state;
    arena_t arena = {0};
    buffer_t text = {0};
    bucket_t bucket = {16, 2};
    actor_stats_t actor = {.name = "a", .state = "ready", .done = 3, .parked_on = "b"};
    type_stats_t type = {.type = "head", .received = 2, .bytes = 20};
    metric_t metric = {
        .name = "m", .kind = "histogram", .value = 9, .buckets = &bucket, .n_buckets = 1};
    const stats_t after = {0, &actor, 1, &type, 1, &metric, 1};
    figures_t figures = make(&arena, NULL, &after);
    figures_to_json(&figures, &text);
    assert_string_equal(
        buffer_text(&text),
        "{\"actor\":\"a\",\"state\":\"ready\",\"messages\":3.0,\"depth\":0,\"in_flight\":0,"
        "\"parked\":0,\"parked_on\":\"b\",\"requests\":0,\"dead\":0,\"restarts\":0,"
        "\"tap_lost\":0,\"busy_ms\":0}\n"
        "{\"type\":\"head\",\"messages\":2.0,\"bytes\":20.0}\n"
        "{\"metric\":\"m\",\"kind\":\"histogram\",\"total\":2.0,\"times\":{\"n\":2,\"p50_us\":"
        "12,"
        "\"p99_us\":15}}\n");
    buffer_release(&text);
    arena_release(&arena);
}

static void
sizes_times_and_rates_read_well(void **state)
{
    (void) state;
    char text[SHOW_ROOM];
    assert_string_equal(show_bytes(0, text), "0 B");
    assert_string_equal(show_bytes(999, text), "999 B");
    assert_string_equal(show_bytes(1400, text), "1.4 kB");
    assert_string_equal(show_bytes(123456789, text), "123 MB");
    assert_string_equal(show_us(7, text), "7 µs");
    assert_string_equal(show_us(1500, text), "1.5 ms");
    assert_string_equal(show_us(61000000, text), "61 s");
    assert_string_equal(show_rate(0.25, text), "0.2");
    assert_string_equal(show_rate(20, text), "20");
    assert_string_equal(show_rate(19722.4, text), "19,722");
    uint64_t ms = 0;
    assert_true(duration_read("10", &ms) && ms == 10000);
    assert_true(duration_read("500ms", &ms) && ms == 500);
    assert_true(duration_read("1.5h", &ms) && ms == 5400000);
    assert_false(duration_read("", &ms));
    assert_false(duration_read("0", &ms));
    assert_false(duration_read("-1s", &ms));
    assert_false(duration_read("10 parsecs", &ms));
    assert_false(duration_read("1e300h", &ms));
}

static void
cells_are_cut_and_filled_by_letters(void **state)
{
    (void) state;
    buffer_t text = {0};
    show_cell(&text, "äöü", 5);
    show_cell(&text, "äöüßé", -4);
    show_cell(&text, NULL, 2);
    show_cell(&text, "7", -3);
    assert_string_equal(buffer_text(&text), "äöü  äöü…    7");
    buffer_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_differences_of_two_answers),
        cmocka_unit_test(counts_that_fell_have_begun_anew),
        cmocka_unit_test(percentiles_are_those_of_the_time_between),
        cmocka_unit_test(sorts_by_what_was_asked_for),
        cmocka_unit_test(every_line_of_a_table_fits_80_columns),
        cmocka_unit_test(json_tells_actors_types_and_metrics),
        cmocka_unit_test(sizes_times_and_rates_read_well),
        cmocka_unit_test(cells_are_cut_and_filled_by_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
