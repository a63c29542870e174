#include "actors/agent/outbox.h"

#include "actors/agent/walk.h"

err_t
outbox_count(db_t *db, outbox_count_t *counts, fault_t *fault)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state ="
        " 'failed'), count(*) FILTER (WHERE state = 'parked')"
        " FROM local_changes WHERE processed_sync = 0 AND from_server = 0"
        " AND txn IS NOT NULL";
    err_t err = OK;
    sqlite3_stmt *row = db_query(db, sql, fault, "");
    *counts = (outbox_count_t){0};
    if (!db_step(db, row, &err, fault))
        return err;
    counts->pending = (uint64_t) sqlite3_column_int64(row, 0);
    counts->failed = (uint64_t) sqlite3_column_int64(row, 1);
    counts->parked = (uint64_t) sqlite3_column_int64(row, 2);
    sqlite3_reset(row);
    return OK;
}

/*  ------------------------------------------------------------------------- fetching  */

typedef struct reading {
    const outbox_reader_t *reader;
    const outbox_fetch_t *request;
    client_change_t *changes;
    size_t n, room;
    size_t bytes;
    uint64_t last;
    bool full; /* a transaction did not fit any more */
    outbox_flaws_t *flaws;
    size_t flaws_room;
} reading_t;

/*  The group lives no longer than the visit.  */
static client_change_t
keep_change(arena_t *arena, const client_change_t *change)
{
    client_change_t kept = *change;
    kept.id = arena_text(arena, change->id);
    kept.txn = arena_text(arena, change->txn);
    kept.table = arena_text(arena, change->table);
    kept.operation = arena_text(arena, change->operation);
    kept.data = arena_bytes(arena, change->data);
    kept.origin = change->origin ? arena_text(arena, change->origin) : NULL;
    return kept;
}

static void
hand_out(reading_t *self, const walk_group_t *group)
{
    arena_t *arena = self->reader->arena;
    const size_t n = self->n + group->n;
    if (n > self->room) {
        client_change_t *changes = arena_new(arena, n * 2 * sizeof *changes);
        for (size_t i = 0; i < self->n; i++)
            changes[i] = self->changes[i];
        self->changes = changes;
        self->room = n * 2;
    }
    for (size_t i = 0; i < group->n; i++)
        self->changes[self->n++] = keep_change(arena, &group->rows[i].change);
    self->bytes += group->bytes;
}

static bool
fits(const reading_t *self, const walk_group_t *group)
{
    return self->n == 0
           || (self->n + group->n <= self->request->limit
               && self->bytes + group->bytes <= self->request->max_bytes);
}

static void
add_flaw(reading_t *self, const walk_row_t *row)
{
    outbox_flaws_t *flaws = self->flaws;
    if (flaws->n == self->flaws_room) {
        self->flaws_room = flaws->n ? flaws->n * 2 : 16;
        outbox_flaw_t *items =
            arena_new(self->reader->arena, self->flaws_room * sizeof *flaws->items);
        for (size_t i = 0; i < flaws->n; i++)
            items[i] = flaws->items[i];
        flaws->items = items;
    }
    const char *text =
        row->flaw ? row->flaw : "its transaction has a change that cannot be sent";
    flaws->items[flaws->n++] = (outbox_flaw_t){arena_text(self->reader->arena, row->change.id),
                                               arena_text(self->reader->arena, text)};
}

/*  One of those that were refused before is not told about again.  */
static void
note_flaws(reading_t *self, const walk_group_t *group)
{
    for (size_t i = 0; i < group->n; i++)
        if (!group->rows[i].waits)
            add_flaw(self, &group->rows[i]);
}

static bool
is_enough(const reading_t *self)
{
    return self->full
           || (self->n > 0
               && (self->n >= self->request->limit || self->bytes >= self->request->max_bytes));
}

/*  Transactions before request->after were sent: they are walked only for what they hold
    back.  */
static bool
visit(void *arg, const walk_group_t *group)
{
    reading_t *self = arg;
    const uint64_t last = group->rows[group->n - 1].seq;
    if (group->flawed)
        note_flaws(self, group);
    else if (group->held_by == NULL && last > self->request->after) {
        if (!fits(self, group))
            self->full = true;
        else
            hand_out(self, group);
    }
    if (!self->full && last > self->last)
        self->last = last;
    self->full = is_enough(self);
    return !self->full;
}

err_t
outbox_read(const outbox_reader_t *reader, const outbox_fetch_t *request, outbox_batch_t *batch,
            outbox_flaws_t *flaws, fault_t *fault)
{
    reading_t self = {
        .reader = reader, .request = request, .last = request->after, .flaws = flaws};
    const err_t err = walk_outbox(reader, request->after, visit, &self, fault);
    *batch = (outbox_batch_t){
        .changes = self.changes, .n_changes = self.n, .last = self.last, .more = self.full};
    return err;
}
