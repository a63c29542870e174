/*  Users all the way: an agent that shows its token, and a server that asks who may read and
    write, in one simulation.  */

#include "actors/server/actors.h"
#include "tests/unit/agent_sim.h"

#include <sys/stat.h>

typedef struct server {
    char db[140], schema[140], tokens[140];
    settings_t settings;
    table_settings_t rules;
    int node;
} server_t;

static server_t server;
static char token[140];

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

/*  As another program. No file is watched in the simulator: the server is told.  */
static void
at_server(world_t *world, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(server.db, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    sim_tell(world->sim, server.node, "replicator", MSG_committed, &(committed_t){0});
}

static void
add_server(world_t *world)
{
    (void) snprintf(server.db, sizeof server.db, "%s/server.db", world->directory);
    (void) snprintf(server.schema, sizeof server.schema, "%s/schema.sql", world->directory);
    (void) snprintf(server.tokens, sizeof server.tokens, "%s/tokens", world->directory);
    write_file(server.schema,
               "CREATE TABLE IF NOT EXISTS todo (id TEXT PRIMARY KEY NOT NULL, title TEXT,"
               " owner TEXT, secret TEXT NOT NULL DEFAULT 's');"
               "CREATE TABLE IF NOT EXISTS member (id INTEGER PRIMARY KEY, todo TEXT,"
               " user TEXT);");
    write_file(server.tokens, "ann t-ann\n");
    server.settings = defaults;
    server.settings.server_db = server.db;
    server.settings.server_schema = server.schema;
    server.settings.auth_tokens = server.tokens;
    server.rules = (table_settings_t){
        .name = "todo",
        .tables_capture = "default",
        .tables_policy = "row",
        .tables_read = "owner = :user_id OR todo.id IN (SELECT todo FROM member"
                       " WHERE user = :user_id)",
        .tables_write = "",
        .tables_check = "",
        .tables_server_only = "secret",
    };
    server.settings.tables = &server.rules;
    server.settings.n_tables = 1;
    server.node = sim_node(world->sim, "server", "server:1", &server.settings);
    for (size_t i = 0; server_actors[i]; i++)
        sim_add(world->sim, server.node, server_actors[i]);
    start_node(world->sim, server.node);
}

static const status_t *
status(world_t *world)
{
    return ASK(world, "service", status_get, status, .fresh = true);
}

/*  Whatever the server has, and the agent may have, it has.  */
static void
await_synced(world_t *world)
{
    sim_run_ms(world->sim, 2000);
    for (int i = 0; i < 300; i++) {
        if (status(world)->synced)
            return;
        sim_run_ms(world->sim, 1000);
    }
    fail_msg("not synced: %s, %s", status(world)->state, status(world)->reason);
}

static int
make_both(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    add_server(world);
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
    await_synced(world);
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
    await_synced(world);
    sim_link(world->sim, world->node, false);
    write_file(token, "t-old\n");
    sim_link(world->sim, world->node, true);
    (void) write_one(world, "insert", "a", "{\"owner\": \"ann\"}");
    sim_run_ms(world->sim, 600000);
    assert_int_equal(status(world)->pending, 1);
    assert_string_equal(text_of(world, "SELECT attempts FROM local_changes"), "0");
    write_file(token, "t-ann\n");
    await_synced(world);
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
    at_server(world, "INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_synced(world);
    expect_todos(world, "a");
    at_server(world, "UPDATE todo SET owner = CASE owner WHEN 'ann' THEN 'bob' ELSE 'ann' END");
    await_synced(world);
    expect_todos(world, "b");
    assert_string_equal(
        text_of(world, "SELECT count(*) FROM pragma_table_info('todo') WHERE name = 'secret'"),
        "0");
}

static void
gets_and_loses_rows_with_its_memberships(void **state)
{
    world_t *world = *state;
    at_server(world, "INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_synced(world);
    at_server(world, "INSERT INTO member VALUES (1, 'b', 'ann')");
    await_synced(world);
    expect_todos(world, "a b");
    at_server(world, "DELETE FROM member");
    await_synced(world);
    expect_todos(world, "a");
}

static void
loses_a_row_that_it_moves_out_of_its_users_sight(void **state)
{
    world_t *world = *state;
    start_agent(world);
    await_synced(world);
    (void) write_one(world, "insert", "a", "{\"owner\": \"ann\"}");
    (void) write_one(world, "insert", "b", "{\"owner\": \"bob\"}");
    await_synced(world);
    expect_todos(world, "a");
    (void) write_one(world, "update", "a", "{\"owner\": \"bob\"}");
    await_synced(world);
    expect_todos(world, "");
}

static void
starts_anew_when_other_rules_are_set(void **state)
{
    world_t *world = *state;
    at_server(world, "INSERT INTO todo (id, owner) VALUES ('a', 'ann'), ('b', 'bob')");
    start_agent(world);
    await_synced(world);
    sim_stop(world->sim, server.node);
    server.rules.tables_read = "owner = 'bob'";
    start_node(world->sim, server.node);
    await_synced(world);
    expect_todos(world, "b");
    const char *position = text_of(world, "SELECT lsn FROM sync_state");
    sim_stop(world->sim, server.node);
    start_node(world->sim, server.node);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), position);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, make_both, remove_world)

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
