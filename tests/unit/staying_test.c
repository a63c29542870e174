/*  An agent and its connection over time: how it comes back, that it stays, what it keeps,
    and what it tells of that.  */

#include "tests/unit/pair_sim.h"
#include "tests/unit/sim_trace.h"

enum { BASE_MS = 1000, CAP_MS = 16000, ATTEMPTS = 8, HOUR_MS = 3600000, MANY = 1000 };

/*  Chance takes up to half of it off.  */
static void
assert_about(int64_t wait, int64_t longest)
{
    if (wait < longest / 2 - 1 || wait > longest)
        fail_msg("waits %d ms instead of %d at most", (int) wait, (int) longest);
}

/*  The wait that the next failure brings.  */
static int64_t
next_wait(world_t *world)
{
    int64_t before = status(world)->retry_in;
    for (int i = 0; i < 2 * CAP_MS; i++) {
        sim_run_ms(world->sim, before > 2 ? (uint64_t) before - 1 : 1);
        const int64_t now = status(world)->retry_in;
        if (now > before)
            return now;
        before = now;
    }
    fail_msg("no attempt failed");
    return 0;
}

static void
waits_longer_each_time_and_not_so_after_a_success(void **state)
{
    world_t *world = *state;
    int64_t longest = BASE_MS;
    add_server(world);
    world->settings.agent_connect = true;
    world->settings.connection_base_ms = BASE_MS;
    world->settings.connection_cap_ms = CAP_MS;
    start_agent(world);
    sim_run_ms(world->sim, 1);
    assert_about(status(world)->retry_in, longest);
    for (int i = 0; i < ATTEMPTS; i++) {
        longest = longest < CAP_MS ? 2 * longest : CAP_MS;
        assert_about(next_wait(world), longest);
    }
    start_server(world);
    await_synced(world);
    sim_run_ms(world->sim, 2 * (uint64_t) world->settings.connection_heartbeat_ms);
    sim_crash(world->sim, server.node);
    sim_run_ms(world->sim, 1);
    assert_about(status(world)->retry_in, BASE_MS);
}

/*  Nobody writes anything; frames take a different time each.  */
static int
make_jittery_world(void **state)
{
    static const sim_faults_t jitter = {.net_delay_ms = 300, .bus_delay_ms = 5};
    (void) make_world(state);
    world_t *world = *state;
    sim_destroy(&world->sim);
    world->sim = sim_new(1, &jitter);
    world->node = sim_node(world->sim, "agent", NULL, &world->settings);
    for (size_t i = 0; agent_actors[i]; i++)
        sim_add(world->sim, world->node, agent_actors[i]);
    return 0;
}

static void
stays_connected_through_an_idle_hour(void **state)
{
    world_t *world = *state;
    trace_t trace;
    ONLY_ON_SQLITE("beside a real database the hour would be minutes");
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    trace_begin(&trace, world->sim);
    sim_run_ms(world->sim, HOUR_MS);
    assert_string_equal(status(world)->state, "live");
    assert_int_equal(trace_count(&trace, "\"srv_schema\""), 0);
    const size_t expected = HOUR_MS / (size_t) world->settings.connection_heartbeat_ms;
    assert_in_range(trace_count(&trace, "\"clt_heartbeat\""), expected - 1, expected + 2);
    assert_in_range(trace_count(&trace, "\"srv_heartbeat\""), expected - 1, expected + 2);
    trace_end(&trace, world->sim);
}

static void
keeps_position_outbox_and_name_over_a_drop(void **state)
{
    static const char sql[] = "SELECT client_id || epoch || (SELECT"
                              " group_concat(id || processed_sync) FROM local_changes)"
                              " FROM sync_state";
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    await_synced(world);
    const char *before = text_of(world, sql);
    const uint64_t position = status(world)->lsn;
    sim_link(world->sim, world->node, false);
    sim_run_ms(world->sim, 1000);
    assert_string_equal(text_of(world, sql), before);
    assert_int_equal(status(world)->lsn, position);
    sim_link(world->sim, world->node, true);
    await_synced(world);
    assert_string_equal(text_of(world, sql), before);
    /* There it goes on by itself. */
    assert_in_range(status(world)->lsn, position, on_postgres() ? UINT64_MAX : position);
}

/*  They were recorded by an earlier life of the agent, and leave as they came.  */
static void
sends_a_thousand_changes_from_before_its_start_in_order(void **state)
{
    world_t *world = *state;
    char id[16];
    add_server(world);
    start_server(world);
    start_with_todo(world);
    for (int i = 0; i < MANY; i++) {
        (void) snprintf(id, sizeof id, "%d", i);
        (void) write_one(world, "insert", id, "{\"title\": \"Tea\"}");
    }
    sim_crash(world->sim, world->node);
    start_agent(world);
    assert_int_equal(status(world)->pending, MANY);
    connect_agent(world);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT group_concat(entity_id) = (SELECT"
                                       " group_concat(entity_id) FROM (SELECT entity_id FROM"
                                       " local_changes ORDER BY lsn))"
                                       " FROM (SELECT entity_id FROM local_changes"
                                       " ORDER BY rowid)"),
                        "1");
    /* There many share a commit, and so a position. */
    assert_string_equal(text_of(world, either("SELECT count(DISTINCT lsn) FROM local_changes"
                                              " WHERE verdict = 'applied'",
                                              "SELECT count(*) FROM local_changes"
                                              " WHERE verdict = 'applied'")),
                        "1000");
}

