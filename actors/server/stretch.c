#include "actors/server/stretch.h"

#include "actors/server/view.h"
#include "schemas/codec.h"

#include <string.h>

enum {
    CHANGE_OVERHEAD = 150,  /* what a change costs in a frame beside its row */
    ROWS_LOOKED_AT = 20000, /* at a time: others want to be served as well */
};

static const char forgotten[] = "the history before this client was forgotten";

typedef struct reading {
    const stream_t *stream;
    const stream_source_t *source;
    reach_t reach;
    stretch_t *stretch; /* up to the row looked at */
    stretch_t whole;    /* up to the last transaction that has ended */
    uint64_t open;      /* the transaction being read; 0: none yet */
    size_t first;       /* where its changes begin */
    size_t bytes, room, looked_at;
    buffer_t row;
} reading_t;

static void
make_room(reading_t *self)
{
    stretch_t *stretch = self->stretch;
    if (stretch->n < self->room)
        return;
    self->room = self->room ? self->room * 2 : 64;
    server_change_t *changes =
        arena_new(self->source->arena, self->room * sizeof *stretch->changes);
    for (size_t i = 0; i < stretch->n; i++)
        changes[i] = stretch->changes[i];
    stretch->changes = changes;
}

static const char *
keep_text(const reading_t *self, const char *text)
{
    return text[0] ? arena_text(self->source->arena, text) : NULL;
}

static err_t
add_change(reading_t *self, const log_row_t *row, fault_t *fault)
{
    buffer_clear(&self->row);
    seen_t seen = {0};
    const view_t view = {.rights = self->source->rights,
                         .user = self->stream->user,
                         .arena = self->source->arena};
    err_t err = stored_json_to_msgpack(row->data, &self->row, fault);
    if (err == OK)
        err = view_row(&view, row, buffer_bytes(&self->row), &seen, fault);
    if (err != OK || seen.operation == NULL)
        return err;
    make_room(self);
    self->stretch->changes[self->stretch->n++] = (server_change_t){
        .table = keep_text(self, row->table),
        .operation = keep_text(self, seen.operation),
        .data = arena_bytes(self->source->arena, seen.data),
        .lsn = row->lsn,
        .index = self->stretch->index,
        .updated_at = row->updated_at,
        .client_id = keep_text(self, row->client_id),
        .id = keep_text(self, row->change_id),
    };
    self->bytes += row->data.size + CHANGE_OVERHEAD;
    return OK;
}

static void
end_transaction(reading_t *self)
{
    stretch_t *stretch = self->stretch;
    if (self->open == 0)
        return;
    if (stretch->n > self->first)
        stretch->changes[stretch->n - 1].last = true;
    stretch->lsn = self->open;
    stretch->index = 0;
    stretch->last = true;
    self->whole = *stretch;
    self->first = stretch->n;
}

/*  Whether one more row of that size is too much.  */
static bool
is_beyond(const reading_t *self, size_t size)
{
    const uint64_t rows = self->stream->rows;
    return (rows > 0 && self->stretch->n >= rows)
           || self->bytes + size > stream_frame_bytes(self->stream, self->source);
}

static bool
is_enough(const reading_t *self)
{
    if (self->open == 0)
        return false;
    return (self->reach.single && self->stretch->n > 0) || is_beyond(self, 1)
           || self->looked_at >= ROWS_LOOKED_AT;
}

static bool
fits(const reading_t *self, const log_row_t *row)
{
    return self->stretch->n == 0 || !is_beyond(self, row->data.size);
}

/*  Cuts before a row that does not fit: after the last whole transaction if there is one,
    else in the middle.  */
static void
cut(reading_t *self)
{
    if (self->whole.last)
        *self->stretch = self->whole;
}

/*  A client has what it wrote itself. One of the JSON encoding may have lost it under a
    snapshot, or under a change that was older: it is told again until it is live.  */
static bool
is_news(const stream_t *stream, const log_row_t *row)
{
    return strcmp(row->client_id, stream->client_id) != 0
           || (stream->rows > 0 && stream->phase == STREAM_CATCHUP);
}

/*  What its client may read of other tables may be otherwise from this row on: no way to tell
    row by row.  */
static bool
changes_rights(const reading_t *self, const log_row_t *row)
{
    return self->source->rights != NULL && rights_depend_on(self->source->rights, row->table);
}

/*  *done: the stretch is complete without this row.  */
static err_t
take(reading_t *self, const log_row_t *row, bool *done, fault_t *fault)
{
    if (row->lsn != self->open) {
        end_transaction(self);
        *done = is_enough(self);
        if (*done)
            return OK;
        if (self->reach.dense && row->lsn != self->stretch->lsn + 1)
            return fault_set(fault, ERR_GAP, forgotten);
        self->open = row->lsn;
        self->stretch->last = false;
    }
    *done = changes_rights(self, row);
    if (*done) {
        self->stretch->rights_changed = !self->whole.last;
        cut(self);
        return OK;
    }
    if (is_news(self->stream, row)) {
        *done = !fits(self, row);
        if (*done) {
            cut(self);
            return OK;
        }
        const err_t err = add_change(self, row, fault);
        if (err != OK)
            return err;
    }
    self->stretch->row = row->row;
    self->stretch->index++;
    self->looked_at++;
    return OK;
}

/*  All there is was read.  */
static void
end_at(reading_t *self, uint64_t lsn)
{
    end_transaction(self);
    self->stretch->lsn = lsn;
}

/*  Afterwards: what is still kept now was kept while it was read.  */
static err_t
check_floor(const reading_t *self, fault_t *fault)
{
    uint64_t floor = 0;
    const err_t err = change_log_floor(self->source->db, &floor, fault);
    if (err == OK && floor > self->stream->lsn)
        return fault_set(fault, ERR_GAP, forgotten);
    return err;
}

err_t
stretch_read(const stream_t *stream, const stream_source_t *source, reach_t reach,
             stretch_t *stretch, fault_t *fault)
{
    *stretch = (stretch_t){
        .lsn = stream->lsn, .row = stream->row, .index = stream->index, .last = true};
    reading_t self = {.stream = stream, .source = source, .reach = reach, .stretch = stretch};
    log_row_t row;
    bool done = false;
    err_t err = OK;
    sqlite3_stmt *rows = change_log_read(source->db, stream->row, reach.up_to, fault);
    while (!done && change_log_next(source->db, rows, &row, &err, fault)) {
        err = take(&self, &row, &done, fault);
        done = done || err != OK;
    }
    if (done)
        sqlite3_reset(rows);
    else if (err == OK)
        end_at(&self, reach.up_to);
    if (err == OK)
        err = check_floor(&self, fault);
    buffer_release(&self.row);
    return err;
}
