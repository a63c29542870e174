/*  Server changes that cannot be written here: set aside, named, and tried again, while the
    rest goes on.  */

#include "tests/unit/agent_sim.h"

static const char held_sql[] =
    "SELECT group_concat(entity_type || '/' || entity_id || ' ' || code"
    " || ' ' || attempts) FROM waybill_held";
static const char position_sql[] = "SELECT epoch || lsn FROM sync_state";

static void
begin(world_t *world, const char *tables)
{
    run_sql(world, tables);
    start_agent(world);
    begin_history(world);
}

static const char families[] =
    "CREATE TABLE todo (id TEXT PRIMARY KEY, of TEXT REFERENCES parent, title TEXT);"
    "CREATE TABLE parent (id TEXT PRIMARY KEY)";

static const char rules[] =
    "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT UNIQUE CHECK (title <> 'bad'))";

static const char *
apply_parent(world_t *world, uint64_t lsn, const char *json)
{
    server_change_t change = server_change(world, "insert", lsn, json);
    change.table = "parent";
    const changes_applied_t *applied = ASK(
        world, "lsn-manager", server_changes, changes_applied, .phase = "live", .epoch = "e",
        .prev = lsn - 1, .lsn = lsn, .last = true, .changes = &change, .n_changes = 1);
    return arena_text(&world->arena, applied->outcome);
}

static const changes_applied_t *
apply_together(world_t *world, server_change_t *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        changes[i].index = i;
    return ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
               .epoch = "e", .prev = 10, .lsn = 11, .last = true, .changes = changes,
               .n_changes = n);
}

static void
connect_anew(world_t *world)
{
    (void) ASK(world, "lsn-manager", sync_request, sync_response);
    (void) ASK(world, "lsn-manager", server_schema, changes_applied, .epoch = "e");
}

static uint64_t
held(world_t *world)
{
    return ASK(world, "connection-manager", status_get, status)->held;
}

/*  ---------------------------------------------------------------------------- parents */

static void
a_child_waits_for_its_parent(void **state)
{
    world_t *world = *state;
    begin(world, families);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"c\", \"of\": \"p\"}"),
                        "applied");
    assert_string_equal(text_of(world, position_sql), "e11");
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, held_sql), "todo/c ENTITY_NOT_FOUND 1");
    assert_int_equal(held(world), 1);

    assert_string_equal(apply_parent(world, 12, "{\"id\": \"p\"}"), "applied");
    assert_string_equal(text_of(world, "SELECT of FROM todo"), "p");
    assert_string_equal(text_of(world, held_sql), "NULL");
    assert_int_equal(held(world), 0);
    assert_string_equal(text_of(world, "SELECT group_concat(processed_local || state)"
                                       " FROM local_changes"),
                        "1done,1done");
}

static void
a_child_may_come_before_its_parent_in_one_transaction(void **state)
{
    world_t *world = *state;
    begin(world, families);
    server_change_t changes[] = {
        server_change(world, "insert", 11, "{\"id\": \"c\", \"of\": \"p\"}"),
        server_change(world, "insert", 11, "{\"id\": \"p\"}")};
    changes[1].table = "parent";
    assert_string_equal(apply_together(world, changes, 2)->outcome, "applied");
    assert_string_equal(text_of(world, "SELECT of FROM todo"), "p");
    assert_string_equal(text_of(world, held_sql), "NULL");
}

static void
a_row_may_be_its_own_parent(void **state)
{
    world_t *world = *state;
    begin(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, of TEXT REFERENCES todo (id))");
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"of\": \"a\"}");
    (void) apply(world, "insert", 12, "{\"id\": \"b\", \"of\": null}");
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a,b");
}

/*  ------------------------------------------------------------------------------ rules */

static void
the_rest_of_a_transaction_is_applied_when_one_row_breaks_a_rule(void **state)
{
    world_t *world = *state;
    begin(world, rules);
    server_change_t changes[] = {
        server_change(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}"),
        server_change(world, "insert", 11, "{\"id\": \"b\", \"title\": \"bad\"}"),
        server_change(world, "insert", 11, "{\"id\": \"c\", \"title\": \"Milk\"}")};
    const changes_applied_t *applied = apply_together(world, changes, 3);
    assert_string_equal(applied->outcome, "applied");
    assert_int_equal(applied->applied, 2);
    assert_int_equal(applied->lsn, 11);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a,c");
    assert_non_null(strstr(text_of(world, held_sql), "todo/b RULE_VIOLATION"));
    assert_string_equal(text_of(world, "SELECT group_concat(processed_local || state || "
                                       "(error IS NULL)) FROM local_changes"),
                        "1done1,0failed0,1done1");
}

