/*  Verdicts and acts that uncover a row of the server which this database refuses: they count
    all the same, and the row is set aside until it can be written.  */

#include "tests/unit/agent_sim.h"

static const char row_sql[] = "SELECT group_concat(title) FROM todo WHERE id = 'a'";
static const char held_sql[] = "SELECT count(*) FROM waybill_held";
static const char state_sql[] = "SELECT state FROM local_changes WHERE from_server = 0";

/*  As long as there is a row in it, nothing called bad may be written.  */
static void
begin(world_t *world)
{
    world->settings.retry_attempts = 1;
    run_sql(world,
            "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT, done INTEGER);"
            "CREATE TABLE rule (held INTEGER); INSERT INTO rule VALUES (1);"
            "CREATE TRIGGER no_new BEFORE INSERT ON todo WHEN NEW.title = 'bad' AND EXISTS"
            " (SELECT 1 FROM rule) BEGIN SELECT RAISE(ABORT, 'no'); END;"
            "CREATE TRIGGER no_old BEFORE UPDATE ON todo WHEN NEW.title = 'bad' AND EXISTS"
            " (SELECT 1 FROM rule) BEGIN SELECT RAISE(ABORT, 'no'); END;"
            "CREATE TRIGGER none BEFORE DELETE ON todo WHEN EXISTS"
            " (SELECT 1 FROM rule) BEGIN SELECT RAISE(ABORT, 'no'); END");
    start_agent(world);
    begin_history(world);
}

static void
lift_the_rule(world_t *world)
{
    run_sql(world, "DELETE FROM rule");
    sim_run_ms(world->sim, 60000);
}

static const char *
refuse_with_bad_row(world_t *world)
{
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Mine\"}");
    decide(world, id, "rejected", 11, "{\"id\": \"a\", \"title\": \"bad\", \"done\": 0}");
    return id;
}

static uint64_t
held(world_t *world)
{
    return ASK(world, "connection-manager", status_get, status)->held;
}

static void
a_verdict_counts_whose_row_cannot_be_written(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) refuse_with_bad_row(world);
    assert_string_equal(text_of(world, state_sql), "failed");
    assert_int_equal(held(world), 1);
    assert_string_equal(text_of(world, "SELECT state || ' ' || operation || ' ' || lsn FROM"
                                       " local_changes WHERE from_server = 1"),
                        "failed update 11");
    lift_the_rule(world);
    assert_string_equal(text_of(world, row_sql), "bad");
    assert_int_equal(held(world), 0);
}

static void
a_row_that_the_server_does_not_have_goes_when_it_can(void **state)
{
    world_t *world = *state;
    begin(world);
    decide(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "rejected", 11,
           NULL);
    assert_string_equal(text_of(world, row_sql), "Mine");
    lift_the_rule(world);
    assert_string_equal(text_of(world, row_sql), "NULL");
    assert_string_equal(text_of(world, held_sql), "0");
}

static void
a_change_whose_row_cannot_be_given_back_can_be_given_up(void **state)
{
    world_t *world = *state;
    begin(world);
    const char *id = refuse_with_bad_row(world);
    (void) ASK(world, "service", act, acted, .act = "discard", .ids = &id, .n_ids = 1);
    assert_string_equal(text_of(world, state_sql), "done");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_server_rows"), "0");
    lift_the_rule(world);
    assert_string_equal(text_of(world, row_sql), "bad");
}

static void
a_change_that_is_tried_again_stands_above_what_is_set_aside(void **state)
{
    world_t *world = *state;
    begin(world);
    const char *id = refuse_with_bad_row(world);
    (void) ASK(world, "service", act, acted, .act = "retry", .ids = &id, .n_ids = 1);
    decide(world, id, "applied", 12, NULL);
    lift_the_rule(world);
    assert_string_equal(text_of(world, row_sql), "Mine");
    assert_string_equal(text_of(world, held_sql), "0");
}

