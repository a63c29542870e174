/*  system - tells what the process knows of itself: who is here, what they have done, what
   became of a change. `waybill tap` and the monitor page ask it.  */

#include "actors/common/actors.h"

#include "runtime/system.h"

static err_t
on_tree_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    tree_t tree;
    system_tree(ctx, &tree);
    ctx_reply(ctx, MSG_tree, &tree);
    return OK;
}

static err_t
on_stats_get(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
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
    change_steps_t steps;
    system_steps(ctx, question->change, &steps);
    ctx_reply(ctx, MSG_change_steps, &steps);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_tree_get] = on_tree_get,
    [MSG_stats_get] = on_stats_get,
    [MSG_change_steps_get] = on_change_steps_get,
};

static const char *const offers[] = {"tree_get", "stats_get", "change_steps_get", NULL};

const actor_class_t system_actor = {
    .name = "system",
    .summary = "Tells what the process knows of itself",
    .handlers = handlers,
    .offers = offers,
};
