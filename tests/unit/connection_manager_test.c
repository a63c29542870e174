/*  The connection-manager, against the real server in the same simulation.  */

#include "actors/agent/states.h"
#include "tests/unit/pair_sim.h"

static void
waits_for_a_connect_command_if_told_so(void **state)
{
    world_t *world = *state;
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    assert_string_equal(status(world)->state, "stopped");
    assert_non_null(strstr(status(world)->reason, "connect command"));
    assert_int_equal(strlen(status(world)->client_id), 36);
}

static void
says_why_it_is_offline_and_when_it_tries_again(void **state)
{
    world_t *world = *state;
    world->settings.agent_connect = true;
    world->settings.connection_base_ms = 60000;
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    const status_t *heard = status(world);
    assert_string_equal(heard->state, "offline");
    assert_non_null(strstr(heard->reason, "cannot reach ws://server:1/api/sync: "));
    assert_non_null(strstr(heard->reason, "next attempt in "));
    assert_true(heard->retry_in > 0);
    assert_false(heard->synced);
}

static void
becomes_live_and_synced(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    assert_string_equal(status(world)->state, "live");
    assert_int_equal(status(world)->lsn, status(world)->server_lsn);
}

static void
sends_what_was_recorded_while_it_was_down(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    start_with_todo(world);
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    assert_int_equal(status(world)->pending, 1);
    connect_agent(world);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT verdict FROM local_changes"), "applied");
}

/*  How often the position was given to the processor alone, without changes.  */
static size_t
count_moves(const char *trace)
{
    size_t n = 0;
    for (const char *at = trace; (at = strstr(at, "lsn-manager -> processor")) != NULL; n++)
        at += strcspn(at, "\n");
    return n;
}

static void
moves_the_position_over_several_changes_of_its_own_at_once(void **state)
{
    world_t *world = *state;
    char *trace = NULL;
    size_t size = 0;
    add_server(world);
    start_server(world);
    start_with_todo(world);
    connect_agent(world);
    await_synced(world);
    FILE *out = open_memstream(&trace, &size);
    assert_non_null(out);
    sim_trace_to(world->sim, out);
    for (int i = 0; i < 10; i++) {
        const char id[] = {(char) ('a' + i), '\0'};
        (void) write_one(world, "insert", id, "{\"title\": \"Tea\"}");
    }
    tell_replicator(world);
    sim_trace_to(world->sim, NULL);
    (void) fclose(out);
    assert_in_range(count_moves(trace), 1, 5);
    assert_int_equal(status(world)->lsn, status(world)->server_lsn);
    assert_true(status(world)->synced);
    free(trace);
}

static void
comes_back_after_the_link_was_cut(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    sim_link(world->sim, world->node, false);
    sim_run_ms(world->sim, 1000);
    assert_string_not_equal(status(world)->state, "live");
    (void) write_one(world, "insert", "a", "{\"title\": \"Tea\"}");
    sim_link(world->sim, world->node, true);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT verdict FROM local_changes"), "applied");
}

static void
stays_down_once_disconnected(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    sim_tell(world->sim, world->node, "service", MSG_disconnect,
             &(disconnect_t){.reason = "flight mode"});
    sim_run_ms(world->sim, 300000);
    assert_string_equal(status(world)->state, "stopped");
    assert_string_equal(status(world)->reason, "flight mode");
    connect_agent(world);
    await_synced(world);
}

static void
sends_a_refused_change_again_and_then_leaves_it_to_a_person(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    run_sql(world, "CREATE TABLE note (id TEXT PRIMARY KEY)");
    start_agent(world);
    entry_t change = {
        .table = "note", .operation = "insert", .id = "a", .data = row(world, "{}")};
    (void) ASK(world, "service", write, written, .changes = &change, .n_changes = 1);
    connect_agent(world);
    sim_run_ms(world->sim, 120000);
    await_synced(world);
    assert_int_equal(status(world)->parked, 1);
    assert_string_equal(text_of(world, "SELECT state || attempts FROM local_changes"),
                        "parked3");
    assert_string_equal(text_of(world, "SELECT count(*) FROM waybill_errors"), "3");
}

