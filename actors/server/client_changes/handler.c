/*  client-changes - judges what clients send and applies it: the only writer of entity
    rows on the server.

    Hears  client_changes   from listener; answered with client_verdicts after the commit.
    Says   log_advanced     to listener; committed to replicator; wal_grown to checkpointer.

    The requests of a round are decided together, by the judge of the database (judge.h).
    Trouble with the database costs no client anything: nothing was decided, and they are asked
    to send it again. Until they do, on a new session, whatever else is under way from them is
    put off as well: a later change of a row must not be applied before an earlier one.  */

#include "actors/server/actors.h"
#include "actors/server/client_changes/errors.h"
#include "actors/server/client_changes/postponed.h"
#include "actors/server/client_changes/watched.h"
#include "actors/server/judge.h"
#include "actors/settings.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES = 64 << 20 }; /* of rows that the answers of a round give back, about */

static const char too_much[] = "the server has too much to answer at once";

/*  Of an item of the round.  */
typedef struct waiting {
    ticket_t ticket;
    uint64_t taken_us; /* when it came */
} waiting_t;

typedef struct handler {
    const judge_class_t *class;
    judge_t *judge;
    judged_t *items; /* of this round; requests live as long as it */
    waiting_t *waiting;
    size_t n, room;
    err_t trouble; /* that the database had the last time, and that was logged */
    postponed_t postponed;
} handler_t;

static err_t
start(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    fault_t fault = {0};
    self->class = settings_on_postgres(ctx_settings(ctx)) ? &postgres_judge : &embedded_judge;
    const err_t err = self->class->open(ctx, &self->judge, &fault);
    return err == OK ? OK : ctx_fail(ctx, "%s", fault.text);
}

/*  -------------------------------------------------------------------- collecting  */

static void
collect(handler_t *self, ctx_t *ctx, const client_changes_t *request)
{
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 16;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
        self->waiting = mem_grow(self->waiting, self->room * sizeof *self->waiting);
    }
    self->waiting[self->n] = (waiting_t){ctx_ticket(ctx), ctx_now_us(ctx)};
    self->items[self->n++] = (judged_t){
        .request = request,
        .user = request->user ? request->user : "",
        .verdicts = arena_new(ctx_arena(ctx), (request->n_changes + 1) * sizeof(verdict_t)),
    };
}

/*  Whose client this is must be known before anything of it is decided.  */
static err_t
on_client_changes(void *state, ctx_t *ctx, const void *body)
{
    handler_t *self = state;
    const client_changes_t *request = body;
    const char *user = request->user ? request->user : "";
    fault_t fault = {0};
    if (request->client_id[0] == '\0')
        return ctx_refuse(ctx, ERR_MALFORMED, "field client_id: it must not be empty");
    for (size_t i = 0; i < request->n_changes; i++)
        if (request->changes[i].id == NULL)
            return ctx_refuse(ctx, ERR_MALFORMED, "field changes: change %zu has no id", i);
    const err_t err = self->class->check_client(self->judge, request->client_id, user, &fault);
    if (err == ERR_PERMISSION_DENIED)
        return ctx_refuse(ctx, err, "%s", fault.text);
    if (err != OK)
        postponed_add(&self->postponed, request->session);
    collect(self, ctx, request);
    return OK;
}

/*  ---------------------------------------------------------------------- deciding  */

static bool
may_go_on(void *arg, const judged_t *item, size_t answer_bytes)
{
    handler_t *self = arg;
    const uint64_t session = item->request->session;
    if (answer_bytes <= ANSWER_BYTES && !postponed_has(&self->postponed, session))
        return true;
    postponed_add(&self->postponed, session);
    return false;
}

static void
put_off_undecided(handler_t *self, const char *text)
{
    for (size_t i = 0; i < self->n; i++) {
        const judged_t *item = &self->items[i];
        for (size_t k = 0; k < item->request->n_changes; k++) {
            if (item->verdicts[k].verdict != NULL)
                continue;
            errors_put_off(&item->verdicts[k], item->request->changes[k].id, text);
            postponed_add(&self->postponed, item->request->session);
        }
    }
}

/*  Once for each kind of trouble: it may last for hours.  */
static void
tell_trouble(handler_t *self, ctx_t *ctx, err_t err, const fault_t *fault)
{
    if (err == self->trouble)
        return;
    self->trouble = err;
    if (err != OK)
        ctx_log(ctx, LOG_error, "changes of clients are put off: %s", fault->text);
    else
        ctx_log(ctx, LOG_info, "changes of clients are decided again");
}

static void
answer_round(handler_t *self, ctx_t *ctx)
{
    for (size_t i = 0; i < self->n; i++) {
        const judged_t *item = &self->items[i];
        const size_t n = item->request->n_changes;
        watched_committed(ctx, item->verdicts, n, self->waiting[i].taken_us);
        ANSWER(ctx, &self->waiting[i].ticket, client_verdicts,
               .session = item->request->session, .verdicts = item->verdicts, .n_verdicts = n);
    }
    self->n = 0;
}

static err_t
settle(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    fault_t fault = {0};
    judge_round_t round = {
        .items = self->items, .n = self->n, .may_go_on = may_go_on, .arg = self};
    if (self->n == 0)
        return OK;
    const err_t err = self->class->decide(self->judge, ctx, &round, &fault);
    tell_trouble(self, ctx, err, &fault);
    put_off_undecided(self,
                      err == OK ? too_much : arena_text(ctx_arena(ctx), err_text(fault.err)));
    answer_round(self, ctx);
    if (err == OK && round.lsn > 0) {
        SEND(ctx, "listener", log_advanced, .lsn = round.lsn);
        SEND(ctx, "replicator", committed, .lsn = round.lsn);
        SEND(ctx, "checkpointer", wal_grown, .pages = round.wal_pages);
    }
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    handler_t *self = state;
    (void) ctx;
    free(self->items);
    free(self->waiting);
    if (self->class)
        self->class->close(&self->judge);
}

static const edge_t sends[] = {
    {"listener", MSG_log_advanced},
    {"replicator", MSG_committed},
    {"checkpointer", MSG_wal_grown},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_client_changes] = on_client_changes,
};

const actor_class_t client_changes = {
    .name = "client-changes",
    .summary = "judges what clients send and applies it",
    .state_size = sizeof(handler_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .settle = settle,
    .stop = stop,
};
