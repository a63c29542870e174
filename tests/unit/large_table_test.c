/*  A table of many rows that gets another shape, and an agent that follows.  */

#include "tests/unit/pair_sim.h"

static void
a_large_table_gets_a_column(void **state)
{
    const char *fill =
        either("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)"
               " INSERT INTO todo SELECT printf('%06d', i), 'Tea' FROM n",
               "INSERT INTO todo SELECT lpad(i::text, 6, '0'), 'Tea'"
               " FROM generate_series(1, 100000) AS i");
    world_t *world = *state;
    add_server(world);
    start_server(world);
    /* Triggers have the true time. */
    server.settings.limits_ahead_ms = INT64_C(315360000000);
    run_on_server(fill);
    tell_replicator(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await_synced(world);
    (void) write_one(world, "update", "000007", "{\"title\": \"mine\"}");
    run_on_server("ALTER TABLE todo ADD COLUMN colour TEXT DEFAULT 'blue'");
    tell_replicator(world);
    run_on_server("UPDATE todo SET colour = 'red' WHERE id > '099990'");
    tell_replicator(world);
    sim_run_ms(world->sim, 120000);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT group_concat(n) FROM (SELECT colour || count(*)"
                                       " AS n FROM todo GROUP BY colour)"),
                        "blue99990,red10");
    assert_string_equal(text_of(world, "SELECT title FROM todo WHERE id = '000007'"), "mine");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(a_large_table_gets_a_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
