/*  monitor - the page for people, /metrics for Prometheus, and what supervisors ask.

    Hears  status, changes_processed, log_line                 as events, for whoever watches;
           stats, tree, dead_letters, status, changes_page, change_found, acted, clients_list,
           rejected_page                                       as answers.
    Says   stats_get, tree_get, dead_letters_get               to system;
           status_get, changes_list, change_get, act, connect, disconnect
                                                               to service of an agent;
           clients_get to listener, rejected_get to distributor of a server.

    It knows nothing itself: each request over HTTP becomes a question to whoever knows, and is
    answered when that has answered. Pages that are open hang on one WebSocket each and are
    told what happens. While nobody looks it does nothing. A port that is taken is no reason not
    to synchronise: then there is no page, and the log says so.  */

#include "actors/common/actors.h"

#include "actors/common/monitor/asking.h"
#include "actors/common/monitor/records.h"
#include "actors/common/monitor/site.h"
#include "actors/common/monitor/views.h"
#include "actors/common/monitor/wishes.h"
#include "runtime/system.h"
#include "schemas/fields.h"

#include <stdio.h>
#include <string.h>

enum {
    PEERS = 64, /* sockets at a time */
    FRAME_BYTES = 256 * 1024,
    FRAGMENTS = 64,
    PING_S = 20,
    HANGUP_S = 60,
    PATIENCE_MS = 15000, /* of a peer; longer than the questions have */
};

static const char events_path[] = "/api/events";

/*  ------------------------------------------------------------------------ starting  */

static void
note_address(monitor_t *self, ctx_t *ctx, const char *listen, int port)
{
    const int host = (int) (strrchr(listen, ':') - listen);
    const bool any = host == 1 && listen[0] == '*';
    (void) snprintf(self->address, sizeof self->address, "http://%.*s:%d/",
                    any ? (int) strlen("0.0.0.0") : host, any ? "0.0.0.0" : listen, port);
    system_note_monitor(ctx, self->address);
    ctx_log(ctx, LOG_info, "monitor page at %s", self->address);
}

static err_t
open_page(monitor_t *self, ctx_t *ctx, const char *address)
{
    const net_limits_t limits = {
        .max_frame = FRAME_BYTES,
        .max_fragments = FRAGMENTS,
        .ping_s = PING_S,
        .hangup_s = HANGUP_S,
        .handshake_ms = PATIENCE_MS,
        .max_peers = PEERS,
    };
    fault_t fault = {0};
    int port = 0;
    const err_t err = net_listen(ctx, address, &limits, &port, &fault);
    if (err == ERR_CONFIG)
        return ctx_fail(ctx, "monitor.listen: %s", fault.text);
    if (err == OK)
        note_address(self, ctx, address, port);
    else
        ctx_log(ctx, LOG_warning, "there is no monitor page: monitor.listen: %s", fault.text);
    return OK;
}

/*  Without a page it would only be in the way of the events that it hears.  */
static bool
is_wanted(const void *settings)
{
    return strcmp(((const settings_t *) settings)->monitor_listen, "off") != 0;
}

static err_t
start(void *state, ctx_t *ctx)
{
    monitor_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    self->role = settings->agent_db[0] != '\0' ? ROLE_agent : ROLE_server;
    if (!is_wanted(settings))
        return OK;
    if (door_open(&self->door, settings, &fault) != OK)
        return ctx_fail(ctx, "%s", fault.text);
    return open_page(self, ctx, settings->monitor_listen);
}

/*  ------------------------------------------------------------------------ requests  */

static bool
is_read(const net_upgrade_t *upgrade, net_answer_t *answer)
{
    if (strcmp(upgrade->method, "GET") == 0 || strcmp(upgrade->method, "HEAD") == 0)
        return true;
    *answer = (net_answer_t){
        .status = 405, .headers = "Allow: GET, HEAD\r\n", .body = "Method Not Allowed\n"};
    return false;
}

