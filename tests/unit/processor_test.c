/*  The processor behind lsn-manager: rows, journal and position, in one transaction.  */

#include "tests/unit/agent_sim.h"

static const char position_sql[] = "SELECT epoch || lsn FROM sync_state";

static void
begin(world_t *world)
{
    start_with_todo(world);
    begin_history(world);
}

static void
makes_the_tables_that_are_missing(void **state)
{
    world_t *world = *state;
    column_t columns[] = {{.name = "id", .type = "TEXT", .key = 1, .not_null = true},
                          {.name = "title", .type = "TEXT"}};
    table_schema_t table = {.name = "todo", .columns = columns, .n_columns = 2};
    start_agent(world);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e",
               .tables = &table, .n_tables = 1);
    begin_history(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}"),
                        "applied");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Tea");
}

static const changes_applied_t *
hear_colour(world_t *world, const char *type, uint64_t key)
{
    column_t columns[] = {{.name = "id", .type = "TEXT", .key = 1, .not_null = true},
                          {.name = "colour", .type = type, .key = key, .not_null = true}};
    table_schema_t table = {.name = "todo", .columns = columns, .n_columns = 2};
    (void) ASK(world, "lsn-manager", sync_request, sync_response);
    return ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e",
               .tables = &table, .n_tables = 1);
}

static void
adds_the_columns_that_are_missing_and_wants_everything_anew(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}");
    assert_string_equal(hear_colour(world, "TEXT", 0)->outcome, "applied");
    assert_string_equal(text_of(world, "SELECT colour FROM todo"), "NULL");
    assert_string_equal(text_of(world, position_sql), "e0");
    assert_string_equal(hear_colour(world, "TEXT", 0)->outcome, "applied");
}

static void
names_the_column_that_it_cannot_add(void **state)
{
    world_t *world = *state;
    begin(world);
    const changes_applied_t *applied = hear_colour(world, "TEXT DEFAULT 'x'", 0);
    assert_string_equal(applied->outcome, "refused");
    assert_non_null(strstr(applied->reason, "table todo: column colour"));
    applied = hear_colour(world, "TEXT", 2);
    assert_string_equal(applied->outcome, "refused");
    assert_non_null(strstr(applied->reason, "table todo: column colour"));
}

static void
moves_the_position_with_the_rows(void **state)
{
    world_t *world = *state;
    begin(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}"),
                        "applied");
    assert_string_equal(apply(world, "delete", 12, "{\"id\": \"a\"}"), "applied");
    assert_string_equal(text_of(world, position_sql), "e12");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world,
                                "SELECT group_concat(operation || from_server || state || lsn)"
                                " FROM local_changes"),
                        "insert1done11,delete1done12");
}

static void
says_why_a_change_changed_nothing(void **state)
{
    world_t *world = *state;
    begin(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Tea', NULL)");
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}");
    (void) apply(world, "delete", 12, "{\"id\": \"b\"}");
    assert_string_equal(text_of(world, "SELECT group_concat(skip_reason) FROM local_changes"),
                        "record already exists,record does not exist");
}

static void
refuses_a_bad_stretch_and_writes_nothing_of_it(void **state)
{
    world_t *world = *state;
    begin(world);
    server_change_t changes[] = {
        server_change(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}"),
        server_change(world, "insert", 11, "{\"id\": \"b\", \"colour\": \"red\"}")};
    const changes_applied_t *applied = ASK(
        world, "lsn-manager", server_changes, changes_applied, .phase = "live", .epoch = "e",
        .prev = 10, .lsn = 11, .last = true, .changes = changes, .n_changes = 2);
    assert_string_equal(applied->outcome, "refused");
    assert_non_null(strstr(applied->reason, "table todo: it has no column \"colour\""));
    assert_int_equal(applied->lsn, 10);
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, position_sql), "e10");
}

static void
lets_nothing_pass_after_a_refusal_until_somebody_asks_where_we_stand(void **state)
{
    world_t *world = *state;
    begin(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\", \"odd\": 1}"), "refused");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\"}"), "refused");
    assert_int_equal(ASK(world, "lsn-manager", sync_request, sync_response)->lsn, 10);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"a\"}"), "applied");
}

