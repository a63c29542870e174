/*  Client changes: all of a local transaction or nothing, once, and the last writer wins.  */

#include "schemas/text.h"
#include "tests/unit/server_world.h"

static void
gives_one_position_to_a_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change(world, "c1 list insert", "{\"id\":1,\"name\":\"x\"}", 10),
        change(world, "c2 todo insert", "{\"id\":\"a\",\"list\":1}", 10),
    };
    submit(world, "client", changes, 2);
    expect(world, "SELECT lsn FROM waybill_head", "536870913");
    assert_int_equal(world->verdicts[0].lsn, CHANGE_LOG_ORIGIN + 1);
    assert_int_equal(world->verdicts[1].lsn, CHANGE_LOG_ORIGIN + 1);
    expect(world, "SELECT DISTINCT lsn FROM change_log", "536870913");
}

static void
answers_a_repeated_change_as_the_first_time(void **state)
{
    world_t *world = *state;
    const client_change_t made = change(world, "c1 todo insert", "{\"id\":\"a\"}", 10);
    submit_one(world, "client", made);
    plain_sql(world, "DELETE FROM todo");
    submit_one(world, "client", made);
    expect_verdict(world, 0, "duplicate of applied");
    assert_int_equal(world->verdicts[0].lsn, CHANGE_LOG_ORIGIN + 1);
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
judges_a_rejected_change_anew_when_it_is_retried(void **state)
{
    world_t *world = *state;
    const client_change_t early = change(world, "c1 todo update", "{\"id\":\"a\"}", 10);
    submit_one(world, "client", early);
    expect_verdict(world, 0, "rejected ENTITY_NOT_FOUND");
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a'); DELETE FROM waybill_versions");
    submit_one(world, "client", early);
    expect_verdict(world, 0, "applied");
    submit_one(world, "client", early);
    expect_verdict(world, 0, "duplicate of applied");
    expect(world, "SELECT count(*) FROM changes_history", "1");
}

static void
keeps_the_ids_of_clients_apart(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change(world, "c1 todo insert", "{\"id\":\"a\"}", 10));
    submit_one(world, "two", change(world, "c1 todo insert", "{\"id\":\"b\"}", 10));
    expect_verdict(world, 0, "applied");
}

static void
sees_a_duplicate_inside_one_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change(world, "c1 todo insert", "{\"id\":\"a\"}", 10),
        change(world, "c1 todo insert", "{\"id\":\"b\"}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(world, 0, "applied");
    expect_verdict(world, 1, "duplicate of applied");
    expect(world, "SELECT id FROM todo", "a");
}

static void
rejects_the_whole_transaction_of_a_guilty_change(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change(world, "c1 todo insert", "{\"id\":\"a\"}", 10),
        change(world, "c2 todo update", "{\"id\":\"z\",\"title\":\"t\"}", 10),
        change(world, "c3 todo insert", "{\"id\":\"b\"}", 10),
    };
    submit(world, "client", changes, 3);
    expect_verdict(world, 0, "rejected RULE_VIOLATION");
    expect_verdict(world, 1, "rejected ENTITY_NOT_FOUND");
    expect_verdict(world, 2, "rejected RULE_VIOLATION");
    assert_string_equal(world->verdicts[2].message, "its transaction was rejected");
    expect(world, "SELECT count(*) FROM todo", "0");
    expect(world, "SELECT count(*) FROM change_log", "0");
    expect(world, "SELECT change_id FROM changes_history ORDER BY seq", "c1 c2 c3");
    expect(world, "SELECT id FROM client_changes WHERE verdict = 'rejected' ORDER BY id",
           "c1 c2 c3");
}

static void
gives_the_servers_row_back_with_a_rejection(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"good\"}", 10));
    submit_one(world, "client",
               change(world, "c2 todo update", "{\"id\":\"a\",\"title\":\"bad\"}", 20));
    expect_verdict(world, 0, "rejected RULE_VIOLATION");
    expect_row(world, 0, "{\"id\":\"a\",\"title\":\"good\",\"list\":null}");
}

