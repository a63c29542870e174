/*  Client changes: all of a local transaction or nothing, once, and the last writer wins.  */

#include "schemas/text.h"
#include "tests/unit/judge_world.h"

/*  About where the clock of a simulation stands.  */
#define WALL_MS INT64_C(1767225600000)

/*  That of the commit; on PostgreSQL that is not known yet when the verdict is given: what is
   said lies between it and what was committed before.  */
static void
expect_position_near(world_t *world, uint64_t lsn)
{
    if (on_postgres())
        assert_in_range(lsn, 1, number_of(world, "SELECT captured FROM waybill_head"));
    else
        assert_int_equal(lsn, head_of(world));
}

static void
gives_one_position_to_a_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 list insert", "{\"id\":1,\"name\":\"x\"}", 10),
        change("c2 todo insert", "{\"id\":\"a\",\"list\":1}", 10),
    };
    submit(world, "client", changes, 2);
    assert_int_equal(number_of(world, "SELECT count(*) FROM change_log"), 2);
    assert_int_equal(number_of(world, "SELECT min(lsn) FROM change_log"), head_of(world));
    expect_position_near(world, judged.verdicts[0].lsn);
    assert_int_equal(judged.verdicts[1].lsn, judged.verdicts[0].lsn);
}

static void
answers_a_repeated_change_as_the_first_time(void **state)
{
    world_t *world = *state;
    const client_change_t made = change("c1 todo insert", "{\"id\":\"a\"}", 10);
    submit_one(world, "client", made);
    const uint64_t first = judged.verdicts[0].lsn;
    foreign_sql(world, "DELETE FROM todo");
    submit_one(world, "client", made);
    expect_verdict(0, "duplicate of applied");
    assert_int_equal(judged.verdicts[0].lsn, first);
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
judges_a_rejected_change_anew_when_it_is_retried(void **state)
{
    world_t *world = *state;
    const client_change_t early = change("c1 todo update", "{\"id\":\"a\"}", 10);
    submit_one(world, "client", early);
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    age_rows(world, 1);
    submit_one(world, "client", early);
    expect_verdict(0, "applied");
    submit_one(world, "client", early);
    expect_verdict(0, "duplicate of applied");
    expect(world, "SELECT count(*) FROM changes_history", "1");
}

static void
keeps_the_ids_of_clients_apart(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    submit_one(world, "two", change("c1 todo insert", "{\"id\":\"b\"}", 10));
    expect_verdict(0, "applied");
}

static void
sees_a_duplicate_inside_one_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\"}", 10),
        change("c1 todo insert", "{\"id\":\"b\"}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "duplicate of applied");
    expect(world, "SELECT id FROM todo", "a");
}

static void
rejects_the_whole_transaction_of_a_guilty_change(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\"}", 10),
        change("c2 todo update", "{\"id\":\"z\",\"title\":\"t\"}", 10),
        change("c3 todo insert", "{\"id\":\"b\"}", 10),
    };
    submit(world, "client", changes, 3);
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_verdict(1, "rejected ENTITY_NOT_FOUND");
    expect_verdict(2, "rejected RULE_VIOLATION");
    assert_string_equal(judged.verdicts[2].message, "its transaction was rejected");
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
               change("c1 todo insert", "{\"id\":\"a\",\"title\":\"good\"}", 10));
    submit_one(world, "client",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"bad\"}", 20));
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_row(0, "{\"id\":\"a\",\"title\":\"good\",\"list\":null}");
}

static void
judges_a_deferred_foreign_key_with_its_own_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\"}", 10),
        change("c2 todo insert", "{\"id\":\"b\",\"list\":5}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(1, "rejected RULE_VIOLATION");
    assert_non_null(strstr(judged.verdicts[1].message,
                           either("FOREIGN KEY", "violates foreign key constraint")));
    expect(world, "SELECT count(*) FROM todo", "0");
}

static void
lets_a_child_come_before_its_parent(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\",\"list\":5}", 10),
        change("c2 list insert", "{\"id\":5}", 10),
    };
    submit(world, "client", changes, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "applied");
}