static void
a_later_version_makes_the_one_set_aside_void(void **state)
{
    world_t *world = *state;
    begin(world, rules);
    (void) apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"bad\"}");
    assert_int_equal(held(world), 1);
    (void) apply(world, "update", 12, "{\"id\": \"b\", \"title\": \"good\"}");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "good");
    assert_int_equal(held(world), 0);
    assert_string_equal(text_of(world, "SELECT skip_reason FROM local_changes WHERE lsn = 11"),
                        "a newer version came");
}

static void
a_later_version_that_fails_too_takes_its_place(void **state)
{
    world_t *world = *state;
    begin(world, rules);
    (void) apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"bad\"}");
    (void) apply(world, "update", 12, "{\"id\": \"b\", \"title\": \"bad\"}");
    assert_int_equal(held(world), 1);
    assert_string_equal(text_of(world, "SELECT lsn FROM waybill_held"), "12");
}

static void
a_rule_that_rolls_everything_back_is_found(void **state)
{
    world_t *world = *state;
    begin(world, "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT);"
                 "CREATE TRIGGER no BEFORE INSERT ON todo WHEN new.title = 'bad'"
                 " BEGIN SELECT raise(ROLLBACK, 'not that'); END");
    server_change_t changes[] = {
        server_change(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}"),
        server_change(world, "insert", 11, "{\"id\": \"b\", \"title\": \"Tea\"}"),
        server_change(world, "insert", 11, "{\"id\": \"c\", \"title\": \"bad\"}")};
    assert_string_equal(apply_together(world, changes, 3)->outcome, "applied");
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "b");
    assert_int_equal(held(world), 2);
    assert_non_null(strstr(text_of(world, "SELECT error FROM waybill_held"), "not that"));
}

static void
what_is_set_aside_is_tried_again_at_each_connect(void **state)
{
    world_t *world = *state;
    begin(world,
          "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT);"
          "CREATE TRIGGER no BEFORE INSERT ON todo BEGIN SELECT raise(ABORT, 'no'); END");
    (void) apply(world, "insert", 11, "{\"id\": \"a\", \"title\": \"Tea\"}");
    connect_anew(world);
    assert_string_equal(text_of(world, held_sql), "todo/a RULE_VIOLATION 2");
    run_sql(world, "DROP TRIGGER no");
    connect_anew(world);
    assert_string_equal(text_of(world, held_sql), "NULL");
    assert_string_equal(text_of(world, "SELECT title FROM todo"), "Tea");
}

static void
a_row_that_breaks_a_rule_does_not_stop_a_snapshot(void **state)
{
    world_t *world = *state;
    run_sql(world, rules);
    run_sql(world, "INSERT INTO todo VALUES ('z', 'Tea')");
    start_agent(world);
    server_change_t rows[] = {
        server_change(world, "insert", 10, "{\"id\": \"a\", \"title\": \"Tea\"}"),
        server_change(world, "insert", 10, "{\"id\": \"b\", \"title\": \"bad\"}")};
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 10, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 10, .table = "todo", .changes = rows, .n_changes = 2);
    assert_int_equal(held(world), 2);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 10, .table = "todo", .after = rows[1].data, .final = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_end",
               .epoch = "e", .lsn = 10, .last = true);
    assert_string_equal(text_of(world, position_sql), "e10");
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a");
    assert_string_equal(text_of(world, "SELECT entity_id FROM waybill_held"), "b");
}

/*  --------------------------------------------------------------------- local changes */

static bool
none_is_held(void *arg)
{
    return strcmp(text_of(arg, "SELECT count(*) FROM waybill_held"), "0") == 0;
}

static void
a_local_change_in_the_way_is_waited_for_once(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    begin(world, rules);
    const char *id = write_one(world, "insert", "mine", "{\"id\": \"mine\", \"title\": \"x\"}");
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"x\"}"),
                        "refused");
    assert_string_equal(text_of(world, position_sql), "e10");
    connect_anew(world);
    assert_string_equal(apply(world, "insert", 11, "{\"id\": \"b\", \"title\": \"x\"}"),
                        "applied");
    assert_int_equal(held(world), 1);
    decide(world, id, "rejected", 0, NULL);
    assert_true(sim_until(world->sim, none_is_held, world, SOON_MS));
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_child_waits_for_its_parent),
        IN_WORLD(a_child_may_come_before_its_parent_in_one_transaction),
        IN_WORLD(a_row_may_be_its_own_parent),
        IN_WORLD(the_rest_of_a_transaction_is_applied_when_one_row_breaks_a_rule),
        IN_WORLD(a_later_version_makes_the_one_set_aside_void),
        IN_WORLD(a_later_version_that_fails_too_takes_its_place),
        IN_WORLD(a_rule_that_rolls_everything_back_is_found),
        IN_WORLD(what_is_set_aside_is_tried_again_at_each_connect),
        IN_WORLD(a_row_that_breaks_a_rule_does_not_stop_a_snapshot),
        IN_WORLD(a_local_change_in_the_way_is_waited_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
