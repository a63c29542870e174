/*  json_script - plays a transcript of the JSON encoding against a server in the simulator.

    Clients are called by one letter. Lines of a script, in order:
        # anything               not looked at
        schema SQL               added to the server's schema; only before anything else
        sql SQL                  run by another program on the server's database
        a dial URL               connects, without a sub-protocol
        a > JSON                 sends one text frame
        a bytes TEXT             sends one binary frame
        a < JSON                 must be the next frame it gets, field by field: nothing may be
                                 missing and nothing more may be there. "*" is any text, "#" any
                                 number
        a moved LSN              srv_lsn_update with that position; it may come before or
                                 after what belongs to it
        a quiet MS               gets nothing for so long
        a closed CODE REASON     its connection ends like that
        count N SQL              the number that the query gives

    Positions are those of script_positions.h.  */

#pragma once

#include "tests/unit/script_positions.h"

#include <jansson.h>

enum { SCRIPT_CLIENTS = 3, SCRIPT_PATIENCE_MS = 5000, SCRIPT_FRAMES = 4096 };

typedef enum script_order { ORDER_DIAL, ORDER_TEXT, ORDER_BYTES, ORDER_COUNT } script_order_t;

typedef struct script_client {
    conn_t conn;
    char *frames[SCRIPT_FRAMES]; /* that it got */
    size_t n, read;
    char moved[LSN_TEXT]; /* by srv_lsn_update */
    char closed[128];
} script_client_t;

static script_client_t clients[SCRIPT_CLIENTS];

static inline err_t
on_order(void *state, ctx_t *ctx, const void *body)
{
    static const net_limits_t limits = {.max_frame = 1 << 23};
    const parcel_t *order = body;
    script_client_t *client = &clients[order->number / ORDER_COUNT];
    fault_t fault = {0};
    (void) state;
    if (order->number % ORDER_COUNT != ORDER_DIAL) {
        net_send(ctx, client->conn, order->load, order->number % ORDER_COUNT == ORDER_BYTES);
        return OK;
    }
    const char *url = arena_text_of(ctx_arena(ctx), order->load.data, order->load.size);
    client->closed[0] = '\0';
    client->conn = net_dial(ctx, url, NULL, &limits, &fault);
    assert_true(client->conn != 0);
    return OK;
}

static inline err_t
on_script_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    (void) state, (void) ctx, (void) conn, (void) token;
    return OK;
}

static inline void
script_keep(script_client_t *client, bytes_t frame)
{
    json_t *read = json_loadb((const char *) frame.data, frame.size, 0, NULL);
    const char *type = json_string_value(json_object_get(read, "type"));
    assert_non_null(type);
    if (strcmp(type, "srv_lsn_update") == 0) {
        (void) snprintf(client->moved, sizeof client->moved, "%s",
                        json_string_value(json_object_get(read, "lsn")));
        assert_int_equal(json_object_size(read), 5);
    } else {
        assert_true(client->n < SCRIPT_FRAMES);
        client->frames[client->n++] =
            mem_format("%.*s", (int) frame.size, (const char *) frame.data);
    }
    json_decref(read);
}

static inline err_t
on_script_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    (void) state, (void) ctx;
    assert_false(binary);
    for (size_t i = 0; i < SCRIPT_CLIENTS; i++)
        if (clients[i].conn == conn)
            script_keep(&clients[i], frame);
    return OK;
}

static inline err_t
on_script_drained(void *state, ctx_t *ctx, conn_t conn)
{
    (void) state, (void) ctx, (void) conn;
    return OK;
}

static inline err_t
on_script_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    (void) state, (void) ctx;
    for (size_t i = 0; i < SCRIPT_CLIENTS; i++)
        if (clients[i].conn == conn)
            (void) snprintf(clients[i].closed, sizeof clients[i].closed, "%d %s", status,
                            reason);
    return OK;
}

static handler_fn *const script_handlers[MSG_COUNT] = {[MSG_parcel] = on_order};

