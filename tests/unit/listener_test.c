/*  The listener: what a client is sent and answered.  */

#include "schemas/wire.h"
#include "tests/unit/server_sim.h"

enum { ORIGIN = 0x20000000 };

static const char url[] = "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0";

/*  ----------------------------------------------------------------- a client by hand  */

/*  Dials on `disconnect`, stops or goes on reading on `connect`, sends what lies ready on
    `parcel`, and writes down the types of the frames it gets.  */
static struct {
    const char *url;
    conn_t conn; /* the last one dialled */
    bool deaf;   /* it does not read */
    buffer_t outgoing;
    buffer_t types;
    char closed[64]; /* why the last connection that closed did */
} client;

static err_t
client_dial(void *state, ctx_t *ctx, const void *body)
{
    static const net_limits_t limits = {.max_frame = 1 << 23};
    fault_t fault = {0};
    (void) state;
    (void) body;
    client.conn = net_dial(ctx, client.url, "waybill.v1", &limits, &fault);
    assert_true(client.conn != 0);
    return OK;
}

static err_t
client_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    net_send(ctx, client.conn, buffer_bytes(&client.outgoing), true);
    return OK;
}

static err_t
client_connect(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    client.deaf = !client.deaf;
    net_pause(ctx, client.conn, client.deaf);
    return OK;
}

static err_t
client_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state;
    (void) ctx;
    (void) conn;
    (void) token;
    return OK;
}

static err_t
client_on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    wire_t wire;
    fault_t fault = {0};
    (void) state;
    (void) conn;
    assert_true(binary);
    if (wire_unpack(frame, ctx_arena(ctx), &wire, &fault) != OK)
        fail_msg("%s", fault.text);
    buffer_add_text(&client.types, client.types.size ? " " : "");
    buffer_add_text(&client.types, wire.frame.type + strlen("srv_"));
    return OK;
}

static err_t
client_on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    return client_on_open(state, ctx, conn, 0);
}

static err_t
client_on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    (void) state;
    (void) ctx;
    (void) conn;
    (void) snprintf(client.closed, sizeof client.closed, "%d %s", status, reason);
    return OK;
}

static handler_fn *const client_handlers[MSG_COUNT] = {
    [MSG_disconnect] = client_dial,
    [MSG_connect] = client_connect,
    [MSG_parcel] = client_parcel,
};

static const net_handlers_t client_net = {
    .on_open = client_on_open,
    .on_frame = client_on_frame,
    .on_drained = client_on_drained,
    .on_close = client_on_close,
};

static const actor_class_t client_class = {
    .name = "client",
    .summary = "a client by hand",
    .state_size = 1,
    .handlers = client_handlers,
    .net = &client_net,
};

/*  ------------------------------------------------------------------- what it is told  */

typedef struct meeting {
    world_t *world;
    int node; /* the client's */
} meeting_t;

static meeting_t
meet(world_t *world)
{
    fault_t fault = {0};
    start_server(world);
    const int node = sim_node(world->sim, "client", NULL, &world->settings);
    sim_add(world->sim, node, &client_class);
    if (sim_start(world->sim, node, &fault) != OK)
        fail_msg("%s", fault.text);
    buffer_clear(&client.types);
    client.closed[0] = '\0';
    return (meeting_t){world, node};
}

/*  What it got since the last time, until all is quiet.  */
static void
expect_types(const meeting_t *meeting, const char *expected)
{
    sim_run_ms(meeting->world->sim, 1000);
    assert_string_equal(buffer_text(&client.types), expected);
    buffer_clear(&client.types);
}

static void
dial(const meeting_t *meeting, const char *where)
{
    client.url = where;
    sim_tell(meeting->world->sim, meeting->node, "client", MSG_disconnect, &(disconnect_t){0});
}

static void
send_frame(const meeting_t *meeting, message_id_t id, const void *body)
{
    static const frame_t frame = {0};
    buffer_clear(&client.outgoing);
    wire_pack(id, &frame, body, &client.outgoing);
    sim_tell(meeting->world->sim, meeting->node, "client", MSG_parcel, &(parcel_t){0});
}
#define SEND_FRAME(meeting, name, ...) send_frame(meeting, MSG_##name, &(name##_t){__VA_ARGS__})

