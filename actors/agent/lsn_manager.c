/*  lsn-manager - keeps identity and position, and lets the server's stream pass in order.

    Hears  sync_request, server_schema, server_changes,
           keep_lease, change_identity                   from connection-manager;
           changes_applied                               from processor.
    Says   server_schema, server_changes on to processor, through row-handlers where plug-ins
           have a say; sync_response, changes_applied.

    It reads the position once, at start; from then on it knows it because every stretch
    passes through it. A stretch that was seen before is a duplicate, one that leaves
    something out is a gap; both are answered at once. After a failure nothing passes until
    somebody asks where we stand: what comes next would lack what came before.  */

#include "actors/agent/actors.h"
#include "actors/agent/position.h"
#include "actors/agent/store.h"
#include "actors/agent/tickets.h"
#include "actors/settings.h"

#include <stdio.h>
#include <string.h>

/*  A place in the stream: so far everything was passed on.  */
typedef struct place {
    uint64_t lsn;
    uint64_t index; /* in the transaction after lsn */
} place_t;

typedef struct lsn_manager {
    db_t *db;               /* identity is written here, the position by processor */
    position_t position;    /* as committed */
    char epoch[EPOCH_ROOM]; /* of what was passed on */
    uint64_t passed;        /* position once all of it is committed */
    place_t last;           /* the last change passed on */
    bool following;         /* nothing has failed since somebody asked */
    bool in_snapshot;
    const char *next;  /* who gets what passes: processor, or row-handlers before it */
    uint64_t ending;   /* token of the snapshot's end that was passed on last */
    tickets_t tickets; /* what the processor has not answered yet */
} lsn_manager_t;

/*  --------------------------------------------------------------------- starting  */

/*  What a person should know of it.  */
static const char *const discoveries[] = {
    [POSITION_LOST] = "sync_state has lost its row: the position begins at 0, and a snapshot"
                      " follows; what was not sent yet is kept",
    [POSITION_DAMAGED] = "sync_state is damaged: the position begins at 0, and a snapshot"
                         " follows; what was not sent yet is kept",
};

static err_t
read_position(lsn_manager_t *self, ctx_t *ctx, fault_t *fault)
{
    const settings_t *settings = ctx_settings(ctx);
    char fresh[UUID_TEXT];
    position_found_t found = POSITION_SOUND;
    ctx_uuid(ctx, fresh);
    err_t err = store_open(settings->agent_db, &self->db, fault);
    if (err == OK)
        err = position_create(self->db, settings->agent_client_id, fresh, &found, fault);
    if (err == OK)
        err = position_read(self->db, &self->position, fault);
    if (err == OK && discoveries[found])
        PUBLISH(ctx, problem, .code = err_name(ERR_CORRUPT), .message = discoveries[found],
                .actor = "lsn-manager", .subject = "sync_state");
    return err;
}

static void
go_back_to_committed(lsn_manager_t *self)
{
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", self->position.epoch);
    self->passed = self->position.lsn;
    self->last = (place_t){.lsn = self->position.lsn, .index = UINT64_MAX};
    self->in_snapshot = false;
}

static bool
plugins_have_a_say(const settings_t *settings)
{
    for (size_t i = 0; i < settings->n_tables; i++)
        if (settings->tables[i].tables_plugin[0] != '\0')
            return true;
    return false;
}

static err_t
start(void *state, ctx_t *ctx)
{
    lsn_manager_t *self = state;
    fault_t fault = {0};
    self->next = plugins_have_a_say(ctx_settings(ctx)) ? "row-handlers" : "processor";
    if (read_position(self, ctx, &fault) != OK)
        return ctx_fail(ctx, "%s", fault.text);
    go_back_to_committed(self);
    return OK;
}

static void
tell_position(const lsn_manager_t *self, ctx_t *ctx)
{
    REPLY(ctx, sync_response, .client_id = self->position.client_id,
          .epoch = self->position.epoch, .lsn = self->position.lsn,
          .lease = self->position.lease);
}

