/*  processor - applies what the server sends, and alone moves the position.

    Hears  server_schema, server_changes   from lsn-manager; answered with changes_applied.
    Says   changes_processed after the commit; wal_grown to checkpointer.

    The stretches of a round share one transaction. If it fails, each is tried alone, so that
    a bad one fails alone; whatever follows it is refused until a connection begins anew,
    because something would be missing before it.  */

#include "actors/agent/actors.h"
#include "actors/agent/apply.h"
#include "actors/agent/store.h"
#include "actors/settings.h"

#include <stdlib.h>
#include <string.h>

typedef struct stretch {
    ticket_t ticket;
    const server_schema_t *schema; /* one of them; they live as long as the round */
    const server_changes_t *changes;
    applied_t applied;
    uint64_t lsn;       /* position afterwards */
    const char *reason; /* refused: why */
} stretch_t;

typedef struct processor {
    db_t *db;
    catalog_t *catalog;
    uint64_t lsn;         /* position, as committed */
    bool broken;          /* a stretch was refused */
    stretch_t *stretches; /* of this round */
    size_t n, room;
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
        self->lsn = position.lsn;
    return err;
}

static err_t
start(void *state, ctx_t *ctx)
{
    processor_t *self = state;
    const settings_t *settings = ctx_settings(ctx);
    fault_t fault = {0};
    const err_t err = open_database(self, settings->agent_db, &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

/*  -------------------------------------------------------------------- collecting  */

static stretch_t *
collect(processor_t *self, ctx_t *ctx)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->stretches = mem_grow(self->stretches, self->room * sizeof *self->stretches);
    }
    stretch_t *stretch = &self->stretches[self->n++];
    *stretch = (stretch_t){.ticket = ctx_ticket(ctx)};
    return stretch;
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

static err_t
apply_one(apply_t *apply, stretch_t *stretch, fault_t *fault)
{
    stretch->applied = (applied_t){.outcome = "applied"};
    const err_t err = stretch->schema
                          ? apply_schema(apply, stretch->schema, fault)
                          : apply_stretch(apply, stretch->changes, &stretch->applied, fault);
    stretch->lsn = apply->position.lsn;
    return err;
}

static err_t
apply_all(processor_t *self, apply_t *apply, stretch_t *stretches, size_t n, fault_t *fault)
{
    err_t err = db_begin(self->db, fault);
    if (err != OK)
        return err;
    err = apply_begin(apply, fault);
    for (size_t i = 0; err == OK && i < n; i++) {
        err = apply_one(apply, &stretches[i], fault);
        arena_clear(apply->overlay.arena);
    }
    if (err == OK)
        return db_commit(self->db, fault);
    db_rollback(self->db);
    return err;
}

static err_t
commit(processor_t *self, ctx_t *ctx, stretch_t *stretches, size_t n, fault_t *fault)
{
    apply_t apply = {
        .overlay = {.db = self->db, .catalog = self->catalog, .arena = &self->portion},
        .report = {.arena = ctx_arena(ctx)},
        .now = ctx_wall_ms(ctx),
        .new_id = make_id,
        .new_id_arg = ctx,
    };
    const err_t err = apply_all(self, &apply, stretches, n, fault);
    if (err != OK)
        return err;
    self->lsn = apply.position.lsn;
    if (apply.report.n > 0)
        PUBLISH(ctx, changes_processed, .changes = apply.report.items,
                .n_changes = apply.report.n, .lsn = self->lsn, .many = apply.report.many);
    SEND(ctx, "checkpointer", wal_grown, .pages = (uint64_t) db_wal_pages(self->db));
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
    if (commit(self, ctx, stretch, 1, &fault) != OK)
        refuse(self, ctx, stretch, &fault);
}

static void
answer(processor_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n; i++) {
        const stretch_t *stretch = &self->stretches[i];
        ANSWER(ctx, &stretch->ticket, changes_applied, .lsn = stretch->lsn,
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
    if (self->broken || commit(self, ctx, self->stretches, self->n, &fault) != OK)
        for (size_t i = 0; i < self->n; i++)
            apply_alone(self, ctx, &self->stretches[i]);
    answer(self, ctx);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    processor_t *self = state;
    (void) ctx;
    free(self->stretches);
    arena_release(&self->portion);
    catalog_close(&self->catalog);
    db_close(&self->db);
}

static const edge_t sends[] = {
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_server_schema] = on_server_schema,
    [MSG_server_changes] = on_server_changes,
};

const actor_class_t processor = {
    .name = "processor",
    .summary = "applies what the server sends, and alone moves the position",
    .state_size = sizeof(processor_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .settle = settle,
    .stop = stop,
};
