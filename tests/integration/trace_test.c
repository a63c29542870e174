/*  What a person asks a running agent and server about one change, and about their logs.  */

#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

/*  A change that is synchronised; its id, to be freed.  */
static char *
write_note(const char *id)
{
    outcome_t written = RUN("upsert", "notes", id, "{\"title\": \"Milk\"}", "--wait",
                            "--run-dir", world.agent_dir);
    assert_int_equal(written.status, 0);
    char *change = mem_text(written.out);
    change[strcspn(change, " \n")] = '\0';
    outcome_release(&written);
    return change;
}

/*  ------------------------------------------------------------------------------ why  */

static void
why_tells_that_a_change_is_synchronised(void **state)
{
    (void) state;
    char *id = write_note("why");
    outcome_t text = RUN("tap", "why", id, "--run-dir", world.agent_dir);
    assert_int_equal(text.status, 0);
    assert_contains(text.out, "it is synchronised: the server applied it at 0/");
    outcome_t json = RUN("tap", "why", id, "--json", "--run-dir", world.agent_dir);
    assert_int_equal(json.status, 0);
    assert_contains(json.out, "\"reason\":\"applied\"");
    assert_contains(json.out, "\"done\":true");
    outcome_release(&text);
    outcome_release(&json);
    free(id);
}

static void
why_tells_that_there_is_no_connection(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "agent.db"), *run = path_in(dir, "run");
    make_notes(db);
    process_t *agent = start_agent(dir, "ws://127.0.0.1:1/api/sync", NULL);
    assert_true(process_await_ready(agent));
    outcome_t written = RUN("upsert", "notes", "n", "{\"title\": \"Milk\"}", "--run-dir", run);
    assert_int_equal(written.status, 0);
    written.out[strcspn(written.out, "\n")] = '\0';
    outcome_t text = RUN("tap", "why", written.out, "--run-dir", run);
    assert_int_equal(text.status, 1);
    assert_contains(text.out, "connect");
    assert_contains(text.out, "127.0.0.1:1");
    outcome_release(&written);
    outcome_release(&text);
    assert_int_equal(process_end(agent, SIGTERM), 0);
    process_destroy(&agent);
    free(db);
    free(run);
    directory_destroy(&dir);
}

static void
why_of_a_change_that_nobody_knows(void **state)
{
    (void) state;
    outcome_t text = RUN("tap", "why", "nobody", "--run-dir", world.agent_dir);
    assert_int_equal(text.status, 1);
    assert_contains(text.out, "this agent knows no change nobody");
    outcome_release(&text);
}

/*  ----------------------------------------------------------------------------- trace  */

/*  Parts that must come in this order.  */
static void
assert_in_order(const char *text, const char *const *parts)
{
    for (const char *at = text; *parts; parts++) {
        at = strstr(at, *parts);
        if (at == NULL)
            fail_msg("\"%s\" is not in its place in %s", *parts, text);
    }
}

static void
trace_follows_a_change_through_both_processes(void **state)
{
    static const char *const journey[] = {"asked",         "recorded",  "sent",     "received",
                                          "judged",        "committed", "answered", "decided",
                                          "done, applied", NULL};
    (void) state;
    char *id = write_note("trace");
    outcome_t text =
        RUN("tap", "trace", id, "--run-dir", world.agent_dir, "--run-dir", world.server_dir);
    assert_int_equal(text.status, 0);
    assert_in_order(text.out, journey);
    assert_contains(text.out, "agent:run");
    assert_contains(text.out, "server:server");
    outcome_release(&text);
    free(id);
}

static void
trace_of_an_agent_alone_says_who_is_missing(void **state)
{
    (void) state;
    char *id = write_note("alone");
    outcome_t json = RUN("tap", "trace", id, "--json", "--run-dir", world.agent_dir);
    assert_int_equal(json.status, 0);
    assert_contains(json.out, "\"step\":\"decided\"");
    assert_contains(json.out, "{\"missing\":\"the server was not asked");
    outcome_release(&json);
    free(id);
}

static void
trace_reads_databases_when_nobody_runs(void **state)
{
    (void) state;
    char *id = write_note("rows"), *agent = path_in(world.dir, "agent.db"),
         *server = path_in(world.dir, "server.db");
    outcome_t text = RUN("tap", "trace", id, "--db", agent, "--db", server);
    assert_int_equal(text.status, 0);
    assert_contains(text.out, " recorded ");
    assert_contains(text.out, " committed ");
    assert_contains(text.out, "server.db has its verdict: applied");
    outcome_release(&text);
    assert_refused(RUN("tap", "trace", id, "--db", world.log), 1, "server.log");
    free(id);
    free(agent);
    free(server);
}

static void
trace_goes_on_until_a_replica_has_applied_it(void **state)
{
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run");
    process_t *agent = start_agent(dir, world.url, NULL);
    assert_true(process_await_ready(agent));
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", run);
    assert_int_equal(synced.status, 0);
    char *id = write_note("live");
    outcome_t text =
        RUN("tap", "trace", id, "--live", "--run-dir", world.agent_dir, "--run-dir", run);
    assert_int_equal(text.status, 0);
    assert_contains(text.out, " applied ");
    outcome_release(&synced);
    outcome_release(&text);
    assert_int_equal(process_end(agent, SIGTERM), 0);
    process_destroy(&agent);
    free(id);
    free(run);
    directory_destroy(&dir);
}

