/*  What the server sends: each frame becomes a request to lsn-manager, in order, and is
    acknowledged to the server (receipts.c) when that is answered. Declared in connection.h.  */

#include "actors/agent/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNDER_WAY_AT_MOST = 8, MOVED_MS = 50 };

/*  ------------------------------------------------------------------------ under way  */

static uint64_t
keep(connection_t *self, message_id_t frame, const sequence_t *sequence)
{
    downlink_t *down = &self->down;
    if (down->n == down->room) {
        down->room = down->room ? down->room * 2 : 16;
        down->items = mem_grow(down->items, down->room * sizeof *down->items);
    }
    down->items[down->n++] = (under_way_t){
        .token = ++down->last,
        .conn = self->conn,
        .frame = frame,
        .chunk = sequence ? sequence->chunk : 0,
        .table = sequence && sequence->table ? mem_text(sequence->table) : NULL,
    };
    return down->last;
}

static bool
take_out(downlink_t *self, uint64_t token, under_way_t *under_way)
{
    size_t i = 0;
    while (i < self->n && self->items[i].token != token)
        i++;
    if (i == self->n)
        return false;
    *under_way = self->items[i];
    self->n--;
    memmove(&self->items[i], &self->items[i + 1], (self->n - i) * sizeof *self->items);
    return true;
}

static void
keep_pace(connection_t *self, ctx_t *ctx)
{
    const bool pause = self->down.n >= UNDER_WAY_AT_MOST;
    if (pause == self->down.paused || self->conn == 0)
        return;
    self->down.paused = pause;
    net_pause(ctx, self->conn, pause);
}

/*  ------------------------------------------------------------------------ taking in  */

static void
pass(connection_t *self, ctx_t *ctx, message_id_t frame, const sequence_t *sequence,
     server_changes_t *stretch)
{
    stretch->epoch = self->server_epoch;
    ctx_request(ctx, "lsn-manager", MSG_server_changes, stretch, keep(self, frame, sequence),
                0);
    keep_pace(self, ctx);
}

void
downlink_pass_moved(connection_t *self, ctx_t *ctx)
{
    downlink_t *down = &self->down;
    if (down->moved == 0)
        return;
    server_changes_t stretch = {
        .phase = "moved", .prev = down->moved_from, .lsn = down->moved, .last = true};
    down->moved = 0;
    pass(self, ctx, MSG_srv_lsn_update, NULL, &stretch);
}

/*  Rows of a snapshot have no ids, and need no steps.  */
static void
note_arrival(ctx_t *ctx, const server_changes_t *stretch)
{
    for (size_t i = 0; i < stretch->n_changes; i++)
        if (stretch->changes[i].id && stretch->changes[i].id[0])
            ctx_step(ctx, STEP_arrived, stretch->changes[i].id, stretch->changes[i].lsn);
}

static void
hand_on(connection_t *self, ctx_t *ctx, message_id_t frame, const sequence_t *sequence,
        server_changes_t *stretch)
{
    connection_hear_position(self, stretch->lsn);
    note_arrival(ctx, stretch);
    downlink_pass_moved(self, ctx);
    pass(self, ctx, frame, sequence, stretch);
}

static bool
know_epoch(connection_t *self, ctx_t *ctx, const char *epoch)
{
    downlink_pass_moved(self, ctx); /* it is of the epoch until now */
    if (strlen(epoch) >= sizeof self->server_epoch) {
        connection_lose(self, ctx, "the server's epoch is longer than %d bytes",
                        EPOCH_ROOM - 1);
        return false;
    }
    (void) snprintf(self->server_epoch, sizeof self->server_epoch, "%s", epoch);
    return true;
}

static void
on_schema(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_schema_t *schema = body;
    if (!know_epoch(self, ctx, schema->epoch))
        return;
    self->server_lsn = schema->server_lsn;
    if (schema->lease && schema->lease[0])
        connection_keep_lease(self, ctx, schema->lease);
    REQUEST(ctx, "lsn-manager", keep(self, MSG_srv_schema, NULL), server_schema,
            .epoch = schema->epoch, .tables = schema->tables, .n_tables = schema->n_tables);
    keep_pace(self, ctx);
}