static err_t
on_sync_request(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    (void) body;
    go_back_to_committed(self);
    self->following = true;
    tell_position(self, ctx);
    return OK;
}

/*  --------------------------------------------------------------------- identity  */

static err_t
on_keep_lease(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    const keep_lease_t *request = body;
    fault_t fault = {0};
    const err_t err = position_keep_lease(self->db, request->lease, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    (void) snprintf(self->position.lease, sizeof self->position.lease, "%s", request->lease);
    tell_position(self, ctx);
    return OK;
}

static err_t
on_change_identity(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    const change_identity_t *request = body;
    char fresh[UUID_TEXT];
    fault_t fault = {0};
    ctx_uuid(ctx, fresh);
    const err_t err = position_change_identity(self->db, fresh, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    ctx_log(ctx, LOG_warning, "%s is now %s: %s", self->position.client_id, fresh,
            request->reason);
    (void) snprintf(self->position.client_id, sizeof self->position.client_id, "%s", fresh);
    self->position.lease[0] = '\0';
    tell_position(self, ctx);
    return OK;
}

/*  --------------------------------------------------------------------- deciding  */

typedef enum outcome {
    OUTCOME_PASS,
    OUTCOME_DUPLICATE,
    OUTCOME_GAP,
    OUTCOME_REFUSED
} outcome_t;

static const char *const outcomes[] = {
    [OUTCOME_PASS] = "applied",
    [OUTCOME_DUPLICATE] = "duplicate",
    [OUTCOME_GAP] = "gap",
    [OUTCOME_REFUSED] = "refused",
};

static bool
is_after(const server_change_t *change, const place_t *place)
{
    return change->lsn > place->lsn
           || (change->lsn == place->lsn && change->index > place->index);
}

/*  A part moves no position: its changes tell whether it is new.  */
static bool
says_something_new(const lsn_manager_t *self, const server_changes_t *stretch)
{
    if (stretch->last && stretch->lsn > self->passed)
        return true;
    return stretch->n_changes > 0
           && is_after(&stretch->changes[stretch->n_changes - 1], &self->last);
}

static outcome_t
pass_transactions(lsn_manager_t *self, const server_changes_t *stretch)
{
    if (self->in_snapshot || strcmp(stretch->epoch, self->epoch) != 0)
        return OUTCOME_REFUSED;
    if (stretch->prev > self->passed)
        return OUTCOME_GAP;
    if (!says_something_new(self, stretch))
        return OUTCOME_DUPLICATE;
    if (stretch->last && stretch->lsn > self->passed)
        self->passed = stretch->lsn;
    if (stretch->n_changes > 0) {
        const server_change_t *last = &stretch->changes[stretch->n_changes - 1];
        self->last = (place_t){last->lsn, last->index};
    }
    return OUTCOME_PASS;
}

static outcome_t
pass_snapshot_begin(lsn_manager_t *self, const server_changes_t *stretch)
{
    if (strlen(stretch->epoch) >= sizeof self->epoch)
        return OUTCOME_REFUSED;
    (void) snprintf(self->epoch, sizeof self->epoch, "%s", stretch->epoch);
    self->in_snapshot = true;
    self->following = true;
    return OUTCOME_PASS;
}

static outcome_t
pass_page(lsn_manager_t *self, const server_changes_t *stretch)
{
    const bool belongs = self->in_snapshot && strcmp(stretch->epoch, self->epoch) == 0;
    return belongs ? OUTCOME_PASS : OUTCOME_REFUSED;
}

static outcome_t
pass_snapshot_end(lsn_manager_t *self, const server_changes_t *stretch)
{
    if (strcmp(stretch->epoch, self->epoch) != 0)
        return OUTCOME_REFUSED;
    if (!self->in_snapshot)
        return stretch->lsn <= self->passed ? OUTCOME_DUPLICATE : OUTCOME_REFUSED;
    self->in_snapshot = false;
    self->passed = stretch->lsn;
    self->last = (place_t){stretch->lsn, UINT64_MAX};
    return OUTCOME_PASS;
}

static const struct {
    const char *phase;
    outcome_t (*pass)(lsn_manager_t *self, const server_changes_t *stretch);
} phases[] = {
    {"live", pass_transactions},
    {"catchup", pass_transactions},
    {"moved", pass_transactions},
    {"snapshot", pass_page},
    {"snapshot_begin", pass_snapshot_begin},
    {"snapshot_end", pass_snapshot_end},
};

static outcome_t
decide(lsn_manager_t *self, const server_changes_t *stretch)
{
    if (!self->following && strcmp(stretch->phase, "snapshot_begin") != 0)
        return OUTCOME_REFUSED;
    for (size_t i = 0; i < COUNT_OF(phases); i++)
        if (strcmp(phases[i].phase, stretch->phase) == 0)
            return phases[i].pass(self, stretch);
    return OUTCOME_REFUSED;
}

/*  ------------------------------------------------------------------ passing on  */

static err_t
on_server_schema(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    ctx_request(ctx, self->next, MSG_server_schema, body, tickets_keep(&self->tickets, ctx), 0);
    return OK;
}

static err_t
on_server_changes(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    const server_changes_t *stretch = body;
    const outcome_t outcome = decide(self, stretch);
    if (outcome == OUTCOME_REFUSED)
        ctx_log(ctx, LOG_warning,
                "a stretch of phase %.20s was refused: it does not belong here",
                stretch->phase);
    if (outcome != OUTCOME_PASS) {
        REPLY(ctx, changes_applied, .lsn = self->position.lsn, .outcome = outcomes[outcome],
              .reason = outcome == OUTCOME_REFUSED ? "it does not belong here" : NULL);
        return OK;
    }
    const uint64_t token = tickets_keep(&self->tickets, ctx);
    if (strcmp(stretch->phase, "snapshot_end") == 0)
        self->ending = token;
    ctx_request(ctx, self->next, MSG_server_changes, body, token, 0);
    return OK;
}

/*  --------------------------------------------------------------------- answers  */

/*  The epoch is committed with the end of the snapshot that begins it.  */
static void
note_committed(lsn_manager_t *self, uint64_t token, uint64_t lsn)
{
    self->position.lsn = lsn;
    if (token == self->ending)
        (void) snprintf(self->position.epoch, sizeof self->position.epoch, "%s", self->epoch);
}

static err_t
on_changes_applied(void *state, ctx_t *ctx, const void *body)
{
    lsn_manager_t *self = state;
    const changes_applied_t *applied = body;
    ticket_t ticket;
    if (!tickets_take(&self->tickets, ctx_token(ctx), &ticket))
        return OK;
    if (strcmp(applied->outcome, "applied") == 0)
        note_committed(self, ctx_token(ctx), applied->lsn);
    else
        self->following = false;
    ctx_answer(ctx, &ticket, MSG_changes_applied, applied);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    lsn_manager_t *self = state;
    ticket_t ticket;
    self->following = false;
    if (tickets_take(&self->tickets, failure->token, &ticket))
        ctx_answer_error(ctx, &ticket, failure->err, failure->text);
    return OK;
}

static void
stop(void *state, ctx_t *ctx)
{
    lsn_manager_t *self = state;
    (void) ctx;
    tickets_release(&self->tickets);
    db_close(&self->db);
}

static const edge_t sends[] = {
    {"processor", MSG_server_schema},
    {"processor", MSG_server_changes},
    {"row-handlers", MSG_server_schema},
    {"row-handlers", MSG_server_changes},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_sync_request] = on_sync_request,       [MSG_keep_lease] = on_keep_lease,
    [MSG_change_identity] = on_change_identity, [MSG_server_schema] = on_server_schema,
    [MSG_server_changes] = on_server_changes,   [MSG_changes_applied] = on_changes_applied,
};

const actor_class_t lsn_manager = {
    .name = "lsn-manager",
    .summary = "keeps identity and position, and the server's stream in order",
    .state_size = sizeof(lsn_manager_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .stop = stop,
};