/*  An agent that logs each step, as JSON, to DIR/log.  */
static process_t *
start_agent_that_logs_steps(const char *dir)
{
    char *config = path_in(dir, "agent.conf"), *log = path_in(dir, "log");
    char *text = mem_format("agent\n    db = \"%s/agent.db\"\n    server = \"%s\"\n"
                            "process\n    run_dir = \"%s/run\"\n    log_steps = true\n"
                            "    log_format = \"json\"\n",
                            dir, world.url, dir);
    write_file(config, text);
    process_t *agent =
        process_new(log, NULL, (const char *const[]){"agent", "--config", config, NULL});
    free(text);
    free(config);
    free(log);
    return agent;
}

static void
trace_reads_the_log_of_an_agent_that_has_ended(void **state)
{
    static const char *const journey[] = {"asked", "recorded", "sent", "decided", NULL};
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run"), *log = path_in(dir, "log");
    process_t *agent = start_agent_that_logs_steps(dir);
    assert_true(process_await_ready(agent));
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", run);
    assert_int_equal(synced.status, 0);
    outcome_t written =
        RUN("upsert", "notes", "logged", "{\"title\": \"Milk\"}", "--wait", "--run-dir", run);
    assert_int_equal(written.status, 0);
    written.out[strcspn(written.out, " \n")] = '\0';
    assert_int_equal(process_end(agent, SIGTERM), 0);
    outcome_t text = RUN("tap", "trace", written.out, "--log", log);
    assert_int_equal(text.status, 0);
    assert_in_order(text.out, journey);
    outcome_release(&synced);
    outcome_release(&written);
    outcome_release(&text);
    process_destroy(&agent);
    free(run);
    free(log);
    directory_destroy(&dir);
}

static void
trace_of_a_change_that_nobody_knows(void **state)
{
    (void) state;
    outcome_t text = RUN("tap", "trace", "nobody", "--run-dir", world.agent_dir);
    assert_int_equal(text.status, 1);
    assert_contains(text.out, "nobody who was asked knows anything of this change");
    outcome_release(&text);
    outcome_t live =
        RUN("tap", "trace", "nobody", "--live", "--timeout", "0", "--run-dir", world.agent_dir);
    assert_int_equal(live.status, 1);
    outcome_release(&live);
}

/*  ------------------------------------------------------------------------------ logs  */

static void
logs_are_those_of_the_process(void **state)
{
    (void) state;
    outcome_t agent = RUN("logs", "--run-dir", world.agent_dir);
    assert_int_equal(agent.status, 0);
    assert_contains(agent.out, " info connection-manager ");
    outcome_t server = RUN("logs", "--json", "--run-dir", world.server_dir);
    assert_int_equal(server.status, 0);
    assert_contains(server.out, "\"actor\":\"listener\",\"text\":\"");
    outcome_release(&agent);
    outcome_release(&server);
}

static void
logs_are_chosen_by_level_and_actor(void **state)
{
    (void) state;
    outcome_t errors = RUN("logs", "--level", "error", "--run-dir", world.server_dir);
    assert_int_equal(errors.status, 0);
    assert_string_equal(errors.out, "");
    outcome_t listener =
        RUN("logs", "--actor", "listener", "--lines", "1", "--run-dir", world.server_dir);
    assert_int_equal(count_lines(listener.out), 1);
    assert_refused(RUN("logs", "--level", "loud", "--run-dir", world.server_dir), 2, "loud");
    assert_refused(RUN("logs", "--run-dir", "/nowhere"), 1, "/nowhere");
    outcome_release(&errors);
    outcome_release(&listener);
}

static void
logs_go_on_with_what_is_new(void **state)
{
    (void) state;
    char *log = path_in(world.dir, "follow.log");
    process_t *follow =
        process_new(log, NULL,
                    (const char *const[]){"logs", "--follow", "--actor", "listener", "--lines",
                                          "1", "--run-dir", world.server_dir, NULL});
    assert_true(process_await_ready(follow)); /* the last line that there was */
    char *dir = directory_new();
    process_t *agent = start_agent(dir, world.url, NULL);
    assert_true(process_await_ready(agent));
    char line[500];
    assert_non_null(fgets(line, sizeof line, follow->out));
    assert_contains(line, " connected");
    assert_int_equal(process_end(agent, SIGTERM), 0);
    (void) process_end(follow, SIGKILL);
    process_destroy(&agent);
    process_destroy(&follow);
    directory_destroy(&dir);
    free(log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(why_tells_that_a_change_is_synchronised),
        cmocka_unit_test(why_tells_that_there_is_no_connection),
        cmocka_unit_test(why_of_a_change_that_nobody_knows),
        cmocka_unit_test(trace_follows_a_change_through_both_processes),
        cmocka_unit_test(trace_of_an_agent_alone_says_who_is_missing),
        cmocka_unit_test(trace_reads_databases_when_nobody_runs),
        cmocka_unit_test(trace_goes_on_until_a_replica_has_applied_it),
        cmocka_unit_test(trace_reads_the_log_of_an_agent_that_has_ended),
        cmocka_unit_test(trace_of_a_change_that_nobody_knows),
        cmocka_unit_test(logs_are_those_of_the_process),
        cmocka_unit_test(logs_are_chosen_by_level_and_actor),
        cmocka_unit_test(logs_go_on_with_what_is_new),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