static void
give_file(const site_file_t *file, net_answer_t *answer)
{
    *answer = (net_answer_t){.status = 200, .type = file->type, .body = file->body};
}

static void
look_at(monitor_t *self, ctx_t *ctx, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    const view_t *view = view_find(self->role, upgrade->path);
    const void *question = NULL;
    if (view == NULL) {
        *answer = (net_answer_t){.status = 404, .body = "Not Found\n"};
        return;
    }
    if (!view->is_open && !door_knows_token(&self->door, upgrade, answer))
        return;
    if (view->read && !view->read(upgrade->query, ctx_arena(ctx), &question)) {
        *answer = asking_refusal(ctx, ERR_USAGE, "what follows the ? makes no sense here");
        return;
    }
    *answer = (net_answer_t){.status = NET_LATER};
    const err_t err = asking_begin(
        self, ctx, &(wish_t){.view = view, .conn = upgrade->conn, .question = question});
    if (err != OK)
        *answer = asking_refusal(ctx, err, "too much is asked at a time: try again");
}

static void
begin_to_watch(monitor_t *self, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    if (!upgrade->upgrade)
        *answer = (net_answer_t){.status = 426, .body = "This is a WebSocket\n"};
    else if (!door_knows_token(&self->door, upgrade, answer))
        return;
    else if (self->watchers.n == WATCHERS)
        *answer = (net_answer_t){.status = 503, .body = "Too many pages are open\n"};
    else
        *answer = (net_answer_t){.status = 101};
}

static void
judge(monitor_t *self, ctx_t *ctx, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    const site_file_t *file = site_find(upgrade->path);
    if (!door_charge(&self->door, ctx_now_us(ctx)))
        *answer = (net_answer_t){
            .status = 429, .headers = "Retry-After: 1\r\n", .body = "Too many requests\n"};
    else if (!door_knows_origin(&self->door, upgrade, answer) || !is_read(upgrade, answer))
        return;
    else if (strcmp(upgrade->path, events_path) == 0)
        begin_to_watch(self, upgrade, answer);
    else if (upgrade->upgrade)
        *answer = (net_answer_t){.status = 404, .body = "Not Found\n"};
    else if (file)
        give_file(file, answer);
    else
        look_at(self, ctx, upgrade, answer);
}

static err_t
on_upgrade(void *state, ctx_t *ctx, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    judge(state, ctx, upgrade, answer);
    asking_secure(ctx, answer);
    return OK;
}

/*  ------------------------------------------------------------------------ watchers  */

static err_t
on_open(void *state, ctx_t *ctx, conn_t conn, uint64_t token)
{
    monitor_t *self = state;
    (void) token;
    if (self->watchers.n == WATCHERS) {
        net_close(ctx, conn, 1013, "too many pages are open");
        return OK;
    }
    (void) watchers_add(&self->watchers, conn);
    asking_look(self, ctx, &view_state);
    asking_look(self, ctx, &view_stats);
    ctx_after(ctx, TIMER_TICK, TICK_MS);
    return OK;
}

static err_t
on_frame(void *state, ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    monitor_t *self = state;
    watcher_t *watcher = watchers_find(&self->watchers, conn);
    if (watcher == NULL)
        return OK;
    if (binary)
        net_close(ctx, conn, 1003, "JSON is spoken here");
    else if (!door_charge(&self->door, ctx_now_us(ctx)))
        net_close(ctx, conn, 1008, "too many frames");
    else
        wishes_take(self, ctx, watcher, frame);
    return OK;
}

static err_t
on_drained(void *state, ctx_t *ctx, conn_t conn)
{
    monitor_t *self = state;
    watcher_t *watcher = watchers_find(&self->watchers, conn);
    if (watcher)
        watcher_go_on(watcher, ctx);
    return OK;
}

