#include "actors/server/chunks.h"

#include <string.h>

static void
send_snapshot_begin(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    TELL(session, ctx, srv_init_start, .server_lsn = chunk->lsn, .epoch = session->epoch);
}

/*  The table's name goes out in double quotes, as clients of this protocol know it.  */
static void
send_snapshot(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    buffer_t name = {0};
    buffer_add_format(&name, "\"%s\"", chunk->table);
    sequence_t sequence = {.table = buffer_text(&name), .chunk = chunk->chunk};
    TELL(session, ctx, srv_init_changes, .changes = chunk->changes,
         .n_changes = chunk->n_changes, .sequence = &sequence, .server_lsn = chunk->lsn,
         .after = chunk->after, .final = chunk->final);
    buffer_release(&name);
    window_add_page(&session->window);
}

static void
send_snapshot_end(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    session->sent = session->snapshot_lsn = chunk->lsn;
    session->snapshot_clock = chunk->clock;
    session_complete_snapshot(session, ctx);
}

static void
send_catchup(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    sequence_t sequence = {.chunk = chunk->chunk};
    TELL(session, ctx, srv_catchup_changes, .changes = chunk->changes,
         .n_changes = chunk->n_changes, .last_lsn = chunk->lsn, .sequence = &sequence,
         .prev_lsn = chunk->prev, .last = chunk->last);
    session->sent = chunk->lsn;
    window_add(&session->window, chunk->lsn);
}

static void
send_catchup_end(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    TELL(session, ctx, srv_catchup_completed, .start_lsn = chunk->prev, .final_lsn = chunk->lsn,
         .change_count = chunk->count, .success = true);
    TELL(session, ctx, srv_live_start, .start_lsn = chunk->lsn, .final_lsn = chunk->lsn,
         .success = true);
    session->sent = chunk->lsn;
}

static void
send_live(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    sequence_t sequence = {.chunk = chunk->chunk};
    TELL(session, ctx, srv_live_changes, .changes = chunk->changes,
         .n_changes = chunk->n_changes, .last_lsn = chunk->lsn, .sequence = &sequence,
         .prev_lsn = chunk->prev, .last = chunk->last);
    session->sent = chunk->lsn;
    window_add(&session->window, chunk->lsn);
}

static void
send_moved(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    TELL(session, ctx, srv_lsn_update, .lsn = chunk->lsn, .prev_lsn = chunk->prev);
    session->sent = chunk->lsn;
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
};

void
chunks_send(session_t *session, ctx_t *ctx, const stream_chunk_t *chunk)
{
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        if (strcmp(phases[i].phase, chunk->phase) == 0) {
            phases[i].send(session, ctx, chunk);
            break;
        }
    }
    session->woken = false;
    session->failures = 0;
    session_pull(session, ctx);
}
