/*  Conditions on rows: what they mean, and which are refused at the start.  */

#include "tests/unit/server_world.h"

static table_settings_t thing = {.name = "thing"};

static int
make_things(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    thing = (table_settings_t){.name = "thing",
                               .tables_policy = "row",
                               .tables_read = "",
                               .tables_write = "",
                               .tables_check = "",
                               .tables_server_only = ""};
    plain_sql(world, "CREATE TABLE thing (id INTEGER PRIMARY KEY, owner TEXT COLLATE NOCASE,"
                     " amount INTEGER, rest);"
                     "CREATE TABLE member (id TEXT PRIMARY KEY, user TEXT, thing INTEGER);"
                     "CREATE VIEW seen AS SELECT user, thing FROM member;"
                     "CREATE TABLE loose (a);");
    follow_schema(world);
    world->settings.tables = &thing;
    world->settings.n_tables = 1;
    return result;
}

static void
open_rights(world_t *world)
{
    rights_close(&world->rights);
    must(world, rights_open(world->db, world->catalog, &world->settings, &world->rights,
                            &world->fault));
}

static bool
may_read(world_t *world, const char *user, const char *json)
{
    bool holds = false;
    must(world, rule_holds(rights_of(world->rights, "thing"), RIGHT_READ,
                           (asking_t){user, row_of(world, json)}, &holds, &world->fault));
    return holds;
}

static void
refuse_rights(world_t *world, const char *part)
{
    rights_close(&world->rights);
    assert_int_equal(
        rights_open(world->db, world->catalog, &world->settings, &world->rights, &world->fault),
        ERR_CONFIG);
    assert_null(world->rights);
    if (strstr(world->fault.text, part) == NULL)
        fail_msg("%s", world->fault.text);
}

static void
compares_a_row_as_it_would_in_the_table(void **state)
{
    world_t *world = *state;
    thing.tables_read = "owner = :user_id OR amount = '7' OR thing.rest = 7";
    open_rights(world);
    assert_true(may_read(world, "ann", "{\"id\":1,\"owner\":\"ANN\"}"));
    assert_false(may_read(world, "ann", "{\"id\":1,\"owner\":\"anne\"}"));
    assert_true(may_read(world, "ann", "{\"id\":1,\"amount\":7}"));
    assert_true(may_read(world, "ann", "{\"id\":1,\"rest\":7}"));
    assert_true(may_read(world, "ann", "{\"id\":1,\"rest\":7.0}"));
    assert_false(may_read(world, "ann", "{\"id\":1,\"rest\":\"7\"}"));
    assert_false(may_read(world, "ann", "{\"id\":1}"));
    assert_false(may_read(world, "7", "{\"id\":1}"));
}

static void
takes_users_for_texts_and_never_for_patterns_or_sql(void **state)
{
    world_t *world = *state;
    thing.tables_read = "owner = :user_id";
    open_rights(world);
    assert_false(may_read(world, "%", "{\"id\":1,\"owner\":\"ann\"}"));
    assert_false(may_read(world, "x' OR '1'='1", "{\"id\":1,\"owner\":\"ann\"}"));
    assert_false(may_read(world, "", "{\"id\":1,\"owner\":null}"));
    assert_true(may_read(world, "x' OR '1'='1", "{\"id\":1,\"owner\":\"x' OR '1'='1\"}"));
}

static void
does_not_hold_where_it_cannot_be_evaluated(void **state)
{
    world_t *world = *state;
    thing.tables_read = "NOT json_extract(rest, '$.hidden')";
    open_rights(world);
    assert_true(may_read(world, "ann", "{\"id\":1,\"rest\":\"{\\\"hidden\\\":0}\"}"));
    assert_false(may_read(world, "ann", "{\"id\":1,\"rest\":\"{\"}"));
    assert_false(may_read(world, "ann", "{\"id\":1,\"rest\":\"{}\"}"));
}

