/*  Why a change is where it is: each reason of the table, and some asked of an agent.  */

#include "actors/agent/why.h"
#include "tests/unit/watched_sim.h"

/*  ------------------------------------------------------------------------ the table  */

#define PENDING .state = "pending", .id = "c2", .txn = "t2", .entity_type = "todo"
#define NOW 1000000
#define LIVE .id = "c2", .now = NOW, .attempts = 3, .state = STATE_live, .reason = ""

static change_row_t
pending_row(void)
{
    return (change_row_t){PENDING, .entity_id = "a"};
}

static change_reason_t
tell(world_t *world, const why_facts_t *facts)
{
    change_reason_t reason;
    why_tell(facts, &world->arena, &reason);
    return reason;
}

static void
expect_reason(world_t *world, const why_facts_t *facts, const char *name, const char *text)
{
    const change_reason_t reason = tell(world, facts);
    assert_string_equal(reason.reason, name);
    assert_string_equal(reason.text, text);
}

static void
expect_change(world_t *world, const change_row_t *change, const char *name, const char *text)
{
    const why_facts_t facts = {LIVE, .change = change};
    expect_reason(world, &facts, name, text);
}

static void
a_change_that_nobody_knows(void **state)
{
    const why_facts_t facts = {LIVE};
    expect_reason(*state, &facts, "unknown", "this agent knows no change c2");
    assert_false(tell(*state, &facts).done);
}

static void
a_change_of_the_server(void **state)
{
    change_row_t change = {.id = "c2", .state = "done", .from_server = true, .lsn = 26};
    expect_change(*state, &change, "from_server",
                  "it came from the server at 0/1A, and is applied here");
    change.skip_reason = "record already exists";
    expect_change(*state, &change, "from_server",
                  "it came from the server at 0/1A, and changed nothing here: record already "
                  "exists");
}

static void
a_change_of_the_server_that_is_set_aside(void **state)
{
    const change_row_t change = {.id = "c2",
                                 .state = "failed",
                                 .from_server = true,
                                 .lsn = 26,
                                 .error = "CHECK constraint failed"};
    expect_change(*state, &change, "set_aside",
                  "it came from the server at 0/1A and is set aside, because this database "
                  "refuses it: CHECK constraint failed");
}

static void
a_change_that_a_person_gave_up(void **state)
{
    change_row_t change = {.id = "c2", .state = "done", .verdict = "skipped"};
    expect_change(*state, &change, "given_up", "a person has skipped it");
    change.skip_reason = "no use";
    expect_change(*state, &change, "given_up", "a person has skipped it: no use");
}

static void
a_change_that_is_synchronised(void **state)
{
    change_row_t change = {.id = "c2", .state = "done", .verdict = "applied", .lsn = 26};
    expect_change(*state, &change, "applied",
                  "it is synchronised: the server applied it at 0/1A");
    change.folded_into = "c1";
    expect_change(*state, &change, "applied",
                  "it is synchronised: the server applied it at 0/1A, as a part of c1");
    const why_facts_t facts = {LIVE, .change = &change};
    assert_true(tell(*state, &facts).done);
    assert_null(tell(*state, &facts).waits_for);
}

static void
a_change_that_lost_against_a_newer_version(void **state)
{
    const change_row_t change = {.id = "c2", .state = "done", .verdict = "merged", .lsn = 26};
    expect_change(*state, &change, "merged",
                  "it is synchronised at 0/1A, without effect: the server had a newer version "
                  "of its row");
}

static void
a_change_that_was_folded_into_another(void **state)
{
    change_row_t change = pending_row();
    change.folded_into = "c1";
    const why_facts_t facts = {LIVE, .change = &change};
    expect_reason(*state, &facts, "folded",
                  "it was folded into change c1 of the same row, and goes with it");
    assert_string_equal(tell(*state, &facts).waits_for, "c1");
    assert_string_equal(tell(*state, &facts).way_out, "ask for that one: `waybill tap why c1`");
}

