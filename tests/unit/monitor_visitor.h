/*  monitor_visitor - somebody with a browser, in the simulator: pages are asked for with
   http://, events with ws://.  */

#pragma once

#include "tests/sim/outsider.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define PAGE "127.0.0.1:40001" /* the first port that is given to whoever wants any */

enum { PAGES = 20 };

/*  What it asks for next, and what it was told.  */
static struct {
    sim_t *sim;
    int node;
    const char *url;
    conn_t conns[PAGES]; /* dialled so far */
    size_t n_conns;
    const char *say;
    bool deaf;
    size_t ended; /* connections and requests that ended */
    int status;   /* of the last of them */
    buffer_t body;
    json_t *frames; /* all there were */
} visitor;

static inline err_t
visitor_dial(void *state, ctx_t *ctx, const void *body)
{
    static const net_limits_t limits = {.max_frame = 1 << 23};
    fault_t fault = {0};
    (void) state;
    (void) body;
    assert_true(visitor.n_conns < PAGES);
    visitor.conns[visitor.n_conns] = net_dial(ctx, visitor.url, NULL, &limits, &fault);
    assert_true(visitor.conns[visitor.n_conns++] != 0);
    return OK;
}

static inline err_t
visitor_say(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    net_send(ctx, visitor.conns[0],
             (bytes_t){(const uint8_t *) visitor.say, strlen(visitor.say)}, false);
    return OK;
}

static inline err_t
visitor_turn_ear(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    visitor.deaf = !visitor.deaf;
    net_pause(ctx, visitor.conns[0], visitor.deaf);
    return OK;
}

static inline err_t
visitor_hang_up(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    for (size_t i = 0; i < visitor.n_conns; i++)
        net_close(ctx, visitor.conns[i], 1000, "");
    return OK;
}

static inline err_t
visitor_on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state;
    (void) ctx;
    (void) conn;
    (void) token;
    return OK;
}

static inline err_t
visitor_on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    (void) state;
    (void) ctx;
    assert_false(binary);
    json_t *object = json_loadb((const char *) frame.data, frame.size, 0, NULL);
    assert_non_null(object);
    if (conn == visitor.conns[0])
        json_array_append_new(visitor.frames, object);
    else
        json_decref(object);
    return OK;
}

static inline err_t
visitor_on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    (void) state;
    (void) ctx;
    (void) conn;
    visitor.ended++;
    visitor.status = status;
    buffer_clear(&visitor.body);
    buffer_add_text(&visitor.body, reason);
    return OK;
}

static handler_fn *const visitor_handlers[MSG_COUNT] = {
    [MSG_disconnect] = visitor_dial,
    [MSG_parcel] = visitor_say,
    [MSG_connect] = visitor_turn_ear,
    [MSG_stream_close] = visitor_hang_up,
};

static const net_handlers_t visitor_net = {
    .on_open = visitor_on_open,
    .on_frame = visitor_on_frame,
    .on_close = visitor_on_close,
};

static const actor_class_t visitor_class = {
    .name = "visitor",
    .summary = "somebody with a browser",
    .state_size = 1,
    .handlers = visitor_handlers,
    .net = &visitor_net,
};

/*  --------------------------------------------------------------------- what it does  */

static inline void
invite(sim_t *sim, const void *settings)
{
    visitor.sim = sim;
    visitor.node = sim_node(sim, "visitor", NULL, settings);
    visitor.frames = json_array();
    sim_add(sim, visitor.node, &visitor_class);
    start_node(sim, visitor.node);
}

static inline void
visit(const char *url)
{
    visitor.url = url;
    sim_tell(visitor.sim, visitor.node, "visitor", MSG_disconnect, &(disconnect_t){0});
    sim_run_ms(visitor.sim, 1);
}

static inline bool
has_ended(void *arg)
{
    return visitor.ended > *(const size_t *) arg;
}

/*  Gives the body of the answer, which must have that status.  */
static inline const char *
get(const char *path, int status)
{
    const size_t before = visitor.ended;
    char url[300];
    visitor.n_conns = visitor.n_conns == PAGES ? PAGES - 1 : visitor.n_conns;
    (void) snprintf(url, sizeof url, "http://" PAGE "%s", path);
    visit(url);
    assert_true(sim_until(visitor.sim, has_ended, (void *) &before, SOON_MS));
    if (visitor.status != status)
        fail_msg("%s: %d, not %d: %s", path, visitor.status, status,
                 buffer_text(&visitor.body));
    return buffer_text(&visitor.body);
}

static inline json_t *
get_json(const char *path)
{
    json_t *body = json_loads(get(path, 200), 0, NULL);
    assert_non_null(body);
    return body;
}

/*  --------------------------------------------------------------------- what it hears  */

/*  The events of that type from the one of that number on; gives the first, or NULL.  */
static inline json_t *
find_frame(const char *type, size_t from)
{
    for (size_t i = from; i < json_array_size(visitor.frames); i++) {
        json_t *frame = json_array_get(visitor.frames, i);
        if (strcmp(json_string_value(json_object_get(frame, "type")), type) == 0)
            return frame;
    }
    return NULL;
}

static inline size_t
count_frames(const char *type)
{
    size_t n = 0, i;
    json_t *frame;
    json_array_foreach(visitor.frames, i, frame) n +=
        strcmp(json_string_value(json_object_get(frame, "type")), type) == 0;
    return n;
}

static inline bool
has_come(void *arg)
{
    return find_frame(*(const char *const *) arg, 0) != NULL;
}

/*  The next event of that type; what was heard before is forgotten.  */
static inline json_t *
await_frame(const char *type)
{
    if (!sim_until(visitor.sim, has_come, &type, SOON_MS))
        fail_msg("no frame of type %s has come", type);
    return find_frame(type, 0);
}

static inline void
watch(void)
{
    visit("ws://" PAGE "/api/events");
}

static inline void
say(const char *text)
{
    json_array_clear(visitor.frames);
    visitor.say = text;
    sim_tell(visitor.sim, visitor.node, "visitor", MSG_parcel, &(parcel_t){0});
}

/*  The answer to that wish.  */
static inline json_t *
ask_for(const char *text)
{
    say(text);
    return await_frame("answer");
}

static inline const char *
member(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static inline json_int_t
number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static inline void
turn_ear(void)
{
    sim_tell(visitor.sim, visitor.node, "visitor", MSG_connect, &(connect_t){});
}

static inline void
hang_up(void)
{
    sim_tell(visitor.sim, visitor.node, "visitor", MSG_stream_close, &(stream_close_t){0});
    sim_run_ms(visitor.sim, 10);
}

static inline void
forget_visitor(void)
{
    buffer_release(&visitor.body);
    json_decref(visitor.frames);
    memset(&visitor, 0, sizeof visitor);
}