static const net_handlers_t script_net = {
    .on_open = on_script_open,
    .on_frame = on_script_frame,
    .on_drained = on_script_drained,
    .on_close = on_script_close,
};

static const actor_class_t script_class = {
    .name = "clients",
    .summary = "clients by script",
    .state_size = 1,
    .handlers = script_handlers,
    .net = &script_net,
};

/*  -------------------------------------------------------------------------- comparing  */

static inline bool matches(const json_t *expected, const json_t *got);

static inline bool
matches_members(const json_t *expected, const json_t *got)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(got) || json_object_size(expected) != json_object_size(got))
        return false;
    json_object_foreach((json_t *) expected, name,
                        value) if (!matches(value, json_object_get(got, name))) return false;
    return true;
}

static inline bool
matches_elements(const json_t *expected, const json_t *got)
{
    if (!json_is_array(got) || json_array_size(expected) != json_array_size(got))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++)
        if (!matches(json_array_get(expected, i), json_array_get(got, i)))
            return false;
    return true;
}

static inline bool
matches(const json_t *expected, const json_t *got)
{
    if (json_is_string(expected) && strcmp(json_string_value(expected), "*") == 0)
        return json_is_string(got);
    if (json_is_string(expected) && strcmp(json_string_value(expected), "#") == 0)
        return json_is_number(got);
    size_t number = 0;
    if (json_is_string(expected) && is_script_position(json_string_value(expected), &number))
        return matches_position(number, json_string_value(got));
    if (json_is_object(expected))
        return matches_members(expected, got);
    if (json_is_array(expected))
        return matches_elements(expected, got);
    return json_equal(expected, got);
}

/*  ---------------------------------------------------------------------------- playing  */

typedef struct script {
    world_t *world;
    int node;
    int line;
    bool started;
} script_t;

static inline void
script_start(script_t *self)
{
    fault_t fault = {0};
    if (self->started)
        return;
    self->started = true;
    start_server(self->world);
    self->node = sim_node(self->world->sim, "clients", NULL, &self->world->settings);
    sim_add(self->world->sim, self->node, &script_class);
    if (sim_start(self->world->sim, self->node, &fault) != OK)
        fail_msg("%s", fault.text);
    sim_run_ms(self->world->sim, 50);
    script_positions_begin(self->world);
}

static inline void
script_order(const script_t *self, size_t client, script_order_t order, const char *sent)
{
    char *text = script_translated(self->world, sent);
    sim_tell(self->world->sim, self->node, "clients", MSG_parcel,
             &(parcel_t){.number = client * ORDER_COUNT + order,
                         .load = {(const uint8_t *) text, strlen(text)}});
    free(text);
}

static inline void
script_expect(const script_t *self, script_client_t *client, const char *text)
{
    json_error_t error;
    for (int ms = 0; client->read == client->n && ms < SCRIPT_PATIENCE_MS; ms += 5)
        sim_run_ms(self->world->sim, 5);
    if (client->read == client->n)
        fail_msg("line %d: no frame came; expected %s", self->line, text);
    script_look(self->world);
    json_t *expected = json_loads(text, 0, &error);
    json_t *got = json_loads(client->frames[client->read], 0, &error);
    if (expected == NULL || got == NULL || !matches(expected, got))
        fail_msg("line %d: expected\n%s\ngot\n%s", self->line, text,
                 client->frames[client->read]);
    client->read++;
    json_decref(expected);
    json_decref(got);
}

static inline void
script_expect_close(const script_t *self, const script_client_t *client, const char *text)
{
    for (int ms = 0; client->closed[0] == '\0' && ms < SCRIPT_PATIENCE_MS; ms += 5)
        sim_run_ms(self->world->sim, 5);
    if (strcmp(client->closed, text) != 0)
        fail_msg("line %d: expected it closed with %s, not \"%s\"", self->line, text,
                 client->closed);
}

