/*  Which way a change goes: through which actors, over which connection, and when.  */

#include "actors/server/actors.h"
#include "schemas/message.h"
#include "tests/unit/pair_sim.h"
#include "tests/unit/sim_trace.h"

static void
start_both(world_t *world)
{
    add_server(world);
    start_server(world);
    start_with_todo(world);
}

static void
start_live(world_t *world)
{
    start_both(world);
    connect_agent(world);
    await_synced(world);
}

/*  -------------------------------------------------------------------------------- steps  */

/*  From whom to whom, and what.  */
typedef struct step {
    const char *way, *what;
} step_t;

#define FRAME(type)                                                                            \
    {                                                                                          \
        " conn ", "{\"type\":\"" type "\""                                                     \
    }

static bool
is_in(const char *line, size_t size, const char *what)
{
    return memmem(line, size, what, strlen(what)) != NULL;
}

/*  Behind the next line that is the step.  */
static const char *
after_step(const char *at, const step_t *step)
{
    for (const char *line = at, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const size_t size = (size_t) (end - line);
        if (is_in(line, size, step->way) && is_in(line, size, step->what))
            return end + 1;
    }
    fail_msg("no %s %s in what is left:\n%s", step->way, step->what, at);
    return NULL;
}

/*  The steps are there in that order; others may come in between.  */
static void
assert_steps(trace_t *trace, const step_t *steps)
{
    const char *at = trace_text(trace);
    for (; steps->way; steps++)
        at = after_step(at, steps);
}

static void
a_local_change_goes_through_the_journal_and_the_connection(void **state)
{
    static const step_t steps[] = {
        {"agent: ipc -> service", " write "},
        {"agent: service -> recorder", " write "},
        {"agent: recorder -> connection-manager", " outbox_dirty "},
        {"agent: connection-manager -> recorder", " outbox_fetch "},
        {"agent: recorder -> connection-manager", " outbox_batch "},
        FRAME("clt_send_changes"),
        {"server: listener -> client-changes", " client_changes "},
        {"server: client-changes -> listener", " client_verdicts "},
        FRAME("srv_changes_applied"),
        {"agent: connection-manager -> recorder", " record_verdicts "},
        {"agent: recorder -> connection-manager", " verdicts_recorded "},
        {0},
    };
    world_t *world = *state;
    trace_t trace;
    start_both(world);
    (void) write_one(world, "insert", "a", "{}");
    connect_agent(world);
    sim_run_ms(world->sim, 1000);
    trace_begin(&trace, world->sim);
    (void) write_one(world, "insert", "b", "{}");
    sim_run_ms(world->sim, 1000);
    assert_steps(&trace, steps);
    trace_end(&trace, world->sim);
}

static void
a_change_of_the_server_goes_through_the_connection_to_the_processor(void **state)
{
    static const step_t from_file[] = {
        {"server: replicator -> distributor", " log_advanced "},
        {"server: distributor -> listener", " log_advanced "},
        {0},
    };
    static const step_t from_postgres[] = {
        {"server: replicator -> listener", " log_advanced "},
        {0},
    };
    static const step_t steps[] = {
        {"server: listener -> distributor", " stream_pull "},
        {"server: distributor -> listener", " stream_chunk "},
        FRAME("srv_live_changes"),
        {"agent: connection-manager -> lsn-manager", " server_changes "},
        {"agent: lsn-manager -> processor", " server_changes "},
        {"agent: processor -> lsn-manager", " changes_applied "},
        {"agent: lsn-manager -> connection-manager", " changes_applied "},
        FRAME("clt_changes_received"),
        {"server: listener -> distributor", " stream_ack "},
        {0},
    };
    world_t *world = *state;
    trace_t trace;
    start_live(world);
    trace_begin(&trace, world->sim);
    run_on_server("INSERT INTO todo (id, title) VALUES ('s', 'Tea')");
    tell_replicator(world);
    assert_steps(&trace, on_postgres() ? from_postgres : from_file);
    assert_steps(&trace, steps);
    trace_end(&trace, world->sim);
    assert_string_equal(text_of(world, "SELECT title FROM todo WHERE id = 's'"), "Tea");
}

static void
both_ways_use_one_connection(void **state)
{
    world_t *world = *state;
    trace_t trace;
    start_both(world);
    trace_begin(&trace, world->sim);
    connect_agent(world);
    for (int i = 0; i < 10; i++) {
        char sql[80], id[8];
        (void) snprintf(id, sizeof id, "a%d", i);
        (void) write_one(world, "insert", id, "{}");
        (void) snprintf(sql, sizeof sql, "INSERT INTO todo (id) VALUES ('s%d')", i);
        run_on_server(sql);
        tell_replicator(world);
    }
    await_synced(world);
    const size_t frames = trace_count(&trace, " conn ");
    assert_int_equal(trace_count(&trace, " conn 1 ") + trace_count(&trace, " conn 2 "), frames);
    assert_true(trace_count(&trace, "clt_send_changes") > 0);
    trace_end(&trace, world->sim);
}

/*  --------------------------------------------------------------------------------- when  */

