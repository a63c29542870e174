/*  `waybill tap`, its verbs that read: what they show of a real agent and server, and what they
    refuse.  */

#include "tests/integration/world.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE = 300 }; /* tries */

static void
upsert(const char *id)
{
    outcome_t upsert =
        RUN("upsert", "notes", id, "{\"title\":\"Tea\"}", "--run-dir", world.agent_dir);
    assert_int_equal(upsert.status, 0);
    outcome_release(&upsert);
}

/*  Makes changes until the process, which watches, has written a line.  */
static void
upsert_until_seen(process_t *watcher, const char *id)
{
    struct pollfd seen = {.fd = fileno(watcher->out), .events = POLLIN};
    for (int i = 0; i < PATIENCE; i++) {
        upsert(id);
        if (poll(&seen, 1, 100) > 0)
            break;
    }
    assert_true(process_await_ready(watcher));
}

static process_t *
watch(const char *const *arguments)
{
    return process_new(world.log, NULL, arguments);
}
#define WATCH(...) watch((const char *const[]){"tap", __VA_ARGS__, NULL})

/*  ------------------------------------------------------------------------- follow  */

static void
follow_shows_what_passes_the_filter_and_ends(void **state)
{
    (void) state;
    process_t *json = WATCH("follow", "--json", "--type", "change_recorded", "--entity",
                            "notes/watched", "--count", "1", "--run-dir", world.agent_dir);
    upsert("other");
    upsert_until_seen(json, "watched");
    assert_contains(json->ready, "\"type\":\"change_recorded\"");
    assert_contains(json->ready, "\"entity_id\":\"watched\"");
    assert_contains(json->ready, "\"time\":\"2");
    assert_int_equal(process_end(json, 0), 0);
    process_destroy(&json);
}

static void
tap_alone_follows_with_the_flags_it_always_had(void **state)
{
    (void) state;
    process_t *text =
        WATCH("--type", "write", "--actor", "recorder", "--run-dir", world.agent_dir);
    upsert_until_seen(text, "plain");
    assert_contains(text->ready, "service → recorder");
    assert_contains(text->ready, "write");
    assert_contains(text->ready, "notes/plain upsert");
    assert_null(strchr(text->ready, '\033'));
    process_end(text, SIGTERM);
    process_destroy(&text);
}

static void
follow_ends_with_a_type_and_after_a_time(void **state)
{
    (void) state;
    process_t *last = WATCH("--until-type", "change_recorded", "--type", "write,change_*",
                            "--run-dir", world.agent_dir);
    upsert_until_seen(last, "last");
    char *line = NULL;
    size_t room = 0;
    bool found = strstr(last->ready, "change_recorded") != NULL;
    for (int i = 0; !found && getline(&line, &room, last->out) > 0; i++)
        found = strstr(line, "change_recorded") != NULL;
    assert_true(found);
    assert_int_equal(getline(&line, &room, last->out), -1);
    free(line);
    assert_int_equal(process_end(last, 0), 0);
    process_destroy(&last);

    outcome_t nothing =
        RUN("tap", "--for", "300ms", "--type", "parcel", "--run-dir", world.agent_dir);
    assert_int_equal(nothing.status, 0);
    assert_string_equal(nothing.out, "");
    outcome_release(&nothing);
}

static void
follow_says_that_there_is_no_such_actor_and_goes_on(void **state)
{
    (void) state;
    static const char *const verbs[] = {"follow", "seq"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        outcome_t none = RUN("tap", verbs[i], "--actor", "recoder", "--for", "1s", "--run-dir",
                             world.agent_dir);
        assert_int_equal(none.status, 0);
        assert_contains(none.err, "--actor: nobody is named recoder now");
        outcome_release(&none);
    }
    outcome_t there =
        RUN("tap", "--actor", "recorder,serv*", "--for", "300ms", "--run-dir", world.agent_dir);
    assert_string_equal(there.err, "");
    outcome_release(&there);
}

/*  Reads lines until one has that part; false at the end.  */
static bool
says(process_t *process, const char *part)
{
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, process->out) > 0)
        found = strstr(line, part) != NULL;
    free(line);
    return found;
}

