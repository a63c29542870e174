/*  What people are told about changes fits a frame and is read by everybody, whatever is in it.
 */

#include "tests/unit/agent_sim.h"

/*  So many times the same letter of two bytes.  */
static const char *
umlauts(world_t *world, size_t n, const char *before)
{
    buffer_t text = {0};
    buffer_add_text(&text, before);
    for (size_t i = 0; i < n; i++)
        buffer_add_text(&text, "\xc3\xa4");
    const char *kept = arena_text(&world->arena, buffer_text(&text));
    buffer_release(&text);
    return kept;
}

static void
a_page_of_large_changes_has_fewer(void **state)
{
    enum { CHANGES = 10, LARGE = 300000 };
    world_t *world = *state;
    size_t n = 0;
    start_with_todo(world);
    char *json = mem_format("{\"title\": \"%0*d\"}", LARGE, 0);
    for (char key[] = "a"; key[0] < 'a' + CHANGES; key[0]++)
        (void) write_one(world, "insert", key, json);
    free(json);
    for (uint64_t after = 0, more = true; more;) {
        const changes_page_t *page = ASK(world, "service", changes_list, changes_page,
                                         .filter = "pending", .after = after);
        assert_in_range(page->n_changes, 1, 4);
        n += page->n_changes;
        after = page->changes[page->n_changes - 1].seq;
        more = page->more;
    }
    assert_int_equal(n, CHANGES);
}

static void
a_long_error_is_cut_between_letters(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    for (size_t extra = 0; extra < 2; extra++) {
        verdict_t verdict = {.id = id,
                             .verdict = "rejected",
                             .code = "FULL",
                             .message = umlauts(world, 400, extra ? "x" : "")};
        (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = &verdict,
                   .n_verdicts = 1);
        assert_int_equal(
            ASK(world, "service", changes_list, changes_page, .filter = "failed")->n_changes,
            1);
        sim_run_ms(world->sim, 600000);
    }
}

static void
a_long_reason_is_cut_between_letters(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    for (size_t extra = 0; extra < 2; extra++) {
        const char *reason = umlauts(world, 400, extra ? "x" : "");
        sim_tell(world->sim, world->node, "service", MSG_disconnect,
                 &(disconnect_t){.reason = reason});
        sim_run_ms(world->sim, 100);
        const status_t *status = ASK(world, "service", status_get, status);
        assert_string_equal(status->state, "stopped");
    }
}

static void
changes_that_wait_are_listed_from_where_the_last_page_ended(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *first = write_one(world, "insert", "a", "{}");
    const char *second = write_one(world, "insert", "b", "{}");
    const changes_page_t *page =
        ASK(world, "service", changes_list, changes_page, .filter = "pending", .limit = 1);
    assert_true(page->more);
    const uint64_t after = page->changes[0].seq;
    decide(world, first, "applied", 11, NULL);
    page =
        ASK(world, "service", changes_list, changes_page, .filter = "pending", .after = after);
    assert_int_equal(page->n_changes, 1);
    assert_string_equal(page->changes[0].id, second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_page_of_large_changes_has_fewer),
        IN_WORLD(a_long_error_is_cut_between_letters),
        IN_WORLD(a_long_reason_is_cut_between_letters),
        IN_WORLD(changes_that_wait_are_listed_from_where_the_last_page_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