static void
on_resync_required(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_resync_required_t *resync = body;
    if (strcmp(resync->reason, "identity_taken") == 0) {
        connection_change_identity(self, ctx);
        return;
    }
    ctx_log(ctx, LOG_warning, "the server wants an initial sync: %s", resync->reason);
    (void) know_epoch(self, ctx, resync->epoch);
}

static void
on_init_start(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_init_start_t *start = body;
    if (start->epoch && start->epoch[0] && !know_epoch(self, ctx, start->epoch))
        return;
    (void) snprintf(self->reason, sizeof self->reason,
                    "a snapshot is coming in; local changes wait for its end");
    connection_step(self, ctx, EVENT_snapshot);
    hand_on(
        self, ctx, MSG_srv_init_start, NULL,
        &(server_changes_t){.phase = "snapshot_begin", .lsn = start->server_lsn, .last = true});
}

/*  Tables come in double quotes.  */
static const char *
bare_name(ctx_t *ctx, const char *table)
{
    const size_t size = table ? strlen(table) : 0;
    if (size < 2 || table[0] != '"' || table[size - 1] != '"')
        return table;
    return arena_text_of(ctx_arena(ctx), table + 1, size - 2);
}

static void
on_init_changes(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_init_changes_t *page = body;
    hand_on(self, ctx, MSG_srv_init_changes, page->sequence,
            &(server_changes_t){
                .phase = "snapshot",
                .prev = page->server_lsn,
                .lsn = page->server_lsn,
                .table = bare_name(ctx, page->sequence->table),
                .after = page->after,
                .final = page->final,
                .changes = page->changes,
                .n_changes = page->n_changes,
            });
}

static void
on_init_complete(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_init_complete_t *complete = body;
    hand_on(self, ctx, MSG_srv_init_complete, NULL,
            &(server_changes_t){
                .phase = "snapshot_end",
                .lsn = complete->server_lsn,
                .last = true,
                .clock = complete->clock,
            });
}

static void
on_catchup_changes(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_catchup_changes_t *chunk = body;
    self->reason[0] = '\0';
    connection_step(self, ctx, EVENT_catchup);
    hand_on(self, ctx, MSG_srv_catchup_changes, chunk->sequence,
            &(server_changes_t){
                .phase = "catchup",
                .prev = chunk->prev_lsn,
                .lsn = chunk->last_lsn,
                .last = chunk->last,
                .changes = chunk->changes,
                .n_changes = chunk->n_changes,
            });
}

static void
on_catchup_completed(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_catchup_completed_t *completed = body;
    if (!completed->success)
        connection_lose(self, ctx, "the server gave the catch-up up: %s",
                        completed->error ? completed->error : "it does not say why");
}

static void
on_live_start(connection_t *self, ctx_t *ctx, const void *body)
{
    (void) body;
    self->reason[0] = '\0';
    connection_step(self, ctx, EVENT_live);
}

static void
on_live_changes(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_live_changes_t *chunk = body;
    hand_on(self, ctx, MSG_srv_live_changes, NULL,
            &(server_changes_t){
                .phase = "live",
                .prev = chunk->prev_lsn,
                .lsn = chunk->last_lsn,
                .last = chunk->last,
                .changes = chunk->changes,
                .n_changes = chunk->n_changes,
            });
}

/*  One follows on each change of our own. Nothing is lost with it but a little of the position,
    so several of them are committed as one, or together with the next changes.  */
static void
on_lsn_update(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_lsn_update_t *update = body;
    downlink_t *down = &self->down;
    connection_hear_position(self, update->lsn);
    if (down->moved != update->prev_lsn)
        downlink_pass_moved(self, ctx);
    if (down->moved == 0) {
        down->moved_from = update->prev_lsn;
        ctx_after(ctx, TIMER_MOVED, MOVED_MS);
    }
    down->moved = update->lsn;
}