static err_t
on_close(void *state, ctx_t *ctx, conn_t conn, int status, const char *reason)
{
    monitor_t *self = state;
    (void) status;
    (void) reason;
    watchers_remove(&self->watchers, conn);
    (void) !records_follow(self, ctx);
    if (self->watchers.n == 0)
        ctx_cancel(ctx, TIMER_TICK);
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    monitor_t *self = state;
    (void) timer;
    if (self->watchers.n == 0)
        return OK;
    asking_look(self, ctx, &view_state);
    asking_look(self, ctx, &view_stats);
    ctx_after(ctx, TIMER_TICK, TICK_MS);
    return OK;
}

/*  -------------------------------------------------------------------------- events  */

/*  The message as an event of that type.  */
static void
pass_on(monitor_t *self, ctx_t *ctx, const char *type, message_id_t id, const void *body)
{
    buffer_t frame = {0};
    if (self->watchers.n == 0)
        return;
    buffer_add_format(&frame, "{\"type\":\"%s\",", type);
    fields_to_json(id, body, true, &frame);
    buffer_add_text(&frame, "}");
    watchers_tell(&self->watchers, ctx, &frame);
    buffer_release(&frame);
}

static err_t
on_log_line(void *state, ctx_t *ctx, const void *body)
{
    pass_on(state, ctx, "log", MSG_log_line, body);
    return OK;
}

static err_t
on_changes_processed(void *state, ctx_t *ctx, const void *body)
{
    monitor_t *self = state;
    self->lists_moved = self->watchers.n > 0;
    pass_on(self, ctx, "processed", MSG_changes_processed, body);
    return OK;
}

static err_t
on_status(void *state, ctx_t *ctx, const void *body)
{
    monitor_t *self = state;
    if (ctx_envelope(ctx)->kind != ENVELOPE_EVT)
        return asking_end(self, ctx, MSG_status, body);
    if (self->watchers.n > 0)
        asking_look(self, ctx, &view_state);
    return OK;
}

/*  ------------------------------------------------------------------------- answers  */

static err_t
on_answer(void *state, ctx_t *ctx, const void *body)
{
    return asking_end(state, ctx, message_named(ctx_envelope(ctx)->type), body);
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    asking_fail(state, ctx, failure);
    return OK;
}

/*  ------------------------------------------------------------------------- the end  */

static err_t
drain(void *state, ctx_t *ctx)
{
    monitor_t *self = state;
    for (size_t i = 0; i < self->watchers.n; i++)
        net_close(ctx, self->watchers.items[i].conn, 1001, "the process is stopping");
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    monitor_t *self = state;
    (void) ctx;
    door_close(&self->door);
    buffer_release(&self->identity);
    buffer_release(&self->state);
}

static const edge_t sends[] = {
    {"system", MSG_stats_get},
    {"system", MSG_tree_get},
    {"system", MSG_dead_letters_get},
    {"service", MSG_status_get},
    {"service", MSG_changes_list},
    {"service", MSG_change_get},
    {"service", MSG_act},
    {"service", MSG_connect},
    {"service", MSG_disconnect},
    {"listener", MSG_clients_get},
    {"distributor", MSG_rejected_get},
    {0},
};

static const char *const hears[] = {"status", "changes_processed", "log_line", NULL};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_status] = on_status,        [MSG_changes_processed] = on_changes_processed,
    [MSG_log_line] = on_log_line,    [MSG_stats] = on_answer,
    [MSG_tree] = on_answer,          [MSG_dead_letters] = on_answer,
    [MSG_changes_page] = on_answer,  [MSG_change_found] = on_answer,
    [MSG_acted] = on_answer,         [MSG_clients_list] = on_answer,
    [MSG_rejected_page] = on_answer,
};

static const net_handlers_t net = {
    .on_upgrade = on_upgrade,
    .on_open = on_open,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_close = on_close,
};

const actor_class_t monitor = {
    .name = "monitor",
    .summary = "the page for people, and /metrics",
    .state_size = sizeof(monitor_t),
    .sends = sends,
    .hears = hears,
    .is_wanted = is_wanted,
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .on_timer = on_timer,
    .on_tapped = records_pass_on,
    .drain = drain,
    .stop = stop,
    .net = &net,
};