static void
the_row_of_a_verdict_makes_an_older_one_void(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}");
    assert_int_equal(held(world), 1);
    decide(world, write_one(world, "insert", "a", "{\"title\": \"Mine\"}"), "merged", 12,
           "{\"id\": \"a\", \"title\": \"Newer\"}");
    lift_the_rule(world);
    assert_string_equal(text_of(world, row_sql), "Newer");
    assert_string_equal(text_of(world, held_sql), "0");
    assert_string_equal(text_of(world, "SELECT state FROM local_changes WHERE lsn = 11"),
                        "done");
}

/*  The local change in the way is waited for once.  */
static const char *
set_aside_newer(world_t *world)
{
    static const char bad[] = "{\"id\": \"b\", \"title\": \"bad\", \"done\": 12}";
    begin(world);
    const char *id = write_one(world, "insert", "b", "{\"title\": \"Mine\"}");
    (void) apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"Theirs\"}");
    assert_string_equal(apply(world, "update", 12, bad), "refused");
    (void) ASK(world, "lsn-manager", sync_request, sync_response);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e");
    assert_string_equal(apply(world, "update", 12, bad), "applied");
    assert_int_equal(held(world), 1);
    return id;
}

static void
the_row_of_a_verdict_leaves_a_newer_one_set_aside(void **state)
{
    world_t *world = *state;
    const char *id = set_aside_newer(world);
    decide(world, id, "merged", 11, "{\"id\": \"b\", \"title\": \"Older\"}");
    lift_the_rule(world);
    assert_string_equal(text_of(world, "SELECT title FROM todo WHERE id = 'b'"), "bad");
}

static void
nor_does_one_that_cannot_be_written_either_take_its_place(void **state)
{
    world_t *world = *state;
    const char *id = set_aside_newer(world);
    decide(world, id, "merged", 11, "{\"id\": \"b\", \"title\": \"bad\", \"done\": 11}");
    lift_the_rule(world);
    assert_string_equal(text_of(world, "SELECT done FROM todo WHERE id = 'b'"), "12");
}

/*  Refused, and merged.  */
static void
decide_two(world_t *world, const char *refused, const char *merged)
{
    verdict_t verdicts[] = {
        {.id = refused,
         .verdict = "rejected",
         .lsn = 11,
         .row = row(world, "{\"id\": \"a\", \"title\": \"bad\"}")},
        {.id = merged,
         .verdict = "merged",
         .lsn = 11,
         .row = row(world, "{\"id\": \"b\", \"title\": \"good\"}")},
    };
    (void) ASK(world, "recorder", record_verdicts, verdicts_recorded, .verdicts = verdicts,
               .n_verdicts = 2);
}

static void
a_verdict_counts_where_a_rule_rolls_everything_back(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    run_sql(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT);"
                   "CREATE TRIGGER no BEFORE INSERT ON todo WHEN NEW.title = 'bad'"
                   " BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    start_agent(world);
    begin_history(world);
    const char *first = write_one(world, "insert", "a", "{\"title\": \"Mine\"}");
    decide_two(world, first, write_one(world, "insert", "b", "{\"title\": \"Mine\"}"));
    assert_string_equal(text_of(world, "SELECT group_concat(state) FROM local_changes WHERE"
                                       " from_server = 0"),
                        "failed,done");
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, "SELECT group_concat(title) FROM todo"), "Mine,good");
    assert_int_equal(held(world), 1);
    run_sql(world, "DROP TRIGGER no");
    sim_run_ms(world->sim, 60000);
    assert_string_equal(text_of(world, row_sql), "bad");
}

static const char silent_sql[] =
    "CREATE TABLE todo (id TEXT PRIMARY KEY ON CONFLICT IGNORE, title TEXT, done INTEGER);"
    "CREATE TRIGGER silent BEFORE INSERT ON todo WHEN NEW.title = 'bad'"
    " BEGIN SELECT RAISE(IGNORE); END;"
    "CREATE TRIGGER stays BEFORE DELETE ON todo WHEN OLD.title = 'stays'"
    " BEGIN SELECT RAISE(IGNORE); END";

