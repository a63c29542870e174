/*  The steps of a change, each at its true place, and that its id travels with it: from the
    application's call to every replica.  */

#include "tests/unit/watched_sim.h"

static void
a_change_is_followed_from_the_call_to_each_replica(void **state)
{
    world_t *world = *state;
    start_three(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    await_quiet(world);
    expect_steps(world, world->node, "recorder", id, "asked recorded decided");
    expect_steps(world, world->node, "connection-manager", id, "sent");
    expect_steps(world, server.node, "listener", id, "received answered distributed");
    expect_steps(world, server.node, "client-changes", id, "judged committed");
    expect_steps(world, server.node, "distributor", id, "fetched");
    expect_steps(world, other.node, "connection-manager", id, "arrived");
    expect_steps(world, other.node, "processor", id, "applied");
    expect_steps(world, world->node, "processor", id, "");
}

static void
positions_of_a_change_are_the_same_everywhere(void **state)
{
    world_t *world = *state;
    start_three(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    await_quiet(world);
    const uint64_t lsn = detail_at(world, server.node, "client-changes", id, STEP_committed);
    assert_true(lsn > 0);
    assert_true(detail_at(world, world->node, "recorder", id, STEP_decided) == lsn);
    /* PostgreSQL does not tell the place of a commit before it is done. */
    const uint64_t logged =
        detail_at(world, other.node, "connection-manager", id, STEP_arrived);
    assert_true(on_postgres() ? logged > lsn : logged == lsn);
    assert_true(detail_at(world, other.node, "processor", id, STEP_applied) == logged);
    assert_true(detail_at(world, server.node, "listener", id, STEP_received)
                != detail_at(world, server.node, "listener", id, STEP_distributed));
}

static void
a_refused_change_is_followed_to_its_end(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 2;
    start_three(world);
    backend_refuse(&server.backend, "bad", "not that");
    const char *id = write_one(world, "insert", "a", "{\"title\": \"bad\"}");
    sim_run_ms(world->sim, 60000);
    expect_steps(world, world->node, "recorder", id,
                 "asked recorded refused retried refused parked");
    (void) ASK(world, "service", act, acted, .act = "skip", .ids = &id, .n_ids = 1,
               .reason = "no use");
    expect_steps(world, world->node, "recorder", id,
                 "asked recorded refused retried refused parked closed");
}

/*  What the agent's recorder has logged of it, a line each.  */
static const char *
lines_about(world_t *world, const char *change)
{
    const log_lines_t *logged =
        ASK(world, "logger", log_get, log_lines, .actor = "recorder", .limit = 200);
    buffer_t text = {0};
    for (size_t i = 0; i < logged->n_lines; i++)
        if (strcmp(logged->lines[i].change, change) == 0)
            buffer_add_format(&text, "%s\n", logged->lines[i].text);
    const char *kept = arena_text(&world->arena, buffer_text(&text));
    buffer_release(&text);
    return kept;
}

static void
each_refusal_is_a_line_with_its_attempt_and_reason(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 2;
    start_three(world);
    backend_refuse(&server.backend, "bad", "not that");
    const char *id = write_one(world, "insert", "a", "{\"title\": \"bad\"}");
    sim_run_ms(world->sim, 60000);
    const char *lines = lines_about(world, id);
    assert_non_null(strstr(lines, "attempt 1: RULE_VIOLATION: "));
    assert_non_null(strstr(lines, "attempt 2: RULE_VIOLATION: "));
    assert_non_null(strstr(lines, "waits for a person: "));
    assert_non_null(strstr(lines, "not that"));
}

static void
a_merge_is_one_line(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    decide(world, id, "merged", 20, "{\"id\": \"a\", \"title\": \"Theirs\"}");
    sim_run_ms(world->sim, 1000);
    char *expected =
        mem_format("change %s was merged: the server had a newer version of its row\n", id);
    assert_string_equal(lines_about(world, id), expected);
    free(expected);
}

static void
a_person_puts_a_change_back(void **state)
{
    world_t *world = *state;
    world->settings.retry_attempts = 1;
    start_with_todo(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"bad\"}");
    decide(world, id, "rejected", 20, NULL);
    sim_run_ms(world->sim, 1000);
    (void) ASK(world, "service", act, acted, .act = "retry", .ids = &id, .n_ids = 1);
    expect_steps(world, world->node, "recorder", id, "asked recorded refused parked retried");
}

static void
plain_sql_has_no_call_and_is_captured(void **state)
{
    world_t *world = *state;
    world->settings.agent_capture = "triggers";
    start_with_todo(world);
    run_sql(world, "INSERT INTO todo VALUES ('a', 'Milk', 0)");
    (void) ASK(world, "service", changes_list, changes_page, .filter = "all", .limit = 1);
    const char *id = text_of(world, "SELECT id FROM local_changes");
    expect_steps(world, world->node, "recorder", id, "captured");
    assert_int_equal(VALUE(world, world->node, "recorder", changes_recorded), 1);
}

static void
a_change_that_a_replica_cannot_write_is_held(void **state)
{
    world_t *world = *state;
    run_sql(world,
            "CREATE TABLE todo (id TEXT PRIMARY KEY, title TEXT CHECK (title <> 'bad'))");
    start_agent(world);
    begin_history(world);
    server_change_t change =
        server_change(world, "insert", 11, "{\"id\": \"a\", \"title\": \"bad\"}");
    change.id = "018f0000-0000-7000-8000-000000000001";
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "live",
               .epoch = "e", .prev = 10, .lsn = 11, .last = true, .changes = &change,
               .n_changes = 1);
    expect_steps(world, world->node, "processor", change.id, "held");
    assert_int_equal(VALUE(world, world->node, "processor", changes_held), 1);
}

static void
a_snapshot_leaves_no_steps(void **state)
{
    world_t *world = *state;
    add_server(world);
    start_server(world);
    run_on_server("INSERT INTO todo VALUES ('a', 'Milk'), ('b', 'Tea')");
    start_agent(world);
    connect_agent(world);
    await_synced(world);
    assert_string_equal(text_of(world, "SELECT count(*) FROM todo"), "2");
    assert_null(atomic_load(&meters_of(world, world->node, "processor")->steps));
    assert_null(atomic_load(&meters_of(world, world->node, "connection-manager")->steps));
    assert_null(atomic_load(&meters_of(world, server.node, "distributor")->steps));
    assert_null(atomic_load(&meters_of(world, server.node, "listener")->steps));
}

/*  ------------------------------------------------------------- of the JSON encoding  */

static conn_t browser_conn;
static char browser_url[96];

static err_t
browse(void *state, ctx_t *ctx, const void *body)
{
    static const net_limits_t limits = {.max_frame = 1 << 20};
    const parcel_t *order = body;
    fault_t fault = {0};
    (void) state;
    if (order->number == 0)
        browser_conn = net_dial(ctx, browser_url, NULL, &limits, &fault);
    else
        net_send(ctx, browser_conn, order->load, false);
    return OK;
}

static err_t
browser_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state, (void) ctx, (void) conn, (void) token;
    return OK;
}