static void
on_changes_applied(connection_t *self, ctx_t *ctx, const void *body)
{
    uplink_take_verdicts(self, ctx, body);
}

static void
on_heartbeat(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_heartbeat_t *heartbeat = body;
    connection_hear_position(self, heartbeat->lsn);
    downlink_pass_moved(self, ctx);
    questions_hear_server(self, ctx);
}

/*  Arrival decides nothing.  */
static void
on_changes_received(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_changes_received_t *received = body;
    (void) self;
    ctx_log(ctx, LOG_debug, "%zu changes have arrived at the server", received->n_change_ids);
}

/*  Whatever it was about will not be answered on this connection.  */
static void
on_error(connection_t *self, ctx_t *ctx, const void *body)
{
    const srv_error_t *error = body;
    connection_lose(self, ctx, "the server refused a frame of ours: %s: %s", error->code,
                    error->message);
}

static void (*const takers[MSG_COUNT])(connection_t *, ctx_t *, const void *) = {
    [MSG_srv_schema] = on_schema,
    [MSG_srv_resync_required] = on_resync_required,
    [MSG_srv_init_start] = on_init_start,
    [MSG_srv_init_changes] = on_init_changes,
    [MSG_srv_init_complete] = on_init_complete,
    [MSG_srv_catchup_changes] = on_catchup_changes,
    [MSG_srv_catchup_completed] = on_catchup_completed,
    [MSG_srv_live_start] = on_live_start,
    [MSG_srv_live_changes] = on_live_changes,
    [MSG_srv_lsn_update] = on_lsn_update,
    [MSG_srv_changes_applied] = on_changes_applied,
    [MSG_srv_changes_received] = on_changes_received,
    [MSG_srv_heartbeat] = on_heartbeat,
    [MSG_srv_error] = on_error,
};

static void
show_lag(const connection_t *self, ctx_t *ctx)
{
    const uint64_t lsn = self->position.lsn;
    ctx_set(ctx, METRIC_lag, self->server_lsn > lsn ? self->server_lsn - lsn : 0);
}

void
downlink_take(connection_t *self, ctx_t *ctx, const wire_t *wire)
{
    if (takers[wire->id])
        takers[wire->id](self, ctx, wire->body);
    else
        ctx_log(ctx, LOG_debug, "a frame of type \"%.40s\" is ignored", wire->frame.type);
    show_lag(self, ctx);
}

/*  ------------------------------------------------------------------------ answers  */

/*  The position is ours, whichever connection the frame came on; the rest is this
    connection's.  */
void
downlink_answer(connection_t *self, ctx_t *ctx, uint64_t token,
                const changes_applied_t *applied)
{
    under_way_t frame;
    if (!take_out(&self->down, token, &frame))
        return;
    const bool extended = frame.frame == MSG_srv_schema && applied->lsn < self->position.lsn;
    self->position.lsn = applied->lsn;
    show_lag(self, ctx);
    if (frame.conn == self->conn && extended)
        connection_lose(self, ctx, "a table got a new column: everything is fetched anew");
    else if (frame.conn == self->conn)
        downlink_judge(self, ctx, &frame, applied);
    free(frame.table);
    keep_pace(self, ctx);
    connection_dial_if_due(self, ctx);
}

void
downlink_fail(connection_t *self, ctx_t *ctx, uint64_t token, const char *text)
{
    under_way_t frame;
    if (!take_out(&self->down, token, &frame))
        return;
    free(frame.table);
    if (frame.conn == self->conn)
        connection_lose(self, ctx, "what the server sent could not be applied: %s", text);
    connection_dial_if_due(self, ctx);
}

void
downlink_reset(connection_t *self)
{
    self->down.paused = false;
    self->down.filling = false;
    self->down.moved = 0;
    self->down.refusal[0] = '\0';
    self->server_lsn = 0;
}

void
downlink_release(connection_t *self)
{
    for (size_t i = 0; i < self->down.n; i++)
        free(self->down.items[i].table);
    free(self->down.items);
}