static inline bool
has_moved(const script_t *self, const script_client_t *client, const char *lsn)
{
    size_t number = 0;
    if (!is_script_position(lsn, &number))
        return strcmp(client->moved, lsn) == 0;
    script_look(self->world);
    return matches_position(number, client->moved);
}

static inline void
script_expect_moved(const script_t *self, const script_client_t *client, const char *lsn)
{
    for (int ms = 0; !has_moved(self, client, lsn) && ms < SCRIPT_PATIENCE_MS; ms += 5)
        sim_run_ms(self->world->sim, 5);
    if (!has_moved(self, client, lsn))
        fail_msg("line %d: expected %s, not \"%s\"", self->line, lsn, client->moved);
}

static inline void
script_expect_quiet(const script_t *self, const script_client_t *client, const char *ms)
{
    sim_run_ms(self->world->sim, (uint64_t) strtoull(ms, NULL, 10));
    if (client->read < client->n)
        fail_msg("line %d: it got\n%s", self->line, client->frames[client->read]);
}

static inline void
script_play_client(const script_t *self, size_t index, const char *verb, const char *rest)
{
    script_client_t *client = &clients[index];
    assert_true(index < SCRIPT_CLIENTS);
    if (strcmp(verb, "dial") == 0)
        script_order(self, index, ORDER_DIAL, rest);
    else if (strcmp(verb, ">") == 0)
        script_order(self, index, ORDER_TEXT, rest);
    else if (strcmp(verb, "bytes") == 0)
        script_order(self, index, ORDER_BYTES, rest);
    else if (strcmp(verb, "<") == 0)
        script_expect(self, client, rest);
    else if (strcmp(verb, "moved") == 0)
        script_expect_moved(self, client, rest);
    else if (strcmp(verb, "quiet") == 0)
        script_expect_quiet(self, client, rest);
    else if (strcmp(verb, "closed") == 0)
        script_expect_close(self, client, rest);
    else
        fail_msg("line %d: what is \"%s\"?", self->line, verb);
}

static inline void
script_add_schema(const script_t *self, const char *sql)
{
    if (on_postgres()) {
        foreign_sql(self->world, sql);
        return;
    }
    FILE *file = fopen(self->world->schema_path, "a");
    assert_non_null(file);
    (void) fprintf(file, "\n%s", sql);
    (void) fclose(file);
}

static inline void
script_expect_count(const script_t *self, const char *text)
{
    char *sql = NULL;
    const long long expected = strtoll(text, &sql, 10);
    const long long number = (long long) number_of(self->world, sql);
    if (number != expected)
        fail_msg("line %d: %lld, expected %lld", self->line, number, expected);
}

static inline void
script_play_line(script_t *self, char *line)
{
    char *verb = strchr(line, ' ');
    assert_non_null(verb);
    *verb++ = '\0';
    if (strcmp(line, "schema") == 0) {
        script_add_schema(self, verb);
        return;
    }
    script_start(self);
    if (strcmp(line, "sql") == 0) {
        foreign_sql(self->world, verb);
        backend_follow(&self->world->backend);
        sim_run_ms(self->world->sim, 20);
    } else if (strcmp(line, "count") == 0) {
        script_expect_count(self, verb);
    } else {
        char *rest = strchr(verb, ' ');
        assert_non_null(rest);
        *rest++ = '\0';
        script_play_client(self, (size_t) (line[0] - 'a'), verb, rest);
    }
}

static inline void
script_play(world_t *world, const char *directory, const char *name)
{
    static char line[1 << 16];
    script_t self = {.world = world};
    char *path = mem_format("%s/%s.script", directory, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        self.line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#')
            script_play_line(&self, line);
    }
    (void) fclose(file);
    free(path);
}

static inline int
script_release(void **state)
{
    for (size_t i = 0; i < SCRIPT_CLIENTS; i++) {
        while (clients[i].n > 0)
            free(clients[i].frames[--clients[i].n]);
        clients[i] = (script_client_t){0};
    }
    return remove_world(state);
}
