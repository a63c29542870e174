/*  processor - applies what the server sends, and alone moves the position.

    Hears  server_schema, server_changes   from lsn-manager; answered with changes_applied;
           changes_held                    from recorder, which sets aside as well.
    Says   changes_processed after the commit; wal_grown to checkpointer and, for
           old rows of the journal, to recorder; changes_held to connection-manager.

    The stretches of a round share one transaction. If it fails, each is tried alone. Where a
    change itself is at fault, its stretch is tried once more, each change on its own, and the
    bad ones are set aside (held.h). Any other bad stretch is refused, and so is whatever
    follows it until a connection begins anew, because something would be missing before it.  */

#include "actors/agent/actors.h"
#include "actors/agent/aside.h"
#include "actors/agent/batch.h"
#include "actors/agent/capturing.h"
#include "actors/agent/store.h"
#include "actors/agent/trial.h"
#include "actors/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMER_HELD = 1, HELD_AGAIN_MS = 30000 };

typedef struct processor {
    db_t *db;
    catalog_t *catalog;
    uint64_t lsn;         /* position, as committed */
    uint64_t held;        /* changes set aside */
    bool broken;          /* a stretch was refused */
    bool waited;          /* because of what a local change may be in the way of */
    bool armed;           /* what is set aside will be tried again */
    stretch_t *stretches; /* of this round */
    ticket_t *tickets;    /* of each, to answer it */
    size_t n, room;
    handlers_t handlers;
    arena_t portion; /* memory for what is being applied */
} processor_t;

/*  Foreign keys are the server's to check: what it sends is whole at its transactions' ends,
    while a snapshot's pages and the local changes above its rows are not.  */
static err_t
open_database(processor_t *self, const char *path, fault_t *fault)
{
    position_t position;
    err_t err = store_open(path, &self->db, fault);
    if (err == OK)
        err = db_exec(self->db, "PRAGMA foreign_keys = OFF", fault);
    if (err == OK)
        err = catalog_open(self->db, &self->catalog, fault);
    if (err == OK)
        err = position_read(self->db, &position, fault);
    if (err == OK)
        err = aside_count(self->db, &self->held, fault);
    if (err == OK)
        self->lsn = position.lsn;
    return err;
}

static void
give_handlers(processor_t *self, const settings_t *settings)
{
    for (size_t i = 0; i < settings->n_tables; i++) {
        const handler_t *handler = handlers_named(settings->tables[i].tables_handler);
        if (handler != NULL)
            handlers_give(&self->handlers, settings->tables[i].name, handler);
    }
}

static err_t
start(void *state, ctx_t *ctx)
{
    processor_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    if (open_database(self, settings->agent_db, &fault) != OK)
        return ctx_fail(ctx, "%s", fault.text);
    give_handlers(self, settings);
    ctx_set(ctx, METRIC_changes_held, self->held);
    if (self->held > 0)
        SEND(ctx, "connection-manager", changes_held, .held = self->held);
    return OK;
}

/*  -------------------------------------------------------------------- collecting  */

static stretch_t *
collect(processor_t *self, ctx_t *ctx)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->stretches = mem_grow(self->stretches, self->room * sizeof *self->stretches);
        self->tickets = mem_grow(self->tickets, self->room * sizeof *self->tickets);
    }
    self->tickets[self->n] = ctx_ticket(ctx);
    self->stretches[self->n] = (stretch_t){0};
    return &self->stretches[self->n++];
}

static err_t
on_server_schema(void *state, ctx_t *ctx, const void *body)
{
    collect(state, ctx)->schema = body;
    return OK;
}

static err_t
on_server_changes(void *state, ctx_t *ctx, const void *body)
{
    collect(state, ctx)->changes = body;
    return OK;
}

/*  ----------------------------------------------------------------------- applying  */

static void
make_id(void *ctx, char id[UUID_TEXT])
{
    ctx_uuid(ctx, id);
}

static uint64_t
now_ms(void *ctx)
{
    return ctx_now_ms(ctx);
}

