/*  distributor - a stream for each client, from the first snapshot to live.

    Hears  stream_open, stream_pull, stream_ack, stream_close, head_get   from listener;
           log_advanced                                                  from replicator;
           rejected_get               from whoever wants to know what was rejected.
    Says   stream_opened, stream_chunk, head, rejected_page as answers; log_advanced to
   listener, when somebody who was idle might have something now; committed to replicator, when
   a snapshot waits for what another program wrote, or another server.

    It answers each pull with one chunk and never sends unasked, so a slow client costs a
    cursor and nothing else.  */

#include "actors/common/catalog.h"
#include "actors/server/acks.h"
#include "actors/server/actors.h"
#include "actors/server/change_log.h"
#include "actors/server/chunk_steps.h"
#include "actors/server/openings.h"
#include "actors/server/registry.h"
#include "actors/server/resume.h"
#include "actors/server/rules_change.h"
#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

enum {
    SNAPSHOTS = 8,        /* held at a time: each keeps the log from being emptied */
    SNAPSHOT_MS = 600000, /* and none longer than that between two pages */
};

typedef struct distributor {
    db_t *reader;
    registry_t *registry;
    catalog_t *catalog;
    rights_t *rights;
    streams_t streams;
    log_head_t head;       /* as read last, and as clients see it (rules_change.h) */
    char epoch[UUID_TEXT]; /* of the database, which every stream is in */
    acks_t acks;
    bool warned;         /* of a rule without a table */
    bool slot_freed;     /* somebody may take a snapshot now */
    openings_t openings; /* of this round */
} distributor_t;

