/*  What a plug-in may do, and what becomes of one that fails: as a thread, and as a process. */

#include "bus/port.h"
#include "tests/unit/plugin_world.h"

#include <unistd.h>

static uint32_t restarts = 2; /* that one may have */
static uint32_t stop_deadline_ms = 60000;
static const actor_class_t *main_asker = &asker, *also;

/*  Asks the worker to do that, in a host of its own.  */
static const char *
told(const char *isolation, const char *what)
{
    const plugin_value_t values[] = {{"colour", "blue"}};
    const plugin_order_t order = {.name = "worker",
                                  .file = worker_file(),
                                  .isolation = isolation,
                                  .limit_ms = strcmp(what, "hang") == 0 ? 1000 : 0,
                                  .settings = values,
                                  .n_settings = 1};
    fault_t fault = {0};
    memset(&asked, 0, sizeof asked);
    asked.what = what;
    host = host_new(&(host_options_t){.name = "test",
                                      .log = quiet,
                                      .program = WAYBILL,
                                      .restart_limit = restarts,
                                      .stop_deadline_ms = stop_deadline_ms});
    host_add(host, &echo);
    host_add(host, main_asker);
    if (also)
        host_add(host, also);
    if (host_add_plugin(host, &order, &fault) != OK || host_start(host, &fault) != OK
        || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
    return asked.answer;
}

static const char *const both[] = {PLUGIN_THREAD, PLUGIN_PROCESS};

#define EACH_WAY(what, expected)                                                               \
    for (size_t way = 0; way < COUNT_OF(both); way++)                                          \
    assert_string_equal(told(both[way], what), expected)

static void
a_message_comes_with_what_it_is(void **state)
{
    (void) state;
    EACH_WAY("echo", "x_done x_do request asker 0");
}

static void
settings_come_from_the_order_or_the_manifest(void **state)
{
    (void) state;
    EACH_WAY("setting", "x_done blue 4 unknown");
}

static void
a_refusal_reaches_whoever_asked(void **state)
{
    (void) state;
    EACH_WAY("refuse", "STALE too old for me");
    EACH_WAY("unheard of", "UNKNOWN what is that?");
}

static void
one_that_does_not_answer_is_answered_for(void **state)
{
    (void) state;
    EACH_WAY("nothing", "UNANSWERED the actor did not answer");
}

static void
one_that_fails_is_started_anew_and_gets_the_message_again(void **state)
{
    (void) state;
    EACH_WAY("fail_once", "x_done x_do request asker 1");
    EACH_WAY("result", "x_done x_do request asker 1");
}

static void
what_fails_too_often_is_refused(void **state)
{
    (void) state;
    EACH_WAY("fail_always", "POISON on_message: for good");
}

/*  Whose fault it was nobody can tell: memory that ran out ends in a kill, too.  */
static void
what_its_process_is_killed_over_too_often_is_refused(void **state)
{
    (void) state;
    assert_string_equal(told(PLUGIN_PROCESS, "be_killed"),
                        "POISON on_message: it crashed (SIGKILL)");
}

/*  The host, which nobody has asked to stop, does when whoever asked is told.  */
static void
one_that_fails_too_often_is_removed_and_the_others_go_on(void **state)
{
    (void) state;
    restarts = 1;
    EACH_WAY("fail_always", "STOPPED shutting down");
    restarts = 2;
}

static void
a_process_that_crashes_ends_or_hangs_is_started_anew(void **state)
{
    (void) state;
    const char *const ways[] = {"crash", "exit", "hang", "nonsense"};
    for (size_t i = 0; i < COUNT_OF(ways); i++)
        assert_string_equal(told(PLUGIN_PROCESS, ways[i]), "x_done x_do request asker 1");
}

static void
json_that_is_too_large_for_a_process_is_none(void **state)
{
    (void) state;
    assert_string_equal(told(PLUGIN_THREAD, "ask_for_much"), "x_done all of it");
    assert_string_equal(told(PLUGIN_PROCESS, "ask_for_much"), "x_done nothing");
}

static void
a_process_has_a_process(void **state)
{
    (void) state;
    char own[64];
    snprintf(own, sizeof own, "x_done %ld", (long) getpid());
    assert_string_equal(told(PLUGIN_THREAD, "pid"), own);
    assert_string_not_equal(told(PLUGIN_PROCESS, "pid"), own);
}

static void
answers_may_come_later(void **state)
{
    (void) state;
    EACH_WAY("later", "x_done late");
}

static void
whoever_waits_for_one_that_fails_is_told(void **state)
{
    (void) state;
    EACH_WAY("promise", "FAILED the plug-in failed before it answered");
}

/*  Removes the worker when it has news.  */
static err_t
remove_worker(void *state, ctx_t *ctx, bytes_t payload)
{
    (void) state, (void) payload;
    if (ctx_envelope(ctx)->kind == ENVELOPE_EVT)
        ctx_supervise(ctx, MSG_plugin_remove, &(plugin_remove_t){.name = "worker"}, 0, 60000);
    return OK;
}

static const raw_actor_t remover_raw = {
    .kind = "thread",
    .takes = no_messages,
    .sends = no_messages,
    .publishes = no_messages,
    .answers = no_messages,
    .on_letter = remove_worker,
};
static const actor_class_t remover = {
    .name = "remover", .hears = asker_hears, .raw = &remover_raw};

static void
whoever_waits_for_one_that_is_removed_is_told(void **state)
{
    (void) state;
    also = &remover;
    EACH_WAY("hold", "STOPPED the plug-in was stopped before it answered");
    also = NULL;
}

/*  Asks for what the worker fails at, says more than it has credit for, and asks once more.  */
static err_t
ask_too_much(void *state, ctx_t *ctx)
{
    static const uint8_t parcel[] = "\x81\xa6number\x01";
    fault_t fault;
    err_t err = ask_worker(state, ctx);
    for (int i = 0; err == OK && i < PORT_WINDOW; i++)
        err = raw_send(ctx, "worker", "parcel", (bytes_t){parcel, sizeof parcel - 1}, &fault);
    return err == OK ? ask_worker(state, ctx) : err;
}

static err_t
take_both_failures(void *state, ctx_t *ctx, const failure_t *failure)
{
    if (failure->err == ERR_STOPPED)
        return OK; /* the first: the worker had it in its hands */
    return take_failure(state, ctx, failure);
}

static const actor_class_t greedy = {
    .name = "asker", .start = ask_too_much, .on_error = take_both_failures, .raw = &asker_raw};

static void
a_request_without_credit_to_one_that_is_removed_fails_at_once(void **state)
{
    (void) state;
    restarts = 1;
    stop_deadline_ms = 500;
    main_asker = &greedy;
    EACH_WAY("fail_always", "NO_ROUTE there is no such actor");
    main_asker = &asker;
    stop_deadline_ms = 60000;
    restarts = 2;
}

static void
descriptors_are_watched_for_reading_and_writing(void **state)
{
    (void) state;
    EACH_WAY("watch", "x_done written and read");
}

static void
it_asks_others_itself(void **state)
{
    (void) state;
    EACH_WAY("ask_back", "x_done pong reply 99 {number:41}");
    EACH_WAY("ask_nobody",
             "x_done error error 99 {code:NO_ROUTE,message:there is no such actor}");
}

static void
it_publishes(void **state)
{
    (void) state;
    EACH_WAY("publish", "x_done published");
}

static void
clock_chance_and_ids_are_the_hosts(void **state)
{
    (void) state;
    EACH_WAY("clock", "x_done fine");
}

static void
what_it_may_not_do_is_refused(void **state)
{
    (void) state;
    EACH_WAY("misbehave", "x_done -------------");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_with_what_it_is),
        cmocka_unit_test(settings_come_from_the_order_or_the_manifest),
        cmocka_unit_test(a_refusal_reaches_whoever_asked),
        cmocka_unit_test(one_that_does_not_answer_is_answered_for),
        cmocka_unit_test(one_that_fails_is_started_anew_and_gets_the_message_again),
        cmocka_unit_test(what_fails_too_often_is_refused),
        cmocka_unit_test(what_its_process_is_killed_over_too_often_is_refused),
        cmocka_unit_test(one_that_fails_too_often_is_removed_and_the_others_go_on),
        cmocka_unit_test(a_process_that_crashes_ends_or_hangs_is_started_anew),
        cmocka_unit_test(json_that_is_too_large_for_a_process_is_none),
        cmocka_unit_test(a_process_has_a_process),
        cmocka_unit_test(answers_may_come_later),
        cmocka_unit_test(whoever_waits_for_one_that_fails_is_told),
        cmocka_unit_test(whoever_waits_for_one_that_is_removed_is_told),
        cmocka_unit_test(a_request_without_credit_to_one_that_is_removed_fails_at_once),
        cmocka_unit_test(descriptors_are_watched_for_reading_and_writing),
        cmocka_unit_test(it_asks_others_itself),
        cmocka_unit_test(it_publishes),
        cmocka_unit_test(clock_chance_and_ids_are_the_hosts),
        cmocka_unit_test(what_it_may_not_do_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
