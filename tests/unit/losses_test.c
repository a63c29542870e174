/*  What the tap tells of records that went missing, and how its lines look.  */

#include "tools/tap/losses.h"

#include "tests/unit/tap_world.h"
#include "tools/tap/ordered.h"
#include "tools/tap/record_line.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static loss_t
count(losses_t *self, const char *actor, uint64_t n, uint64_t dropped)
{
    tap_record_t record = made_record(TAP_send, actor, "b", MSG_head);
    record.n = n;
    record.dropped = dropped;
    return losses_count(self, &record);
}

static void
tells_where_records_went_missing(void **state)
{
    (void) state;
    losses_t *self = losses_new();
    loss_t loss = count(self, "a", 100, 7); /* what was before is nothing we missed */
    assert_int_equal(loss.at_actor + loss.on_way, 0);
    loss = count(self, "a", 101, 7);
    assert_int_equal(loss.at_actor + loss.on_way, 0);
    loss = count(self, "a", 111, 10);
    assert_int_equal(loss.at_actor, 3);
    assert_int_equal(loss.on_way, 6);
    loss = count(self, "b", 1, 0);
    assert_int_equal(loss.at_actor + loss.on_way, 0);
    loss = count(self, "a", 1, 0); /* began anew */
    assert_int_equal(loss.at_actor + loss.on_way, 0);
    assert_int_equal(losses_total(self).at_actor, 3);
    assert_int_equal(losses_total(self).on_way, 6);
    losses_destroy(&self);
}

/*  As the head of a bundle may: its number is that of the bundle's end.  */
static void
believes_an_actor_that_tells_its_losses_before_the_gap(void **state)
{
    (void) state;
    losses_t *self = losses_new();
    (void) count(self, "a", 1, 0);
    loss_t loss = count(self, "a", 2, 5);
    assert_int_equal(loss.at_actor, 5);
    assert_int_equal(loss.on_way, 0);
    loss = count(self, "a", 8, 5);
    assert_int_equal(loss.at_actor + loss.on_way, 0);
    loss = count(self, "a", 10, 5);
    assert_int_equal(loss.on_way, 1);
    loss = count(self, "a", 11, 8); /* told again before the gap: nothing is taken back */
    assert_int_equal(loss.at_actor, 3);
    assert_int_equal(loss.on_way, 0);
    losses_destroy(&self);
}

static void
assert_line(buffer_t *line, const char *part)
{
    if (!strstr(buffer_text(line), part))
        fail_msg("\"%s\" is not in %s", part, buffer_text(line));
}

static void
shows_a_loss_in_both_forms(void **state)
{
    (void) state;
    buffer_t line = {0};
    loss_line("a", (loss_t){3, 6}, (line_style_t){0}, &line);
    assert_string_equal(buffer_text(&line),
                        "(lost: of a 3 records at the actor, 6 on the way here)\n");
    buffer_clear(&line);
    loss_line("a", (loss_t){3, 6}, (line_style_t){.json = true}, &line);
    assert_string_equal(buffer_text(&line),
                        "{\"lost_of\":\"a\",\"at_actor\":3,\"on_way\":6}\n");
    buffer_release(&line);
}

static void
shows_a_message_in_both_forms(void **state)
{
    (void) state;
    tap_record_t record = made_record(TAP_dead, "a", "b", MSG_head);
    record.err = ERR_NO_ROUTE;
    const head_t head = {.epoch = "e", .lsn = 0x2A};
    const line_body_t body = {MSG_head, &head};
    buffer_t line = {0};
    record_line(&record, &body, (line_style_t){0}, &line);
    assert_line(&line, " dead a → b ");
    assert_line(&line, "NO_ROUTE: there is no such actor  lsn 0/2A\n");
    assert_null(strchr(buffer_text(&line), '\033'));
    buffer_clear(&line);
    record_line(&record, &body, (line_style_t){.whole = true, .colour = true}, &line);
    assert_line(&line, "{\"epoch\":\"e\",\"lsn\":\"0/2A\"}\n");
    assert_line(&line, "\033[31mdead\033[0m");
    buffer_clear(&line);
    record_line(&record, &body, (line_style_t){.json = true}, &line);
    assert_line(&line,
                "\"point\":\"dead\",\"actor\":\"b\",\"kind\":\"CAST\",\"type\":\"head\"");
    assert_line(&line, "\"error\":\"NO_ROUTE\",\"body\":{\"epoch\":\"e\",\"lsn\":\"0/2A\"}}\n");
    buffer_release(&line);
}

static void
puts_lines_back_into_the_order_of_time(void **state)
{
    (void) state;
    ordered_t *self = ordered_new();
    buffer_t out = {0};
    static const uint64_t times[] = {50, 20, 40, 20, 10, 60, 30};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        char line[16];
        (void) snprintf(line, sizeof line, "%d:%zu ", (int) times[i], i);
        ordered_add(self, times[i], line);
    }
    ordered_take(self, 40, &out);
    assert_string_equal(buffer_text(&out), "10:4 20:1 20:3 30:6 40:2 ");
    assert_false(ordered_is_empty(self));
    buffer_clear(&out);
    ordered_take(self, UINT64_MAX, &out);
    assert_string_equal(buffer_text(&out), "50:0 60:5 ");
    assert_true(ordered_is_empty(self));
    ordered_add(self, 1, "left behind");
    ordered_destroy(&self);
    buffer_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_where_records_went_missing),
        cmocka_unit_test(believes_an_actor_that_tells_its_losses_before_the_gap),
        cmocka_unit_test(shows_a_loss_in_both_forms),
        cmocka_unit_test(shows_a_message_in_both_forms),
        cmocka_unit_test(puts_lines_back_into_the_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
