/*  Around the callbacks of a plug-in: what they are handed, and what becomes of their result.
 */

#include "runtime/plugin_acts.h"

#include "schemas/codec.h"

#include <stdio.h>
#include <string.h>

void
plugin_line(char *line, size_t room, const char *text)
{
    fault_t clean;
    fault_set(&clean, ERR_REFUSED, "%s", text);
    snprintf(line, room, "%s", clean.text);
}

void
plugin_acts_open(waybill_ctx_t *self, ctx_t *ctx)
{
    plugin_t *plugin = ctx_class(ctx)->raw->subject;
    *self = (waybill_ctx_t){.plugin = plugin, .thread = pthread_self()};
}

void
plugin_break_promises(void *plugin, ctx_t *ctx, err_t why)
{
    plugin_tickets_t *left = &((plugin_t *) plugin)->tickets;
    const char *text = why == ERR_STOPPED ? "the plug-in was stopped before it answered"
                                          : "the plug-in failed before it answered";
    for (size_t i = 0; i < left->n; i++)
        if (left->items[i].number != 0)
            ctx_answer_error(ctx, &left->items[i].ticket, why, text);
    plugin_tickets_release(left);
}

void
plugin_acts_begin(waybill_ctx_t *self, ctx_t *ctx)
{
    self->ctx = ctx;
    self->can_answer = false;
    self->refusal = OK;
    self->why.text[0] = '\0';
}

err_t
plugin_acts_end(waybill_ctx_t *self, int result, const char *what)
{
    ctx_t *ctx = self->ctx;
    self->ctx = NULL;
    self->can_answer = false;
    const char *why = self->why.text;
    if (result == WAYBILL_OK)
        return OK;
    if (result == WAYBILL_REFUSED)
        return ctx_refuse(ctx, self->refusal == OK ? ERR_REFUSED : self->refusal, "%s",
                          why[0] ? why : "the plug-in refused it");
    if (result == WAYBILL_FAILED)
        return ctx_fail(ctx, "%s: %s", what, why[0] ? why : "the plug-in failed");
    return ctx_fail(ctx, "%s: it returned %d, which means nothing", what, result);
}

/*  ------------------------------------------------------------------- what comes in  */

static const char *const kinds[ENVELOPE_KIND_COUNT] = {
    [ENVELOPE_CAST] = "command",
    [ENVELOPE_REQ] = "request",
    [ENVELOPE_EVT] = "event",
    [ENVELOPE_REP] = "reply",
};

void
plugin_view_letter(plugin_view_t *self, ctx_t *ctx, bytes_t payload)
{
    const envelope_t *envelope = ctx_envelope(ctx);
    self->incoming = (waybill_incoming_t){
        .type = envelope->type,
        .kind = kinds[envelope->kind],
        .from = envelope->from,
        .id = uuid_text(envelope->id, self->id),
        .trace = uuid_text(envelope->trace, self->trace),
        .payload = {payload.data, payload.size},
        .attempt = envelope->attempt,
        .token = envelope->kind == ENVELOPE_REP ? ctx_token(ctx) : 0,
    };
}

void
plugin_view_failure(plugin_view_t *self, const failure_t *failure, buffer_t *packed)
{
    static const uint8_t nobody[16];
    problem_t problem = {.code = err_name(failure->err),
                         .message = failure->text ? failure->text : err_text(failure->err)};
    message_pack(MSG_problem, &problem, packed);
    self->incoming = (waybill_incoming_t){
        .type = schema_of(MSG_problem)->name,
        .kind = "error",
        .from = "",
        .id = uuid_text(nobody, self->id),
        .trace = uuid_text(nobody, self->trace),
        .payload = {packed->data, packed->size},
        .token = failure->token,
    };
}
