/*  Several addresses in agent.server: which is dialled, and when.  */

#include "actors/agent/servers.h"
#include "tests/unit/pair_sim.h"

#define FIRST "ws://server:1/api/sync"
#define NOBODY "ws://nobody:1/api/sync"
#define SECOND "ws://second:1/api/sync"

enum { WAIT_MS = 60000, AT_ONCE_MS = WAIT_MS / 4 + 5000 };

static void
takes_addresses_apart_at_blanks_and_commas(void **state)
{
    arena_t arena = {0};
    (void) state;
    assert_int_equal(servers_count(""), 0);
    assert_int_equal(servers_count(" , "), 0);
    assert_int_equal(servers_count(" a, b\tc,,d "), 4);
    assert_string_equal(servers_at(" a, b\tc,,d ", 0, &arena), "a");
    assert_string_equal(servers_at(" a, b\tc,,d ", 3, &arena), "d");
    assert_string_equal(servers_at(" a, b\tc,,d ", 5, &arena), "b");
    assert_string_equal(servers_at("one", 7, &arena), "one");
    assert_string_equal(servers_at("", 0, &arena), "");
    arena_release(&arena);
}

static void
start_with(world_t *world, const char *servers)
{
    world->settings.agent_server = servers;
    world->settings.agent_connect = true;
    world->settings.connection_base_ms = WAIT_MS;
    start_agent(world);
}

static void
goes_to_the_next_server_at_once(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    start_with(world, NOBODY ", " FIRST);
    sim_run_ms(world->sim, AT_ONCE_MS);
    assert_string_equal(status(world)->state, "live");
    assert_string_equal(status(world)->server, FIRST);
}

static void
waits_when_all_servers_have_failed(void **state)
{
    world_t *world = *state;
    start_with(world, NOBODY " " FIRST " " SECOND);
    for (int i = 0; i < 60 && strstr(status(world)->reason, "reach " SECOND) == NULL; i++)
        sim_run_ms(world->sim, 1000);
    assert_string_equal(status(world)->state, "offline");
    assert_string_equal(status(world)->server, SECOND);
    assert_true(status(world)->retry_in > WAIT_MS / 2 - 2000);
    add_server(world);
    start_server(world);
    sim_run_ms(world->sim, 2 * WAIT_MS + AT_ONCE_MS);
    assert_string_equal(status(world)->state, "live");
}

/*  One more, with a database of its own.  */
static settings_t second_settings;

static void
start_second(world_t *world)
{
    static char path[140];
    (void) snprintf(path, sizeof path, "%s/second.db", world->directory);
    second_settings = server.settings;
    second_settings.server_db = path;
    const int node = sim_node(world->sim, "second", "second:1", &second_settings);
    for (size_t i = 0; server_actors[i]; i++)
        sim_add(world->sim, node, server_actors[i]);
    start_node(world->sim, node);
}

static void
goes_to_another_server_when_it_has_lost_one(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    start_second(world);
    start_with(world, FIRST "," SECOND);
    await_synced(world);
    assert_string_equal(status(world)->server, FIRST);
    sim_run_ms(world->sim, 120000);
    sim_stop(world->sim, server.node);
    sim_run_ms(world->sim, AT_ONCE_MS);
    assert_string_equal(status(world)->state, "live");
    assert_string_equal(status(world)->server, SECOND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses_apart_at_blanks_and_commas),
        IN_WORLD(goes_to_the_next_server_at_once),
        IN_WORLD(waits_when_all_servers_have_failed),
        IN_WORLD(goes_to_another_server_when_it_has_lost_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