static err_t
start(void *state, ctx_t *ctx)
{
    distributor_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    err_t err = db_open_reader(settings_server_file(settings), &self->reader, &fault);
    if (err == OK)
        err = registry_open(settings, REGISTRY_WRITES, &self->registry, &fault);
    if (err == OK)
        err = catalog_open(self->reader, &self->catalog, &fault);
    if (err == OK)
        err = (settings_on_postgres(settings) ? rights_open_later : rights_open)(
            self->reader, self->catalog, settings, &self->rights, &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

static stream_source_t
source_of(const distributor_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    return (stream_source_t){
        .db = self->reader,
        .epoch = self->epoch,
        .path = settings_server_file(settings),
        .settings = settings,
        .rights = self->rights,
        .frame_bytes = (size_t) settings->stream_frame_bytes,
        .arena = ctx_arena(ctx),
    };
}

/*  Positions mean something in one history only. Whoever is in another is refused at his next
    pull, and opens his stream anew.  */
static err_t
read_head(distributor_t *self, ctx_t *ctx, fault_t *fault)
{
    log_head_t head;
    const err_t err = change_log_head(self->reader, &head, fault);
    if (err != OK)
        return err;
    const bool another = self->epoch[0] != '\0' && strcmp(self->epoch, head.epoch) != 0;
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", head.epoch);
    self->head = head;
    if (settings_on_postgres(ctx_settings(ctx)))
        rules_mark(ctx_settings(ctx), self->head.epoch);
    if (!another)
        return OK;
    ctx_log(ctx, LOG_warning, "another history has begun: all clients start anew");
    streams_close(&self->streams);
    self->slot_freed = true;
    SEND(ctx, "listener", log_advanced, .lsn = head.lsn);
    return OK;
}

/*  ---------------------------------------------------------------------- opening  */

static err_t
decide_resume(distributor_t *self, ctx_t *ctx, const stream_open_t *request, resume_t *resume,
              fault_t *fault)
{
    err_t err = read_head(self, ctx, fault);
    if (err == OK && settings_on_postgres(ctx_settings(ctx)))
        err = resume_check_cache(&self->head, request, fault);
    if (err == OK)
        err = resume_check_decided(&self->head, ctx, self->registry, request, fault);
    if (err == OK)
        err = resume_decide(resume, self->reader, &self->head, request, fault);
    if (err == OK && resume->older_copy)
        err = resume_begin_another_history(ctx, request->client_id, fault);
    return err == OK && resume->older_copy ? read_head(self, ctx, fault) : err;
}

/*  Tables of a cache may come later, and their rules with them. A name that was mistyped is
   none of a table that ever comes.  */
static void
warn_of_missing(distributor_t *self, ctx_t *ctx)
{
    const char *table = rights_missing(self->rights);
    if (table && !self->warned)
        ctx_log(ctx, LOG_warning, "tables.%s: the database has no such table to protect",
                table);
    self->warned = table != NULL;
}

static err_t
on_stream_open(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    const stream_open_t *request = body;
    const stream_source_t source = source_of(self, ctx);
    const char *user = request->user ? request->user : "";
    resume_t resume;
    fault_t fault = {0};
    table_schema_t *tables = NULL;
    err_t err = self->registry->class->claim(self->registry, request->client_id, user,
                                             ctx_wall_ms(ctx), &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    streams_close_older(&self->streams, request->session, request->client_id);
    self->slot_freed = true;
    err = decide_resume(self, ctx, request, &resume, &fault);
    if (err == OK)
        err = catalog_refresh(self->catalog, &fault);
    if (err == OK)
        err = rights_follow(self->rights, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    stream_t *stream = streams_add(&self->streams, request->session, request->client_id, user);
    stream->rows = request->rows;
    err = stream_start(stream, &source, resume.lsn, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    warn_of_missing(self, ctx);
    const size_t n_tables = rights_describe(self->rights, ctx_arena(ctx), &tables);
    opened_t *opened = openings_add(&self->openings, ctx, request);
    opened->answer = (stream_opened_t){
        .session = request->session,
        .phase = resume.phase,
        .reason = resume.reason,
        .epoch = arena_text(ctx_arena(ctx), self->head.epoch),
        .lsn = self->head.lsn,
        .tables = tables,
        .n_tables = n_tables,
        .lease = opened->lease.next,
    };
    return OK;
}

/*  ---------------------------------------------------------------------- pulling  */

static void
note_snapshot(distributor_t *self, ctx_t *ctx, const stream_t *stream, bool had_snapshot)
{
    const bool has_snapshot = stream->snapshot != NULL;
    if (has_snapshot)
        ctx_after(ctx, stream->session, SNAPSHOT_MS);
    if (had_snapshot && !has_snapshot) {
        ctx_cancel(ctx, stream->session);
        self->slot_freed = true;
    }
}

/*  In one read transaction: rows of a table come with the rule that says who may see them.  */
static err_t
next_chunk(distributor_t *self, ctx_t *ctx, stream_t *stream, stream_chunk_t *chunk,
           fault_t *fault)
{
    const stream_source_t source = source_of(self, ctx);
    const bool may_open = streams_count_snapshots(&self->streams) < SNAPSHOTS;
    err_t err = db_begin_read(self->reader, fault);
    if (err != OK)
        return err;
    err = rights_follow(self->rights, fault);
    if (err == OK)
        err = stream_next(stream, &source, may_open, chunk, fault);
    db_rollback(self->reader);
    if (may_open && stream->phase == STREAM_SNAPSHOT && stream->snapshot == NULL)
        SEND(ctx, "replicator", committed, .lsn = self->head.lsn); /* to be sealed first */
    return err;
}

static err_t
on_stream_pull(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    const stream_pull_t *request = body;
    stream_chunk_t chunk = {.session = request->session};
    fault_t fault = {0};
    stream_t *stream = streams_find(&self->streams, request->session);
    if (stream == NULL)
        return ctx_refuse(ctx, ERR_NOT_FOUND, "session %llu: it has no stream",
                          (unsigned long long) request->session);
    const bool had_snapshot = stream->snapshot != NULL;
    err_t err = next_chunk(self, ctx, stream, &chunk, &fault);
    note_snapshot(self, ctx, stream, had_snapshot);
    if (err == ERR_REGRESSED)
        err = read_head(self, ctx, &fault) == OK ? ERR_REGRESSED : fault.err;
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    chunk_steps(ctx, STEP_fetched, &chunk);
    ctx_reply(ctx, MSG_stream_chunk, &chunk);
    return OK;
}

/*  A client that takes no page of a snapshot for so long has stopped.  */
static void
take_snapshot_away(distributor_t *self, ctx_t *ctx, uint64_t session)
{
    stream_t *stream = streams_find(&self->streams, session);
    if (stream == NULL || stream->snapshot == NULL)
        return;
    ctx_log(ctx, LOG_warning, "%s: its snapshot was given up: no page was taken for %d minutes",
            stream->client_id, SNAPSHOT_MS / 60000);
    snapshot_destroy(&stream->snapshot);
    stream->lost = true;
    self->slot_freed = true;
}

/*  ------------------------------------------------------------- acknowledgements  */

static err_t
on_stream_ack(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    const stream_ack_t *ack = body;
    stream_t *stream = streams_find(&self->streams, ack->session);
    if (stream == NULL || ack->lsn <= stream->acked)
        return OK;
    acks_note(&self->acks, ctx, stream, ack->lsn);
    return OK;
}

static err_t
on_stream_close(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    const stream_close_t *request = body;
    stream_t *stream = streams_find(&self->streams, request->session);
    if (stream == NULL)
        return OK;
    if (stream->snapshot)
        ctx_cancel(ctx, stream->session);
    self->slot_freed = self->slot_freed || stream->snapshot != NULL;
    snapshot_destroy(&stream->snapshot);
    stream->closed = true;
    self->acks.due = self->acks.due || stream->dirty;
    return OK;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    distributor_t *self = state;
    if (timer == TIMER_ACKS)
        self->acks.due = self->acks.n > 0;
    else
        take_snapshot_away(self, ctx, timer);
    return OK;
}

/*  ------------------------------------------------------------------------- head  */

static err_t
on_head_get(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    const head_get_t *request = body;
    fault_t fault = {0};
    const err_t err = read_head(self, ctx, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    REPLY(ctx, head, .session = request->session, .epoch = self->head.epoch,
          .lsn = self->head.lsn);
    return OK;
}

static err_t
on_rejected_get(void *state, ctx_t *ctx, const void *body)
{
    distributor_t *self = state;
    fault_t fault = {0};
    const rejected_page_t *page = self->registry->class->rejected(
        self->registry, body, ctx_wall_ms(ctx), ctx_arena(ctx), &fault);
    if (page == NULL)
        return ctx_refuse(ctx, fault.err, "%s", fault.text);
    ctx_reply(ctx, MSG_rejected_page, page);
    return OK;
}

static err_t
on_log_advanced(void *state, ctx_t *ctx, const void *body)
{
    const log_advanced_t *news = body;
    (void) state;
    SEND(ctx, "listener", log_advanced, .lsn = news->lsn);
    return OK;
}

/*  ---------------------------------------------------------------------- the end  */

static err_t
settle(void *state, ctx_t *ctx)
{
    distributor_t *self = state;
    if (self->openings.n > 0) {
        openings_answer(&self->openings, ctx, &self->streams, self->registry);
        registry_tell_growth(self->registry, ctx);
    }
    if (self->acks.due)
        acks_save(&self->acks, ctx, &self->streams, self->registry);
    streams_sweep(&self->streams);
    if (self->slot_freed && streams_wait_for_snapshot(&self->streams))
        SEND(ctx, "listener", log_advanced, .lsn = self->head.lsn);
    self->slot_freed = false;
    return OK;
}

static err_t
drain(void *state, ctx_t *ctx)
{
    distributor_t *self = state;
    if (self->acks.n > 0)
        acks_save(&self->acks, ctx, &self->streams, self->registry);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    distributor_t *self = state;
    (void) ctx;
    openings_release(&self->openings);
    streams_release(&self->streams);
    rights_close(&self->rights);
    catalog_close(&self->catalog);
    registry_close(&self->registry);
    db_close(&self->reader);
}

static const edge_t sends[] = {
    {"listener", MSG_log_advanced},
    {"replicator", MSG_committed},
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_stream_open] = on_stream_open,   [MSG_stream_pull] = on_stream_pull,
    [MSG_stream_ack] = on_stream_ack,     [MSG_stream_close] = on_stream_close,
    [MSG_head_get] = on_head_get,         [MSG_log_advanced] = on_log_advanced,
    [MSG_rejected_get] = on_rejected_get,
};

const actor_class_t distributor = {
    .name = "distributor",
    .summary = "a stream for each client",
    .state_size = sizeof(distributor_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .settle = settle,
    .drain = drain,
    .stop = stop,
};