static void
merges_an_older_change_and_gives_the_row(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"new\"}", 20));
    submit_one(world, "two", change("d1 todo insert", "{\"id\":\"a\",\"title\":\"old\"}", 10));
    expect_verdict(0, "merged");
    expect_row(0, "{\"id\":\"a\",\"title\":\"new\",\"list\":null}");
    expect(world, "SELECT title FROM todo", "new");
    expect_position_near(world, judged.verdicts[0].lsn);
}

static void
settles_ties_by_the_greater_client(void **state)
{
    world_t *world = *state;
    submit_one(world, "m", change("c1 todo insert", "{\"id\":\"a\"}", 20));
    submit_one(world, "b", change("c2 todo update", "{\"id\":\"a\",\"title\":\"b\"}", 20));
    expect_verdict(0, "merged");
    submit_one(world, "m", change("c3 todo update", "{\"id\":\"a\",\"title\":\"m\"}", 20));
    expect_verdict(0, "applied");
    submit_one(world, "z", change("c4 todo update", "{\"id\":\"a\",\"title\":\"z\"}", 20));
    expect_verdict(0, "applied");
    expect(world, "SELECT title FROM todo", "z");
}

static void
does_not_let_a_clock_ahead_win_for_ever(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 2 * WALL_MS));
    expect_verdict(0, "applied");
    assert_non_null(strstr(judged.verdicts[0].message, "ahead"));
    submit_one(world, "two",
               change("c2 todo update", "{\"id\":\"a\",\"title\":\"t\"}", WALL_MS + 30000));
    expect_verdict(0, "applied");
}

static void
gives_no_row_for_what_was_applied_as_sent(void **state)
{
    world_t *world = *state;
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    expect_row(0, "");
}

static void
gives_the_row_that_a_trigger_made_of_it(void **state)
{
    world_t *world = *state;
    make_trigger(world, "AFTER INSERT ON todo", NULL,
                 "UPDATE todo SET title = upper(NEW.title) WHERE id = NEW.id;");
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    expect_verdict(0, "applied");
    expect_row(0, "{\"id\":\"a\",\"title\":\"X\",\"list\":null}");
}

static void
gives_the_row_of_which_a_trigger_wrote_what_the_change_did_not_name(void **state)
{
    world_t *world = *state;
    make_trigger(world, "AFTER UPDATE OF list ON todo", NULL,
                 "UPDATE todo SET title = upper(title) WHERE id = NEW.id;");
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    submit_one(world, "client", change("c2 todo update", "{\"id\":\"a\",\"list\":null}", 11));
    expect_verdict(0, "applied");
    expect_row(0, "{\"id\":\"a\",\"title\":\"X\",\"list\":null}");
}

static void
takes_a_row_back_that_a_trigger_threw_away(void **state)
{
    world_t *world = *state;
    make_trigger(world, "BEFORE INSERT ON todo", "NEW.id = 'x'", disregard());
    submit_one(world, "a", change("c1 todo insert", "{\"id\":\"x\"}", 1));
    expect_verdict(0, "merged");
    expect_row(0, "");
}

static void
gives_the_row_that_a_trigger_brought_back(void **state)
{
    world_t *world = *state;
    make_trigger(world, "AFTER DELETE ON todo", NULL,
                 "INSERT INTO todo (id, title) VALUES (OLD.id, 'kept');");
    submit_one(world, "a", change("c1 todo insert", "{\"id\":\"x\"}", 1));
    submit_one(world, "a", change("c2 todo delete", "{\"id\":\"x\"}", 2));
    expect_verdict(0, "merged");
    expect_row(0, "{\"id\":\"x\",\"title\":\"kept\",\"list\":null}");
}

static void
knows_rows_of_triggers_under_a_key_with_a_strange_name(void **state)
{
    world_t *world = *state;
    make_table(world, "CREATE TABLE odd (\"a\"\"b.c\" TEXT PRIMARY KEY)");
    make_trigger(world, "AFTER INSERT ON odd", "NEW.\"a\"\"b.c\" = 'x'",
                 "INSERT INTO odd VALUES ('y');");
    submit_one(world, "a", change("c1 odd insert", "{\"a\\\"b.c\":\"x\"}", 1));
    expect_verdict(0, "applied");
    expect(world, "SELECT coalesce(client_id, 'nobody') FROM change_log ORDER BY data",
           "a nobody");
}