/*  ------------------------------------------------------------------------------ parts  */

static const changes_applied_t *
apply_part(world_t *world, const char *id, uint64_t index, bool last)
{
    char json[40];
    (void) snprintf(json, sizeof json, "{\"id\": \"%s\"}", id);
    server_change_t change = server_change(world, "insert", 11, json);
    change.index = index;
    change.last = last;
    return ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
               .epoch = "e", .prev = 10, .lsn = last ? 11 : 10, .last = last,
               .changes = &change, .n_changes = 1);
}

static void
applies_the_parts_of_a_transaction_with_its_end(void **state)
{
    world_t *world = *state;
    begin(world);
    assert_int_equal(apply_part(world, "a", 0, false)->lsn, 10);
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_int_equal(apply_part(world, "b", 1, true)->lsn, 11);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a,b");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_staged"), "0");
}

static void
takes_a_part_that_comes_twice_once(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) apply_part(world, "a", 0, false);
    assert_string_equal(apply_part(world, "a", 0, false)->outcome, "duplicate");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_staged"), "1");
}

static void
begins_a_transaction_anew_that_is_cut_otherwise(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) apply_part(world, "a", 0, false);
    server_change_t changes[] = {server_change(world, "insert", 11, "{\"id\": \"a\"}"),
                                 server_change(world, "insert", 11, "{\"id\": \"b\"}")};
    changes[1].index = 1;
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "catchup",
               .epoch = "e", .prev = 10, .lsn = 10, .changes = changes, .n_changes = 2);
    assert_string_equal(text_of(world, "SELECT lsn || place FROM waybill_staged"), "111");
}

static void
forgets_the_parts_of_a_lost_connection(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) apply_part(world, "a", 0, false);
    (void) ASK(world, "lsn-manager", sync_request, sync_response);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_staged"), "0");
    assert_string_equal(apply_part(world, "c", 0, true)->outcome, "applied");
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "c");
}

/*  --------------------------------------------------------------------------- snapshots  */

static void
removes_what_a_snapshot_does_not_have(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    run_sql(world, "INSERT INTO todo (id) VALUES ('a'), ('b'), ('c')");
    server_change_t kept = server_change(world, "insert", 10, "{\"id\": \"b\"}");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 10, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 10, .table = "todo", .changes = &kept, .n_changes = 1);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "b,c");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 10, .table = "todo", .after = kept.data, .final = true);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "b");
    assert_string_equal(text_of(world, position_sql), "0");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_end",
               .epoch = "e", .lsn = 10, .last = true);
    assert_string_equal(text_of(world, position_sql), "e10");
}

static void
the_config_file_says_which_handler_a_table_has(void **state)
{
    world_t *world = *state;
    table_settings_t todo = *settings_of_table(&world->settings, "todo");
    todo.name = "todo";
    todo.tables_handler = "archive";
    world->settings.tables = &todo;
    world->settings.n_tables = 1;
    begin(world);
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}");
    (void) apply(world, "delete", 12, "{\"id\": \"a\"}");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Tea");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(makes_the_tables_that_are_missing),
        IN_WORLD(adds_the_columns_that_are_missing_and_wants_everything_anew),
        IN_WORLD(names_the_column_that_it_cannot_add),
        IN_WORLD(moves_the_position_with_the_rows),
        IN_WORLD(says_why_a_change_changed_nothing),
        IN_WORLD(refuses_a_bad_stretch_and_writes_nothing_of_it),
        IN_WORLD(lets_nothing_pass_after_a_refusal_until_somebody_asks_where_we_stand),
        IN_WORLD(applies_the_parts_of_a_transaction_with_its_end),
        IN_WORLD(takes_a_part_that_comes_twice_once),
        IN_WORLD(begins_a_transaction_anew_that_is_cut_otherwise),
        IN_WORLD(forgets_the_parts_of_a_lost_connection),
        IN_WORLD(removes_what_a_snapshot_does_not_have),
        IN_WORLD(the_config_file_says_which_handler_a_table_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
