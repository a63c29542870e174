/*  The judge on PostgreSQL: what it decides, and what of it is in the database then.  */

#include "tests/postgres/judge_world.h"

static void
applies_what_is_new_and_keeps_whose_it_is(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"Tea\"}", 10));
    expect_verdict(0, "applied");
    expect_row(0, "");
    expect_text(world, "SELECT * FROM todo", "a|Tea|");
    expect_text(world, "SELECT tbl, key, updated_at, client_id, deleted FROM waybill.versions",
                "todo|a|10|one|f");
    expect_text(world, "SELECT client_id, id, verdict FROM waybill.client_changes",
                "one|c1|applied");
}

static void
knows_a_row_by_its_transaction(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"Tea\"}", 50));
    submit_one(world, "two", change("c2 todo update", "{\"id\":\"a\",\"title\":\"Old\"}", 40));
    expect_verdict(0, "merged");
    expect_row(0, "{\"id\":\"a\",\"title\":\"Tea\",\"list\":null}");
    submit_one(world, "two", change("c3 todo update", "{\"id\":\"a\",\"title\":\"New\"}", 60));
    expect_verdict(0, "applied");
    expect_text(world, "SELECT title FROM todo", "New");
}

/*  Nobody knows when, as there is no cache; but later than the client did.  */
static void
takes_what_another_program_wrote_since_for_new(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\",\"title\":\"Tea\"}", 10));
    run(world, "UPDATE todo SET title = 'theirs'");
    submit_one(world, "one", change("c2 todo update", "{\"id\":\"a\",\"title\":\"x\"}", 20));
    expect_verdict(0, "merged");
    expect_text(world, "SELECT title FROM todo", "theirs");
    run(world, "DELETE FROM todo");
    submit_one(world, "one", change("c3 todo insert", "{\"id\":\"a\"}", 30));
    expect_verdict(0, "merged");
    expect_text(world, "SELECT count(*) FROM todo", "0");
}

static void
gives_the_row_that_a_trigger_made_of_it(void **state)
{
    world_t *world = *state;
    run(world, "INSERT INTO todo VALUES ('a', 'Tea', NULL);"
               "INSERT INTO list VALUES (7, 'x');"
               "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
               " $$BEGIN NEW.list = 7; RETURN NEW; END$$;"
               "CREATE TRIGGER f BEFORE UPDATE ON todo FOR EACH ROW EXECUTE FUNCTION f()");
    submit_one(world, "one", change("c1 todo update", "{\"id\":\"a\",\"title\":\"New\"}", 60));
    expect_verdict(0, "applied");
    expect_row(0, "{\"id\":\"a\",\"title\":\"New\",\"list\":7}");
}

static void
takes_what_a_trigger_wrote_for_as_old_as_its_cause(void **state)
{
    world_t *world = *state;
    run(world, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
               " $$BEGIN UPDATE list SET name = name || '+' WHERE id = NEW.list;"
               " RETURN NULL; END$$;"
               "CREATE TRIGGER f AFTER INSERT ON todo FOR EACH ROW EXECUTE FUNCTION f()");
    submit_one(world, "one", change("c1 list insert", "{\"id\":7,\"name\":\"A\"}", 10));
    submit_one(world, "one", change("c2 todo insert", "{\"id\":\"a\",\"list\":7}", 20));
    submit_one(world, "two", change("c3 list update", "{\"id\":7,\"name\":\"B\"}", 15));
    expect_verdict(0, "merged");
    submit_one(world, "two", change("c4 list update", "{\"id\":7,\"name\":\"C\"}", 30));
    expect_verdict(0, "applied");
    submit_one(world, "one", change("c5 todo insert", "{\"id\":\"b\",\"list\":7}", 25));
    submit_one(world, "one", change("c6 list update", "{\"id\":7,\"name\":\"D\"}", 28));
    expect_verdict(0, "merged");
    expect_text(world, "SELECT name FROM list", "C+");
}

static void
deletes_once_and_remembers_it(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    submit_one(world, "one", change("c2 todo delete", "{\"id\":\"a\"}", 20));
    expect_verdict(0, "applied");
    submit_one(world, "two", change("c3 todo delete", "{\"id\":\"a\"}", 30));
    expect_verdict(0, "merged");
    submit_one(world, "two", change("c4 todo insert", "{\"id\":\"a\"}", 15));
    expect_verdict(0, "merged");
    submit_one(world, "two", change("c5 todo update", "{\"id\":\"a\",\"title\":\"x\"}", 40));
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    expect_text(world, "SELECT count(*) FROM todo", "0");
}

static void
answers_a_repeated_change_as_the_first_time(void **state)
{
    world_t *world = *state;
    const client_change_t made = change("c1 todo insert", "{\"id\":\"a\"}", 10);
    submit_one(world, "one", made);
    run(world, "DELETE FROM todo");
    submit_one(world, "one", made);
    expect_verdict(0, "duplicate of applied");
    expect_text(world, "SELECT count(*) FROM todo", "0");
}