static void
follow_tells_how_many_lines_it_holds_back(void **state)
{
    (void) state;
    process_t *slow = WATCH("--json", "--rate", "1", "--run-dir", world.agent_dir);
    upsert_until_seen(slow, "many");
    upsert("many"); /* dozens of messages at once */
    assert_true(says(slow, "{\"held_back\":"));
    process_end(slow, SIGTERM);
    process_destroy(&slow);
}

static void
follow_shows_one_in_so_many(void **state)
{
    (void) state;
    process_t *sampled = WATCH("--json", "--sample", "1000000", "--run-dir", world.agent_dir);
    process_t *last = WATCH("--json", "--type", "change_recorded", "--entity", "notes/sampled",
                            "--run-dir", world.agent_dir);
    upsert_until_seen(sampled, "sampled");
    upsert_until_seen(last, "sampled");
    process_end(sampled, SIGTERM);
    assert_false(says(sampled, "{"));
    process_end(last, SIGTERM);
    process_destroy(&sampled);
    process_destroy(&last);
}

static void
top_without_a_terminal_writes_json(void **state)
{
    (void) state;
    process_t *top = WATCH("top", "--json", "--every", "100ms", "--sort", "name", "--run-dir",
                           world.agent_dir);
    assert_true(process_await_ready(top));
    assert_contains(top->ready, "{\"actor\":\"checkpointer\"");
    assert_contains(top->ready, "\"messages_per_s\":");
    assert_true(says(top, "{\"actor\":\"checkpointer\"")); /* and again */
    process_end(top, SIGTERM);
    process_destroy(&top);
}

static void
follow_explains_its_filter(void **state)
{
    (void) state;
    outcome_t text = RUN("tap", "follow", "--explain", "--type", "srv_*", "--rate", "5");
    assert_int_equal(text.status, 0);
    assert_contains(text.out, "its type is    srv_*");
    assert_contains(text.out, "at most 5 lines a second");
    outcome_release(&text);
    outcome_t json = RUN("tap", "--explain", "--json", "--change", "c1");
    assert_contains(json.out, "\"change\":\"c1\"");
    outcome_release(&json);
}

/*  ------------------------------------------------------------------ what it knows  */

static void
stats_tell_rates_and_totals(void **state)
{
    (void) state;
    outcome_t total = RUN("tap", "stats", "--total", "--run-dir", world.agent_dir);
    assert_int_equal(total.status, 0);
    assert_contains(total.out, "recorder ");
    assert_contains(total.out, "changes_recorded_total");
    outcome_release(&total);
    outcome_t rates =
        RUN("tap", "stats", "--for", "100ms", "--json", "--run-dir", world.server_dir);
    assert_int_equal(rates.status, 0);
    assert_contains(rates.out,
                    "{\"actor\":\"listener\",\"state\":\"ready\",\"messages_per_s\":");
    assert_contains(rates.out, "{\"metric\":\"clients\",\"kind\":\"gauge\",\"value\":1.0}");
    outcome_release(&rates);
}

static void
tree_draws_actors_and_links(void **state)
{
    (void) state;
    outcome_t text = RUN("tap", "tree", "--run-dir", world.agent_dir);
    assert_int_equal(text.status, 0);
    assert_contains(text.out, "── built in");
    assert_contains(text.out, "── recorder  ready");
    assert_contains(text.out, "→ recorder");
    assert_contains(text.out, "hears log_line");
    outcome_release(&text);
    outcome_t json = RUN("tap", "tree", "--json", "--run-dir", world.server_dir);
    assert_int_equal(json.status, 0);
    assert_int_equal(strncmp(json.out, "{\"process\":{\"role\":\"server\"", 27), 0);
    assert_contains(json.out, "{\"actor\":{\"name\":\"listener\"");
    assert_contains(json.out, "{\"link\":{\"from\":\"listener\"");
    outcome_release(&json);
}

