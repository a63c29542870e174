/*  Users all the way: an agent that shows its token, and a server that asks who may read and
    write, in one simulation.  */

#include "tests/unit/pair_sim.h"
#include "tests/unit/sim_trace.h"

#include <sys/stat.h>

static const char users_sql[] =
    "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT,"
    " owner TEXT, secret TEXT NOT NULL DEFAULT 's');"
    "CREATE TABLE IF NOT EXISTS member (id INTEGER PRIMARY KEY, todo TEXT, person TEXT);";

static table_settings_t rules;
static char tokens[140], token[140];

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static void
at_server(const char *sql)
{
    run_on_server(sql);
    backend_follow(&server.backend);
}

static void
add_server_with_users(world_t *world)
{
    add_server(world);
    (void) snprintf(tokens, sizeof tokens, "%s/tokens", world->directory);
    write_file(tokens, "ann t-ann\n");
    server.settings.auth_tokens = tokens;
    rules = (table_settings_t){
        .name = "todo",
        .tables_capture = "default",
        .tables_policy = "row",
        .tables_read = "owner = :user_id OR todo.id IN (SELECT todo FROM member"
                       " WHERE person = :user_id)",
        .tables_write = "",
        .tables_check = "",
        .tables_server_only = "secret",
    };
    server.settings.tables = &rules;
    server.settings.n_tables = 1;
    start_server(world);
}

/*  Whatever the server has, and the agent may have, it has.  */
static void
await_all(world_t *world)
{
    sim_run_ms(world->sim, 2000);
    await_synced(world);
}

static int
make_both(void **state)
{
    server_schema_sql = users_sql;
    const int result = make_world(state);
    world_t *world = *state;
    add_server_with_users(world);
    (void) snprintf(token, sizeof token, "%s/token", world->directory);
    write_file(token, "t-ann\n");
    world->settings.agent_token_file = token;
    world->settings.agent_connect = true;
    return result;
}

static void
expect_todos(world_t *world, const char *expected)
{
    assert_string_equal(text_of(world, "SELECT ifnull(group_concat(id, ' '), '')"
                                       " FROM (SELECT id FROM todo ORDER BY id)"),
                        expected);
}

/*  ---------------------------------------------------------------------------- tokens  */

static void
says_that_its_token_is_refused_and_reads_it_again_at_each_attempt(void **state)
{
    world_t *world = *state;
    write_file(token, "t-old\n");
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    assert_string_equal(status(world)->state, "offline");
    assert_non_null(strstr(status(world)->reason, "refused the token (HTTP 401)"));
    assert_non_null(strstr(status(world)->reason, token));
    write_file(token, "t-ann\n");
    await_all(world);
}

static void
says_what_path_a_server_has(void **state)
{
    world_t *world = *state;
    world->settings.agent_server = "ws://server:1/";
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    assert_non_null(strstr(status(world)->reason, "its URL ends with /api/sync"));
}

static void
charges_no_change_for_a_refused_token(void **state)
{
    world_t *world = *state;
    start_agent(world);
    await_all(world);
    sim_link(world->sim, world->node, false);
    write_file(token, "t-old\n");
    sim_link(world->sim, world->node, true);
    (void) write_one(world, "insert", "a", "{\"owner\": \"ann\"}");
    sim_run_ms(world->sim, 600000);
    assert_int_equal(status(world)->pending, 1);
    assert_string_equal(text_of(world, "SELECT attempts FROM local_changes"), "0");
    write_file(token, "t-ann\n");
    await_all(world);
    assert_string_equal(
        text_of(world, "SELECT verdict FROM local_changes WHERE id IS NOT NULL"), "applied");
}

static void
says_what_is_wrong_with_its_token_file(void **state)
{
    world_t *world = *state;
    assert_int_equal(chmod(token, 0644), 0);
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    assert_non_null(strstr(status(world)->reason, "agent.token_file"));
    world->settings.agent_token_file = "";
    sim_run_ms(world->sim, 120000);
    assert_non_null(strstr(status(world)->reason, "wants a token"));
}

/*  ----------------------------------------------------------------------------- rights  */

static void
has_only_what_its_user_may_read(void **state)
{
    world_t *world = *state;
    at_server("INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_all(world);
    expect_todos(world, "a");
    at_server("UPDATE todo SET owner = CASE owner WHEN 'ann' THEN 'bob' ELSE 'ann' END");
    await_all(world);
    expect_todos(world, "b");
    assert_string_equal(
        text_of(world, "SELECT count(*) FROM pragma_table_info('todo') WHERE name = 'secret'"),
        "0");
}

static void
gets_and_loses_rows_with_its_memberships(void **state)
{
    world_t *world = *state;
    at_server("INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_all(world);
    at_server("INSERT INTO member VALUES (1, 'b', 'ann')");
    await_all(world);
    expect_todos(world, "a b");
    at_server("DELETE FROM member");
    await_all(world);
    expect_todos(world, "a");
}

static void
loses_a_row_that_it_moves_out_of_its_users_sight(void **state)
{
    world_t *world = *state;
    start_agent(world);
    await_all(world);
    (void) write_one(world, "insert", "a", "{\"owner\": \"ann\"}");
    (void) write_one(world, "insert", "b", "{\"owner\": \"bob\"}");
    await_all(world);
    expect_todos(world, "a");
    (void) write_one(world, "update", "a", "{\"owner\": \"bob\"}");
    await_all(world);
    expect_todos(world, "");
}

static void
starts_anew_when_other_rules_are_set(void **state)
{
    world_t *world = *state;
    trace_t trace;
    at_server("INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_all(world);
    sim_stop(world->sim, server.node);
    rules.tables_read = "owner = 'bob'";
    start_server(world);
    await_all(world);
    expect_todos(world, "b");
    trace_begin(&trace, world->sim);
    sim_stop(world->sim, server.node);
    start_server(world);
    await_all(world);
    assert_int_equal(trace_count(&trace, "\"srv_init_start\""), 0);
    trace_end(&trace, world->sim);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, make_both, remove_pair)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(says_that_its_token_is_refused_and_reads_it_again_at_each_attempt),
        WITH_BOTH(says_what_path_a_server_has),
        WITH_BOTH(charges_no_change_for_a_refused_token),
        WITH_BOTH(says_what_is_wrong_with_its_token_file),
        WITH_BOTH(has_only_what_its_user_may_read),
        WITH_BOTH(gets_and_loses_rows_with_its_memberships),
        WITH_BOTH(loses_a_row_that_it_moves_out_of_its_users_sight),
        WITH_BOTH(starts_anew_when_other_rules_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