static void
begins_with_the_schema_and_waits_for_each_page(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, url);
    expect_types(&meeting, "schema init_start init_changes");
    SEND_FRAME(&meeting, clt_init_received, .chunk = 1);
    expect_types(&meeting, "init_complete catchup_completed live_start");
}

static meeting_t
meet_live(world_t *world)
{
    const meeting_t meeting = meet(world);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync/ws?clientId=reader&lsn=0%2F20000000");
    expect_types(&meeting, "schema catchup_completed live_start");
    return meeting;
}

static void
tells_a_live_client_of_each_transaction(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "writer", "t1");
    insert_todo(*state, "writer", "t2");
    expect_types(&meeting, "live_changes live_changes");
}

static void
moves_the_position_of_whoever_wrote_it(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "reader", "t1");
    expect_types(&meeting, "lsn_update");
}

static void
sends_no_more_than_a_window_unacknowledged(void **state)
{
    world_t *world = *state;
    world->settings.stream_window = 2;
    const meeting_t meeting = meet_live(world);
    insert_todo(world, "writer", "t1");
    insert_todo(world, "writer", "t2");
    insert_todo(world, "writer", "t3");
    expect_types(&meeting, "live_changes live_changes");
    SEND_FRAME(&meeting, clt_changes_received, .last_lsn = ORIGIN + 1);
    expect_types(&meeting, "live_changes");
}

static void
answers_changes_at_once_and_again_when_decided(void **state)
{
    const meeting_t meeting = meet_live(*state);
    static const uint8_t row[] = "\x81\xa2id\xa1z";
    client_change_t made = {
        .id = "c1",
        .txn = "t",
        .table = "todo",
        .operation = "insert",
        .updated_at = 1,
        .data = {row, sizeof row - 1},
    };
    SEND_FRAME(&meeting, clt_send_changes, .changes = &made, .n_changes = 1);
    sim_run_ms(meeting.world->sim, 1000);
    /*  The decision and the moved position may come in either order.  */
    assert_int_equal(strncmp(buffer_text(&client.types), "changes_received ", 17), 0);
    assert_non_null(strstr(buffer_text(&client.types), "changes_applied"));
    assert_int_equal(number_of(*state, "SELECT count(*) FROM todo WHERE id = 'z'"), 1);
    assert_int_equal(
        number_of(*state, "SELECT count(*) FROM change_log WHERE client_id = 'reader'"), 1);
}

static void
answers_a_heartbeat_with_the_position(void **state)
{
    const meeting_t meeting = meet_live(*state);
    SEND_FRAME(&meeting, clt_heartbeat, .lsn = ORIGIN);
    expect_types(&meeting, "heartbeat");
}

static void
catches_up_from_where_it_is_asked_to(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "writer", "t1");
    expect_types(&meeting, "live_changes");
    SEND_FRAME(&meeting, clt_catchup_request, .from_lsn = ORIGIN);
    expect_types(&meeting, "catchup_changes catchup_completed live_start");
}

static void
complains_about_nonsense_and_goes_on(void **state)
{
    const meeting_t meeting = meet_live(*state);
    buffer_clear(&client.outgoing);
    buffer_add_text(&client.outgoing, "\xdd\x7f\xff\xff\xff");
    sim_tell(meeting.world->sim, meeting.node, "client", MSG_parcel, &(parcel_t){0});
    expect_types(&meeting, "error");
    SEND_FRAME(&meeting, clt_heartbeat, .lsn = ORIGIN);
    expect_types(&meeting, "heartbeat");
}

static void
ignores_frames_that_are_not_a_clients(void **state)
{
    const meeting_t meeting = meet_live(*state);
    SEND_FRAME(&meeting, srv_heartbeat, .lsn = 1);
    expect_types(&meeting, "");
    assert_string_equal(client.closed, "");
}

static void
sends_a_client_from_another_history_to_the_start(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/20000009");
    expect_types(&meeting, "schema resync_required init_start init_changes");
}

static void
knows_where_a_client_from_another_history_stands_afterwards(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/20000009");
    expect_types(&meeting, "schema resync_required init_start init_changes");
    SEND_FRAME(&meeting, clt_init_received, .chunk = 1);
    expect_types(&meeting, "init_complete catchup_completed live_start");
    send_frame(&meeting, MSG_clt_init_processed, &(clt_init_processed_t){});
    sim_run_ms(meeting.world->sim, 10000);
    assert_int_equal(number_of(*state, "SELECT lsn FROM waybill_clients"), ORIGIN);
}

