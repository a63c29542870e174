#include "actors/server/stream.h"

#include "actors/server/change_log.h"
#include "actors/server/stretch.h"

#include <stdlib.h>
#include <string.h>

/*  A live stream that is further behind than this many transactions catches up first,
    several in a frame.  */
enum {
    LIVE_BEHIND = 32,
    COUNTED_BYTES = 1 << 22, /* in a chunk that is cut by rows: a client takes twice that */
};

stream_t *
stream_new(uint64_t session, const char *client_id, const char *user)
{
    stream_t *self = mem_new(sizeof *self);
    self->session = session;
    self->client_id = mem_text(client_id);
    self->user = mem_text(user ? user : "");
    return self;
}

void
stream_destroy(stream_t **self)
{
    if (*self == NULL)
        return;
    snapshot_destroy(&(*self)->snapshot);
    free((*self)->client_id);
    free((*self)->user);
    free(*self);
    *self = NULL;
}

size_t
stream_frame_bytes(const stream_t *self, const stream_source_t *source)
{
    return self->rows > 0 ? COUNTED_BYTES : source->frame_bytes;
}

static void
enter_catchup(stream_t *self)
{
    self->total = 0;
    self->phase = STREAM_CATCHUP;
    self->start = self->lsn;
    self->chunks = 0;
    self->count = 0;
}

static err_t
follow_from(stream_t *self, const stream_source_t *source, uint64_t lsn, fault_t *fault)
{
    self->lsn = lsn;
    self->index = 0;
    self->parted = false;
    enter_catchup(self);
    return change_log_row_at(source->db, lsn, &self->row, fault);
}

err_t
stream_start(stream_t *self, const stream_source_t *source, uint64_t lsn, fault_t *fault)
{
    snapshot_destroy(&self->snapshot);
    self->lost = false;
    if (lsn != 0)
        return follow_from(self, source, lsn, fault);
    self->phase = STREAM_SNAPSHOT;
    return OK;
}

/*  ---------------------------------------------------------------------- snapshot  */

static err_t
check_epoch(const stream_source_t *source, const char *epoch, fault_t *fault)
{
    if (strcmp(source->epoch, epoch) == 0)
        return OK;
    return fault_set(fault, ERR_REGRESSED, "another history has begun");
}

/*  It has a connection of its own, which may see what we do not see yet.  */
static err_t
begin_snapshot(stream_t *self, const stream_source_t *source, bool may_open,
               stream_chunk_t *chunk, fault_t *fault)
{
    chunk->phase = "idle";
    if (!may_open)
        return OK;
    const err_t err =
        snapshot_open(source->path, source->settings, self->user, &self->snapshot, fault);
    if (err != OK || self->snapshot == NULL)
        return err; /* the replicator seals what there is, and then we are pulled again */
    chunk->phase = "snapshot_begin";
    chunk->lsn = snapshot_lsn(self->snapshot);
    return check_epoch(source, snapshot_epoch(self->snapshot), fault);
}

static err_t
next_page(stream_t *self, const stream_source_t *source, stream_chunk_t *chunk, fault_t *fault)
{
    const uint64_t lsn = snapshot_lsn(self->snapshot);
    chunk->phase = "snapshot";
    chunk->prev = chunk->lsn = lsn;
    const page_size_t size = {.bytes = stream_frame_bytes(self, source), .rows = self->rows};
    const err_t err = snapshot_page(self->snapshot, size, source->arena, chunk, fault);
    if (err != OK || chunk->table != NULL)
        return err;
    chunk->phase = "snapshot_end";
    chunk->last = true;
    chunk->clock = snapshot_clock(self->snapshot);
    snapshot_destroy(&self->snapshot);
    return follow_from(self, source, lsn, fault);
}

static err_t
next_of_snapshot(stream_t *self, const stream_source_t *source, bool may_open,
                 stream_chunk_t *chunk, fault_t *fault)
{
    if (self->lost)
        return fault_set(fault, ERR_EXPIRED, "the snapshot took too long and was given up");
    if (self->snapshot == NULL)
        return begin_snapshot(self, source, may_open, chunk, fault);
    return next_page(self, source, chunk, fault);
}

/*  -------------------------------------------------------------------- transactions  */

/*  A part that the client holds must be ended for it, even with nothing more to send.  */
static bool
is_moved(const stream_t *self, const stretch_t *stretch)
{
    return stretch->n == 0 && !self->parted;
}

