/*  `waybill tap`, its verbs that write or judge: send, call, deadletters, doctor, postmortem;
   on an agent that allows it, and on one that does not.  */

#include "tests/integration/world.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE = 300 }; /* tries */

/*  An agent with tap.inject = true.  */
static struct open_agent {
    char *dir, *run;
    process_t *process;
} open_agent;

static int
start_both(void **state)
{
    if (start_world(state) != 0)
        return -1;
    open_agent.dir = directory_new();
    open_agent.run = path_in(open_agent.dir, "run");
    char *config = path_in(open_agent.dir, "agent.conf"), *log = path_in(open_agent.dir, "log");
    char *text = mem_format("agent\n    db = \"%s/agent.db\"\n    server = \"%s\"\n"
                            "process\n    run_dir = \"%s\"\ntap\n    inject = \"true\"\n",
                            open_agent.dir, world.url, open_agent.run);
    write_file(config, text);
    open_agent.process =
        process_new(log, NULL, (const char *const[]){"agent", "--config", config, NULL});
    bool ready = process_await_ready(open_agent.process);
    free(text);
    free(config);
    free(log);
    return ready ? 0 : -1;
}

static int
stop_both(void **state)
{
    process_end(open_agent.process, SIGTERM);
    process_destroy(&open_agent.process);
    free(open_agent.run);
    directory_destroy(&open_agent.dir);
    return stop_world(state);
}

#define HERE "--run-dir", open_agent.run

static void
assert_done(outcome_t outcome, const char *part)
{
    if (outcome.status != 0)
        fail_msg("status %d: %s%s", outcome.status, outcome.out, outcome.err);
    assert_contains(outcome.out, part);
    outcome_release(&outcome);
}

/*  -------------------------------------------------------------------- send and call  */

static void
call_prints_the_answer(void **state)
{
    (void) state;
    assert_done(RUN("tap", "call", "recorder", "outbox_counts", "{}", HERE),
                "verdicts_recorded {\"pending\":0");
    assert_done(RUN("tap", "call", "recorder", "outbox_counts", "{}", "--json", HERE),
                "{\"type\":\"verdicts_recorded\",\"body\":{\"pending\":0");
    outcome_t input = run_verb(
        "{\"filter\": \"all\"}",
        (const char *const[]){"tap", "call", "service", "changes_list", "-", HERE, NULL});
    assert_done(input, "changes_page {\"changes\":");
}

static void
send_publishes_an_event_to_whoever_hears_it(void **state)
{
    (void) state;
    process_t *watcher =
        process_new(world.log, NULL, (const char *const[]){"watch", "--json", HERE, NULL});
    struct pollfd heard = {.fd = fileno(watcher->out), .events = POLLIN};
    for (int i = 0; i < PATIENCE && poll(&heard, 1, 100) <= 0; i++)
        assert_done(RUN("tap", "send", "*", "error",
                        "{\"code\":\"STALE\",\"message\":\"made up\"}", HERE),
                    "");
    assert_true(process_await_ready(watcher));
    assert_contains(watcher->ready, "made up");
    process_end(watcher, SIGTERM);
    process_destroy(&watcher);
}

static void
nothing_is_sent_unless_the_process_allows_it(void **state)
{
    (void) state;
    const char *dir = world.agent_dir;
    assert_refused(RUN("tap", "send", "recorder", "retry_due", "{\"now\":1}", "--run-dir", dir),
                   1, "inject = true");
    assert_refused(RUN("tap", "call", "recorder", "outbox_counts", "{}", "--run-dir", dir), 1,
                   "inject = true");
    assert_refused(RUN("tap", "deadletters", "requeue", "--all", "--run-dir", dir), 1,
                   "inject = true");
}

/*  A name that we do not know may be a plug-in's own message: the process knows who takes it.
 */
static void
what_nobody_takes_is_refused(void **state)
{
    (void) state;
    assert_refused(RUN("tap", "send", "recorder", "no_such", "{}", HERE), 1,
                   "recorder does not take no_such");
}

