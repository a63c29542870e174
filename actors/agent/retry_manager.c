/*  retry-manager - decides when changes that the server refused go to it again.

    Hears  outbox_failed (a hint), failed_batch, verdicts_recorded   from recorder.
    Says   failed_fetch, retry_schedule, retry_due                   to recorder.

    A plan is persisted before it counts. Trouble that passes is tried again for ever, ever
    more slowly; a refusal so many times, and then it waits for a person. Only a verdict
    counts as an attempt: time offline never does.  */

#include "actors/agent/actors.h"
#include "actors/settings.h"

#include <string.h>

enum { TIMER_DUE = 1, TIMER_AGAIN = 2, AGAIN_MS = 5000, REST_MS = 1000, BATCH = 500 };

typedef struct retry_manager {
    bool asking;   /* a request is under way */
    bool news;     /* something failed meanwhile */
    bool more;     /* the batch was full of changes without a plan */
    bool released; /* what was due was put back, as far as we know */
    int64_t due;   /* wall clock; 0: nothing is planned */
} retry_manager_t;

static void
fetch(retry_manager_t *self, ctx_t *ctx)
{
    if (self->asking) {
        self->news = true;
        return;
    }
    self->asking = true;
    self->news = false;
    REQUEST(ctx, "recorder", 0, failed_fetch);
}

static err_t
start(void *state, ctx_t *ctx)
{
    fetch(state, ctx);
    return OK;
}

static err_t
on_outbox_failed(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    fetch(state, ctx);
    return OK;
}

/*  ---------------------------------------------------------------------- planning  */

/*  Doubles with each attempt up to the cap; the last half of it is chance, so that not
    everybody comes back at once.  */
static int64_t
delay_ms(ctx_t *ctx, uint64_t attempts)
{
    const settings_t *settings = ctx_settings(ctx);
    int64_t delay = settings->retry_base_ms;
    for (uint64_t i = 1; i < attempts && delay < settings->retry_cap_ms; i++)
        delay *= 2;
    if (delay > settings->retry_cap_ms)
        delay = settings->retry_cap_ms;
    return delay - (int64_t) (ctx_random(ctx) % ((uint64_t) delay / 2 + 1));
}

/*  An error begins with its name, and a colon.  */
static bool
may_pass(ctx_t *ctx, const char *error)
{
    if (error == NULL)
        return false;
    const char *name = arena_text_of(ctx_arena(ctx), error, strcspn(error, ":"));
    const err_t err = err_named(name);
    return err != ERR_COUNT && err_is_transient(err);
}

static int64_t
plan(ctx_t *ctx, const change_row_t *change)
{
    const settings_t *settings = ctx_settings(ctx);
    if (change->attempts >= (uint64_t) settings->retry_attempts
        && !may_pass(ctx, change->error))
        return 0;
    return ctx_wall_ms(ctx) + delay_ms(ctx, change->attempts);
}

/*  Changes of one local transaction go together.  */
static size_t
plan_all(ctx_t *ctx, const failed_batch_t *batch, retry_t *retries)
{
    size_t n = 0;
    const change_row_t *before = NULL;
    for (size_t i = 0; i < batch->n_changes; i++) {
        const change_row_t *change = &batch->changes[i];
        if (change->next_attempt != 0)
            continue;
        const bool along = before && change->txn && before->txn
                           && strcmp(change->txn, before->txn) == 0
                           && change->attempts == before->attempts;
        retries[n] = (retry_t){
            .id = change->id,
            .next_attempt = along ? retries[n - 1].next_attempt : plan(ctx, change),
        };
        n++;
        before = change;
    }
    return n;
}

static void
consider(retry_manager_t *self, int64_t next_attempt)
{
    if (next_attempt != 0 && (self->due == 0 || next_attempt < self->due))
        self->due = next_attempt;
}

/*  Never longer than the cap, so that a wall clock that was set back delays nothing. What is
    still due after it was put back was not: the database is in trouble, and is given a
    rest.  */
static void
arm(retry_manager_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    if (self->due == 0)
        return;
    int64_t wait = self->due - ctx_wall_ms(ctx);
    if (wait <= 0)
        wait = self->released ? REST_MS : 0;
    wait = wait > settings->retry_cap_ms ? settings->retry_cap_ms : wait;
    ctx_after(ctx, TIMER_DUE, (uint64_t) wait);
}

static void
finish(retry_manager_t *self, ctx_t *ctx)
{
    self->asking = false;
    arm(self, ctx);
    self->released = false;
    if (self->news || self->more)
        fetch(self, ctx);
}

static err_t
on_failed_batch(void *state, ctx_t *ctx, const void *body)
{
    retry_manager_t *self = state;
    const failed_batch_t *batch = body;
    retry_t *retries = arena_new(ctx_arena(ctx), (batch->n_changes + 1) * sizeof *retries);
    const size_t n = plan_all(ctx, batch, retries);
    self->due = 0;
    self->more = n == BATCH;
    for (size_t i = 0; i < batch->n_changes; i++)
        consider(self, batch->changes[i].next_attempt);
    for (size_t i = 0; i < n; i++)
        consider(self, retries[i].next_attempt);
    if (n > 0)
        REQUEST(ctx, "recorder", 0, retry_schedule, .retries = retries, .n_retries = n);
    else
        finish(self, ctx);
    return OK;
}

static err_t
on_verdicts_recorded(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    finish(state, ctx);
    return OK;
}

/*  --------------------------------------------------------------------- in time  */

static void
release(retry_manager_t *self, ctx_t *ctx)
{
    const int64_t wall = ctx_wall_ms(ctx);
    SEND(ctx, "recorder", retry_due, .now = self->due > wall ? self->due : wall);
    self->due = 0;
    self->released = true;
    fetch(self, ctx);
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    if (timer == TIMER_DUE)
        release(state, ctx);
    else
        fetch(state, ctx);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    retry_manager_t *self = state;
    ctx_log(ctx, LOG_warning, "%s came to nothing: %s", schema_of(failure->request)->name,
            failure->text);
    self->asking = false;
    ctx_after(ctx, TIMER_AGAIN, AGAIN_MS);
    return OK;
}

static const edge_t sends[] = {
    {"recorder", MSG_failed_fetch},
    {"recorder", MSG_retry_schedule},
    {"recorder", MSG_retry_due},
    {0},
};

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_outbox_failed] = on_outbox_failed,
    [MSG_failed_batch] = on_failed_batch,
    [MSG_verdicts_recorded] = on_verdicts_recorded,
};

const actor_class_t retry_manager = {
    .name = "retry-manager",
    .summary = "decides when refused changes go to the server again",
    .state_size = sizeof(retry_manager_t),
    .sends = sends,
    .start = start,
    .handlers = handlers,
    .on_error = on_error,
    .on_timer = on_timer,
};
