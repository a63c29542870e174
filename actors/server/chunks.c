#include "actors/server/chunks.h"

#include "actors/server/chunk_steps.h"
#include "actors/server/pacing.h"
#include "actors/server/uploads.h"

#include <stdio.h>
#include <string.h>

enum { AGAIN_MS = 20 };

static void
send_snapshot_begin(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    uploads_forget_held(session);
    TELL(session, ctx, srv_init_start, .server_lsn = chunk->lsn, .epoch = session->epoch);
}

/*  The table's name goes out in double quotes, as clients of this protocol know it.  */
static void
send_snapshot(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    buffer_t name = {0};
    buffer_add_format(&name, "\"%s\"", chunk->table);
    sequence_t sequence = {
        .table = buffer_text(&name), .chunk = chunk->chunk, .total = chunk->total};
    const srv_init_changes_t page = {
        .changes = chunk->changes,
        .n_changes = chunk->n_changes,
        .sequence = &sequence,
        .server_lsn = chunk->lsn,
        .after = chunk->after,
        .final = chunk->final,
    };
    const delivery_t delivery = {.table = (char *) name.data, .chunk = chunk->chunk};
    pacing_deliver(session, ctx, MSG_srv_init_changes, &page, &delivery);
    buffer_release(&name);
}

static void
send_snapshot_end(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    session->sent = session->snapshot_lsn = session->began = chunk->lsn;
    session->snapshot_clock = chunk->clock;
    session_complete_snapshot(session, ctx);
}

static void
send_catchup(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    sequence_t sequence = {.chunk = chunk->chunk, .total = chunk->total};
    const srv_catchup_changes_t stretch = {
        .changes = chunk->changes,
        .n_changes = chunk->n_changes,
        .last_lsn = chunk->lsn,
        .sequence = &sequence,
        .prev_lsn = chunk->prev,
        .last = chunk->last,
    };
    const delivery_t delivery = {.chunk = chunk->chunk, .lsn = chunk->lsn};
    session->sent = chunk->lsn;
    session->count += chunk->n_changes;
    uploads_overtake(session, chunk->changes, chunk->n_changes);
    pacing_deliver(session, ctx, MSG_srv_catchup_changes, &stretch, &delivery);
}

/*  A row that a JSON client must be told of is newer than all that: once more, in a moment. A
    cache may have to wait for it.  */
static void
open_again(session_t *session, ctx_t *ctx, uint64_t lsn)
{
    session->opened = session->asked = false;
    session->visitor.lsn = lsn;
    (void) snprintf(session->visitor.epoch, sizeof session->visitor.epoch, "%s",
                    session->epoch);
    ctx_after(ctx, session_timer(session, TIMER_OPEN), AGAIN_MS);
}

static void
send_catchup_end(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    const uint64_t position = session->sent;
    session->sent = chunk->lsn;
    if (session->missed > chunk->lsn) {
        open_again(session, ctx, chunk->lsn);
        return;
    }
    session->live = true;
    if (chunk->lsn > position && !session->visitor.json)
        TELL(session, ctx, srv_lsn_update, .lsn = chunk->lsn, .prev_lsn = position);
    TELL(session, ctx, srv_catchup_completed, .start_lsn = chunk->prev, .final_lsn = chunk->lsn,
         .change_count = chunk->count, .success = true);
    TELL(session, ctx, srv_live_start, .start_lsn = chunk->lsn, .final_lsn = chunk->lsn,
         .success = true);
    uploads_show_held(session, ctx);
}

/*  JSON clients need not acknowledge what comes live.  */
static void
send_live(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    sequence_t sequence = {.chunk = chunk->chunk, .total = chunk->total};
    TELL(session, ctx, srv_live_changes, .changes = chunk->changes,
         .n_changes = chunk->n_changes, .last_lsn = chunk->lsn, .sequence = &sequence,
         .prev_lsn = chunk->prev, .last = chunk->last);
    session->sent = chunk->lsn;
    if (!session->visitor.json)
        window_add(&session->window, chunk->lsn);
}

static void
send_moved(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    TELL(session, ctx, srv_lsn_update, .lsn = chunk->lsn, .prev_lsn = chunk->prev);
    session->sent = chunk->lsn;
}

/*  What its user may read is otherwise: its stream begins again, with a snapshot.  */
static void
send_resync(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    (void) chunk;
    session_begin_anew(session, ctx, "permissions_changed");
}

static void
rest(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    (void) ctx;
    (void) chunk;
    session->idle = !session->woken;
}

static const struct {
    const char *phase;
    void (*send)(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk);
} phases[] = {
    {"live", send_live},
    {"idle", rest},
    {"moved", send_moved},
    {"catchup", send_catchup},
    {"catchup_end", send_catchup_end},
    {"snapshot", send_snapshot},
    {"snapshot_begin", send_snapshot_begin},
    {"snapshot_end", send_snapshot_end},
    {"resync", send_resync},
};

/*  ----------------------------------------------------------------- for JSON clients  */

/*  They compare times: where a row does not tell when it was written, it is as new as the
    snapshot.  */
static int64_t
time_of(const server_change_t *change, int64_t now_ms)
{
    if (change->updated_at != 0)
        return change->updated_at;
    return sent_changes_time(change->data, now_ms);
}

/*  What makes delivery exact is not known to them, and the order of rows no longer as logged.
 */
static void
simplify(const session_t *session, ctx_t *ctx, stream_chunk_t *chunk)
{
    const int64_t now_ms = ctx_wall_ms(ctx);
    server_change_t *changes =
        arena_new(ctx_arena(ctx), (chunk->n_changes + 1) * sizeof *changes);
    if (chunk->n_changes > 0)
        memcpy(changes, chunk->changes, chunk->n_changes * sizeof *changes);
    chunk->changes = changes;
    if (chunk->n_changes > 0)
        chunk->n_changes =
            arrange(&session->family, chunk->changes, chunk->n_changes, ctx_arena(ctx));
    for (size_t i = 0; i < chunk->n_changes; i++) {
        const server_change_t *change = &chunk->changes[i];
        chunk->changes[i] = (server_change_t){
            .table = change->table,
            .operation = change->operation,
            .data = change->data,
            .lsn = change->lsn,
            .updated_at = time_of(change, now_ms),
        };
    }
    chunk->after = (bytes_t){0};
    chunk->final = chunk->last = false;
    chunk->clock = 0;
    if (strcmp(chunk->phase, "catchup_end") != 0)
        chunk->prev = 0;
    if (strcmp(chunk->phase, "snapshot") == 0)
        chunk->lsn = 0;
}

/*  Only a page of a snapshot names a table.  */
static void
show(ctx_t *ctx, const stream_chunk_t *chunk)
{
    const bool page = chunk->table != NULL && chunk->table[0] != '\0';
    ctx_count(ctx, page ? METRIC_rows_distributed : METRIC_changes_distributed,
              chunk->n_changes);
    chunk_steps(ctx, STEP_distributed, chunk);
}

void
chunks_send(session_t *session, ctx_t *ctx, const stream_chunk_t *pulled)
{
    stream_chunk_t simple = *pulled;
    const stream_chunk_t *chunk = &simple;
    if (session->visitor.json)
        simplify(session, ctx, &simple);
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        if (strcmp(phases[i].phase, chunk->phase) == 0) {
            phases[i].send(session, ctx, chunk);
            break;
        }
    }
    show(ctx, pulled);
    session->woken = false;
    session->failures = 0;
    session_pull(session, ctx);
}
