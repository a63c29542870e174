/*  system - tells what the process knows of itself: who is here, what they have done, what
    became of a change and what was never delivered. It also sends what a person wants to have
    sent, if the config lets it. `waybill tap` and the monitor page ask it.  */

#include "actors/common/actors.h"

#include "actors/settings.h"
#include "runtime/raw.h"
#include "runtime/system.h"

#include <string.h>

enum { CALLS = 64 };

/*  Somebody waits for the answer of a request that was sent for him.  */
typedef struct call {
    ticket_t ticket;
    bool waits;
} call_t;

typedef struct asked {
    call_t calls[CALLS]; /* that of token n at n - 1 */
} asked_t;

/*  As in a replay: then there is nothing to tell.  */
static err_t
no_system(ctx_t *ctx)
{
    return ctx_refuse(ctx, ERR_NOT_FOUND, "this actor is not part of a process");
}

/*  --------------------------------------------------------------------------- telling  */

/*  What whoever judges the process needs to know: `waybill tap doctor`.  */
static void
tell_settings(const settings_t *settings, tree_t *tree)
{
    bool server = strcmp(tree->role, "server") == 0;
    tree->restart_limit = (uint64_t) settings->process_restart_limit;
    tree->stuck_ms = (uint64_t) settings->tap_stuck_ms;
    tree->history = server ? (uint64_t) settings->stream_history : 0;
}

static err_t
on_tree_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    tree_t tree;
    system_tree(ctx, &tree);
    tell_settings(ctx_settings(ctx), &tree);
    ctx_reply(ctx, MSG_tree, &tree);
    return OK;
}

static err_t
on_stats_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    stats_t stats;
    system_stats(ctx, &stats);
    ctx_reply(ctx, MSG_stats, &stats);
    return OK;
}

static err_t
on_change_steps_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const change_steps_get_t *question = body;
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    change_steps_t steps;
    system_steps(ctx, question->change, &steps);
    ctx_reply(ctx, MSG_change_steps, &steps);
    return OK;
}

static err_t
on_dead_letters_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    dead_letters_t letters;
    system_dead_letters(ctx, body, &letters);
    ctx_reply(ctx, MSG_dead_letters, &letters);
    return OK;
}

static err_t
on_flight_dump(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    char path[DUMP_PATH];
    fault_t fault;
    err_t err = system_dump(ctx_system(ctx), ctx_now_us(ctx) * 1000, NULL, path, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    REPLY(ctx, flight_dumped, .file = path);
    return OK;
}

/*  --------------------------------------------------------------------------- sending  */

/*  Whoever may join may look; to change something, the config has to say so.  */
static err_t
check_allowed(ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    if (ctx_system(ctx) == NULL)
        return no_system(ctx);
    if (!settings->tap_inject)
        return ctx_refuse(ctx, ERR_REFUSED,
                          "nothing may be put on this bus: set inject = true under tap in the "
                          "config and start the process anew");
    return OK;
}

static err_t
on_dead_letters_requeue(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const dead_letters_requeue_t *wish = body;
    fault_t fault;
    err_t err = check_allowed(ctx);
    if (err != OK)
        return err;
    if (wish->all) {
        REPLY(ctx, requeued, .count = system_requeue_all(ctx));
        return OK;
    }
    if ((err = system_requeue(ctx, wish->n, &fault)) != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    REPLY(ctx, requeued, .count = 1);
    return OK;
}

static uint64_t
unused_token(const asked_t *self)
{
    for (size_t i = 0; i < CALLS; i++)
        if (!self->calls[i].waits)
            return i + 1;
    return 0;
}

static err_t
call(asked_t *self, ctx_t *ctx, system_letter_t *letter)
{
    fault_t fault;
    letter->kind = ENVELOPE_REQ;
    letter->token = unused_token(self);
    if (letter->token == 0)
        return ctx_refuse(ctx, ERR_OVERFLOW, "%d calls wait for their answers already", CALLS);
    err_t err = system_send(ctx, letter, &fault);
    if (err != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    self->calls[letter->token - 1] = (call_t){ctx_ticket(ctx), true};
    return OK;
}

static err_t
on_inject(void *state, ctx_t *ctx, const void *body)
{
    const inject_t *wish = body;
    bool named = wish->to && wish->to[0];
    system_letter_t letter = {.kind = named ? ENVELOPE_CAST : ENVELOPE_EVT,
                              .to = named ? wish->to : NULL,
                              .type = wish->type,
                              .payload = wish->body};
    fault_t fault;
    err_t err = check_allowed(ctx);
    if (err != OK)
        return err;
    if (wish->call && !named)
        return ctx_refuse(ctx, ERR_USAGE, "a call needs an actor: to is missing");
    if (wish->call)
        return call(state, ctx, &letter);
    if ((err = system_send(ctx, &letter, &fault)) != OK)
        return ctx_refuse(ctx, err, "%s", fault.text);
    REPLY(ctx, injected, .type = NULL);
    return OK;
}

/*  ---------------------------------------------------------------------------- answers  */

/*  NULL: nobody waits, as for a dead letter that was sent again.  */
static call_t *
call_of(asked_t *self, uint64_t token)
{
    call_t *found = token > 0 && token <= CALLS ? &self->calls[token - 1] : NULL;
    return found && found->waits ? found : NULL;
}

static err_t
on_answer(void *state, ctx_t *ctx, bytes_t payload)
{
    const char *type = ctx_envelope(ctx)->type;
    call_t *waiting = call_of(state, ctx_token(ctx));
    fault_t fault;
    if (waiting == NULL)
        return OK;
    waiting->waits = false;
    err_t err = raw_check(type, payload, &fault);
    if (err != OK)
        ctx_answer_error(ctx, &waiting->ticket, err, fault.text);
    else
        ANSWER(ctx, &waiting->ticket, injected, .type = type, .body = payload);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    call_t *waiting = call_of(state, failure->token);
    if (waiting == NULL)
        return OK;
    waiting->waits = false;
    const problem_t problem = {.code = err_name(failure->err), .message = failure->text};
    buffer_t packed = {0};
    message_pack(MSG_problem, &problem, &packed);
    ANSWER(ctx, &waiting->ticket, injected, .type = "error", .body = buffer_bytes(&packed));
    buffer_release(&packed);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_tree_get] = on_tree_get,
    [MSG_stats_get] = on_stats_get,
    [MSG_change_steps_get] = on_change_steps_get,
    [MSG_dead_letters_get] = on_dead_letters_get,
    [MSG_dead_letters_requeue] = on_dead_letters_requeue,
    [MSG_inject] = on_inject,
    [MSG_flight_dump] = on_flight_dump,
};

static const char *const offers[] = {"tree_get",
                                     "stats_get",
                                     "change_steps_get",
                                     "dead_letters_get",
                                     "dead_letters_requeue",
                                     "flight_dump",
                                     "inject",
                                     NULL};

const actor_class_t system_actor = {
    .name = "system",
    .summary = "Tells what the process knows of itself",
    .state_size = sizeof(asked_t),
    .handlers = handlers,
    .offers = offers,
    .on_answer = on_answer,
    .on_error = on_error,
};