/*  What is behind this chunk, up to there or, live, to the end of its transaction. Chunks end
    with transactions where they can, so there may be more of them than the rows need. How many
    rows there are that may not be read, nobody is told.  */
static err_t
count_chunks(stream_t *self, const stream_source_t *source, uint64_t up_to,
             stream_chunk_t *chunk, fault_t *fault)
{
    const bool live = self->phase == STREAM_LIVE;
    const bool ends = chunk->last && (live || chunk->lsn == up_to);
    uint64_t left = 0;
    err_t err = OK;
    if (!ends && self->total == 0 && !rights_hide_rows(source->rights)) {
        if (live)
            err = change_log_nth(source->db, self->lsn, 1, &up_to, fault);
        if (err == OK)
            err = change_log_count(source->db, self->lsn, up_to, &left, fault);
        left -= left < self->index ? left : self->index;
        self->total = chunk->chunk + (left + self->rows - 1) / self->rows;
    }
    chunk->total = ends                         ? chunk->chunk
                   : self->total > chunk->chunk ? self->total
                                                : chunk->chunk + 1;
    if (live && chunk->last)
        self->chunks = self->total = 0;
    return err;
}

static err_t
next_stretch(stream_t *self, const stream_source_t *source, const log_head_t *head,
             stream_chunk_t *chunk, fault_t *fault)
{
    const bool live = self->phase == STREAM_LIVE;
    stretch_t stretch;
    const reach_t reach = {.up_to = head->lsn, .dense = head->dense, .single = live};
    const err_t err = stretch_read(self, source, reach, &stretch, fault);
    if (err != OK)
        return err;
    if (stretch.rights_changed) {
        chunk->phase = "resync";
        return OK;
    }
    chunk->phase = is_moved(self, &stretch) ? "moved" : live ? "live" : "catchup";
    chunk->prev = self->lsn;
    chunk->lsn = stretch.last ? stretch.lsn : self->lsn;
    chunk->last = stretch.last;
    chunk->changes = stretch.changes;
    chunk->n_changes = stretch.n;
    chunk->chunk = live && self->rows == 0 ? 1 : self->chunks + 1;
    self->chunks += !is_moved(self, &stretch);
    self->count += stretch.n;
    self->parted = !stretch.last;
    self->lsn = chunk->lsn;
    self->row = stretch.row;
    self->index = stretch.index;
    return self->rows > 0 ? count_chunks(self, source, head->lsn, chunk, fault) : OK;
}

/*  Up to where nothing is missing: another server may have read its database in between the
   last change and there, and knows nothing of what was before.  */
static void
end_catchup(stream_t *self, uint64_t captured, stream_chunk_t *chunk)
{
    self->lsn = captured > self->lsn ? captured : self->lsn;
    chunk->phase = "catchup_end";
    chunk->prev = self->start;
    chunk->lsn = self->lsn;
    chunk->last = true;
    chunk->count = self->count;
    self->phase = STREAM_LIVE;
    self->chunks = self->total = 0;
}

static void
rest(const stream_t *self, stream_chunk_t *chunk)
{
    chunk->phase = "idle";
    chunk->lsn = self->lsn;
}

/*  By transactions: positions may have holes.  */
static err_t
is_far_behind(const stream_t *self, const stream_source_t *source, uint64_t head, bool *behind,
              fault_t *fault)
{
    uint64_t lsn = 0;
    err_t err = OK;
    if (head > self->lsn + LIVE_BEHIND)
        err = change_log_nth(source->db, self->lsn, LIVE_BEHIND + 1, &lsn, fault);
    *behind = lsn != 0;
    return err;
}

err_t
stream_next(stream_t *self, const stream_source_t *source, bool may_open, stream_chunk_t *chunk,
            fault_t *fault)
{
    log_head_t head;
    if (self->phase == STREAM_SNAPSHOT)
        return next_of_snapshot(self, source, may_open, chunk, fault);
    bool behind = false;
    err_t err = change_log_head(source->db, &head, fault);
    if (err == OK)
        err = check_epoch(source, head.epoch, fault);
    if (err == OK && self->phase == STREAM_LIVE && self->rows == 0)
        err = is_far_behind(self, source, head.lsn, &behind, fault);
    if (err != OK)
        return err;
    if (behind)
        enter_catchup(self);
    if (head.lsn > self->lsn)
        return next_stretch(self, source, &head, chunk, fault);
    if (self->phase == STREAM_CATCHUP)
        end_catchup(self, head.captured, chunk);
    else
        rest(self, chunk);
    return OK;
}
