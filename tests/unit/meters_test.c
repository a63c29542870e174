/*  meters: what an actor counts and remembers, read by others.  */

#include "runtime/meters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
take(meters_t *meters, const char *id, step_name_t step, uint64_t now_ns)
{
    step_taken_t taken = {.now_ns = now_ns, .step = step, .detail = now_ns};
    step_change(id, taken.change);
    meters_step(meters, &taken);
}

static size_t
steps_of(const meters_t *meters, const char *id, step_taken_t *out, size_t room)
{
    uint8_t change[16];
    step_change(id, change);
    return meters_steps(meters, change, out, room);
}

static void
counters_add_up_and_gauges_are_set(void **state)
{
    (void) state;
    meters_t meters = {0};
    meters_count(&meters, METRIC_changes_sent, 2);
    meters_count(&meters, METRIC_changes_sent, 3);
    meters_set(&meters, METRIC_clients, 9);
    meters_set(&meters, METRIC_clients, 4);
    assert_int_equal(meters.values[METRIC_changes_sent], 5);
    assert_int_equal(meters.values[METRIC_clients], 4);
    meters_release(&meters);
}

static void
a_time_is_counted_below_the_next_power_of_two(void **state)
{
    (void) state;
    times_t times = {0};
    times_add(&times, 0);
    times_add(&times, 1);
    times_add(&times, 7);
    times_add(&times, 8);
    times_add(&times, UINT64_MAX / 4);
    assert_int_equal(times.counts[0], 1);
    assert_int_equal(times.counts[1], 1);
    assert_int_equal(times.counts[3], 1);
    assert_int_equal(times.counts[4], 1);
    assert_int_equal(times.counts[TIMES_BUCKETS - 1], 1);
}

static void
the_steps_of_a_change_come_back_in_order(void **state)
{
    (void) state;
    meters_t meters = {0};
    const char *mine = "018f0000-0000-7000-8000-000000000001";
    take(&meters, mine, STEP_recorded, 10);
    take(&meters, "018f0000-0000-7000-8000-000000000002", STEP_recorded, 11);
    take(&meters, "not-a-uuid", STEP_recorded, 12);
    take(&meters, mine, STEP_sent, 13);
    step_taken_t out[8];
    assert_int_equal(steps_of(&meters, mine, out, COUNT_OF(out)), 2);
    assert_int_equal(out[0].step, STEP_recorded);
    assert_int_equal(out[1].step, STEP_sent);
    assert_int_equal(out[1].now_ns, 13);
    assert_int_equal(steps_of(&meters, "not-a-uuid", out, COUNT_OF(out)), 1);
    meters_release(&meters);
}

static void
the_oldest_steps_are_forgotten(void **state)
{
    (void) state;
    meters_t meters = {0};
    step_taken_t out[2];
    take(&meters, "first", STEP_recorded, 1);
    for (uint64_t i = 0; i < STEPS_KEPT - 1; i++)
        take(&meters, "other", STEP_sent, i);
    assert_int_equal(steps_of(&meters, "first", out, 2), 1);
    take(&meters, "other", STEP_sent, 0);
    assert_int_equal(steps_of(&meters, "first", out, 2), 0);
    meters_release(&meters);
}

static void *
write_many(void *arg)
{
    for (uint64_t i = 1; i <= 20 * STEPS_KEPT; i++)
        take(arg, i % 2 ? "odd" : "even", STEP_sent, i);
    return NULL;
}

static void
a_reader_never_sees_half_a_step(void **state)
{
    (void) state;
    static step_taken_t out[STEPS_KEPT];
    meters_t meters = {0};
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_many, &meters), 0);
    for (int round = 0; round < 50; round++) {
        size_t n = steps_of(&meters, "odd", out, COUNT_OF(out));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i].now_ns % 2, 1);
            assert_int_equal(out[i].now_ns, out[i].detail);
        }
    }
    pthread_join(writer, NULL);
    meters_release(&meters);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_and_gauges_are_set),
        cmocka_unit_test(a_time_is_counted_below_the_next_power_of_two),
        cmocka_unit_test(the_steps_of_a_change_come_back_in_order),
        cmocka_unit_test(the_oldest_steps_are_forgotten),
        cmocka_unit_test(a_reader_never_sees_half_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
