/*  libwaybill against a real agent: recording, outcomes, events.  */

#include "tests/integration/client_world.h"

#include <unistd.h>

static void
await_one(waybill_t *handle, const char *change_id, waybill_result_t *result)
{
    (void) waybill_await(handle, &change_id, 1, PATIENCE_MS, result);
}

/*  ------------------------------------------------------------------------------ recording  */

static void
a_change_is_recorded_decided_and_told(void **state)
{
    (void) state;
    heard_t heard = {0};
    uint64_t number;
    char id[WAYBILL_ID_ROOM];
    waybill_result_t result;
    waybill_t *handle = join();
    const waybill_filter_t filter = {.table = "notes", .id = "told"};
    assert_ok(handle, waybill_subscribe(handle, &filter, listen_to, &heard, &number));
    assert_ok(handle, waybill_insert(handle, "notes", "told", "{\"title\": \"Tea\"}", id));
    const char *ids[] = {id};
    assert_ok(handle, waybill_await(handle, ids, 1, PATIENCE_MS, &result));
    assert_string_equal(result.result, "applied");
    assert_string_equal(result.change_id, id);
    WAIT_FOR(handle, heard.n[WAYBILL_PROCESSED] == 1);
    assert_int_equal(heard.n[WAYBILL_RECORDED], 1);
    assert_string_equal(heard.last_id, "told");
    assert_string_equal(heard.change_id, id);
    assert_int_equal(number_in("server.db", "SELECT count(*) FROM notes WHERE id = 'told'"), 1);
    waybill_close(&handle);
    assert_null(handle);
}

static void
each_operation_does_what_it_says(void **state)
{
    (void) state;
    waybill_t *handle = join();
    assert_ok(handle, waybill_upsert(handle, "notes", "op", "{\"title\": \"1\"}", NULL));
    assert_ok(handle, waybill_update(handle, "notes", "op", "{\"body\": \"2\"}", NULL));
    assert_int_equal(number_in("agent.db", "SELECT title || body FROM notes WHERE id = 'op'"),
                     12);
    assert_ok(handle, waybill_remove(handle, "notes", "op", NULL));
    assert_int_equal(number_in("agent.db", "SELECT count(*) FROM notes WHERE id = 'op'"), 0);
    assert_int_equal(waybill_update(handle, "notes", "op", "{}", NULL), WAYBILL_NOT_FOUND);
    waybill_close(&handle);
}

static void
columns_of_every_type_arrive_unchanged(void **state)
{
    (void) state;
    waybill_t *handle = join();
    const waybill_column_t columns[] = {
        {"title", {.kind = WAYBILL_TEXT, .bytes = "Tea", .size = 3}},
        {"body", {.kind = WAYBILL_BLOB, .bytes = "\0\1", .size = 2}}};
    waybill_change_t change = {.operation = "insert",
                               .table = "notes",
                               .id = "typed",
                               .columns = columns,
                               .n_columns = 2,
                               .metadata = "{\"why\": \"test\"}"};
    assert_ok(handle, waybill_write(handle, &change, 1, 0, PATIENCE_MS));
    assert_int_equal(number_in("agent.db", "SELECT title = 'Tea' AND body = x'0001' FROM notes"
                                           " WHERE id = 'typed'"),
                     1);
    assert_int_equal(number_in("agent.db",
                               "SELECT count(*) FROM local_changes WHERE entity_id = 'typed'"
                               " AND metadata ->> 'why' = 'test'"),
                     1);
    waybill_close(&handle);
}