/*  Of a large transaction, or of many, the report lists the first: these have steps.  */
static void
show(ctx_t *ctx, const batch_t *batch)
{
    const report_t *report = &batch->apply.report;
    for (size_t i = 0; i < batch->n; i++)
        COUNT(ctx, server_changes_applied, batch->stretches[i].applied.changed);
    for (size_t i = 0; i < report->n; i++) {
        const bool failed = strcmp(report->items[i].result, "failed") == 0;
        ctx_step(ctx, failed ? STEP_held : STEP_applied, report->items[i].id,
                 report->items[i].lsn);
    }
}

static void
tell(processor_t *self, ctx_t *ctx, const apply_t *apply)
{
    char text[sizeof apply->set_aside.text + 60];
    const report_t *report = &apply->report;
    if (report->n > 0)
        PUBLISH(ctx, changes_processed, .changes = report->items, .n_changes = report->n,
                .lsn = self->lsn, .many = report->many);
    if (apply->n_set_aside > 0) {
        (void) snprintf(text, sizeof text,
                        "server changes set aside: %" PRIu64 ", the first: %s",
                        apply->n_set_aside, apply->set_aside.text);
        PUBLISH(ctx, problem, .code = err_name(apply->set_aside.err), .message = text,
                .actor = "processor");
    }
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
    SEND(ctx, "recorder", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
}

static batch_t
batch_of(processor_t *self, ctx_t *ctx, stretch_t *stretches, size_t n)
{
    const settings_t *settings = ctx_settings(ctx);
    return (batch_t){
        .stretches = stretches,
        .n = n,
        .capture = capturing_is_wanted(settings) ? settings : NULL,
        .blank =
            {
                .overlay = {.db = self->db,
                            .catalog = self->catalog,
                            .arena = &self->portion,
                            .outside = {.arg = ctx,
                                        .new_id = make_id,
                                        .now_ms = now_ms,
                                        .now = ctx_wall_ms(ctx)}},
                .report = {.arena = ctx_arena(ctx)},
                .parents = {.arena = ctx_arena(ctx)},
                .handlers = &self->handlers,
                .limit_ms = (uint64_t) settings->apply_limit_ms,
            },
    };
}

static void
note_held(processor_t *self, ctx_t *ctx, uint64_t held)
{
    if (held > 0 && !self->armed)
        ctx_after(ctx, TIMER_HELD, HELD_AGAIN_MS);
    self->armed = self->armed || held > 0;
    ctx_set(ctx, METRIC_changes_held, held);
    if (held != self->held)
        SEND(ctx, "connection-manager", changes_held, .held = held);
    self->held = held;
}

static err_t
commit(processor_t *self, ctx_t *ctx, batch_t *batch,
       err_t (*how)(batch_t *batch, fault_t *fault), fault_t *fault)
{
    const uint64_t before_us = ctx_now_us(ctx);
    const err_t err = how(batch, fault);
    if (err != OK)
        return err;
    ctx_observe(ctx, METRIC_apply_time, ctx_now_us(ctx) - before_us);
    show(ctx, batch);
    self->lsn = batch->apply.position.lsn;
    note_held(self, ctx, batch->apply.n_held);
    tell(self, ctx, &batch->apply);
    return OK;
}

/*  ----------------------------------------------------------------------- refusing  */

/*  The logger hears the event.  */
static void
refuse(processor_t *self, ctx_t *ctx, stretch_t *stretch, const fault_t *fault)
{
    char subject[LSN_TEXT] = "server_schema";
    if (stretch->changes)
        (void) lsn_text(stretch->changes->lsn, subject);
    PUBLISH(ctx, problem, .code = err_name(fault->err), .message = fault->text,
            .actor = "processor", .subject = subject);
    stretch->applied = (applied_t){.outcome = "refused"};
    stretch->lsn = self->lsn;
    stretch->reason = arena_text(ctx_arena(ctx), fault->text);
    self->broken = true;
}

/*  A connection begins with the schema, a snapshot stands for itself.  */
static bool
begins_anew(const stretch_t *stretch)
{
    return stretch->schema || strcmp(stretch->changes->phase, "snapshot_begin") == 0;
}

/*  Where a local change on its way to the server breaks a rule together with the server's row,
    its verdict may make room. That is waited for once, then the row is set aside.  */
static bool
may_wait(processor_t *self, err_t err)
{
    static const char sql[] = "SELECT count(*) FROM (SELECT 1 FROM local_changes WHERE"
                              " processed_sync = 0 AND from_server = 0 AND state = 'pending'"
                              " LIMIT 1)";
    const bool wait =
        err == ERR_RULE_VIOLATION && !self->waited && db_number(self->db, sql, 0) > 0;
    self->waited = wait;
    return wait;
}

static err_t
commit_alone(processor_t *self, ctx_t *ctx, stretch_t *stretch, fault_t *fault)
{
    batch_t batch = batch_of(self, ctx, stretch, 1);
    const err_t err = commit(self, ctx, &batch, batch_commit, fault);
    if (!trial_blames_the_change(err) || may_wait(self, err))
        return err;
    return commit(self, ctx, &batch, batch_commit_carefully, fault);
}

static void
apply_alone(processor_t *self, ctx_t *ctx, stretch_t *stretch)
{
    fault_t fault = {0};
    self->broken = self->broken && !begins_anew(stretch);
    if (self->broken) {
        stretch->applied = (applied_t){.outcome = "refused"};
        stretch->lsn = self->lsn;
        stretch->reason = "what came before it was refused";
        return;
    }
    if (commit_alone(self, ctx, stretch, &fault) != OK)
        refuse(self, ctx, stretch, &fault);
}

static void
answer(processor_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n; i++) {
        const stretch_t *stretch = &self->stretches[i];
        ANSWER(ctx, &self->tickets[i], changes_applied, .lsn = stretch->lsn,
               .outcome = stretch->applied.outcome, .applied = stretch->applied.changed,
               .skipped = stretch->applied.skipped, .reason = stretch->reason);
    }
    self->n = 0;
}