static void
a_change_that_waits_for_a_person(void **state)
{
    change_row_t change = pending_row();
    change.state = "parked";
    change.attempts = 3;
    change.error = "RULE_VIOLATION: no tea";
    expect_change(
        *state, &change, "parked",
        "refused with RULE_VIOLATION \"no tea\" in 3 attempts; it waits for a person");
    const why_facts_t facts = {LIVE, .change = &change};
    assert_non_null(strstr(tell(*state, &facts).way_out, "waybill retry c2"));
    assert_non_null(strstr(tell(*state, &facts).way_out, "discard"));
}

static void
a_change_that_no_frame_takes(void **state)
{
    change_row_t change = pending_row();
    change.state = "parked";
    change.error = "TOO_LARGE: it is larger than that";
    expect_change(*state, &change, "too_large",
                  "it is too large to be sent: TOO_LARGE \"it is larger than that\"");
}

static void
a_change_that_is_tried_again(void **state)
{
    change_row_t change = pending_row();
    change.state = "failed";
    change.attempts = 2;
    change.error = "ENTITY_NOT_FOUND: no such row";
    change.next_attempt = NOW + 40000;
    expect_change(*state, &change, "refused",
                  "refused with ENTITY_NOT_FOUND \"no such row\", attempt 2 of 3, next in "
                  "40.0 s");
    change.next_attempt = NOW - 1;
    expect_change(
        *state, &change, "refused",
        "refused with ENTITY_NOT_FOUND \"no such row\", attempt 2 of 3, next one now");
    change.next_attempt = 0;
    change.error = NULL;
    expect_change(*state, &change, "refused",
                  "refused with an unknown error, attempt 2 of 3, next one is planned");
}

static void
a_change_that_the_server_put_off(void **state)
{
    change_row_t change = pending_row();
    change.state = "failed";
    change.error = "RETRY_LATER: the disk is full";
    change.next_attempt = NOW + 600000;
    expect_change(*state, &change, "put_off",
                  "the server could not decide: RETRY_LATER \"the disk is full\"; it is tried "
                  "again, next in 10 min");
}

static change_row_t
refused_holder(const char *txn, const char *table, const char *key)
{
    return (change_row_t){.id = "c1",
                          .txn = txn,
                          .state = "parked",
                          .entity_type = table,
                          .entity_id = key,
                          .error = "RULE_VIOLATION: no tea"};
}

static void
expect_held(world_t *world, const change_row_t *holder, const char *name, const char *begin)
{
    change_row_t change = pending_row();
    change.held_by = "c1";
    const why_facts_t facts = {LIVE, .change = &change, .holder = holder};
    const change_reason_t reason = tell(world, &facts);
    assert_string_equal(reason.reason, name);
    assert_memory_equal(reason.text, begin, strlen(begin));
    assert_non_null(
        strstr(reason.text, "c1, which was refused with RULE_VIOLATION \"no tea\""));
    assert_string_equal(reason.waits_for, "c1");
    assert_string_equal(reason.way_out, "decide about that one: `waybill changes --id c1`");
}

static void
a_change_behind_a_refused_one(void **state)
{
    const change_row_t of_transaction = refused_holder("t2", "list", "l");
    expect_held(*state, &of_transaction, "transaction", "its local transaction waits for");
    const change_row_t of_row = refused_holder("t1", "todo", "a");
    expect_held(*state, &of_row, "row", "it waits behind an earlier change of the same row");
    const change_row_t of_parent = refused_holder("t1", "list", "l");
    expect_held(*state, &of_parent, "held",
                "it depends, through a foreign key or another change, on list/l");
}

static void
a_change_waits_behind_one_that_is_tried_again(void **state)
{
    world_t *world = *state;
    change_row_t holder = refused_holder("t1", "todo", "a");
    change_row_t change = pending_row();
    holder.state = "failed";
    change.held_by = "c1";
    const why_facts_t facts = {LIVE, .change = &change, .holder = &holder};
    assert_non_null(strstr(tell(world, &facts).text, "and is tried again"));
}