static void
a_batch_is_one_transaction_or_nothing(void **state)
{
    (void) state;
    char first[WAYBILL_ID_ROOM], second[WAYBILL_ID_ROOM];
    waybill_t *handle = join();
    assert_ok(handle, waybill_begin(handle));
    assert_int_equal(waybill_begin(handle), WAYBILL_USAGE);
    assert_ok(handle, waybill_insert(handle, "notes", "b1", "{\"title\": \"1\"}", first));
    assert_ok(handle, waybill_insert(handle, "notes", "b2", "{\"title\": \"2\"}", second));
    assert_int_equal(number_in("agent.db", "SELECT count(*) FROM notes WHERE id = 'b1'"), 0);
    assert_ok(handle, waybill_commit(handle, 0, PATIENCE_MS));
    assert_string_not_equal(first, second);
    assert_int_equal(number_in("agent.db", "SELECT count(DISTINCT txn) FROM local_changes"
                                           " WHERE entity_id IN ('b1', 'b2')"),
                     1);
    assert_ok(handle, waybill_begin(handle));
    assert_ok(handle, waybill_insert(handle, "notes", "b3", "{\"title\": \"3\"}", NULL));
    assert_ok(handle, waybill_insert(handle, "notes", "b1", "{\"title\": \"1\"}", NULL));
    assert_int_equal(waybill_commit(handle, 0, PATIENCE_MS), WAYBILL_REFUSED);
    assert_ok(handle, waybill_begin(handle));
    assert_ok(handle, waybill_insert(handle, "notes", "b3", "{\"title\": \"3\"}", NULL));
    assert_ok(handle, waybill_rollback(handle));
    assert_int_equal(waybill_rollback(handle), WAYBILL_USAGE);
    assert_int_equal(number_in("agent.db", "SELECT count(*) FROM notes WHERE id = 'b3'"), 0);
    waybill_close(&handle);
}

/*  The agent accepts no more from somebody who does not take what comes; so it is taken.  */
static void
an_application_that_never_dispatches_goes_on_writing(void **state)
{
    enum { WRITES = 600 }; /* more than may be under way */
    (void) state;
    heard_t heard = {0};
    uint64_t number;
    waybill_t *handle = join();
    assert_ok(handle, waybill_subscribe(handle, NULL, listen_to, &heard, &number));
    for (int i = 0; i < WRITES; i++)
        assert_ok(handle, waybill_upsert(handle, "notes", "busy", "{\"title\": \"x\"}", NULL));
    assert_int_equal(heard.n[WAYBILL_RECORDED], 0);
    WAIT_FOR(handle, heard.n[WAYBILL_RECORDED] == WRITES);
    waybill_close(&handle);
}

/*  Whatever this process has open.  */
static bool
has_open(const char *name)
{
    bool found = false;
    char path[64], target[512];
    for (int fd = 0; fd < 256; fd++) {
        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        found = found || strstr(target, name) != NULL;
    }
    return found;
}

static void
only_the_agent_writes_the_database(void **state)
{
    (void) state;
    waybill_result_t result;
    char id[WAYBILL_ID_ROOM];
    waybill_t *handle = join();
    assert_ok(handle, waybill_insert(handle, "notes", "whose", "{\"title\": \"x\"}", id));
    await_one(handle, id, &result);
    assert_false(has_open("agent.db"));
    waybill_close(&handle);
}

static void
refusals_name_the_field(void **state)
{
    (void) state;
    waybill_t *handle = join();
    assert_int_equal(waybill_insert(handle, "nowhere", "1", "{}", NULL), WAYBILL_REFUSED);
    assert_string_equal(waybill_error(handle)->name, "INVALID_CHANGE");
    assert_contains(waybill_error(handle)->text, "changes[0].table");
    assert_int_equal(waybill_insert(handle, "notes", "", "{}", NULL), WAYBILL_USAGE);
    assert_contains(waybill_error(handle)->text, "changes[0].id: it is missing");
    assert_int_equal(waybill_insert(handle, "notes", "1", "[1]", NULL), WAYBILL_USAGE);
    assert_contains(waybill_error(handle)->text, "changes[0].json");
    assert_int_equal(waybill_insert(handle, "notes", "1", "{", NULL), WAYBILL_USAGE);
    assert_int_equal(waybill_write(handle, NULL, 0, 0, PATIENCE_MS), WAYBILL_USAGE);
    const waybill_column_t columns[] = {
        {"title", {.kind = WAYBILL_TEXT, .bytes = "\xff", .size = 1}},
        {NULL, {.kind = WAYBILL_NULL}},
        {"title", {.kind = (waybill_value_kind_t) 17}}};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        waybill_change_t change = {.operation = "insert",
                                   .table = "notes",
                                   .id = "1",
                                   .columns = &columns[i],
                                   .n_columns = 1};
        assert_int_equal(waybill_write(handle, &change, 1, 0, PATIENCE_MS), WAYBILL_USAGE);
        assert_contains(waybill_error(handle)->text, "changes[0].columns: ");
    }
    assert_int_equal(waybill_subscribe(handle, NULL, NULL, NULL, &(uint64_t){0}),
                     WAYBILL_USAGE);
    assert_int_equal(waybill_unsubscribe(handle, 17), WAYBILL_NOT_FOUND);
    waybill_close(&handle);
    waybill_error_t error = {0};
    assert_int_equal(waybill_open(world.agent_dir, "a name", 0, &handle, &error),
                     WAYBILL_USAGE);
    assert_int_equal(waybill_open(world.dir, "test", 100, &handle, &error), WAYBILL_OFFLINE);
    assert_contains(error.text, "waybill agent");
    assert_null(handle);
}

