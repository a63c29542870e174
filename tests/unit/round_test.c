/*  A round of client-changes: decided as a whole, or asked for again; the actor lives on.  */

#include "tests/unit/server_sim.h"

static void
asks_for_changes_again_while_the_database_is_locked(void **state)
{
    world_t *world = *state;
    world->settings.postgres_statement_ms = 100;
    start_server(world);
    void *lock = backend_lock(&world->backend);
    assert_string_equal(insert_todo(world, "one", "a"), "retry");
    backend_unlock(lock);
    assert_string_equal(insert_todo(world, "one", "a"), "applied");
}

/*  Such todos are refused by what takes the whole transaction with it.  */
static void
be_strict(world_t *world, const char *condition)
{
    char *sql =
        trigger("strict", "BEFORE INSERT ON todo", condition,
                either("SELECT RAISE(ROLLBACK, 'not here');", "RAISE EXCEPTION 'not here';"));
    foreign_sql(world, sql);
    free(sql);
}

static void
rejects_a_change_whose_rule_rolls_everything_back(void **state)
{
    world_t *world = *state;
    start_server(world);
    be_strict(world, "NEW.id = 'bad'");
    assert_string_equal(insert_todo(world, "one", "bad"), "rejected");
    assert_string_equal(insert_todo(world, "one", "good"), "applied");
    assert_int_equal(number_of(world, "SELECT count(*) FROM changes_history"
                                      " WHERE message = 'not here'"),
                     1);
}

/*  Changes of one client in one request: inserts of todos with these ids.  */
static const client_verdicts_t *
insert_all(world_t *world, uint64_t session, char ids[][8], size_t n)
{
    client_change_t *changes = mem_new(n * sizeof *changes);
    uint8_t(*rows)[16] = mem_new(n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        const int size = snprintf((char *) rows[i], sizeof rows[i], "\x81\xa2id%c%s",
                                  (char) (0xa0 + strlen(ids[i])), ids[i]);
        changes[i] = (client_change_t){
            .id = ids[i],
            .txn = ids[i],
            .table = "todo",
            .operation = "insert",
            .updated_at = 1,
            .data = {rows[i], (size_t) size},
        };
    }
    const client_verdicts_t *verdicts =
        ASK(world, "client-changes", client_changes, client_verdicts, .session = session,
            .client_id = "one", .changes = changes, .n_changes = n);
    free(rows);
    free(changes);
    return verdicts;
}

static void
rejects_many_changes_whose_rule_rolls_everything_back(void **state)
{
    enum { MANY = 12 };
    world_t *world = *state;
    char ids[MANY][8];
    start_server(world);
    be_strict(world, "NEW.id LIKE 'bad%'");
    for (int i = 0; i < MANY; i++)
        (void) snprintf(ids[i], sizeof ids[i], "%s%d", i % 2 ? "bad" : "good", i);
    const client_verdicts_t *verdicts = insert_all(world, 1, ids, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_string_equal(verdicts->verdicts[i].verdict, i % 2 ? "rejected" : "applied");
}

static void
decides_nothing_more_of_a_session_after_a_change_was_put_off(void **state)
{
    world_t *world = *state;
    char first[][8] = {"a"};
    char second[][8] = {"b"};
    world->settings.postgres_statement_ms = 100;
    start_server(world);
    void *lock = backend_lock(&world->backend);
    assert_string_equal(insert_all(world, 7, first, 1)->verdicts[0].verdict, "retry");
    backend_unlock(lock);
    assert_string_equal(insert_all(world, 7, second, 1)->verdicts[0].verdict, "retry");
    assert_string_equal(insert_all(world, 8, first, 1)->verdicts[0].verdict, "applied");
    assert_string_equal(insert_all(world, 8, second, 1)->verdicts[0].verdict, "applied");
}

static bytes_t
packed(const char *bytes)
{
    return (bytes_t){(const uint8_t *) bytes, strlen(bytes)};
}

/*  As a cascade at the client records them.  */
static void
takes_a_child_before_its_parent_in_one_transaction(void **state)
{
    world_t *world = *state;
    client_change_t changes[] = {
        {.id = "c1", .table = "child", .operation = "insert"},
        {.id = "c2", .table = "parent", .operation = "insert"},
        {.id = "c3", .table = "child", .operation = "insert"},
    };
    changes[0].data = packed("\x82\xa2id\xa1k\xa2of\xa1p");
    changes[1].data = packed("\x81\xa2id\xa1p");
    changes[2].data = packed("\x82\xa2id\xa1l\xa2of\xa1q");
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        changes[i].updated_at = 1;
        changes[i].txn = i < 2 ? "whole" : "orphan";
    }
    foreign_sql(world, "CREATE TABLE parent (id TEXT PRIMARY KEY);"
                       "CREATE TABLE child (id TEXT PRIMARY KEY, of TEXT REFERENCES parent)");
    start_server(world);
    const client_verdicts_t *verdicts =
        ASK(world, "client-changes", client_changes, client_verdicts, .session = 1,
            .client_id = "one", .changes = changes, .n_changes = COUNT_OF(changes));
    assert_string_equal(verdicts->verdicts[0].verdict, "applied");
    assert_string_equal(verdicts->verdicts[1].verdict, "applied");
    assert_string_equal(verdicts->verdicts[2].code, "RULE_VIOLATION");
}

static void
takes_what_another_program_writes_next_for_nobodys(void **state)
{
    world_t *world = *state;
    start_server(world);
    assert_string_equal(insert_todo(world, "one", "a"), "applied");
    foreign_sql(world, "UPDATE todo SET title = 'x'");
    assert_int_equal(
        number_of(world, "SELECT count(*) FROM change_log WHERE client_id = 'one'"), 1);
    assert_int_equal(
        number_of(world, "SELECT count(*) FROM change_log WHERE client_id IS NULL"), 1);
}

/*  A local transaction of a client is never one with what somebody else has written.  */
static void
gives_what_another_program_wrote_before_a_position_of_its_own(void **state)
{
    world_t *world = *state;
    start_server(world);
    foreign_sql(world, "INSERT INTO todo (id) VALUES ('f')");
    assert_string_equal(insert_todo(world, "one", "a"), "applied");
    assert_int_equal(number_of(world, "SELECT count(DISTINCT lsn) FROM change_log"), 2);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(asks_for_changes_again_while_the_database_is_locked),
        WITH_WORLD(rejects_a_change_whose_rule_rolls_everything_back),
        WITH_WORLD(rejects_many_changes_whose_rule_rolls_everything_back),
        WITH_WORLD(takes_a_child_before_its_parent_in_one_transaction),
        WITH_WORLD(takes_what_another_program_writes_next_for_nobodys),
        WITH_WORLD(gives_what_another_program_wrote_before_a_position_of_its_own),
        WITH_WORLD(decides_nothing_more_of_a_session_after_a_change_was_put_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