static err_t
settle(void *state, ctx_t *ctx)
{
    processor_t *self = state;
    fault_t fault = {0};
    if (self->n == 0)
        return OK;
    batch_t batch = batch_of(self, ctx, self->stretches, self->n);
    if (self->broken || commit(self, ctx, &batch, batch_commit, &fault) != OK)
        for (size_t i = 0; i < self->n; i++)
            apply_alone(self, ctx, &self->stretches[i]);
    answer(self, ctx);
    return OK;
}

/*  The verdict on a local change may have made room.  */
static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    processor_t *self = state;
    fault_t fault = {0};
    batch_t batch = batch_of(self, ctx, NULL, 0);
    (void) timer;
    self->armed = false;
    batch.blank.retry_all = true;
    if (commit(self, ctx, &batch, batch_commit_carefully, &fault) != OK) {
        ctx_log(ctx, LOG_warning, "changes set aside could not be tried again: %s", fault.text);
        note_held(self, ctx, self->held);
    }
    return OK;
}

/*  The hint may be older than what we have done since.  */
static err_t
on_changes_held(void *state, ctx_t *ctx, const void *body)
{
    processor_t *self = state;
    uint64_t held = self->held;
    fault_t fault = {0};
    (void) body;
    const err_t err = aside_count(self->db, &held, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    note_held(self, ctx, held);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    processor_t *self = state;
    (void) ctx;
    free(self->stretches);
    free(self->tickets);
    arena_release(&self->portion);
    handlers_release(&self->handlers);
    catalog_close(&self->catalog);
    db_close(&self->db);
}

static const edge_t sends[] = {
    {"checkpointer", MSG_wal_grown},
    {"recorder", MSG_wal_grown},
    {"connection-manager", MSG_changes_held},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_server_schema] = on_server_schema,
    [MSG_server_changes] = on_server_changes,
    [MSG_changes_held] = on_changes_held,
};

const actor_class_t processor = {
    .name = "processor",
    .summary = "applies what the server sends, and alone moves the position",
    .state_size = sizeof(processor_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_timer = on_timer,
    .settle = settle,
    .stop = stop,
};