static err_t
browser_on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    (void) state, (void) ctx, (void) conn, (void) frame, (void) binary;
    return OK;
}

static err_t
browser_on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    (void) state, (void) ctx, (void) conn;
    return OK;
}

static err_t
browser_on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    (void) state, (void) ctx, (void) conn, (void) status, (void) reason;
    return OK;
}

static handler_fn *const browser_handlers[MSG_COUNT] = {[MSG_parcel] = browse};

static const net_handlers_t browser_net = {
    .on_open = browser_on_open,
    .on_frame = browser_on_frame,
    .on_drained = browser_on_drained,
    .on_close = browser_on_close,
};

static const actor_class_t browser = {
    .name = "browser",
    .summary = "speaks JSON",
    .handlers = browser_handlers,
    .net = &browser_net,
};

static int
start_browser(world_t *world)
{
    const int node = sim_node(world->sim, "browser", NULL, &other.settings);
    const int64_t head = backend_number(&server.backend, "SELECT lsn FROM waybill_head");
    (void) snprintf(browser_url, sizeof browser_url,
                    "ws://server:1/api/sync?clientId=browser&lsn=%X/%X",
                    (unsigned) (head >> 32), (unsigned) (head & UINT32_MAX));
    sim_add(world->sim, node, &browser);
    start_node(world->sim, node);
    sim_tell(world->sim, node, "browser", MSG_parcel, &(parcel_t){.number = 0});
    sim_run_ms(world->sim, 1000);
    return node;
}

static void
a_change_of_a_json_client_keeps_its_id_to_the_last_replica(void **state)
{
    static const char frame[] =
        "{\"type\":\"clt_send_changes\",\"messageId\":\"1\",\"clientId\":\"browser\","
        "\"changes\":[{\"id\":\"my-change-1\",\"table\":\"todo\",\"operation\":\"insert\","
        "\"data\":{\"id\":\"j\",\"title\":\"Milk\"},\"updated_at\":\"2026-01-01T00:00:00Z\"}]}";
    world_t *world = *state;
    start_three(world);
    const int node = start_browser(world);
    sim_tell(world->sim, node, "browser", MSG_parcel,
             &(parcel_t){.number = 1, .load = {(const uint8_t *) frame, strlen(frame)}});
    sim_run_ms(world->sim, 1000);
    await_quiet(world);
    expect_steps(world, server.node, "client-changes", "my-change-1", "judged committed");
    expect_steps(world, other.node, "processor", "my-change-1", "applied");
    assert_string_equal(text_of(world, "SELECT id FROM local_changes"), "my-change-1");
}

/*  On PostgreSQL the log tells of a change while its verdict is still on its way.  */
static void
expect_distributed_twice(world_t *world, const char *id)
{
    static const char *const orders[] = {"received answered distributed distributed",
                                         "received distributed answered distributed",
                                         "received distributed distributed answered"};
    const char *steps = steps_at(world, server.node, "listener", id);
    size_t i = 0;
    while (on_postgres() && i + 1 < COUNT_OF(orders) && strcmp(orders[i], steps) != 0)
        i++;
    assert_string_equal(steps, orders[i]);
}

static void
a_change_is_distributed_to_a_json_client(void **state)
{
    world_t *world = *state;
    start_three(world);
    (void) start_browser(world);
    const char *id = write_one(world, "insert", "a", "{\"title\": \"Milk\"}");
    await_quiet(world);
    sim_run_ms(world->sim, 1000);
    expect_steps(world, server.node, "distributor", id, "fetched fetched");
    expect_distributed_twice(world, id);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(a_change_is_followed_from_the_call_to_each_replica),
        IN_PAIR(positions_of_a_change_are_the_same_everywhere),
        IN_PAIR(a_refused_change_is_followed_to_its_end),
        IN_PAIR(each_refusal_is_a_line_with_its_attempt_and_reason),
        IN_PAIR(a_merge_is_one_line),
        IN_PAIR(a_person_puts_a_change_back),
        IN_PAIR(plain_sql_has_no_call_and_is_captured),
        IN_PAIR(a_change_that_a_replica_cannot_write_is_held),
        IN_PAIR(a_snapshot_leaves_no_steps),
        IN_PAIR(a_change_of_a_json_client_keeps_its_id_to_the_last_replica),
        IN_PAIR(a_change_is_distributed_to_a_json_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