/*  The client must not take what the trigger did for newer than what it wrote itself.  */
static void
sends_a_row_to_its_own_client_that_a_trigger_wrote_before(void **state)
{
    world_t *world = *state;
    make_trigger(world, "AFTER INSERT ON list", NULL,
                 "UPDATE todo SET title = 'counted' WHERE id = 'a';");
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"x\"}", 1));
    client_change_t both[] = {
        change("c2 list insert", "{\"id\":7,\"name\":\"l\"}", 2),
        change("c3 todo update", "{\"id\":\"a\",\"list\":7}", 3),
    };
    both[0].txn = both[1].txn = "t";
    submit(world, "client", both, 2);
    expect_verdict(1, "applied");
    expect(world,
           "SELECT coalesce(client_id, 'nobody') FROM change_log WHERE tbl = 'todo'"
           " ORDER BY seq DESC LIMIT 1",
           "nobody");
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
    client_change_t made = change("c1 table insert", "{\"id\":\"x\"}", 1);
    made.table = buffer_text(&name);
    submit_one(world, "a", made);
    expect_verdict(0, "rejected INVALID_CHANGE");
    const char *message = judged.verdicts[0].message;
    assert_true(text_is_clean((bytes_t){(const uint8_t *) message, strlen(message)}));
    buffer_release(&name);
}

static void
leaves_rows_of_triggers_to_nobody(void **state)
{
    world_t *world = *state;
    make_trigger(world, "AFTER INSERT ON todo", NULL,
                 "INSERT INTO list (id, name) VALUES (9, NEW.id);");
    submit_one(world, "client", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    expect(world, "SELECT tbl FROM change_log WHERE client_id = 'client'", "todo");
    expect(world, "SELECT tbl FROM change_log WHERE client_id IS NULL", "list");
}

static void
judges_each_transaction_of_a_request_alone(void **state)
{
    world_t *world = *state;
    client_change_t changes[] = {
        change("c1 nowhere insert", "{\"id\":\"a\"}", 10),
        change("c2 todo insert", "{\"id\":\"a\"}", 10),
    };
    changes[1].txn = "another";
    submit(world, "client", changes, 2);
    expect_verdict(0, "rejected INVALID_CHANGE");
    expect_verdict(1, "applied");
    expect(world, "SELECT id FROM todo", "a");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JUDGE(gives_one_position_to_a_transaction),
        WITH_JUDGE(answers_a_repeated_change_as_the_first_time),
        WITH_JUDGE(judges_a_rejected_change_anew_when_it_is_retried),
        WITH_JUDGE(keeps_the_ids_of_clients_apart),
        WITH_JUDGE(sees_a_duplicate_inside_one_transaction),
        WITH_JUDGE(rejects_the_whole_transaction_of_a_guilty_change),
        WITH_JUDGE(gives_the_servers_row_back_with_a_rejection),
        WITH_JUDGE(judges_a_deferred_foreign_key_with_its_own_transaction),
        WITH_JUDGE(lets_a_child_come_before_its_parent),
        WITH_JUDGE(merges_an_older_change_and_gives_the_row),
        WITH_JUDGE(settles_ties_by_the_greater_client),
        WITH_JUDGE(does_not_let_a_clock_ahead_win_for_ever),
        WITH_JUDGE(gives_no_row_for_what_was_applied_as_sent),
        WITH_JUDGE(gives_the_row_that_a_trigger_made_of_it),
        WITH_JUDGE(gives_the_row_of_which_a_trigger_wrote_what_the_change_did_not_name),
        WITH_JUDGE(takes_a_row_back_that_a_trigger_threw_away),
        WITH_JUDGE(gives_the_row_that_a_trigger_brought_back),
        WITH_JUDGE(knows_rows_of_triggers_under_a_key_with_a_strange_name),
        WITH_JUDGE(cuts_a_long_name_between_letters),
        WITH_JUDGE(sends_a_row_to_its_own_client_that_a_trigger_wrote_before),
        WITH_JUDGE(leaves_rows_of_triggers_to_nobody),
        WITH_JUDGE(judges_each_transaction_of_a_request_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
