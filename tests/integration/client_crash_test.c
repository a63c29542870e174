/*  libwaybill while agents and applications die: nothing is lost, nothing done twice, and
    nobody waits for the dead.  */

#include "tests/integration/client_world.h"
#include "tests/orphan.h"

#include <sys/wait.h>
#include <unistd.h>

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
    WAIT_FOR(handle, strcmp(heard.last_id, "later") == 0);
    assert_int_equal(heard.n[WAYBILL_RECORDED], 1);
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
    const pid_t child = fork_bound();
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
        cmocka_unit_test(no_call_waits_for_an_agent_that_stands_still),
        cmocka_unit_test(a_handle_comes_back_with_the_agent),
        cmocka_unit_test(a_dying_agent_loses_and_doubles_nothing),
        cmocka_unit_test(what_a_killed_application_recorded_is_sent),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