static void
looks_into_other_tables_and_knows_which(void **state)
{
    world_t *world = *state;
    thing.tables_read = "thing.id IN (SELECT thing FROM seen WHERE user = :user_id)";
    open_rights(world);
    assert_true(rights_depend_on(world->rights, "member"));
    assert_false(rights_depend_on(world->rights, "thing"));
    assert_false(may_read(world, "ann", "{\"id\":1}"));
    plain_sql(world, "INSERT INTO member VALUES ('m', 'ann', 1)");
    assert_true(may_read(world, "ann", "{\"id\":1}"));
    assert_false(may_read(world, "ann", "{\"id\":2}"));
    assert_false(may_read(world, "bob", "{\"id\":1}"));
}

static void
follows_a_table_that_gets_another_shape(void **state)
{
    world_t *world = *state;
    thing.tables_read = "owner = :user_id";
    open_rights(world);
    plain_sql(world, "DROP TABLE thing; CREATE TABLE thing (more TEXT, id INTEGER PRIMARY KEY,"
                     " owner TEXT)");
    follow_schema(world);
    must(world, rights_follow(world->rights, &world->fault));
    assert_true(may_read(world, "ann", "{\"id\":1,\"owner\":\"ann\",\"rest\":1,\"more\":2}"));
    plain_sql(world, "DROP TABLE thing");
    follow_schema(world);
    must(world, rights_follow(world->rights, &world->fault));
    assert_null(rights_of(world->rights, "thing"));
}

static void
closes_a_table_whose_condition_lost_its_column(void **state)
{
    world_t *world = *state;
    thing.tables_read = "owner = :user_id";
    open_rights(world);
    plain_sql(world, "DROP TABLE thing; CREATE TABLE thing (id INTEGER PRIMARY KEY)");
    assert_int_equal(rights_follow(world->rights, &world->fault), ERR_CONFIG);
    assert_non_null(strstr(world->fault.text, "tables.thing.read"));
    assert_int_equal(rights_follow(world->rights, &world->fault), ERR_CONFIG);
}

static void
refuses_conditions_that_are_none(void **state)
{
    static const char *const conditions[] = {
        "owner =",
        "nobody = 1",
        "1) FROM thing; DELETE FROM thing; --",
        "1); DELETE FROM thing; SELECT (1",
        "owner = :user",
        "owner = ?",
        "load_extension('x')",
        "(DELETE FROM thing)",
        "id IN (SELECT seq FROM change_log)",
        "id IN (SELECT a FROM loose)",
        "(SELECT count(*) FROM sqlite_schema)",
    };
    world_t *world = *state;
    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        thing.tables_read = conditions[i];
        refuse_rights(world, "tables.thing.read");
    }
    thing.tables_read = "";
    thing.tables_write = "nobody = 1";
    refuse_rights(world, "tables.thing.write");
    thing.tables_write = "";
    thing.tables_check = "nobody";
    refuse_rights(world, "tables.thing.check");
}

static void
refuses_rules_for_what_is_not_there(void **state)
{
    world_t *world = *state;
    thing.tables_server_only = "owner, nothing";
    refuse_rights(world, "\"nothing\"");
    thing.tables_server_only = "id";
    refuse_rights(world, "part of the key");
    thing.tables_server_only = "owner";
    thing.name = "thign";
    refuse_rights(world, "tables.thign");
    thing.name = "loose";
    thing.tables_server_only = "a";
    refuse_rights(world, "tables.loose");
}

static void
costs_nothing_where_nothing_is_asked(void **state)
{
    world_t *world = *state;
    open_rights(world);
    assert_null(rights_of(world->rights, "thing"));
    const uint64_t before = db_statements_run(world->db);
    must(world, rights_follow(world->rights, &world->fault));
    assert_true(db_statements_run(world->db) == before);
}

#define WITH_THINGS(test) cmocka_unit_test_setup_teardown(test, make_things, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_THINGS(compares_a_row_as_it_would_in_the_table),
        WITH_THINGS(takes_users_for_texts_and_never_for_patterns_or_sql),
        WITH_THINGS(does_not_hold_where_it_cannot_be_evaluated),
        WITH_THINGS(looks_into_other_tables_and_knows_which),
        WITH_THINGS(follows_a_table_that_gets_another_shape),
        WITH_THINGS(closes_a_table_whose_condition_lost_its_column),
        WITH_THINGS(refuses_conditions_that_are_none),
        WITH_THINGS(refuses_rules_for_what_is_not_there),
        WITH_THINGS(costs_nothing_where_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