static void
a_change_is_recorded_once_however_often_it_is_written(void **state)
{
    (void) state;
    waybill_change_t change = {
        .operation = "insert", .table = "notes", .id = "once", .json = "{\"title\": \"1\"}"};
    for (int i = 0; i < 3; i++) {
        waybill_t *handle = join();
        assert_ok(handle, waybill_write(handle, &change, 1, 0, PATIENCE_MS));
        waybill_close(&handle);
    }
    assert_int_equal(
        number_in("agent.db", "SELECT count(*) FROM local_changes WHERE entity_id = 'once'"),
        1);
}

static void
what_the_application_wrote_itself_is_only_recorded(void **state)
{
    (void) state;
    waybill_t *handle = join();
    run_in("agent.db", "INSERT INTO notes VALUES ('own', 'Tea', NULL)");
    waybill_change_t change = {
        .operation = "insert", .table = "notes", .id = "own", .json = "{\"title\": \"Tea\"}"};
    waybill_result_t result;
    assert_ok(handle, waybill_write(handle, &change, 1, WAYBILL_WRITTEN, PATIENCE_MS));
    await_one(handle, change.change_id, &result);
    assert_string_equal(result.result, "applied");
    assert_int_equal(number_in("server.db", "SELECT count(*) FROM notes WHERE id = 'own'"), 1);
    waybill_close(&handle);
}

/*  ------------------------------------------------------------------------------- events  */

static void
a_filter_lets_its_table_and_row_through_only(void **state)
{
    (void) state;
    heard_t all = {0}, row = {0}, other = {0};
    uint64_t number, second;
    waybill_t *handle = join();
    const waybill_filter_t of_row = {.kinds = WAYBILL_RECORDED, .table = "notes", .id = "f2"};
    const waybill_filter_t of_other = {.kinds = WAYBILL_RECORDED, .table = "letters"};
    const waybill_filter_t of_all = {.kinds = WAYBILL_RECORDED};
    assert_ok(handle, waybill_subscribe(handle, &of_row, listen_to, &row, &number));
    assert_ok(handle, waybill_subscribe(handle, &of_other, listen_to, &other, &second));
    assert_ok(handle, waybill_subscribe(handle, &of_all, listen_to, &all, &second));
    for (int i = 1; i <= 3; i++) {
        char id[8];
        (void) snprintf(id, sizeof id, "f%d", i);
        assert_ok(handle, waybill_insert(handle, "notes", id, "{\"title\": \"x\"}", NULL));
    }
    WAIT_FOR(handle, all.n[WAYBILL_RECORDED] >= 3);
    assert_int_equal(row.n[WAYBILL_RECORDED], 1);
    assert_int_equal(other.n[WAYBILL_RECORDED], 0);
    assert_ok(handle, waybill_unsubscribe(handle, number));
    assert_ok(handle, waybill_upsert(handle, "notes", "f2", "{\"title\": \"y\"}", NULL));
    WAIT_FOR(handle, all.n[WAYBILL_RECORDED] >= 4);
    assert_int_equal(row.n[WAYBILL_RECORDED], 1);
    waybill_close(&handle);
}

typedef struct chain {
    waybill_t *handle;
    uint64_t number;
    int n;
} chain_t;

