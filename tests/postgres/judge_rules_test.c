/*  The judge on PostgreSQL, and what the rules of a table let a user do.  */

#include "tests/postgres/judge_world.h"

/*  ------------------------------------------------------------------ rules  */

static table_settings_t ruled;

static void
set_rules(world_t *world, table_settings_t rules)
{
    ruled = rules;
    ruled.name = "todo";
    ruled.tables_policy = "row";
    world->settings.tables = &ruled;
    world->settings.n_tables = 1;
    judged.user = "anna";
    restart_judge(world);
}

static table_settings_t
open_rules(void)
{
    return (table_settings_t){.tables_read = "",
                              .tables_write = "",
                              .tables_check = "",
                              .tables_server_only = "",
                              .tables_capture = "",
                              .tables_plugin = ""};
}

static void
lets_a_user_write_what_the_rule_allows(void **state)
{
    world_t *world = *state;
    table_settings_t rules = open_rules();
    rules.tables_write = "title = :user_id OR title LIKE ':user_id%'";
    run(world, "INSERT INTO todo VALUES ('b', 'bert'), ('q', ':user_id')");
    set_rules(world, rules);
    const client_change_t changes[] = {
        by_itself("c1 todo insert", "{\"id\":\"a\",\"title\":\"anna\"}"),
        by_itself("c2 todo insert", "{\"id\":\"c\",\"title\":\"carl\"}"),
        by_itself("c3 todo update", "{\"id\":\"b\",\"title\":\"anna\"}"),
        by_itself("c4 todo update", "{\"id\":\"q\",\"title\":\"anna\"}"),
    };
    submit(world, "one", changes, 4);
    expect_verdict(0, "applied");
    expect_verdict(1, "rejected PERMISSION_DENIED");
    expect_verdict(2, "rejected PERMISSION_DENIED");
    expect_verdict(3, "applied");
    expect_text(world, "SELECT string_agg(id, ' ' ORDER BY id) FROM todo", "a b q");
}

static void
tells_nothing_of_rows_that_may_not_be_read(void **state)
{
    world_t *world = *state;
    table_settings_t rules = open_rules();
    rules.tables_read = "todo.title = :user_id";
    run(world, "INSERT INTO todo VALUES ('b', 'bert'), ('a', 'anna')");
    set_rules(world, rules);
    const client_change_t changes[] = {
        by_itself("c1 todo update", "{\"id\":\"b\",\"title\":\"x\"}"),
        by_itself("c2 todo insert", "{\"id\":\"b\",\"title\":\"anna\"}"),
        by_itself("c3 todo update", "{\"id\":\"a\",\"title\":\"bert\"}"),
    };
    submit(world, "one", changes, 3);
    expect_verdict(0, "rejected ENTITY_NOT_FOUND");
    expect_row(0, "");
    expect_verdict(1, "rejected PERMISSION_DENIED");
    expect_row(1, "");
    expect_verdict(2, "merged");
    expect_row(2, "");
}

static void
rejects_with_the_words_of_the_check(void **state)
{
    world_t *world = *state;
    table_settings_t rules = open_rules();
    rules.tables_check = "CASE WHEN title IS NULL THEN 'a title is wanted' END -- always";
    set_rules(world, rules);
    submit_one(world, "one", change("c1 todo insert", "{\"id\":\"a\"}", 10));
    expect_verdict(0, "rejected RULE_VIOLATION");
    expect_message("a title is wanted");
    submit_one(world, "one", change("c2 todo insert", "{\"id\":\"a\",\"title\":\"t\"}", 10));
    expect_verdict(0, "applied");
}

static void
keeps_columns_of_the_server_to_itself(void **state)
{
    world_t *world = *state;
    table_settings_t rules = open_rules();
    rules.tables_server_only = "title";
    run(world, "INSERT INTO todo VALUES ('a', 'secret')");
    set_rules(world, rules);
    submit_one(world, "one", change("c1 todo update", "{\"id\":\"a\",\"title\":\"x\"}", 10));
    expect_verdict(0, "rejected INVALID_CHANGE");
    expect_row(0, "{\"id\":\"a\",\"list\":null}");
}

static void
does_not_start_with_a_rule_that_makes_no_sense(void **state)
{
    world_t *world = *state;
    fault_t fault = {0};
    ruled = open_rules();
    ruled.name = "todo";
    ruled.tables_policy = "row";
    ruled.tables_write = "owner = :user_id";
    world->settings.tables = &ruled;
    world->settings.n_tables = 1;
    sim_crash(world->sim, world->node);
    assert_int_not_equal(sim_start(world->sim, world->node, &fault), OK);
    assert_non_null(strstr(fault.text, "tables.todo.write"));
    assert_non_null(strstr(fault.text, "owner"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LISTS(lets_a_user_write_what_the_rule_allows),
        WITH_LISTS(tells_nothing_of_rows_that_may_not_be_read),
        WITH_LISTS(rejects_with_the_words_of_the_check),
        WITH_LISTS(keeps_columns_of_the_server_to_itself),
        WITH_LISTS(does_not_start_with_a_rule_that_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