static void
describe_tells_of_types_and_actors(void **state)
{
    (void) state;
    outcome_t type = RUN("tap", "describe", "record_verdicts", "--run-dir", world.agent_dir);
    assert_int_equal(type.status, 0);
    assert_contains(type.out, "record_verdicts  REQUEST, hash ");
    assert_contains(type.out, "list of verdict");
    assert_contains(type.out, "sent by connection-manager");
    assert_contains(type.out, "taken by recorder");
    outcome_release(&type);
    outcome_t actor = RUN("tap", "describe", "service", "--run-dir", world.agent_dir);
    assert_int_equal(actor.status, 0);
    assert_contains(actor.out, "offers    write");
    outcome_release(&actor);
    outcome_t secret = RUN("tap", "describe", "credentials", "--json", "--run-dir", "/nowhere");
    assert_int_equal(secret.status, 0);
    assert_contains(secret.out, "\"secret\":true");
    assert_contains(secret.err, "/nowhere: no process answers");
    outcome_release(&secret);
    outcome_t all = RUN("tap", "describe", "--run-dir", world.agent_dir);
    assert_contains(all.out, "changes_processed");
    assert_contains(all.out, "recorder ");
    outcome_release(&all);
}

/*  ------------------------------------------------------------------------ refusals  */

static void
refuses_wrong_words(void **state)
{
    (void) state;
    assert_refused(RUN("tap", "dance"), 2, "dance: tap has no such verb");
    assert_refused(RUN("tap", "--type", "no_such_type"), 2, "no message is named no_such_type");
    assert_refused(RUN("tap", "--kind", "lost"), 2, "--kind: \"lost\"");
    assert_refused(RUN("tap", "--entity", "/1"), 2, "--entity: \"/1\"");
    assert_refused(RUN("tap", "--for", "ever"), 2, "--for: \"ever\"");
    assert_refused(RUN("tap", "--rate", "0"), 2, "--rate: \"0\"");
    assert_refused(RUN("tap", "stats", "--for", "0"), 2, "--for: \"0\"");
    assert_refused(RUN("tap", "stats", "--sort", "size"), 2, "--sort: \"size\"");
    assert_refused(RUN("tap", "tree", "recorder"), 2, "one operand too many");
    assert_refused(RUN("tap", "describe", "nobody", "--run-dir", world.agent_dir), 1,
                   "nobody: no type of message has that name, and no actor");
}

static void
says_when_no_process_is_there(void **state)
{
    (void) state;
    assert_refused(RUN("tap", "--run-dir", "/nowhere"), 1, "no process has a tap");
    static const char *const verbs[] = {"stats", "tree", "deadletters", "doctor"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        assert_refused(RUN("tap", verbs[i], "--run-dir", "/nowhere"), 1, "no process answers");
}

static void
explains_each_of_its_verbs(void **state)
{
    (void) state;
    static const char *const verbs[] = {"follow",      "top",       "stats", "tree",
                                        "describe",    "send",      "call",  "doctor",
                                        "deadletters", "postmortem"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        outcome_t help = RUN("help", "tap", verbs[i]), option = RUN("tap", verbs[i], "--help");
        assert_int_equal(help.status, 0);
        assert_contains(help.out, "usage: waybill tap ");
        assert_string_equal(help.out, option.out);
        outcome_release(&help);
        outcome_release(&option);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follow_shows_what_passes_the_filter_and_ends),
        cmocka_unit_test(tap_alone_follows_with_the_flags_it_always_had),
        cmocka_unit_test(follow_ends_with_a_type_and_after_a_time),
        cmocka_unit_test(follow_says_that_there_is_no_such_actor_and_goes_on),
        cmocka_unit_test(follow_tells_how_many_lines_it_holds_back),
        cmocka_unit_test(follow_shows_one_in_so_many),
        cmocka_unit_test(top_without_a_terminal_writes_json),
        cmocka_unit_test(follow_explains_its_filter),
        cmocka_unit_test(stats_tell_rates_and_totals),
        cmocka_unit_test(tree_draws_actors_and_links),
        cmocka_unit_test(describe_tells_of_types_and_actors),
        cmocka_unit_test(refuses_wrong_words),
        cmocka_unit_test(says_when_no_process_is_there),
        cmocka_unit_test(explains_each_of_its_verbs),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