static void
judges_a_deferred_foreign_key_with_its_own_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change(world, "c1 todo insert", "{\"id\":\"a\"}", 10),
        change(world, "c2 todo insert", "{\"id\":\"b\",\"list\":5}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(world, 1, "rejected RULE_VIOLATION");
    assert_non_null(strstr(world->verdicts[1].message, "FOREIGN KEY"));
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
lets_a_child_come_before_its_parent(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change(world, "c1 todo insert", "{\"id\":\"a\",\"list\":5}", 10),
        change(world, "c2 list insert", "{\"id\":5}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(world, 0, "applied");
    expect_verdict(world, 1, "applied");
}

static void
merges_an_older_change_and_gives_the_row(void **state)
{
    world_t *world = *state;
    submit_one(world, "one",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"new\"}", 20));
    submit_one(world, "two",
               change(world, "d1 todo insert", "{\"id\":\"a\",\"title\":\"old\"}", 10));
    expect_verdict(world, 0, "merged");
    expect_row(world, 0, "{\"id\":\"a\",\"title\":\"new\",\"list\":null}");
    expect(world, "SELECT title FROM todo", "new");
    assert_int_equal(world->verdicts[0].lsn, CHANGE_LOG_ORIGIN + 1);
}

static void
settles_ties_by_the_greater_client(void **state)
{
    world_t *world = *state;
    submit_one(world, "m", change(world, "c1 todo insert", "{\"id\":\"a\"}", 20));
    submit_one(world, "b",
               change(world, "c2 todo update", "{\"id\":\"a\",\"title\":\"b\"}", 20));
    expect_verdict(world, 0, "merged");
    submit_one(world, "m",
               change(world, "c3 todo update", "{\"id\":\"a\",\"title\":\"m\"}", 20));
    expect_verdict(world, 0, "applied");
    submit_one(world, "z",
               change(world, "c4 todo update", "{\"id\":\"a\",\"title\":\"z\"}", 20));
    expect_verdict(world, 0, "applied");
    expect(world, "SELECT title FROM todo", "z");
}

static void
does_not_let_a_clock_ahead_win_for_ever(void **state)
{
    world_t *world = *state;
    submit_one(world, "one",
               change(world, "c1 todo insert", "{\"id\":\"a\"}", (int64_t) NOW * 100));
    expect_verdict(world, 0, "applied");
    assert_non_null(strstr(world->verdicts[0].message, "ahead"));
    submit_one(world, "two",
               change(world, "c2 todo update", "{\"id\":\"a\",\"title\":\"t\"}", NOW + 1));
    expect_verdict(world, 0, "applied");
}

static void
gives_no_row_for_what_was_applied_as_sent(void **state)
{
    world_t *world = *state;
    submit_one(world, "client",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    expect_row(world, 0, "");
}

static void
gives_the_row_that_a_trigger_made_of_it(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER shout AFTER INSERT ON todo BEGIN"
                     " UPDATE todo SET title = upper(NEW.title) WHERE id = NEW.id; END");
    submit_one(world, "client",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    expect_verdict(world, 0, "applied");
    expect_row(world, 0, "{\"id\":\"a\",\"title\":\"X\",\"list\":null}");
}

static void
gives_the_row_of_which_a_trigger_wrote_what_the_change_did_not_name(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER shout AFTER UPDATE OF list ON todo BEGIN"
                     " UPDATE todo SET title = upper(title) WHERE id = NEW.id; END");
    submit_one(world, "client",
               change(world, "c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    submit_one(world, "client",
               change(world, "c2 todo update", "{\"id\":\"a\",\"list\":null}", 11));
    expect_verdict(world, 0, "applied");
    expect_row(world, 0, "{\"id\":\"a\",\"title\":\"X\",\"list\":null}");
}

static void
takes_a_row_back_that_a_trigger_threw_away(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER silent BEFORE INSERT ON todo WHEN NEW.id = 'x'"
                     " BEGIN SELECT RAISE(IGNORE); END");
    submit_one(world, "a", change(world, "c1 todo insert", "{\"id\":\"x\"}", 1));
    expect_verdict(world, 0, "merged");
    expect_row(world, 0, "");
}

static void
gives_the_row_that_a_trigger_brought_back(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER keeper AFTER DELETE ON todo BEGIN"
                     " INSERT INTO todo (id, title) VALUES (OLD.id, 'kept'); END");
    submit_one(world, "a", change(world, "c1 todo insert", "{\"id\":\"x\"}", 1));
    submit_one(world, "a", change(world, "c2 todo delete", "{\"id\":\"x\"}", 2));
    expect_verdict(world, 0, "merged");
    expect_row(world, 0, "{\"id\":\"x\",\"title\":\"kept\",\"list\":null}");
}

