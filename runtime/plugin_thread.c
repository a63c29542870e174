/*  A plug-in as a thread: its callbacks are called here.  */

#include "runtime/plugin_acts.h"

#include <stdlib.h>

typedef struct threaded {
    waybill_ctx_t acts;
    const waybill_plugin_t *descriptor;
    void *state; /* the plug-in's */
} threaded_t;

static err_t
start(void *state, ctx_t *ctx)
{
    threaded_t *self = state;
    plugin_acts_open(&self->acts, ctx);
    self->descriptor = &self->acts.plugin->descriptor;
    self->state = mem_new(self->descriptor->state_size + 1);
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(
        &self->acts, self->descriptor->start(self->state, &self->acts, &plugin_host), "start");
}

static err_t
take(threaded_t *self, ctx_t *ctx, const waybill_incoming_t *incoming)
{
    plugin_acts_begin(&self->acts, ctx);
    self->acts.can_answer = ctx_envelope(ctx)->kind == ENVELOPE_REQ;
    int result = self->descriptor->on_message
                     ? self->descriptor->on_message(self->state, &self->acts, incoming)
                     : WAYBILL_OK;
    return plugin_acts_end(&self->acts, result, "on_message");
}

static err_t
hear_answer(threaded_t *self, ctx_t *ctx, const waybill_incoming_t *incoming)
{
    if (self->descriptor->on_reply == NULL)
        return OK;
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(&self->acts,
                           self->descriptor->on_reply(self->state, &self->acts, incoming),
                           "on_reply");
}

err_t
plugin_thread_on_letter(void *state, ctx_t *ctx, bytes_t payload)
{
    plugin_view_t view;
    plugin_view_letter(&view, ctx, payload);
    return ctx_envelope(ctx)->kind == ENVELOPE_REP ? hear_answer(state, ctx, &view.incoming)
                                                   : take(state, ctx, &view.incoming);
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    buffer_t packed = {0};
    plugin_view_t view;
    plugin_view_failure(&view, failure, &packed);
    err_t err = hear_answer(state, ctx, &view.incoming);
    buffer_release(&packed);
    return err;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    threaded_t *self = state;
    if (self->descriptor->on_timer == NULL)
        return OK;
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(
        &self->acts, self->descriptor->on_timer(self->state, &self->acts, timer), "on_timer");
}

static err_t
on_fd(void *state, ctx_t *ctx, int fd, int ready)
{
    threaded_t *self = state;
    if (self->descriptor->on_fd == NULL) {
        ctx_unwatch_fd(ctx, fd);
        return OK;
    }
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(
        &self->acts, self->descriptor->on_fd(self->state, &self->acts, fd, ready), "on_fd");
}

static err_t
settle(void *state, ctx_t *ctx)
{
    threaded_t *self = state;
    if (self->descriptor->settle == NULL)
        return OK;
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(&self->acts, self->descriptor->settle(self->state, &self->acts),
                           "settle");
}

static err_t
drain(void *state, ctx_t *ctx)
{
    threaded_t *self = state;
    if (self->descriptor->drain == NULL)
        return OK;
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(&self->acts, self->descriptor->drain(self->state, &self->acts),
                           "drain");
}

static void
stop(void *state, ctx_t *ctx)
{
    threaded_t *self = state;
    if (self->descriptor->stop) {
        plugin_acts_begin(&self->acts, ctx);
        self->descriptor->stop(self->state, &self->acts);
        self->acts.ctx = NULL;
    }
    free(self->state);
}

const actor_class_t plugin_thread_class = {
    .state_size = sizeof(threaded_t),
    .start = start,
    .on_error = on_error,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .settle = settle,
    .drain = drain,
    .stop = stop,
};