static void
nothing_is_sent_while_a_snapshot_comes_in(void **state)
{
    static const step_t steps[] = {FRAME("srv_live_start"), FRAME("clt_send_changes"), {0}};
    world_t *world = *state;
    trace_t trace;
    start_both(world);
    (void) write_one(world, "insert", "a", "{}");
    trace_begin(&trace, world->sim);
    connect_agent(world);
    await_synced(world);
    assert_int_equal(trace_count(&trace, "clt_send_changes"), 1);
    assert_steps(&trace, steps);
    trace_end(&trace, world->sim);
}

/*  A step at a time, until the server has heard so often that something has arrived.  */
static void
step_until_acknowledged(world_t *world, trace_t *trace, size_t times)
{
    for (int i = 0; trace_count(trace, "{\"type\":\"clt_changes_received\"") < times; i++) {
        assert_true(i < 100000);
        (void) sim_step(world->sim);
    }
}

static void
nothing_is_acknowledged_before_it_is_committed(void **state)
{
    world_t *world = *state;
    trace_t trace;
    char sql[80];
    start_live(world);
    trace_begin(&trace, world->sim);
    for (size_t i = 1; i <= 10; i++) {
        (void) snprintf(sql, sizeof sql, "INSERT INTO todo (id) VALUES ('s%zu')", i);
        run_on_server(sql);
        sim_tell(world->sim, server.node, "replicator", MSG_committed, &(committed_t){0});
        step_until_acknowledged(world, &trace, i);
        (void) snprintf(sql, sizeof sql, "SELECT count(*) - %zu FROM todo", i);
        assert_string_equal(text_of(world, sql), "0");
    }
    trace_end(&trace, world->sim);
}

/*  Something sets the agent back to an earlier position, so that what comes next is too late
    for it.  */
static void
asks_anew_where_something_is_missing(void **state)
{
    static const char *const phases[] = {"snapshot_begin", "snapshot_end"};
    world_t *world = *state;
    trace_t trace;
    start_live(world);
    const uint64_t before = status(world)->lsn;
    const char *epoch = arena_text(&world->arena, status(world)->epoch);
    run_on_server("INSERT INTO todo (id) VALUES ('a')");
    tell_replicator(world);
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = phases[i],
                   .epoch = epoch, .lsn = before, .last = true);
    trace_begin(&trace, world->sim);
    run_on_server("INSERT INTO todo (id) VALUES ('b')");
    tell_replicator(world);
    await_synced(world);
    assert_int_equal(trace_count(&trace, "{\"type\":\"clt_catchup_request\""), 1);
    assert_int_equal(trace_count(&trace, "{\"type\":\"srv_catchup_changes\""), 1);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a,b");
    trace_end(&trace, world->sim);
}

/*  ---------------------------------------------------------------------------------- who  */

static bool
is_handled_in(const actor_class_t *const *roster, const edge_t *edge)
{
    for (; *roster; roster++)
        if (strcmp((*roster)->name, edge->to) == 0)
            return (*roster)->handlers[edge->message] != NULL;
    return false;
}

/*  The monitor is the same actor in both programs, and asks in each only those who are there.
 */
static bool
is_handled(const edge_t *edge)
{
    return strcmp(edge->to, ANY_TAKER) == 0 || is_handled_in(agent_actors, edge)
           || is_handled_in(server_actors, edge);
}

static void
assert_all_are_handled(const actor_class_t *const *roster)
{
    size_t n = 0;
    for (const actor_class_t *const *from = roster; *from; from++)
        for (const edge_t *edge = (*from)->sends; edge && edge->to; edge++, n++)
            if (!is_handled(edge))
                fail_msg("%s sends %s to %s, who does not handle it", (*from)->name,
                         schema_of(edge->message)->name, edge->to);
    assert_true(n > 10);
}

static void
whatever_an_actor_sends_is_handled_where_it_goes(void **state)
{
    (void) state;
    assert_all_are_handled(agent_actors);
    assert_all_are_handled(server_actors);
}

static void
assert_told(trace_t *trace, const actor_class_t *class, const char *state)
{
    char line[120];
    (void) snprintf(line, sizeof line, "{\"actor\":\"%s\",\"state\":\"%s\"", class->name,
                    state);
    if (trace_count(trace, line) != 1)
        fail_msg("%s: %d times %s", class->name, (int) trace_count(trace, line), state);
}

static void
each_actor_tells_that_it_starts_and_is_ready(void **state)
{
    world_t *world = *state;
    trace_t trace;
    trace_begin(&trace, world->sim);
    start_with_todo(world);
    sim_run_ms(world->sim, 1000);
    for (const actor_class_t *const *class = agent_actors; *class; class ++) {
        assert_told(&trace, *class, "starting");
        assert_told(&trace, *class, "ready");
    }
    trace_end(&trace, world->sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(a_local_change_goes_through_the_journal_and_the_connection),
        IN_PAIR(a_change_of_the_server_goes_through_the_connection_to_the_processor),
        IN_PAIR(both_ways_use_one_connection),
        IN_PAIR(nothing_is_sent_while_a_snapshot_comes_in),
        IN_PAIR(nothing_is_acknowledged_before_it_is_committed),
        IN_PAIR(asks_anew_where_something_is_missing),
        IN_PAIR(each_actor_tells_that_it_starts_and_is_ready),
        cmocka_unit_test(whatever_an_actor_sends_is_handled_where_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