static void
what_a_rule_throws_away_without_a_word_is_set_aside(void **state)
{
    world_t *world = *state;
    run_sql(world, silent_sql);
    start_agent(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}");
    assert_int_equal(held(world), 1);
    (void) apply(world, "insert", 12, "{\"id\": \"b\", \"title\": \"stays\"}");
    (void) apply(world, "delete", 13, "{\"id\": \"b\"}");
    assert_int_equal(held(world), 2);
    (void) apply(world, "delete", 14, "{\"id\": \"none\"}");
    assert_int_equal(held(world), 2);
}

static void
a_version_is_not_lost_where_a_key_ignores_conflicts(void **state)
{
    world_t *world = *state;
    run_sql(world, silent_sql);
    start_agent(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"one\"}");
    (void) apply(world, "insert", 12, "{\"id\": \"a\", \"title\": \"two\"}");
    assert_true(held(world) == 1 || strcmp(text_of(world, row_sql), "two") == 0);
}

/*  Its columns may be stored otherwise than they came.  */
static void
a_row_of_the_key_alone_that_is_there_is_not_set_aside(void **state)
{
    world_t *world = *state;
    run_sql(world, "CREATE TABLE todo (id INTEGER, title TEXT, PRIMARY KEY (id, title))");
    start_agent(world);
    begin_history(world);
    (void) apply(world, "insert", 11, "{\"id\": 5.0, \"title\": \"x\"}");
    (void) apply(world, "update", 12, "{\"id\": 5.0, \"title\": \"x\"}");
    assert_string_equal(text_of(world, "SELECT typeof(id) || id || title FROM todo"),
                        "integer5x");
    assert_int_equal(held(world), 0);
}

static void
a_write_that_a_rule_throws_away_is_refused(void **state)
{
    world_t *world = *state;
    run_sql(world, silent_sql);
    start_agent(world);
    assert_string_equal(write_refused(world, "insert", "a", "{\"title\": \"bad\"}")->code,
                        "RULE_VIOLATION");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "0");
}

/*  Whatever else comes meanwhile.  */
static void
what_is_set_aside_is_tried_again_while_others_come(void **state)
{
    world_t *world = *state;
    begin(world);
    run_sql(world, "CREATE TABLE other (id TEXT PRIMARY KEY)");
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}");
    run_sql(world, "DELETE FROM rule");
    for (uint64_t lsn = 12; lsn < 20; lsn++) {
        server_change_t change = server_change(world, "insert", lsn, "{\"id\": \"x\"}");
        change.table = "other";
        (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
                   .epoch = "e", .prev = lsn - 1, .lsn = lsn, .last = true, .changes = &change,
                   .n_changes = 1);
        sim_run_ms(world->sim, 10000);
    }
    assert_string_equal(text_of(world, row_sql), "bad");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_verdict_counts_whose_row_cannot_be_written),
        IN_WORLD(a_row_that_the_server_does_not_have_goes_when_it_can),
        IN_WORLD(a_change_whose_row_cannot_be_given_back_can_be_given_up),
        IN_WORLD(a_change_that_is_tried_again_stands_above_what_is_set_aside),
        IN_WORLD(the_row_of_a_verdict_makes_an_older_one_void),
        IN_WORLD(the_row_of_a_verdict_leaves_a_newer_one_set_aside),
        IN_WORLD(nor_does_one_that_cannot_be_written_either_take_its_place),
        IN_WORLD(a_verdict_counts_where_a_rule_rolls_everything_back),
        IN_WORLD(what_a_rule_throws_away_without_a_word_is_set_aside),
        IN_WORLD(a_version_is_not_lost_where_a_key_ignores_conflicts),
        IN_WORLD(a_row_of_the_key_alone_that_is_there_is_not_set_aside),
        IN_WORLD(a_write_that_a_rule_throws_away_is_refused),
        IN_WORLD(what_is_set_aside_is_tried_again_while_others_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
