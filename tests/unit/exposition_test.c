/*  What Prometheus is told, line by line.  */

#include "actors/common/monitor/exposition.h"
#include "schemas/metrics.h"
#include "tests/unit/exposition_parser.h"

static const char *
write_stats(buffer_t *out, const stats_t *stats)
{
    exposition_write(stats, "agent", out);
    (void) check_exposition(buffer_text(out));
    return buffer_text(out);
}

static void
every_metric_is_told_by_its_name(void **state)
{
    metric_t metrics[METRIC_COUNT];
    char names[METRIC_COUNT][100];
    buffer_t out = {0};
    (void) state;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const metric_about_t *about = metric_about((metric_id_t) i);
        (void) snprintf(names[i], sizeof names[i], about->labels[0] ? "%s{%s}" : "%s",
                        about->name, about->labels);
        metrics[i] = (metric_t){.name = names[i],
                                .kind = metric_kind_name(about->kind),
                                .value = i + 1,
                                .help = about->help};
    }
    const char *text =
        write_stats(&out, &(stats_t){.metrics = metrics, .n_metrics = METRIC_COUNT});
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        char series[120];
        (void) snprintf(series, sizeof series, "waybill_%.99s", names[i]);
        if (strcmp(metrics[i].kind, "histogram") != 0)
            assert_int_equal((int) value_of(text, series), i + 1);
        else
            assert_non_null(strstr(text, series));
    }
    buffer_release(&out);
}

static void
a_histogram_is_cumulative_in_seconds(void **state)
{
    bucket_t buckets[] = {{8, 1}, {16, 2}, {1024, 4}, {1 << 20, 8}, {UINT64_C(1) << 53, 16}};
    metric_t metric = {.name = "record_seconds",
                       .kind = "histogram",
                       .value = 12000345,
                       .buckets = buckets,
                       .n_buckets = COUNT_OF(buckets),
                       .help = "h"};
    buffer_t out = {0};
    (void) state;
    const char *text = write_stats(&out, &(stats_t){.metrics = &metric, .n_metrics = 1});
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"0.000016\"}"), 3);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"0.000256\"}"), 3);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"0.001024\"}"), 7);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"1.048576\"}"),
                     15);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"67.108864\"}"),
                     15);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_bucket{le=\"+Inf\"}"), 31);
    assert_int_equal((int) value_of(text, "waybill_record_seconds_count"), 31);
    assert_non_null(strstr(text, "\nwaybill_record_seconds_sum 12.000345\n"));
    buffer_release(&out);
}

static void
actors_and_types_are_labels(void **state)
{
    bucket_t bucket = {16, 5};
    actor_stats_t actors[] = {
        {.name = "recorder",
         .state = "ready",
         .received = 7,
         .done = 6,
         .depth = 1,
         .restarts = 2,
         .dead = 3,
         .handled = &bucket,
         .n_handled = 1,
         .handled_us = 60},
        {.name = "service", .state = "failed", .sent = 9},
    };
    type_stats_t types[] = {{.type = "write", .received = 4, .bytes = 400}};
    const stats_t stats = {
        .actors = actors, .n_actors = 2, .types = types, .n_types = COUNT_OF(types)};
    static const struct {
        const char *series;
        int value;
    } expected[] = {
        {"waybill_actor_messages_received_total{actor=\"recorder\"}", 7},
        {"waybill_actor_messages_done_total{actor=\"recorder\"}", 6},
        {"waybill_actor_mailbox_depth{actor=\"recorder\"}", 1},
        {"waybill_actor_restarts_total{actor=\"recorder\"}", 2},
        {"waybill_actor_dead_letters_total{actor=\"recorder\"}", 3},
        {"waybill_actor_ready{actor=\"recorder\"}", 1},
        {"waybill_actor_ready{actor=\"service\"}", 0},
        {"waybill_actor_messages_sent_total{actor=\"service\"}", 9},
        {"waybill_actor_handler_seconds_bucket{actor=\"recorder\",le=\"0.000016\"}", 5},
        {"waybill_actor_handler_seconds_count{actor=\"recorder\"}", 5},
        {"waybill_messages_handled_total{type=\"write\"}", 4},
        {"waybill_message_bytes_total{type=\"write\"}", 400},
    };
    buffer_t out = {0};
    (void) state;
    const char *text = write_stats(&out, &stats);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if ((int) value_of(text, expected[i].series) != expected[i].value)
            fail_msg("%s is %g", expected[i].series, value_of(text, expected[i].series));
    buffer_release(&out);
}

static void
a_name_cannot_forge_a_line(void **state)
{
    actor_stats_t actor = {.name = "a\"} 1\nforged 1\n", .state = "ready"};
    buffer_t out = {0};
    (void) state;
    const char *text = write_stats(&out, &(stats_t){.actors = &actor, .n_actors = 1});
    assert_null(strstr(text, "forged"));
    buffer_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_is_told_by_its_name),
        cmocka_unit_test(a_histogram_is_cumulative_in_seconds),
        cmocka_unit_test(actors_and_types_are_labels),
        cmocka_unit_test(a_name_cannot_forge_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