static void
what_is_sent_is_checked_first(void **state)
{
    (void) state;
    static const struct {
        const char *verb, *to, *type, *json, *because;
    } cases[] = {
        {"send", "recorder", "outbox_counts", "{}", "waybill tap call"},
        {"call", "recorder", "retry_due", "{\"now\":1}", "waybill tap send"},
        {"send", "recorder", "retry_due", "{\"now\":", "it is not JSON"},
        {"send", "recorder", "retry_due", "{}", "field \"now\" is missing"},
        {"send", "recorder", "retry_due", "{\"now\":1,\"then\":2}", "no field \"then\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(
            RUN("tap", cases[i].verb, cases[i].to, cases[i].type, cases[i].json, HERE), 2,
            cases[i].because);
    assert_refused(RUN("tap", "send", "recorder", "retry_due", HERE), 2, "operands");
    outcome_t nobody = RUN("tap", "call", "nobody", "outbox_counts", "{}", HERE);
    assert_int_equal(nobody.status, 1);
    outcome_release(&nobody);
}

/*  ---------------------------------------------------------- dead letters and doctor  */

static void
doctor_finds_nothing_wrong_with_a_healthy_process(void **state)
{
    (void) state;
    assert_done(RUN("tap", "doctor", "--for", "100ms", "--run-dir", world.agent_dir),
                "✓ parked");
    assert_done(RUN("tap", "doctor", "--for", "100ms", "--run-dir", world.server_dir),
                "✓ stuck");
    outcome_t json =
        RUN("tap", "doctor", "--for", "100ms", "--json", "--run-dir", world.agent_dir);
    assert_int_equal(json.status, 0);
    assert_null(strstr(json.out, "\"serious\":true"));
    outcome_release(&json);
}

/*  The logger takes no such thing. Waits until it is among the dead letters.  */
static void
make_a_dead_letter(void)
{
    assert_done(RUN("tap", "send", "logger", "retry_due", "{\"now\":7}", HERE), "");
    for (int i = 0; i < PATIENCE; i++) {
        outcome_t list = RUN("tap", "deadletters", HERE);
        bool found = strstr(list.out, "retry_due") != NULL;
        outcome_release(&list);
        if (found)
            return;
    }
    fail_msg("it did not become a dead letter");
}

/*  Number of the first of them.  */
static char *
first_letter(void)
{
    outcome_t list = RUN("tap", "deadletters", "list", "--json", HERE);
    assert_int_equal(list.status, 0);
    const char *at = strstr(list.out, "\"type\":\"retry_due\"");
    assert_non_null(at);
    while (at > list.out && at[-1] != '\n')
        at--;
    assert_int_equal(strncmp(at, "{\"n\":", 5), 0);
    char *n = mem_format("%ld", strtol(at + 5, NULL, 10));
    outcome_release(&list);
    return n;
}

static void
dead_letters_are_listed_shown_and_sent_again(void **state)
{
    (void) state;
    make_a_dead_letter();
    char *n = first_letter();
    outcome_t shown = RUN("tap", "deadletters", "show", n, HERE);
    assert_int_equal(shown.status, 0);
    assert_contains(shown.out, "to      logger");
    assert_contains(shown.out, "why     UNKNOWN");
    assert_contains(shown.out, "payload {\"now\":7}");
    outcome_release(&shown);
    assert_done(RUN("tap", "deadletters", "requeue", n, HERE), "sent again: 1");
    free(n);
    assert_refused(RUN("tap", "deadletters", "show", "999999", HERE), 1, "no dead letter");
    assert_refused(RUN("tap", "deadletters", "show", "first", HERE), 2, "no number");
    assert_refused(RUN("tap", "deadletters", "requeue", HERE), 2, "requeue --all");
    assert_refused(RUN("tap", "deadletters", "burn", "1", HERE), 2, "burn");
}

static void
doctor_says_what_is_wrong_and_what_to_do(void **state)
{
    (void) state;
    make_a_dead_letter();
    outcome_t text = RUN("tap", "doctor", "--for", "100ms", HERE);
    assert_int_equal(text.status, 1);
    assert_contains(text.out, "✗ dead letters");
    assert_contains(text.out, "retry_due to logger");
    assert_contains(text.out, "→ nobody handles them");
    outcome_release(&text);
    outcome_t json = RUN("tap", "doctor", "--for", "100ms", "--json", HERE);
    assert_int_equal(json.status, 1);
    assert_contains(json.out, "{\"check\":\"dead letters\",\"serious\":true,\"what\":");
    outcome_release(&json);
    assert_refused(RUN("tap", "doctor", "--for", "soon", HERE), 2, "--for: \"soon\"");
}

/*  ----------------------------------------------------------------------- postmortem  */

static void
postmortem_lists_the_last_messages_by_time(void **state)
{
    (void) state;
    assert_done(RUN("upsert", "notes", "kept", "{\"title\":\"Tea\"}", HERE), "");
    assert_done(RUN("tap", "postmortem", "--now", HERE), "service → recorder");
    outcome_t newest = RUN("tap", "postmortem", "--json", HERE);
    assert_int_equal(newest.status, 0);
    assert_contains(newest.out, "\"type\":\"write\",\"from\":\"service\",\"to\":\"recorder\"");
    long long before = 0;
    size_t n = 0;
    for (const char *at = newest.out; (at = strstr(at, "{\"time_us\":")); at++, n++) {
        long long time = strtoll(at + 11, NULL, 10);
        assert_true(time >= before);
        before = time;
    }
    assert_int_equal(n, count_lines(newest.out));
    outcome_release(&newest);
    outcome_t last = RUN("tap", "postmortem", "--json", "--last", "2", HERE);
    assert_int_equal(count_lines(last.out), 2);
    outcome_release(&last);
}

static void
postmortem_puts_processes_together_after_a_crash(void **state)
{
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run");
    process_t *agent = start_agent(dir, world.url, NULL);
    assert_true(process_await_ready(agent));
    const long pid = (long) agent->pid;
    process_end(agent, SIGSEGV);
    process_destroy(&agent);
    char *dump = mem_format("%s/flight-%ld-crash", run, pid);
    outcome_t text = RUN("tap", "postmortem", dump);
    assert_int_equal(text.status, 0);
    assert_contains(text.out, "ended by signal 11, Segmentation fault");
    outcome_release(&text);
    outcome_t twice = RUN("tap", "postmortem", "--json", dump, dump);
    outcome_t once = RUN("tap", "postmortem", "--json", dump);
    assert_string_equal(twice.out, once.out);
    outcome_release(&twice);
    outcome_release(&once);
    free(dump);
    free(run);
    directory_destroy(&dir);
}

static void
postmortem_refuses_what_is_no_dump(void **state)
{
    (void) state;
    char *dir = directory_new(), *file = path_in(dir, "flight-1-1");
    assert_refused(RUN("tap", "postmortem", "--run-dir", dir), 1, "no dump is there");
    write_file(file, "hello");
    assert_refused(RUN("tap", "postmortem", "--run-dir", dir), 1, "flight-1-1");
    assert_refused(RUN("tap", "postmortem", "/nowhere/dump"), 1, "/nowhere/dump");
    assert_refused(RUN("tap", "postmortem", "--now", file), 2, "--now");
    free(file);
    directory_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_prints_the_answer),
        cmocka_unit_test(send_publishes_an_event_to_whoever_hears_it),
        cmocka_unit_test(nothing_is_sent_unless_the_process_allows_it),
        cmocka_unit_test(what_nobody_takes_is_refused),
        cmocka_unit_test(what_is_sent_is_checked_first),
        cmocka_unit_test(doctor_finds_nothing_wrong_with_a_healthy_process),
        cmocka_unit_test(dead_letters_are_listed_shown_and_sent_again),
        cmocka_unit_test(doctor_says_what_is_wrong_and_what_to_do),
        cmocka_unit_test(postmortem_lists_the_last_messages_by_time),
        cmocka_unit_test(postmortem_puts_processes_together_after_a_crash),
        cmocka_unit_test(postmortem_refuses_what_is_no_dump),
    };
    return cmocka_run_group_tests(tests, start_both, stop_both);
}
