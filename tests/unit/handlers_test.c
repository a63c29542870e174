/*  Handlers: what happens to the server's changes of a table before they are written.  */

#include "tests/unit/apply_world.h"

static const char tables[] = "CREATE TABLE User (id TEXT PRIMARY KEY, name TEXT);"
                             "CREATE TABLE Note (id TEXT PRIMARY KEY, name TEXT)";

/*  What a handler of the test has seen, and how it decides.  */
typedef struct seen {
    char changes[200];
    const char *row; /* as JSON: to be written instead */
    const char *skip_reason;
    bool refuses;
} seen_t;

static err_t
look(void *arg, handling_t *handling, fault_t *fault)
{
    seen_t *seen = arg;
    buffer_t row = {0};
    const size_t size = strlen(seen->changes);
    (void) snprintf(seen->changes + size, sizeof seen->changes - size, "%s %s/%s;",
                    handling->operation, handling->table, handling->key);
    if (seen->refuses)
        return fault_set(fault, ERR_RULE_VIOLATION, "not today");
    handling->skip_reason = seen->skip_reason;
    if (seen->row == NULL)
        return OK;
    const err_t err = json_to_msgpack(seen->row, strlen(seen->row), &row, fault);
    handling->row = arena_bytes(handling->arena, buffer_bytes(&row));
    buffer_release(&row);
    return err;
}

static handler_t
handler_of(seen_t *seen)
{
    return (handler_t){.name = "test", .handle = look, .self = seen};
}

static void
apply_all(replica_t *replica, server_change_t *changes, size_t n)
{
    const server_changes_t stretch = transaction_of(changes, n);
    if (apply_by(replica, batch_commit_carefully, &stretch) != OK)
        fail_msg("%s", replica->fault.text);
}

static void
each_table_goes_to_its_own_handler(void **state)
{
    replica_t *replica = *state;
    seen_t users = {0};
    seen_t notes = {0};
    const handler_t of_users = handler_of(&users);
    const handler_t of_notes = handler_of(&notes);
    run(replica->db, tables);
    run(replica->db, "CREATE TABLE Rest (id TEXT PRIMARY KEY)");
    handlers_give(&replica->handlers, "User", &of_users);
    handlers_give(&replica->handlers, "Note", &of_notes);
    server_change_t changes[] = {change_of(replica, "User", "insert", "{\"id\": \"u\"}"),
                                 change_of(replica, "Note", "insert", "{\"id\": \"n\"}"),
                                 change_of(replica, "Rest", "insert", "{\"id\": \"r\"}"),
                                 change_of(replica, "User", "delete", "{\"id\": \"u\"}")};
    apply_all(replica, changes, 4);
    assert_string_equal(users.changes, "insert User/u;delete User/u;");
    assert_string_equal(notes.changes, "insert Note/n;");
    assert_int_equal(number_of(replica, "SELECT count(*) FROM Rest"), 1);
}

static void
a_handler_may_write_other_columns(void **state)
{
    replica_t *replica = *state;
    seen_t seen = {.row = "{\"id\": \"u\", \"name\": \"changed\"}"};
    const handler_t handler = handler_of(&seen);
    run(replica->db, tables);
    handlers_give(&replica->handlers, "User", &handler);
    server_change_t change = change_of(replica, "User", "insert", "{\"id\": \"u\"}");
    apply_all(replica, &change, 1);
    assert_string_equal(text_of(replica, "SELECT name FROM User"), "changed");
    assert_string_equal(text_of(replica, "SELECT data ->> 'name' FROM local_changes"),
                        "changed");
}

static void
a_handler_may_skip_with_a_reason(void **state)
{
    replica_t *replica = *state;
    seen_t seen = {.skip_reason = "not for us"};
    const handler_t handler = handler_of(&seen);
    run(replica->db, tables);
    handlers_give(&replica->handlers, "User", &handler);
    server_change_t change = change_of(replica, "User", "insert", "{\"id\": \"u\"}");
    apply_all(replica, &change, 1);
    assert_int_equal(number_of(replica, "SELECT count(*) FROM User"), 0);
    assert_string_equal(text_of(replica, "SELECT skip_reason || state FROM local_changes"),
                        "not for usdone");
    assert_int_equal(number_of(replica, "SELECT lsn FROM sync_state"), 11);
}

static void
what_a_handler_refuses_is_set_aside(void **state)
{
    replica_t *replica = *state;
    seen_t seen = {.refuses = true};
    const handler_t handler = handler_of(&seen);
    run(replica->db, tables);
    handlers_give(&replica->handlers, "User", &handler);
    server_change_t changes[] = {change_of(replica, "User", "insert", "{\"id\": \"u\"}"),
                                 change_of(replica, "Note", "insert", "{\"id\": \"n\"}")};
    apply_all(replica, changes, 2);
    assert_string_equal(text_of(replica, "SELECT entity_type || error FROM waybill_held"),
                        "Usernot today");
    assert_int_equal(number_of(replica, "SELECT count(*) FROM Note"), 1);
}

static void
a_handler_cannot_make_another_row_of_it(void **state)
{
    static const char *const rows[] = {"{\"id\": \"v\"}", "{\"id\": \"u\", \"colour\": 1}",
                                       "{\"name\": \"u\"}"};
    replica_t *replica = *state;
    run(replica->db, tables);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        seen_t seen = {.row = rows[i]};
        const handler_t handler = handler_of(&seen);
        handlers_give(&replica->handlers, "User", &handler);
        server_change_t change = change_of(replica, "User", "insert", "{\"id\": \"u\"}");
        const server_changes_t stretch = transaction_of(&change, 1);
        assert_int_equal(apply_by(replica, batch_commit, &stretch), ERR_RULE_VIOLATION);
        assert_int_equal(number_of(replica, "SELECT count(*) FROM User"), 0);
    }
}

static void
an_archive_keeps_what_the_server_deletes(void **state)
{
    replica_t *replica = *state;
    run(replica->db, tables);
    run(replica->db, "INSERT INTO User VALUES ('u', 'old'), ('w', 'older')");
    assert_null(handlers_named("none"));
    handlers_give(&replica->handlers, "User", handlers_named("archive"));
    server_change_t change = change_of(replica, "User", "delete", "{\"id\": \"u\"}");
    apply_all(replica, &change, 1);
    const server_changes_t page = {
        .phase = "snapshot", .epoch = "e", .lsn = 12, .table = "User", .final = true};
    assert_int_equal(apply_by(replica, batch_commit, &page), OK);
    assert_string_equal(text_of(replica, "SELECT group_concat(id) FROM User"), "u,w");
    assert_string_equal(text_of(replica, "SELECT skip_reason FROM local_changes"),
                        "the table keeps what the server deletes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_REPLICA(each_table_goes_to_its_own_handler),
        IN_REPLICA(a_handler_may_write_other_columns),
        IN_REPLICA(a_handler_may_skip_with_a_reason),
        IN_REPLICA(what_a_handler_refuses_is_set_aside),
        IN_REPLICA(a_handler_cannot_make_another_row_of_it),
        IN_REPLICA(an_archive_keeps_what_the_server_deletes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