static void
goes_on_where_it_stood(void **state)
{
    world_t *world = *state;
    trace_t trace;
    add_server(world);
    start_server(world);
    run_on_server("INSERT INTO todo VALUES ('a', 'Tea'), ('b', 'Milk')");
    tell_replicator(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    sim_crash(world->sim, world->node);
    run_on_server("INSERT INTO todo VALUES ('c', 'Bread')");
    tell_replicator(world);
    trace_begin(&trace, world->sim);
    start_agent(world);
    await_synced(world);
    assert_int_equal(trace_count(&trace, "\"srv_init_start\""), 0);
    assert_int_equal(trace_count(&trace, "{\"type\":\"srv_catchup_changes\""), 1);
    assert_int_equal(trace_count(&trace, "{\"type\":\"srv_live_changes\""), 0);
    assert_string_equal(text_of(world, "SELECT group_concat(title) FROM todo"),
                        "Tea,Milk,Bread");
    assert_string_equal(text_of(world, "SELECT group_concat(entity_id) FROM local_changes"),
                        "c");
    trace_end(&trace, world->sim);
}

static void
a_row_of_its_own_that_it_deleted_stays_deleted(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    await_synced(world);
    (void) write_one(world, "delete", "a", NULL);
    await_synced(world);
    sim_link(world->sim, world->node, false);
    sim_run_ms(world->sim, 1000);
    sim_link(world->sim, world->node, true);
    await_synced(world);
    sim_crash(world->sim, world->node);
    start_agent(world);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "0");
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes"), "2");
}

/*  -------------------------------------------------------------------------------- telling  */

typedef struct ear {
    world_t *world;
    buffer_t states;
} ear_t;

static bool
note_states(void *arg)
{
    ear_t *self = arg;
    sim_heard_t heard;
    while (sim_take(self->world->sim, self->world->node, &heard))
        if (heard.id == MSG_status && heard.ask == 0)
            buffer_add_format(&self->states, "%s ", ((const status_t *) heard.body)->state);
    return false;
}

static void
tells_of_each_state_once(void **state)
{
    world_t *world = *state;
    ear_t ear = {.world = world};
    add_server(world);
    start_server(world);
    start_agent(world);
    sim_hear(world->sim, world->node, "status");
    (void) sim_until(world->sim, note_states, &ear, 1000);
    connect_agent(world);
    (void) sim_until(world->sim, note_states, &ear, 10000);
    sim_link(world->sim, world->node, false);
    (void) sim_until(world->sim, note_states, &ear, 500);
    sim_tell(world->sim, world->node, "service", MSG_disconnect, &(disconnect_t){0});
    (void) sim_until(world->sim, note_states, &ear, 1000);
    assert_string_equal(buffer_text(&ear.states),
                        "offline connecting initial live offline stopped ");
    buffer_release(&ear.states);
}

/*  Whoever waits has something on its way, a time when it goes on, or a reason to tell.  */
static bool
knows_why(const status_t *status)
{
    const bool moves = strcmp(status->state, "live") != 0
                       && strcmp(status->state, "offline") != 0
                       && strcmp(status->state, "stopped") != 0;
    return status->synced || moves || status->in_flight > 0 || status->retry_in > 0
           || (status->reason && status->reason[0]);
}

/*  A network and a server that fail again and again. What is left when all is well again is
    nothing.  */
static void
always_knows_what_it_waits_for(void **state)
{
    world_t *world = *state;
    char id[16];
    int unknown = 0;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    world->settings.connection_cap_ms = CAP_MS;
    start_with_todo(world);
    await_synced(world);
    for (int i = 0; i < 600; i++) {
        (void) snprintf(id, sizeof id, "%d", i);
        (void) write_one(world, "insert", id, "{\"title\": \"Tea\"}");
        if (i % 40 == 7)
            sim_link(world->sim, world->node, i % 80 == 7);
        if (i % 100 == 50)
            sim_crash(world->sim, server.node);
        if (i % 100 == 70)
            start_server(world);
        sim_run_ms(world->sim, 250);
        const status_t *now = ASK(world, "service", status_get, status);
        unknown = knows_why(now) ? 0 : unknown + 1;
        if (unknown > 2)
            fail_msg("%s, %d pending, and nothing moves", now->state, (int) now->pending);
    }
    sim_link(world->sim, world->node, true);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT count(*) FROM local_changes WHERE verdict ="
                                       " 'applied'"),
                        "600");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(waits_longer_each_time_and_not_so_after_a_success),
        cmocka_unit_test_setup_teardown(stays_connected_through_an_idle_hour,
                                        make_jittery_world, remove_pair),
        IN_PAIR(keeps_position_outbox_and_name_over_a_drop),
        IN_PAIR(sends_a_thousand_changes_from_before_its_start_in_order),
        IN_PAIR(goes_on_where_it_stood),
        IN_PAIR(a_row_of_its_own_that_it_deleted_stays_deleted),
        IN_PAIR(tells_of_each_state_once),
        IN_PAIR(always_knows_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