static void
follows_a_column_that_was_added_at_the_server(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    run_on_server("INSERT INTO todo VALUES ('b', 'Milk')");
    tell_replicator(world);
    run_on_server("ALTER TABLE todo ADD COLUMN colour TEXT DEFAULT 'blue'");
    tell_replicator(world);
    run_on_server("INSERT INTO todo VALUES ('a', 'Tea', 'red')");
    tell_replicator(world);
    sim_run_ms(world->sim, 120000);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT group_concat(id || colour) FROM todo"),
                        "bblue,ared");
}

/*  A verdict takes longer than applying what comes in.  */
static int
make_distant_world(void **state)
{
    static const sim_faults_t distant = {.net_delay_ms = 100};
    (void) make_world(state);
    world_t *world = *state;
    sim_destroy(&world->sim);
    world->sim = sim_new(1, &distant);
    world->node = sim_node(world->sim, "agent", NULL, &world->settings);
    for (size_t i = 0; agent_actors[i]; i++)
        sim_add(world->sim, world->node, agent_actors[i]);
    return 0;
}

/*  Two who were apart have used the same name: the server's word goes, and the other is told.
 */
static void
gives_way_where_a_rule_of_the_table_allows_only_one(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    start_with_todo(world);
    run_sql(world, "CREATE UNIQUE INDEX one_title ON todo (title)");
    run_on_server("CREATE UNIQUE INDEX one_title ON todo (title)");
    connect_agent(world);
    await_synced(world);
    sim_tell(world->sim, world->node, "service", MSG_disconnect, &(disconnect_t){0});
    sim_run_ms(world->sim, 1000);
    (void) write_one(world, "insert", "b", "{\"title\": \"Tea\"}");
    run_on_server("INSERT INTO todo (id, title) VALUES ('a', 'Tea')");
    tell_replicator(world);
    connect_agent(world);
    await_synced(world);
    sim_run_ms(world->sim, 60000);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT group_concat(id) FROM todo"), "a");
    assert_string_equal(text_of(world, "SELECT verdict FROM local_changes WHERE from_server ="
                                       " 0"),
                        "rejected");
}

/*  Every pair of state and event, so that what means nothing is a decision.  */
static void
moves_between_states_as_decided(void **state)
{
    static const char grid[] = /* dial snapshot catchup live lost connect disconnect */
        "offline:    connecting - - - - - stopped\n"
        "connecting: - initial catchup live offline - stopped\n"
        "initial:    - - catchup live offline - stopped\n"
        "catchup:    - initial - live offline - stopped\n"
        "live:       - initial catchup - offline - stopped\n"
        "stopped:    - - - - - offline -\n";
    buffer_t seen = {0};
    (void) state;
    for (int from = 0; from < STATE_COUNT; from++) {
        buffer_add_format(&seen, "%s:%*s", state_name((state_t) from),
                          (int) (10 - strlen(state_name((state_t) from))), "");
        for (int event = 0; event < EVENT_COUNT; event++) {
            const state_t to = state_after((state_t) from, (event_t) event);
            buffer_add_format(&seen, " %s", to == (state_t) from ? "-" : state_name(to));
        }
        buffer_add_text(&seen, "\n");
    }
    assert_string_equal(buffer_text(&seen), grid);
    buffer_release(&seen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_between_states_as_decided),
        IN_PAIR(waits_for_a_connect_command_if_told_so),
        IN_PAIR(says_why_it_is_offline_and_when_it_tries_again),
        IN_PAIR(becomes_live_and_synced),
        IN_PAIR(sends_what_was_recorded_while_it_was_down),
        IN_PAIR(moves_the_position_over_several_changes_of_its_own_at_once),
        IN_PAIR(comes_back_after_the_link_was_cut),
        IN_PAIR(stays_down_once_disconnected),
        IN_PAIR(follows_a_column_that_was_added_at_the_server),
        cmocka_unit_test_setup_teardown(gives_way_where_a_rule_of_the_table_allows_only_one,
                                        make_distant_world, remove_pair),
        IN_PAIR(sends_a_refused_change_again_and_then_leaves_it_to_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