static void
write_and_leave(const waybill_event_t *event, void *context)
{
    chain_t *chain = context;
    chain->n++;
    assert_string_equal(event->id, "c1");
    assert_int_equal(waybill_dispatch(chain->handle), WAYBILL_USAGE);
    assert_ok(chain->handle, waybill_insert(chain->handle, "notes", "c2",
                                            "{\"title\": \"of a callback\"}", NULL));
    assert_string_equal(event->id, "c1");
    assert_ok(chain->handle, waybill_unsubscribe(chain->handle, chain->number));
}

static void
a_callback_may_write_and_unsubscribe_itself(void **state)
{
    (void) state;
    chain_t chain = {.handle = join()};
    const waybill_filter_t filter = {.kinds = WAYBILL_RECORDED};
    assert_ok(chain.handle,
              waybill_subscribe(chain.handle, &filter, write_and_leave, &chain, &chain.number));
    assert_ok(chain.handle,
              waybill_insert(chain.handle, "notes", "c1", "{\"title\": \"x\"}", NULL));
    WAIT_FOR(chain.handle, chain.n == 1);
    assert_int_equal(number_in("agent.db", "SELECT count(*) FROM notes WHERE id = 'c2'"), 1);
    (void) waybill_dispatch(chain.handle);
    assert_int_equal(chain.n, 1);
    waybill_close(&chain.handle);
}

static void
the_status_tells_how_it_stands(void **state)
{
    (void) state;
    waybill_status_t status;
    waybill_t *handle = join();
    assert_ok(handle, waybill_get_status(handle, &status));
    assert_string_equal(status.state, "live");
    assert_string_equal(status.server, world.url);
    char *path = path_in(world.dir, "agent.db");
    assert_string_equal(status.database, path);
    free(path);
    assert_true(waybill_connected(handle));
    assert_true(waybill_fd(handle) >= 0);
    waybill_close(&handle);
}

/*  ------------------------------------------------------------------------ refused changes  */

static void
a_person_acts_on_a_refused_change(void **state)
{
    (void) state;
    size_t done = 0;
    char id[WAYBILL_ID_ROOM];
    const char *ids[] = {id};
    waybill_result_t result = {0};
    waybill_t *handle = join();
    run_in("server.db", "CREATE TRIGGER no_swearing BEFORE INSERT ON notes"
                        " WHEN NEW.title = 'damn'"
                        " BEGIN SELECT raise(ABORT, 'mind your language'); END");
    assert_ok(handle, waybill_insert(handle, "notes", "bad", "{\"title\": \"damn\"}", id));
    assert_int_equal(waybill_await(handle, ids, 1, PATIENCE_MS, &result), WAYBILL_REFUSED);
    assert_string_equal(result.name, "RULE_VIOLATION");
    assert_contains(result.text, "mind your language");
    assert_ok(handle, waybill_retry(handle, ids, 1, &done));
    assert_int_equal(done, 1);
    assert_int_equal(waybill_skip(handle, ids, 1, NULL, &done), WAYBILL_USAGE);
    assert_int_equal(waybill_await(handle, ids, 1, PATIENCE_MS, &result), WAYBILL_REFUSED);
    assert_ok(handle, waybill_discard(handle, ids, 1, &done));
    assert_int_equal(done, 1);
    assert_int_equal(number_in("agent.db", "SELECT count(*) FROM notes WHERE id = 'bad'"), 0);
    waybill_close(&handle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_recorded_decided_and_told),
        cmocka_unit_test(each_operation_does_what_it_says),
        cmocka_unit_test(columns_of_every_type_arrive_unchanged),
        cmocka_unit_test(a_batch_is_one_transaction_or_nothing),
        cmocka_unit_test(an_application_that_never_dispatches_goes_on_writing),
        cmocka_unit_test(only_the_agent_writes_the_database),
        cmocka_unit_test(refusals_name_the_field),
        cmocka_unit_test(a_change_is_recorded_once_however_often_it_is_written),
        cmocka_unit_test(what_the_application_wrote_itself_is_only_recorded),
        cmocka_unit_test(a_filter_lets_its_table_and_row_through_only),
        cmocka_unit_test(a_callback_may_write_and_unsubscribe_itself),
        cmocka_unit_test(the_status_tells_how_it_stands),
        cmocka_unit_test(a_person_acts_on_a_refused_change),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