static void
knows_rows_of_triggers_under_a_key_with_a_strange_name(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TABLE odd (\"a\"\"b.c\" TEXT PRIMARY KEY);"
                     "CREATE TRIGGER more AFTER INSERT ON odd WHEN NEW.\"a\"\"b.c\" = 'x'"
                     " BEGIN INSERT INTO odd VALUES ('y'); END");
    follow_schema(world);
    submit_one(world, "a", change(world, "c1 odd insert", "{\"a\\\"b.c\":\"x\"}", 1));
    expect_verdict(world, 0, "applied");
    expect(world, "SELECT coalesce(client_id, 'nobody') FROM change_log ORDER BY data",
           "a nobody");
}

/*  A name cut in the middle of a letter would be no text: nobody could read the verdict.  */
static void
cuts_a_long_name_between_letters(void **state)
{
    world_t *world = *state;
    buffer_t name = {0};
    buffer_add_text(&name, "x");
    for (int i = 0; i < 60; i++)
        buffer_add_text(&name, "\u00e9");
    client_change_t made = change(world, "c1 table insert", "{\"id\":\"x\"}", 1);
    made.table = buffer_text(&name);
    submit_one(world, "a", made);
    expect_verdict(world, 0, "rejected INVALID_CHANGE");
    const char *message = world->verdicts[0].message;
    assert_true(text_is_clean((bytes_t){(const uint8_t *) message, strlen(message)}));
    buffer_release(&name);
}

static void
leaves_rows_of_triggers_to_nobody(void **state)
{
    world_t *world = *state;
    plain_sql(world, "CREATE TRIGGER side AFTER INSERT ON todo BEGIN"
                     " INSERT INTO list (id, name) VALUES (9, NEW.id); END");
    submit_one(world, "client", change(world, "c1 todo insert", "{\"id\":\"a\"}", 10));
    expect(world, "SELECT tbl FROM change_log WHERE client_id = 'client'", "todo");
    expect(world, "SELECT tbl FROM change_log WHERE client_id IS NULL", "list");
}

static void
judges_each_transaction_of_a_round_alone(void **state)
{
    world_t *world = *state;
    const work_t work = work_of(world, "client");
    const client_change_t bad = change(world, "c1 nowhere insert", "{\"id\":\"a\"}", 10);
    const client_change_t good = change(world, "c2 todo insert", "{\"id\":\"a\"}", 10);
    const transaction_t first = {&bad, &world->verdicts[0], &world->marks[0], 1, false};
    const transaction_t second = {&good, &world->verdicts[1], &world->marks[1], 1, false};
    must(world, db_begin(world->db, &world->fault));
    must(world, transaction_judge(&work, &first, &world->lsn, &world->fault));
    must(world, transaction_judge(&work, &second, &world->lsn, &world->fault));
    must(world, db_commit(world->db, &world->fault));
    expect_verdict(world, 0, "rejected INVALID_CHANGE");
    expect_verdict(world, 1, "applied");
    expect(world, "SELECT id FROM todo", "a");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(gives_one_position_to_a_transaction),
        WITH_WORLD(answers_a_repeated_change_as_the_first_time),
        WITH_WORLD(judges_a_rejected_change_anew_when_it_is_retried),
        WITH_WORLD(keeps_the_ids_of_clients_apart),
        WITH_WORLD(sees_a_duplicate_inside_one_transaction),
        WITH_WORLD(rejects_the_whole_transaction_of_a_guilty_change),
        WITH_WORLD(gives_the_servers_row_back_with_a_rejection),
        WITH_WORLD(judges_a_deferred_foreign_key_with_its_own_transaction),
        WITH_WORLD(lets_a_child_come_before_its_parent),
        WITH_WORLD(merges_an_older_change_and_gives_the_row),
        WITH_WORLD(settles_ties_by_the_greater_client),
        WITH_WORLD(does_not_let_a_clock_ahead_win_for_ever),
        WITH_WORLD(gives_no_row_for_what_was_applied_as_sent),
        WITH_WORLD(gives_the_row_that_a_trigger_made_of_it),
        WITH_WORLD(gives_the_row_of_which_a_trigger_wrote_what_the_change_did_not_name),
        WITH_WORLD(takes_a_row_back_that_a_trigger_threw_away),
        WITH_WORLD(gives_the_row_that_a_trigger_brought_back),
        WITH_WORLD(knows_rows_of_triggers_under_a_key_with_a_strange_name),
        WITH_WORLD(cuts_a_long_name_between_letters),
        WITH_WORLD(leaves_rows_of_triggers_to_nobody),
        WITH_WORLD(judges_each_transaction_of_a_round_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
