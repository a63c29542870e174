/*  libwaybill against a real agent: recording, outcomes, events, and agents that go away.  */

#include "tests/integration/client_world.h"

#include <sys/wait.h>
#include <unistd.h>

static void
await_one(waybill_t *handle, const char *change_id, waybill_result_t *result)
{
    (void) waybill_await(handle, &change_id, 1, PATIENCE_MS, result);
}

/*  ------------------------------------------------------------------------- the listener  */

typedef struct heard {
    int n[WAYBILL_ALL + 1]; /* by kind */
    char last_id[64], change_id[WAYBILL_ID_ROOM], result[16], name[32];
    waybill_code_t code;
    bool from_server;
} heard_t;

static void
listen_to(const waybill_event_t *event, void *context)
{
    heard_t *heard = context;
    heard->n[event->kind]++;
    heard->code = event->code;
    heard->from_server = event->from_server;
    (void) snprintf(heard->last_id, sizeof heard->last_id, "%s", event->id);
    (void) snprintf(heard->change_id, sizeof heard->change_id, "%s", event->change_id);
    (void) snprintf(heard->result, sizeof heard->result, "%s", event->result);
    (void) snprintf(heard->name, sizeof heard->name, "%s", event->name);
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

/*  ------------------------------------------------------------------ agents that go away  */

/*  A stopped process answers nobody, so whoever waited for it would wait for ever.  */
static void
no_call_waits_for_an_agent_that_stands_still(void **state)
{
    (void) state;
    heard_t heard = {0};
    uint64_t number;
    waybill_status_t status;
    waybill_change_t change = {
        .operation = "insert", .table = "notes", .id = "still1", .json = "{\"title\": \"1\"}"};
    waybill_t *handle = join();
    const waybill_filter_t filter = {.kinds = WAYBILL_OUTCOME};
    assert_ok(handle, waybill_subscribe(handle, &filter, listen_to, &heard, &number));
    assert_ok(handle, waybill_get_status(handle, &status));
    kill(world.agent->pid, SIGSTOP);
    assert_int_equal(waybill_write(handle, &change, 1, 0, 50), WAYBILL_UNANSWERED);
    waybill_set_timeout(handle, 0);
    assert_ok(handle, waybill_insert(handle, "notes", "still2", "{\"title\": \"2\"}", NULL));
    assert_int_equal(waybill_get_status(handle, &status), WAYBILL_TIMEOUT);
    const char *ids[] = {change.change_id};
    assert_int_equal(waybill_await(handle, ids, 1, 0, NULL), WAYBILL_TIMEOUT);
    assert_ok(handle, waybill_dispatch(handle));
    kill(world.agent->pid, SIGCONT);
    WAIT_FOR(handle, heard.n[WAYBILL_OUTCOME] == 2);
    assert_int_equal(heard.code, WAYBILL_OK);
    assert_int_equal(
        number_in("agent.db",
                  "SELECT count(*) FROM local_changes WHERE entity_id LIKE 'still%'"),
        2);
    waybill_close(&handle);
}

static void
a_handle_comes_back_with_the_agent(void **state)
{
    (void) state;
    heard_t heard = {0};
    uint64_t number;
    waybill_t *handle = join();
    assert_ok(handle, waybill_subscribe(handle, NULL, listen_to, &heard, &number));
    (void) process_end(world.agent, SIGTERM);
    process_destroy(&world.agent);
    WAIT_FOR(handle, heard.n[WAYBILL_DISCONNECTED] == 1);
    assert_false(waybill_connected(handle));
    waybill_set_timeout(handle, 20);
    assert_int_equal(waybill_insert(handle, "notes", "late", "{\"title\": \"1\"}", NULL),
                     WAYBILL_OFFLINE);
    assert_int_equal(waybill_dispatch(handle), WAYBILL_OFFLINE);
    world.agent = start_agent(world.dir, world.url, NULL);
    assert_true(process_await_ready(world.agent));
    WAIT_FOR(handle, heard.n[WAYBILL_CONNECTED] == 1);
    waybill_set_timeout(handle, PATIENCE_MS);
    assert_ok(handle, waybill_insert(handle, "notes", "later", "{\"title\": \"1\"}", NULL));
    WAIT_FOR(handle, heard.n[WAYBILL_RECORDED] >= 1);
    assert_string_equal(heard.n[WAYBILL_RECORDED] == 1 ? "later" : heard.last_id, "later");
    waybill_close(&handle);
}

/*  Every write waits for its answer, however often the agent dies meanwhile.  */
static void
a_dying_agent_loses_and_doubles_nothing(void **state)
{
    enum { WRITES = 200, KILL_EVERY = 40 };
    (void) state;
    waybill_t *handle = join();
    for (int i = 0; i < WRITES; i++) {
        char id[16];
        (void) snprintf(id, sizeof id, "kill%d", i);
        if (i % KILL_EVERY == KILL_EVERY / 2) {
            waybill_set_timeout(handle, 0);
            (void) waybill_insert(handle, "notes", id, "{\"title\": \"killed\"}", NULL);
            waybill_set_timeout(handle, PATIENCE_MS);
            restart_agent(SIGKILL);
        } else {
            assert_ok(handle, waybill_insert(handle, "notes", id, "{\"title\": \"k\"}", NULL));
        }
    }
    WAIT_FOR(handle, number_in("agent.db", "SELECT count(*) FROM notes WHERE id LIKE 'kill%'")
                         == WRITES);
    assert_int_equal(number_in("agent.db",
                               "SELECT count(*) FROM local_changes WHERE entity_id LIKE 'kill%'"
                               " AND from_server = 0"),
                     WRITES);
    waybill_close(&handle);
}

static void
record_until_killed(int told)
{
    waybill_t *handle = join();
    for (int i = 0;; i++) {
        char id[16];
        (void) snprintf(id, sizeof id, "orphan%d", i);
        if (waybill_insert(handle, "notes", id, "{\"title\": \"x\"}", NULL) != WAYBILL_OK
            || write(told, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

/*  Whatever was acknowledged to it reaches the server without it.  */
static void
what_a_killed_application_recorded_is_sent(void **state)
{
    enum { ENOUGH = 20 };
    (void) state;
    int told[2], last = 0;
    assert_int_equal(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0)
        record_until_killed(told[1]);
    while (last < ENOUGH)
        assert_int_equal(read(told[0], &last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(told[1]);
    while (read(told[0], &last, sizeof last) == sizeof last)
        ;
    close(told[0]);
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", world.agent_dir);
    outcome_release(&synced);
    assert_true(number_in("server.db", "SELECT count(*) FROM notes WHERE id LIKE 'orphan%'")
                > last);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_recorded_decided_and_told),
        cmocka_unit_test(each_operation_does_what_it_says),
        cmocka_unit_test(columns_of_every_type_arrive_unchanged),
        cmocka_unit_test(a_batch_is_one_transaction_or_nothing),
        cmocka_unit_test(refusals_name_the_field),
        cmocka_unit_test(a_change_is_recorded_once_however_often_it_is_written),
        cmocka_unit_test(what_the_application_wrote_itself_is_only_recorded),
        cmocka_unit_test(a_filter_lets_its_table_and_row_through_only),
        cmocka_unit_test(a_callback_may_write_and_unsubscribe_itself),
        cmocka_unit_test(the_status_tells_how_it_stands),
        cmocka_unit_test(a_person_acts_on_a_refused_change),
        cmocka_unit_test(no_call_waits_for_an_agent_that_stands_still),
        cmocka_unit_test(a_handle_comes_back_with_the_agent),
        cmocka_unit_test(a_dying_agent_loses_and_doubles_nothing),
        cmocka_unit_test(what_a_killed_application_recorded_is_sent),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