static void
a_change_without_a_connection(void **state)
{
    const change_row_t change = pending_row();
    why_facts_t facts = {.id = "c2",
                         .change = &change,
                         .state = STATE_offline,
                         .reason = "cannot reach ws://x: refused",
                         .apart_ms = 12000,
                         .retry_in = 3200};
    expect_reason(*state, &facts, "offline",
                  "the agent has not been connected for 12.0 s: cannot reach ws://x: refused; "
                  "next attempt in 3.2 s");
    facts.state = STATE_connecting;
    expect_reason(*state, &facts, "connecting", "the agent is connecting to its server");
    facts.state = STATE_stopped;
    facts.reason = "told to disconnect";
    expect_reason(*state, &facts, "stopped",
                  "the agent is kept disconnected: told to disconnect");
    facts.state = STATE_initial;
    expect_reason(*state, &facts, "snapshot",
                  "a snapshot is coming in; local changes wait for its end");
}

static void
a_change_that_is_on_its_way(void **state)
{
    change_row_t change = pending_row();
    why_facts_t facts = {LIVE, .change = &change, .sent = true, .silent_ms = 3000};
    expect_reason(*state, &facts, "sent",
                  "it is sent, and waits for the server's verdict; the server has been silent "
                  "for 3.0 s");
    facts.sent = false;
    facts.in_flight = 2000;
    expect_reason(*state, &facts, "queued",
                  "it waits its turn: 2000 changes before it are sent and undecided");
    change.txn = NULL;
    assert_string_equal(tell(*state, &facts).reason, "unsealed");
}

static void
long_times_are_told_in_large_units(void **state)
{
    const change_row_t change = pending_row();
    why_facts_t facts = {.id = "c2",
                         .change = &change,
                         .state = STATE_offline,
                         .reason = "gone",
                         .apart_ms = 3 * 3600000};
    assert_non_null(strstr(tell(*state, &facts).text, "for 3 h: gone"));
    facts.apart_ms = UINT64_C(5) * 86400000;
    assert_non_null(strstr(tell(*state, &facts).text, "for 5 days: gone"));
}

/*  --------------------------------------------------------------------- of an agent  */

static const change_reason_t *
why(world_t *world, const char *id)
{
    return ASK(world, "service", change_why, change_reason, .id = id);
}

static void
an_agent_knows_why_from_the_call_to_the_verdict(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    assert_string_equal(why(world, id)->reason, "stopped");
    connect_agent(world);
    sim_run_ms(world->sim, 200);
    assert_string_equal(why(world, id)->reason, "offline");
    assert_non_null(strstr(why(world, id)->text, "server:1"));
    start_server(world);
    await_synced(world);
    assert_string_equal(why(world, id)->reason, "applied");
    assert_true(why(world, id)->done);
    assert_string_equal(why(world, "nobody")->reason, "unknown");
}

static void
an_agent_names_the_change_that_is_waited_for(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
    const char *first = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    const char *second = write_one(world, "update", "a", "{\"title\": \"Tea\"}");
    decide(world, first, "rejected", 20, NULL);
    sim_run_ms(world->sim, 1000);
    assert_string_equal(why(world, first)->reason, "parked");
    const change_reason_t *reason = why(world, second);
    assert_string_equal(reason->reason, "row");
    assert_string_equal(reason->waits_for, first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(a_change_that_nobody_knows),
        IN_PAIR(a_change_of_the_server),
        IN_PAIR(a_change_of_the_server_that_is_set_aside),
        IN_PAIR(a_change_that_a_person_gave_up),
        IN_PAIR(a_change_that_is_synchronised),
        IN_PAIR(a_change_that_lost_against_a_newer_version),
        IN_PAIR(a_change_that_was_folded_into_another),
        IN_PAIR(a_change_that_waits_for_a_person),
        IN_PAIR(a_change_that_no_frame_takes),
        IN_PAIR(a_change_that_is_tried_again),
        IN_PAIR(a_change_that_the_server_put_off),
        IN_PAIR(a_change_behind_a_refused_one),
        IN_PAIR(a_change_waits_behind_one_that_is_tried_again),
        IN_PAIR(a_change_without_a_connection),
        IN_PAIR(a_change_that_is_on_its_way),
        IN_PAIR(long_times_are_told_in_large_units),
        IN_PAIR(an_agent_knows_why_from_the_call_to_the_verdict),
        IN_PAIR(an_agent_names_the_change_that_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
