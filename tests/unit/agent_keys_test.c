/*  An agent's rows with keys that are not simply one text: recorded, sent, covered by local
    changes and removed like all others.  */

#include "schemas/row.h"
#include "tests/unit/agent_sim.h"

static const char rows_sql[] =
    "SELECT group_concat(list || n || ':' || ifnull(title, '-'), ' ') FROM"
    " (SELECT * FROM todo ORDER BY list, n)";

/*  Lists have entries, numbered in each.  */
static void
begin(world_t *world)
{
    run_sql(world, "CREATE TABLE todo (title TEXT, n INTEGER, list TEXT,"
                   " PRIMARY KEY (list, n)) WITHOUT ROWID");
    start_agent(world);
    begin_history(world);
}

static void
records_a_row_of_a_composite_key_under_one_text(void **state)
{
    world_t *world = *state;
    begin(world);
    (void) write_one(world, "upsert", "[\"a\", 1]", "{\"title\": \"Tea\"}");
    (void) write_one(world, "upsert", "[\"a\",1]", "{\"n\": 1, \"title\": \"Milk\"}");
    (void) write_one(world, "insert", "[\"b\",1]", "{\"list\": \"b\", \"n\": 1}");
    assert_string_equal(text_of(world, rows_sql), "a1:Milk b1:-");
    (void) write_one(world, "delete", "[\"a\",1]", NULL);
    assert_string_equal(text_of(world, rows_sql), "b1:-");
    assert_string_equal(text_of(world, "SELECT group_concat(operation || entity_id, ' ')"
                                       " FROM local_changes"),
                        "insert[\"a\",1] update[\"a\",1] insert[\"b\",1] delete[\"a\",1]");
}

static void
refuses_an_id_that_is_no_key_of_the_table(void **state)
{
    static const char *const bad[] = {"a",
                                      "[\"a\"]",
                                      "[\"a\",1,2]",
                                      "[\"a\",null]",
                                      "[\"a\",[1]]",
                                      "{\"list\":\"a\",\"n\":1}",
                                      "[\"a\",\"01\"]"};
    world_t *world = *state;
    begin(world);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const problem_t *problem =
            write_refused(world, "upsert", bad[i], "{\"title\": \"Tea\"}");
        assert_non_null(strstr(problem->message, "table todo: "));
    }
    const problem_t *problem = write_refused(world, "upsert", "[\"a\",1]", "{\"n\": 2}");
    assert_non_null(strstr(problem->message, "but the id is"));
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "0");
}

static void
sends_the_key_of_a_deleted_row(void **state)
{
    value_t value;
    world_t *world = *state;
    begin(world);
    (void) apply(world, "insert", 11, "{\"list\": \"a\", \"n\": 9007199254740993}");
    (void) write_one(world, "delete", "[\"a\",9007199254740993]", NULL);
    const outbox_batch_t *batch = ASK(world, "recorder", outbox_fetch, outbox_batch, .after = 0,
                                      .limit = 10, .max_bytes = 100000);
    assert_int_equal(batch->n_changes, 1);
    assert_true(row_find(batch->changes[0].data, "n", &value));
    assert_int_equal(value.integer, 9007199254740993);
    assert_true(row_find(batch->changes[0].data, "list", &value));
    assert_int_equal(value.bytes.size, 1);
}

static void
a_local_change_stands_above_the_servers_row(void **state)
{
    world_t *world = *state;
    world->settings.retry_base_ms = 3600000;
    world->settings.retry_cap_ms = 3600000;
    begin(world);
    (void) apply(world, "insert", 11, "{\"list\": \"a\", \"n\": 1, \"title\": \"server\"}");
    const char *id = write_one(world, "update", "[\"a\",1]", "{\"title\": \"mine\"}");
    (void) apply(world, "update", 12, "{\"list\": \"a\", \"n\": 1, \"title\": \"theirs\"}");
    (void) apply(world, "insert", 13, "{\"list\": \"a\", \"n\": 2, \"title\": \"other\"}");
    assert_string_equal(text_of(world, rows_sql), "a1:mine a2:other");
    decide(world, id, "merged", 14, "{\"list\": \"a\", \"n\": 1, \"title\": \"theirs\"}");
    assert_string_equal(text_of(world, rows_sql), "a1:theirs a2:other");
    id = write_one(world, "insert", "[\"b\",1]", "{\"title\": \"mine\"}");
    decide(world, id, "rejected", 14, NULL);
    assert_string_equal(text_of(world, rows_sql), "a1:theirs a2:other");
}

static void
a_page_removes_what_the_server_no_longer_has_but_no_local_change(void **state)
{
    world_t *world = *state;
    begin(world);
    server_change_t change =
        server_change(world, "insert", 20, "{\"list\": \"b\", \"n\": 1, \"title\": \"kept\"}");
    run_sql(world, "INSERT INTO todo (list, n) VALUES ('a', 1), ('a', 2), ('a', 3), ('b', 0),"
                   " ('b', 1), ('b', 2)");
    (void) write_one(world, "insert", "[\"a\",4]", "{\"title\": \"mine\"}");
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 20, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot",
               .epoch = "e", .lsn = 20, .table = "todo",
               .after = row(world, "{\"list\": \"a\", \"n\": 2}"), .changes = &change,
               .n_changes = 1);
    assert_string_equal(text_of(world, rows_sql), "a1:- a2:- a4:mine b1:kept b2:-");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(records_a_row_of_a_composite_key_under_one_text),
        IN_WORLD(refuses_an_id_that_is_no_key_of_the_table),
        IN_WORLD(sends_the_key_of_a_deleted_row),
        IN_WORLD(a_local_change_stands_above_the_servers_row),
        IN_WORLD(a_page_removes_what_the_server_no_longer_has_but_no_local_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
