/*  Local changes above the server's rows, in whatever order versions and verdicts come.  */

#include "tests/unit/agent_sim.h"

static const char title_sql[] = "SELECT title FROM todo WHERE id = 'a'";

/*  The server has made the row at position 11; then it is changed here.  */
static const char *
change_locally(world_t *world)
{
    start_with_todo(world);
    begin_history(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"server\"}"),
                        "applied");
    return write_one(world, "update", "a", "{\"title\": \"mine\"}");
}

static void
rest_after_a_refusal(world_t *world)
{
    world->settings.retry_base_ms = 3600000;
    world->settings.retry_cap_ms = 3600000;
}

static void
hear_version(world_t *world, uint64_t lsn, const char *json)
{
    assert_string_equal(apply(world, "update", lsn, json), "applied");
}

static void
stands_above_a_version_while_undecided(void **state)
{
    world_t *world = *state;
    (void) change_locally(world);
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\", \"done\": 1}");
    assert_string_equal(text_of(world, title_sql), "mine");
    assert_string_equal(text_of(world, "SELECT done FROM todo"), "1");
    assert_string_equal(text_of(world, "SELECT lsn FROM waybill_server_rows"), "12");
}

static void
stays_when_applied_above_the_version(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    decide(world, id, "applied", 13, NULL);
    assert_string_equal(text_of(world, title_sql), "mine");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_server_rows"), "0");
}

static void
gives_way_when_applied_below_the_version(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    hear_version(world, 13, "{\"id\": \"a\", \"title\": \"later\"}");
    decide(world, id, "applied", 12, NULL);
    assert_string_equal(text_of(world, title_sql), "later");
}

static void
stands_above_an_older_version_that_comes_after_its_verdict(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    decide(world, id, "applied", 13, NULL);
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    assert_string_equal(text_of(world, title_sql), "mine");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "moved",
               .epoch = "e", .prev = 12, .lsn = 13, .last = true);
    hear_version(world, 14, "{\"id\": \"a\", \"title\": \"later\"}");
    assert_string_equal(text_of(world, title_sql), "later");
}

/*  Of what was changed here only a part has won, and a rule of the server has added something;
    what it came to is not told again.  */
static void
stands_above_an_older_version_as_what_the_server_made_of_it(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    decide(world, id, "applied", 13, "{\"id\": \"a\", \"title\": \"theirs\", \"done\": 7}");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "theirs7");
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\", \"done\": 0}");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "theirs7");
}

static void
becomes_the_row_that_a_merged_verdict_brings(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    decide(world, id, "merged", 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    assert_string_equal(text_of(world, title_sql), "theirs");
}

static void
keeps_a_later_change_above_the_row_of_a_rejected_one(void **state)
{
    world_t *world = *state;
    rest_after_a_refusal(world);
    const char *id = change_locally(world);
    (void) write_one(world, "update", "a", "{\"done\": 1}");
    decide(world, id, "rejected", 12, "{\"id\": \"a\", \"title\": \"theirs\", \"done\": 0}");
    assert_string_equal(text_of(world, "SELECT title || done FROM todo"), "theirs1");
}

static void
stands_in_the_order_in_which_the_server_applied_them(void **state)
{
    world_t *world = *state;
    rest_after_a_refusal(world);
    const char *first = change_locally(world);
    const char *second = write_one(world, "update", "a", "{\"title\": \"mine too\"}");
    decide(world, first, "rejected", 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    decide(world, second, "applied", 13, NULL);
    assert_string_equal(text_of(world, title_sql), "mine too");
    decide(world, first, "applied", 14, NULL);
    assert_string_equal(text_of(world, title_sql), "mine");
}

static void
stands_above_a_merged_one_of_the_same_position(void **state)
{
    world_t *world = *state;
    rest_after_a_refusal(world);
    const char *refused = change_locally(world);
    const char *merged = write_one(world, "update", "a", "{\"title\": \"merged\"}");
    const char *applied = write_one(world, "update", "a", "{\"title\": \"applied\"}");
    decide(world, refused, "rejected", 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    decide(world, merged, "merged", 13, "{\"id\": \"a\", \"title\": \"theirs\"}");
    decide(world, applied, "applied", 13, NULL);
    assert_string_equal(text_of(world, title_sql), "applied");
}

static void
goes_with_its_row_when_the_server_has_none(void **state)
{
    world_t *world = *state;
    const char *id = change_locally(world);
    decide(world, id, "rejected", 12, NULL);
    assert_string_equal(text_of(world, title_sql), "none");
}

static void
deletes_again_what_a_version_brings_back(void **state)
{
    world_t *world = *state;
    (void) change_locally(world);
    const char *id = write_one(world, "delete", "a", NULL);
    hear_version(world, 12, "{\"id\": \"a\", \"title\": \"theirs\"}");
    assert_string_equal(text_of(world, title_sql), "none");
    decide(world, id, "merged", 13, "{\"id\": \"a\", \"title\": \"theirs\"}");
    assert_string_equal(text_of(world, title_sql), "mine");
}

static void
survives_a_snapshot_without_its_row(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"mine\"}");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 10, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 10, .table = "todo", .final = true);
    assert_string_equal(text_of(world, title_sql), "mine");
    assert_string_equal(text_of(world, "SELECT lsn || typeof(data) FROM waybill_server_rows"),
                        "10null");
}

static void
stands_nowhere_while_a_snapshot_comes_in(void **state)
{
    world_t *world = *state;
    (void) change_locally(world);
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "11");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 20, .last = true);
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), "0");
}

static void
is_seen_again_when_tried_again_in_a_new_epoch(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"mine\"}");
    decide(world, id, "rejected", 12, NULL);
    assert_string_equal(text_of(world, title_sql), "none");
    begin_history(world);
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, "SELECT state FROM local_changes"), "pending");
    assert_string_equal(text_of(world, title_sql), "mine");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(stands_above_a_version_while_undecided),
        IN_WORLD(stays_when_applied_above_the_version),
        IN_WORLD(gives_way_when_applied_below_the_version),
        IN_WORLD(stands_above_an_older_version_that_comes_after_its_verdict),
        IN_WORLD(stands_above_an_older_version_as_what_the_server_made_of_it),
        IN_WORLD(becomes_the_row_that_a_merged_verdict_brings),
        IN_WORLD(keeps_a_later_change_above_the_row_of_a_rejected_one),
        IN_WORLD(stands_in_the_order_in_which_the_server_applied_them),
        IN_WORLD(stands_above_a_merged_one_of_the_same_position),
        IN_WORLD(goes_with_its_row_when_the_server_has_none),
        IN_WORLD(deletes_again_what_a_version_brings_back),
        IN_WORLD(survives_a_snapshot_without_its_row),
        IN_WORLD(is_seen_again_when_tried_again_in_a_new_epoch),
        IN_WORLD(stands_nowhere_while_a_snapshot_comes_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
