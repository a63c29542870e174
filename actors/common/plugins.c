/*  plugins - passes on to the supervisor that a plug-in shall come or go.

    Takes  plugin_add, plugin_remove  from whoever may join; answers when it is done.  */

#include "actors/common/actors.h"

enum { AT_ONCE = 16, PATIENCE_MS = 120000 };

typedef struct plugins {
    ticket_t tickets[AT_ONCE]; /* by token */
    bool taken[AT_ONCE];
} plugins_t;

static err_t
pass_on(plugins_t *self, ctx_t *ctx, message_id_t id, const void *body)
{
    size_t token = 0;
    while (token < AT_ONCE && self->taken[token])
        token++;
    if (token == AT_ONCE)
        return ctx_refuse(ctx, ERR_BUSY, "other plug-ins come and go now; try again");
    self->taken[token] = true;
    self->tickets[token] = ctx_ticket(ctx);
    ctx_supervise(ctx, id, body, token, PATIENCE_MS);
    return OK;
}

static err_t
on_plugin_add(void *state, ctx_t *ctx, const void *body)
{
    const plugin_add_t *add = body;
    ctx_log(ctx, LOG_info, "%s shall be added from %s", add->name, add->file);
    return pass_on(state, ctx, MSG_plugin_add, body);
}

static err_t
on_plugin_remove(void *state, ctx_t *ctx, const void *body)
{
    const plugin_remove_t *remove = body;
    ctx_log(ctx, LOG_info, "%s shall be removed", remove->name);
    return pass_on(state, ctx, MSG_plugin_remove, body);
}

static err_t
on_plugin_added(void *state, ctx_t *ctx, const void *body)
{
    plugins_t *self = state;
    self->taken[ctx_token(ctx)] = false;
    ctx_answer(ctx, &self->tickets[ctx_token(ctx)], MSG_plugin_added, body);
    return OK;
}

static err_t
on_plugin_removed(void *state, ctx_t *ctx, const void *body)
{
    plugins_t *self = state;
    self->taken[ctx_token(ctx)] = false;
    ctx_answer(ctx, &self->tickets[ctx_token(ctx)], MSG_plugin_removed, body);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    plugins_t *self = state;
    self->taken[failure->token] = false;
    ctx_answer_error(ctx, &self->tickets[failure->token], failure->err, failure->text);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_plugin_add] = on_plugin_add,
    [MSG_plugin_added] = on_plugin_added,
    [MSG_plugin_remove] = on_plugin_remove,
    [MSG_plugin_removed] = on_plugin_removed,
};

const actor_class_t plugins = {
    .name = "plugins",
    .summary = "Lets plug-ins come and go",
    .state_size = sizeof(plugins_t),
    .offers = (const char *const[]){"plugin_add", "plugin_remove", NULL},
    .handlers = handlers,
    .on_error = on_error,
};