/*  Changes of a large row, older than the server's: each answer gives the row back.  */
static void
send_older(const meeting_t *meeting, int number)
{
    static const uint8_t row[] = "\x82\xa2id\xa3"
                                 "big\xa5title\xa1x";
    char ids[3][16];
    client_change_t changes[COUNT_OF(ids)];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        (void) snprintf(ids[i], sizeof ids[i], "c%d-%zu", number, i);
        changes[i] = (client_change_t){
            .id = ids[i],
            .txn = ids[i],
            .table = "todo",
            .operation = "update",
            .updated_at = 1,
            .data = {row, sizeof row - 1},
        };
    }
    SEND_FRAME(meeting, clt_send_changes, .changes = changes, .n_changes = COUNT_OF(changes));
}

static void
insert_large_row(world_t *world, const char *bytes)
{
    sqlite3 *db = NULL;
    char *sql = mem_format("INSERT INTO todo VALUES ('big', hex(zeroblob(%s / 2)))", bytes);
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    free(sql);
}

static void
answers_with_large_rows_in_several_frames(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_large_row(*state, "200000");
    send_older(&meeting, 1);
    sim_run_ms(meeting.world->sim, 1000);
    const char *types = buffer_text(&client.types);
    for (int i = 0; i < 3; i++) {
        types = strstr(types, "changes_applied");
        assert_non_null(types);
        types++;
    }
}

static void
does_not_read_from_a_client_that_reads_no_answers(void **state)
{
    enum { FRAMES = 40 };
    world_t *world = *state;
    const meeting_t meeting = meet_live(world);
    insert_large_row(world, "800000");
    sim_tell(world->sim, meeting.node, "client", MSG_connect, &(connect_t){});
    for (int i = 0; i < FRAMES; i++) {
        send_older(&meeting, i);
        sim_run_ms(world->sim, 100);
    }
    const int64_t decided = number_of(world, "SELECT count(*) FROM client_changes");
    assert_true(decided > 0 && decided < FRAMES * 3);
    sim_tell(world->sim, meeting.node, "client", MSG_connect, &(connect_t){});
    sim_run_ms(world->sim, 60000);
    assert_int_equal(number_of(world, "SELECT count(*) FROM client_changes"), FRAMES * 3);
}

static void
closes_the_older_connection_of_a_client(void **state)
{
    const meeting_t meeting = meet_live(*state);
    dial(&meeting, url);
    expect_types(&meeting, "schema init_start init_changes");
    assert_string_equal(client.closed, "1000 Replaced by new connection");
}

static void
turns_clients_away_when_it_is_full(void **state)
{
    world_t *world = *state;
    world->settings.limits_clients = 1;
    const meeting_t meeting = meet_live(world);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=other&lsn=0/0");
    expect_types(&meeting, "");
    assert_int_equal(strncmp(client.closed, "503", 3), 0);
}

static int
release_client(void **state)
{
    const int result = remove_world(state);
    buffer_release(&client.outgoing);
    buffer_release(&client.types);
    return result;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, release_client)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(begins_with_the_schema_and_waits_for_each_page),
        WITH_WORLD(tells_a_live_client_of_each_transaction),
        WITH_WORLD(moves_the_position_of_whoever_wrote_it),
        WITH_WORLD(sends_no_more_than_a_window_unacknowledged),
        WITH_WORLD(answers_changes_at_once_and_again_when_decided),
        WITH_WORLD(answers_a_heartbeat_with_the_position),
        WITH_WORLD(catches_up_from_where_it_is_asked_to),
        WITH_WORLD(complains_about_nonsense_and_goes_on),
        WITH_WORLD(ignores_frames_that_are_not_a_clients),
        WITH_WORLD(sends_a_client_from_another_history_to_the_start),
        WITH_WORLD(knows_where_a_client_from_another_history_stands_afterwards),
        WITH_WORLD(answers_with_large_rows_in_several_frames),
        WITH_WORLD(does_not_read_from_a_client_that_reads_no_answers),
        WITH_WORLD(closes_the_older_connection_of_a_client),
        WITH_WORLD(turns_clients_away_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