static void
judges_a_rejected_change_anew(void **state)
{
    world_t *world = *state;
    const client_change_t early =
        change("c1 todo update", "{\"id\":\"a\",\"title\":\"x\"}", 10);
    submit_one(world, "one", early);
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    run(world, "INSERT INTO todo VALUES ('a')");
    submit_one(world, "one", early);
    expect_verdict(0, "applied");
    expect_text(world, "SELECT client_id, change_id, code FROM waybill.changes_history",
                "one|c1|ENTITY_NOT_FOUND");
}

static void
rejects_a_transaction_as_a_whole_and_names_the_guilty(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\"}", 10),
        change("c2 todo insert", "{\"id\":\"b\",\"title\":\"bad\"}", 10),
        change("c3 todo insert", "{\"id\":\"c\"}", 10),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "rejected RULE_VIOLATION");
    assert_non_null(strstr(judged.verdicts[1].message, "todo_title_check"));
    assert_string_equal(judged.verdicts[2].message, "its transaction was rejected");
    expect_text(world, "SELECT count(*) FROM todo", "0");
    expect_text(world, "SELECT DISTINCT verdict FROM waybill.client_changes", "rejected");
}

static void
goes_on_around_those_that_fail(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        by_itself("c1 todo insert", "{\"id\":\"a\"}"),
        by_itself("c2 todo insert", "{\"id\":\"b\",\"title\":\"bad\"}"),
        by_itself("c3 todo insert", "{\"id\":\"c\"}"),
        by_itself("c4 todo insert", "{\"id\":\"d\",\"list\":99}"),
        by_itself("c5 todo update", "{\"id\":\"z\",\"title\":\"x\"}"),
        by_itself("c6 list insert", "{\"id\":99}"),
        by_itself("c7 todo insert", "{\"id\":\"e\",\"list\":99}"),
    };
    submit(world, "one", changes, 7);
    expect_verdict(0, "applied");
    expect_verdict(1, "rejected RULE_VIOLATION");
    expect_verdict(2, "applied");
    expect_verdict(3, "rejected RULE_VIOLATION");
    expect_verdict(4, "rejected ENTITY_NOT_FOUND");
    expect_verdict(6, "applied");
    expect_text(world, "SELECT string_agg(id, ' ' ORDER BY id) FROM todo", "a c e");
}

static void
writes_a_row_several_times_in_one_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\",\"title\":\"1\"}", 10),
        change("c2 todo update", "{\"id\":\"a\",\"title\":\"2\"}", 11),
        change("c3 todo delete", "{\"id\":\"a\"}", 12),
        change("c4 todo insert", "{\"id\":\"a\",\"title\":\"4\"}", 13),
    };
    submit(world, "one", changes, 4);
    for (size_t i = 0; i < 4; i++)
        expect_verdict(i, "applied");
    expect_text(world, "SELECT * FROM todo", "a|4|");
}

static void
undoes_what_an_earlier_wave_wrote(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\",\"title\":\"1\"}", 10),
        change("c2 todo delete", "{\"id\":\"a\"}", 11),
        change("c3 todo update", "{\"id\":\"a\",\"title\":\"3\"}", 12),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_verdict(2, "rejected ENTITY_NOT_FOUND");
    expect_text(world, "SELECT count(*) FROM todo", "0");
}

static void
sees_a_duplicate_inside_one_transaction(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\"}", 10),
        change("c1 todo insert", "{\"id\":\"b\"}", 10),
    };
    submit(world, "one", changes, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "duplicate of applied");
    expect_text(world, "SELECT id FROM todo", "a");
}

static void
refuses_values_that_do_not_fit(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        by_itself("c1 todo insert", "{\"id\":\"a\",\"list\":\"many\"}"),
        by_itself("c2 todo insert", "{\"id\":\"b\",\"list\":3000000000}"),
        by_itself("c3 todo insert", "{\"id\":\"c\",\"color\":1}"),
        by_itself("c4 nothing insert", "{\"id\":\"c\"}"),
        by_itself("c5 list insert", "{\"id\":5000000000}"),
        by_itself("c6 todo insert", "{\"id\":\"f\"}"),
    };
    submit(world, "one", changes, 6);
    for (size_t i = 0; i < 5; i++)
        expect_verdict(i, "rejected INVALID_CHANGE");
    expect_verdict(5, "applied");
}

