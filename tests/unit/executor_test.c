/*  The executor: a change is made as it was meant, under its sender's name, or not at all.  */

#include "actors/server/embedded/executor.h"
#include "tests/unit/server_world.h"

static void
writes_strange_texts_as_they_are(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change(world, "c1 todo insert",
                      "{\"id\":\"'; DROP TABLE todo; --\",\"title\":\"\\\"); DELETE\"}", 1));
    expect_verdict(world, 0, "applied");
    expect(world, "SELECT id || '|' || title FROM todo", "'; DROP TABLE todo; --|\"); DELETE");
}

static void
says_in_the_log_who_wrote_and_when(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change(world, "c1 todo insert", "{\"id\":\"a\"}", 77));
    expect(world, "SELECT client_id || ' ' || change_id || ' ' || updated_at FROM change_log",
           "client c1 77");
}

static void
takes_its_name_back_before_the_commit(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change(world, "c1 todo insert", "{\"id\":\"a\"}", 77));
    expect(world, "SELECT count(*) FROM waybill_origin WHERE client_id IS NULL", "1");
    plain_sql(world, "UPDATE todo SET title = 'x'");
    expect(world, "SELECT count(*) FROM change_log WHERE client_id IS NULL", "1");
}

static void
sets_only_the_columns_sent(void **state)
{
    world_t *world = *state;
    plain_sql(world, "INSERT INTO todo (id, title) VALUES ('a', 'kept');"
                     "UPDATE waybill_versions SET updated_at = 1");
    submit_one(world, "client", change(world, "c1 todo insert", "{\"id\":\"a\"}", 77));
    expect_verdict(world, 0, "applied");
    expect(world, "SELECT title FROM todo", "kept");
}

static void
tells_the_rule_that_was_broken_in_the_words_of_the_database(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"bad\"}", 1));
    expect_verdict(world, 0, "rejected RULE_VIOLATION");
    assert_non_null(strstr(world->verdicts[0].message, "CHECK constraint failed"));
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
takes_a_refusing_trigger_for_a_rule(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER guard BEFORE DELETE ON todo"
                     " BEGIN SELECT RAISE(ABORT, 'not this one'); END;"
                     "INSERT INTO todo (id) VALUES ('a');"
                     "UPDATE waybill_versions SET updated_at = 1");
    submit_one(world, "client", change(world, "c1 todo delete", "{\"id\":\"a\"}", 77));
    expect_verdict(world, 0, "rejected RULE_VIOLATION");
    assert_string_equal(world->verdicts[0].message, "not this one");
}

/*  What a trigger keeps as it was, and notes in another table.  */
static void
expect_ignored(world_t *world, const char *words)
{
    plain_sql(world,
              "CREATE TRIGGER keep_i BEFORE INSERT ON todo WHEN NEW.title = 'x' BEGIN"
              " INSERT OR IGNORE INTO list (name) VALUES (NEW.id); SELECT RAISE(IGNORE); END;"
              "CREATE TRIGGER keep_u BEFORE UPDATE ON todo WHEN NEW.title = 'x' BEGIN"
              " INSERT OR IGNORE INTO list (name) VALUES (NEW.id); SELECT RAISE(IGNORE); END;"
              "INSERT INTO todo (id, title) VALUES ('a', 'kept');"
              "UPDATE waybill_versions SET updated_at = 1");
    seal(world);
    submit_one(world, "client", change(world, words, "{\"id\":\"a\",\"title\":\"x\"}", 77));
    expect_verdict(world, 0, "merged");
    expect_row(world, 0, "{\"id\":\"a\",\"title\":\"kept\",\"list\":null}");
    expect(world, "SELECT client_id IS NULL FROM change_log WHERE tbl = 'list'", "1");
}

static void
merges_an_insert_that_a_trigger_has_ignored(void **state)
{
    expect_ignored(*state, "c1 todo insert");
}

static void
merges_an_update_that_a_trigger_has_ignored(void **state)
{
    expect_ignored(*state, "c1 todo update");
}

static void
tells_a_client_of_what_triggers_wrote_beside_a_change_that_wrote_nothing(void **state)
{
    world_t *world = *state;
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a');"
                     "UPDATE waybill_versions SET updated_at = 1;"
                     "CREATE TRIGGER note AFTER INSERT ON todo BEGIN"
                     " INSERT INTO list (name) VALUES (NEW.id); END;");
    seal(world);
    const client_change_t changes[] = {
        change(world, "c1 todo update", "{\"id\":\"a\"}", 77),
        change(world, "c2 todo insert", "{\"id\":\"b\"}", 77),
    };
    submit(world, "client", changes, 2);
    expect_verdict(world, 0, "applied");
    expect_verdict(world, 1, "applied");
    expect(world, "SELECT client_id IS NULL FROM change_log WHERE tbl = 'list'", "1");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(writes_strange_texts_as_they_are),
        WITH_WORLD(says_in_the_log_who_wrote_and_when),
        WITH_WORLD(takes_its_name_back_before_the_commit),
        WITH_WORLD(sets_only_the_columns_sent),
        WITH_WORLD(tells_the_rule_that_was_broken_in_the_words_of_the_database),
        WITH_WORLD(merges_an_insert_that_a_trigger_has_ignored),
        WITH_WORLD(merges_an_update_that_a_trigger_has_ignored),
        WITH_WORLD(tells_a_client_of_what_triggers_wrote_beside_a_change_that_wrote_nothing),
        WITH_WORLD(takes_a_refusing_trigger_for_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
