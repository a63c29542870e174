/*  The executor: a change is made as it was meant, under its sender's name, or not at all.  */

#include "tests/unit/judge_world.h"

static void
writes_strange_texts_as_they_are(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change("c1 todo insert",
                      "{\"id\":\"'; DROP TABLE todo; --\",\"title\":\"\\\"); DELETE\"}", 1));
    expect_verdict(0, "applied");
    expect(world, "SELECT id || '|' || title FROM todo", "'; DROP TABLE todo; --|\"); DELETE");
}

static void
says_in_the_log_who_wrote_and_when(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\"}", 77));
    expect(world, "SELECT client_id || ' ' || change_id || ' ' || updated_at FROM change_log",
           "client c1 77");
}

static void
takes_its_name_back_before_the_commit(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\"}", 77));
    if (!on_postgres()) /* where a transaction says whose its rows are */
        expect(world, "SELECT count(*) FROM waybill_origin WHERE client_id IS NULL", "1");
    foreign_sql(world, "UPDATE todo SET title = 'x'");
    expect(world, "SELECT count(*) FROM change_log WHERE client_id IS NULL", "1");
}

static void
sets_only_the_columns_sent(void **state)
{
    world_t *world = *state;
    foreign_sql(world, "INSERT INTO todo (id, title) VALUES ('a', 'kept')");
    age_rows(world, 1);
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\"}", 77));
    expect_verdict(0, "applied");
    expect(world, "SELECT title FROM todo", "kept");
}

static void
tells_the_rule_that_was_broken_in_the_words_of_the_database(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change("c1 todo insert", "{\"id\":\"a\",\"title\":\"bad\"}", 1));
    expect_verdict(0, "rejected RULE_VIOLATION");
    assert_non_null(strstr(judged.verdicts[0].message,
                           either("CHECK constraint failed", "violates check constraint")));
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
takes_a_refusing_trigger_for_a_rule(void **state)
{
    world_t *world = *state;
    char *body = refusal("not this one");
    make_trigger(world, "BEFORE DELETE ON todo", NULL, body);
    free(body);
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    age_rows(world, 1);
    submit_one(world, "client", change("c1 todo delete", "{\"id\":\"a\"}", 77));
    expect_verdict(0, "rejected RULE_VIOLATION");
    assert_string_equal(judged.verdicts[0].message, "not this one");
}

/*  What a trigger keeps as it was, and notes in another table.  */
static void
expect_ignored(world_t *world, const char *words)
{
    char *body = mem_format("INSERT INTO list (id, name) VALUES (9, NEW.id)"
                            " ON CONFLICT DO NOTHING; %s",
                            disregard());
    make_trigger(world, "BEFORE INSERT ON todo", "NEW.title = 'x'", body);
    make_trigger(world, "BEFORE UPDATE ON todo", "NEW.title = 'x'", body);
    free(body);
    foreign_sql(world, "INSERT INTO todo (id, title) VALUES ('a', 'kept')");
    age_rows(world, 1);
    submit_one(world, "client", change(words, "{\"id\":\"a\",\"title\":\"x\"}", 77));
    expect_verdict(0, "merged");
    expect_row(0, "{\"id\":\"a\",\"title\":\"kept\",\"list\":null}");
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
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    make_trigger(world, "AFTER INSERT ON todo", NULL,
                 "INSERT INTO list (id, name) VALUES (9, NEW.id);");
    age_rows(world, 1);
    const client_change_t changes[] = {
        change("c1 todo update", "{\"id\":\"a\"}", 77),
        change("c2 todo insert", "{\"id\":\"b\"}", 77),
    };
    submit(world, "client", changes, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "applied");
    expect(world, "SELECT client_id IS NULL FROM change_log WHERE tbl = 'list'", "1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JUDGE(writes_strange_texts_as_they_are),
        WITH_JUDGE(says_in_the_log_who_wrote_and_when),
        WITH_JUDGE(takes_its_name_back_before_the_commit),
        WITH_JUDGE(sets_only_the_columns_sent),
        WITH_JUDGE(tells_the_rule_that_was_broken_in_the_words_of_the_database),
        WITH_JUDGE(merges_an_insert_that_a_trigger_has_ignored),
        WITH_JUDGE(merges_an_update_that_a_trigger_has_ignored),
        WITH_JUDGE(tells_a_client_of_what_triggers_wrote_beside_a_change_that_wrote_nothing),
        WITH_JUDGE(takes_a_refusing_trigger_for_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