static void
refuses_a_key_that_the_database_writes_otherwise(void **state)
{
    world_t *world = *state;
    run(world, "CREATE TABLE part (id UUID PRIMARY KEY);"
               "ALTER PUBLICATION waybill ADD TABLE part");
    restart_judge(world);
    const client_change_t changes[] = {
        by_itself("c1 part insert", "{\"id\":\"0190C2A0-0000-7000-8000-00000000000A\"}"),
        by_itself("c2 part insert", "{\"id\":\"0190c2a0-0000-7000-8000-00000000000b\"}"),
        by_itself("c3 part insert", "{\"id\":\"no uuid\"}"),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "rejected INVALID_CHANGE");
    expect_message("0190c2a0-0000-7000-8000-00000000000a");
    expect_verdict(1, "applied");
    expect_verdict(2, "rejected INVALID_CHANGE");
    expect_text(world, "SELECT id FROM part", "0190c2a0-0000-7000-8000-00000000000b");
}

static void
lets_a_child_come_before_its_parent(void **state)
{
    world_t *world = *state;
    const client_change_t made[] = {
        change("c1 todo insert", "{\"id\":\"a\",\"list\":1}", 10),
        change("c2 list insert", "{\"id\":1}", 10),
    };
    const client_change_t unmade[] = {
        change("c3 list delete", "{\"id\":1}", 20),
        change("c4 todo delete", "{\"id\":\"a\"}", 20),
    };
    submit(world, "one", made, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "applied");
    submit(world, "one", unmade, 2);
    expect_verdict(0, "applied");
    expect_verdict(1, "applied");
    expect_text(world, "SELECT count(*) FROM todo, list", "0");
}

static void
names_who_owes_a_parent(void **state)
{
    world_t *world = *state;
    const client_change_t changes[] = {
        change("c1 todo insert", "{\"id\":\"a\",\"list\":1}", 10),
        change("c2 list insert", "{\"id\":2}", 10),
    };
    submit(world, "one", changes, 2);
    expect_verdict(0, "rejected RULE_VIOLATION");
    assert_non_null(strstr(judged.verdicts[0].message, "todo_list_fkey"));
    assert_string_equal(judged.verdicts[1].message, "its transaction was rejected");
}

static void
judges_a_deferred_key_with_its_own_transaction(void **state)
{
    world_t *world = *state;
    run(world,
        "ALTER TABLE todo ALTER CONSTRAINT todo_list_fkey DEFERRABLE INITIALLY DEFERRED");
    restart_judge(world);
    const client_change_t changes[] = {
        by_itself("c1 todo insert", "{\"id\":\"a\"}"),
        by_itself("c2 todo insert", "{\"id\":\"b\",\"list\":5}"),
        change("c3 todo insert", "{\"id\":\"c\",\"list\":6}", 10),
        change("c4 list insert", "{\"id\":6}", 10),
        by_itself("c5 list insert", "{\"id\":5}"),
    };
    submit(world, "one", changes, 5);
    expect_verdict(0, "applied");
    expect_verdict(1, "rejected RULE_VIOLATION");
    expect_verdict(2, "applied");
    expect_verdict(4, "applied");
}

/*  ------------------------------------------------------------------ tables  */

static void
learns_of_a_new_table(void **state)
{
    world_t *world = *state;
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    run(world, "CREATE TABLE part (id INT PRIMARY KEY);"
               "ALTER PUBLICATION waybill ADD TABLE part; ALTER TABLE todo ADD color TEXT");
    sim_run_ms(world->sim, 2000);
    submit_one(world, "one", change("c2 part insert", "{\"id\":1}", 10));
    expect_verdict(0, "applied");
    submit_one(world, "one", change("c3 todo update", "{\"id\":\"a\",\"color\":\"red\"}", 20));
    expect_verdict(0, "applied");
    expect_text(world, "SELECT color FROM todo", "red");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LISTS(applies_what_is_new_and_keeps_whose_it_is),
        WITH_LISTS(knows_a_row_by_its_transaction),
        WITH_LISTS(takes_what_another_program_wrote_since_for_new),
        WITH_LISTS(gives_the_row_that_a_trigger_made_of_it),
        WITH_LISTS(takes_what_a_trigger_wrote_for_as_old_as_its_cause),
        WITH_LISTS(deletes_once_and_remembers_it),
        WITH_LISTS(answers_a_repeated_change_as_the_first_time),
        WITH_LISTS(judges_a_rejected_change_anew),
        WITH_LISTS(rejects_a_transaction_as_a_whole_and_names_the_guilty),
        WITH_LISTS(goes_on_around_those_that_fail),
        WITH_LISTS(writes_a_row_several_times_in_one_transaction),
        WITH_LISTS(undoes_what_an_earlier_wave_wrote),
        WITH_LISTS(sees_a_duplicate_inside_one_transaction),
        WITH_LISTS(refuses_values_that_do_not_fit),
        WITH_LISTS(refuses_a_key_that_the_database_writes_otherwise),
        WITH_LISTS(lets_a_child_come_before_its_parent),
        WITH_LISTS(names_who_owes_a_parent),
        WITH_LISTS(judges_a_deferred_key_with_its_own_transaction),
        WITH_LISTS(learns_of_a_new_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
