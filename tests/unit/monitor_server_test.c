/*  The monitor page of a server: its clients, what it has rejected; and a port that is taken.
 */

#include "tests/unit/monitor_visitor.h"
#include "tests/unit/server_sim.h"

static int
set_up(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    start_server(world);
    invite(world->sim, &world->settings);
    return result;
}

static int
tear_down(void **state)
{
    forget_visitor();
    return remove_world(state);
}

static void
tells_its_state(void **state)
{
    world_t *world = *state;
    json_t *told = get_json("/api/state");
    json_t *server = json_object_get(told, "server");
    assert_string_equal(member(told, "role"), "server");
    assert_string_equal(member(server, "listen"), "127.0.0.1:8787");
    assert_string_equal(member(server, "lsn"), "0/20000000");
    assert_string_equal(member(server, "db"), world->path);
    char *same = mem_format("SELECT count(*) FROM waybill_head WHERE epoch = '%s'",
                            member(server, "epoch"));
    assert_int_equal(number_of(world, same), 1);
    free(same);
    assert_int_equal(number(server, "count"), 0);
    assert_null(json_object_get(told, "status"));
    assert_string_equal(get("/readyz", 200), "ready: clients are accepted\n");
    assert_string_equal(get("/api/changes", 404), "Not Found\n");
    json_decref(told);
}

static void
hear_of_the_database(world_t *world, const database_state_t *news)
{
    sim_tell(world->sim, world->node, "listener", MSG_database_state, news);
    sim_run_ms(world->sim, 10);
}

static void
tells_of_a_database_that_is_out_of_reach(void **state)
{
    world_t *world = *state;
    hear_of_the_database(world,
                         &(database_state_t){.trouble = "it is stopped", .since = 86400000});
    json_t *told = get_json("/api/state");
    json_t *server = json_object_get(told, "server");
    assert_string_equal(member(server, "trouble"), "it is stopped");
    assert_string_equal(member(server, "since"), "1970-01-02T00:00:00.000Z");
    json_decref(told);
    assert_string_equal(get("/readyz", 200), "ready: clients are accepted\n"
                                             "out of reach of its database: it is stopped\n");
    hear_of_the_database(world, &(database_state_t){0});
    assert_string_equal(get("/readyz", 200), "ready: clients are accepted\n");
}

static void
is_not_ready_before_its_database_was_read_in(void **state)
{
    world_t *world = *state;
    hear_of_the_database(world, &(database_state_t){.reading = true});
    assert_string_equal(get("/readyz", 503), "not ready: the database is still being read\n");
}

static void
shows_the_address_of_its_database_without_password(void **state)
{
    world_t *world = *state;
    world->settings.server_db = "postgres://ann:hush@db/team?password=hush";
    json_t *told = get_json("/api/state");
    assert_string_equal(member(json_object_get(told, "server"), "db"),
                        "postgres://ann@db/team");
    json_decref(told);
}

static void
lists_the_clients_that_are_connected(void **state)
{
    world_t *world = *state;
    (void) insert_todo(world, "other", "a");
    visitor.url = "ws://127.0.0.1:8787/api/sync?clientId=ann&lsn=0/20000000";
    visit(visitor.url);
    sim_run_ms(world->sim, 2000);
    json_t *told = get_json("/api/clients");
    json_t *client = json_array_get(json_object_get(told, "clients"), 0);
    assert_int_equal(json_array_size(json_object_get(told, "clients")), 1);
    assert_string_equal(member(client, "client_id"), "ann");
    assert_string_equal(member(client, "encoding"), "json");
    assert_string_equal(member(client, "address"), "simulated");
    assert_true(json_is_true(json_object_get(client, "connected")));
    assert_int_equal(strncmp(member(client, "since"), "2026-01-01T", 11), 0);
    json_decref(told);
}

static void
lists_what_was_rejected_newest_first(void **state)
{
    world_t *world = *state;
    foreign_sql(
        world, "INSERT INTO changes_history (time, client_id, change_id, tbl, operation, data,"
               " code, message) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
               " WHERE i < 7) SELECT 1000 * i, 'ann', 'c' || i, 'todo', 'insert',"
               " '{\"id\":\"x\"}', 'RULE_VIOLATION', 'no' FROM n");
    json_t *page = get_json("/api/rejected?limit=3");
    json_t *changes = json_object_get(page, "changes");
    json_t *last = json_array_get(changes, 2);
    assert_int_equal(json_array_size(changes), 3);
    assert_true(json_is_true(json_object_get(page, "more")));
    assert_string_equal(member(json_array_get(changes, 0), "change_id"), "c7");
    assert_string_equal(member(last, "change_id"), "c5");
    assert_string_equal(member(last, "time"), "1970-01-01T00:00:05.000Z");
    assert_string_equal(member(last, "data"), "{\"id\":\"x\"}");
    char *path =
        mem_format("/api/rejected?limit=4&after=%" PRId64, (int64_t) number(last, "seq"));
    json_t *rest = get_json(path);
    assert_int_equal(json_array_size(json_object_get(rest, "changes")), 4);
    assert_false(json_is_true(json_object_get(rest, "more")));
    free(path);
    json_decref(page);
    json_decref(rest);
}

static void
tells_watchers_that_a_client_came(void **state)
{
    world_t *world = *state;
    watch();
    assert_int_equal(number(json_object_get(await_frame("state"), "server"), "count"), 0);
    json_array_clear(visitor.frames);
    visit("ws://127.0.0.1:8787/api/sync?clientId=ann&lsn=0/20000000");
    assert_int_equal(number(json_object_get(await_frame("state"), "server"), "count"), 1);
    (void) world;
}

static void
has_no_changes_to_act_on(void **state)
{
    static const char *const wishes[] = {
        "{\"ask\":1,\"do\":\"act\",\"act\":\"retry\",\"all\":true}",
        "{\"ask\":1,\"do\":\"pause\"}",
        "{\"ask\":1,\"do\":\"resume\"}",
    };
    (void) state;
    watch();
    for (size_t i = 0; i < COUNT_OF(wishes); i++)
        assert_string_equal(member(ask_for(wishes[i]), "code"), "REFUSED");
}

/*  The listener has it already.  */
static void
goes_on_without_a_page_where_the_port_is_taken(void **state)
{
    world_t *world = *state;
    world->settings.monitor_listen = "127.0.0.1:8787";
    start_server(world);
    assert_string_equal(insert_todo(world, "ann", "a"), "applied");
    assert_int_equal(cell_state(sim_cell(world->sim, world->node, "monitor")), CELL_RUNNING);
}

#define WITH_PAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAGE(tells_its_state),
        WITH_PAGE(tells_of_a_database_that_is_out_of_reach),
        WITH_PAGE(is_not_ready_before_its_database_was_read_in),
        WITH_PAGE(shows_the_address_of_its_database_without_password),
        WITH_PAGE(lists_the_clients_that_are_connected),
        WITH_PAGE(lists_what_was_rejected_newest_first),
        WITH_PAGE(tells_watchers_that_a_client_came),
        WITH_PAGE(has_no_changes_to_act_on),
        cmocka_unit_test_setup_teardown(goes_on_without_a_page_where_the_port_is_taken,
                                        make_world, remove_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
