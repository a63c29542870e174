/*  listener_client - a client of the listener by hand, in the simulator.  */

#pragma once

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

static inline err_t
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

static inline err_t
client_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    net_send(ctx, client.conn, buffer_bytes(&client.outgoing), true);
    return OK;
}

static inline err_t
client_connect(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    client.deaf = !client.deaf;
    net_pause(ctx, client.conn, client.deaf);
    return OK;
}

static inline err_t
client_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state;
    (void) ctx;
    (void) conn;
    (void) token;
    return OK;
}

static inline err_t
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

static inline err_t
client_on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    return client_on_open(state, ctx, conn, 0);
}

static inline err_t
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

static inline meeting_t
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
static inline void
expect_types(const meeting_t *meeting, const char *expected)
{
    sim_run_ms(meeting->world->sim, 1000);
    assert_string_equal(buffer_text(&client.types), expected);
    buffer_clear(&client.types);
}

static inline void
dial(const meeting_t *meeting, const char *where)
{
    client.url = where;
    sim_tell(meeting->world->sim, meeting->node, "client", MSG_disconnect, &(disconnect_t){0});
}

static inline void
send_frame(const meeting_t *meeting, message_id_t id, const void *body)
{
    static const frame_t frame = {0};
    buffer_clear(&client.outgoing);
    wire_pack(id, &frame, body, &client.outgoing);
    sim_tell(meeting->world->sim, meeting->node, "client", MSG_parcel, &(parcel_t){0});
}
#define SEND_FRAME(meeting, name, ...) send_frame(meeting, MSG_##name, &(name##_t){__VA_ARGS__})

static inline meeting_t
meet_live(world_t *world)
{
    const meeting_t meeting = meet(world);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync/ws?clientId=reader&lsn=0%2F20000000");
    expect_types(&meeting, "schema catchup_completed live_start");
    return meeting;
}

static inline int
release_client(void **state)
{
    const int result = remove_world(state);
    buffer_release(&client.outgoing);
    buffer_release(&client.types);
    return result;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, release_client)
