/*  What the process of a plug-in asks for, done here: by the same host table as that of a
    thread.  */

#include "runtime/plugin_turn.h"

#include <string.h>

static waybill_bytes_t
bytes(bytes_t blob)
{
    return (waybill_bytes_t){blob.data, blob.size};
}

/*  The ticket that the child holds, or NULL.  */
static const waybill_ticket_t *
ticket_of(const pipe_frame_t *act, waybill_ticket_t *ticket)
{
    if (act->blobs[1].size != sizeof ticket->bytes)
        return NULL;
    memcpy(ticket->bytes, act->blobs[1].data, sizeof ticket->bytes);
    return ticket;
}

static void
act_send(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] =
        (uint64_t) plugin_host.send(acts, act->texts[0], act->texts[1], bytes(act->blobs[0]));
}

static void
act_request(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] =
        (uint64_t) plugin_host.request(acts, act->texts[0], act->texts[1], bytes(act->blobs[0]),
                                       (uint32_t) act->numbers[0], act->numbers[1]);
}

static void
act_reply(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] = (uint64_t) plugin_host.reply(acts, act->texts[0], bytes(act->blobs[0]));
}

static void
act_ticket(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    static _Thread_local waybill_ticket_t ticket;
    (void) act;
    given->numbers[0] = (uint64_t) plugin_host.ticket(acts, &ticket);
    given->blobs[0] = (bytes_t){ticket.bytes, sizeof ticket.bytes};
}

static void
act_answer(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    waybill_ticket_t ticket;
    given->numbers[0] = (uint64_t) plugin_host.answer(acts, ticket_of(act, &ticket),
                                                      act->texts[0], bytes(act->blobs[0]));
}

static void
act_answer_error(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    waybill_ticket_t ticket;
    given->numbers[0] = (uint64_t) plugin_host.answer_error(acts, ticket_of(act, &ticket),
                                                            act->texts[0], act->texts[1]);
}

static void
act_publish(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] =
        (uint64_t) plugin_host.publish(acts, act->texts[0], bytes(act->blobs[0]));
}

static void
act_credit(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] = plugin_host.credit(acts, act->texts[0]);
}

static void
act_now(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    (void) act;
    given->numbers[0] = plugin_host.now_ms(acts);
}

static void
act_wall(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    (void) act;
    given->numbers[0] = (uint64_t) plugin_host.wall_ms(acts);
}

static void
act_random(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    (void) act;
    given->numbers[0] = plugin_host.random(acts);
}

static void
act_uuid(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    (void) act;
    char text[WAYBILL_UUID_TEXT] = "";
    plugin_host.uuid(acts, text);
    given->texts[0] = arena_text(ctx_arena(acts->ctx), text);
}

static void
act_after(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] = (uint64_t) plugin_host.after(acts, act->numbers[0], act->numbers[1]);
}

static void
act_cancel(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->numbers[0] = (uint64_t) plugin_host.cancel(acts, act->numbers[0]);
}

static void
act_setting(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    given->texts[0] = plugin_host.setting(acts, act->texts[0]);
}

static void
act_log(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    (void) given;
    plugin_host.log(acts, (int) act->numbers[0], act->texts[0]);
}

/*  What no frame has room for would cost the child its life.  */
static const char *
json_that_fits(waybill_ctx_t *acts, const pipe_frame_t *act)
{
    const char *json = plugin_host.json(acts, act->texts[0], bytes(act->blobs[0]));
    if (json == NULL || strlen(json) <= (size_t) 2 * WAYBILL_MOST_PAYLOAD)
        return json;
    plugin_host.log(acts, WAYBILL_WARNING, "json: it is too large for a process of its own");
    return NULL;
}

static void
act_json(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    const char *json = json_that_fits(acts, act);
    given->numbers[0] = json != NULL;
    given->blobs[0] = (bytes_t){(const uint8_t *) json, json ? strlen(json) : 0};
}

static void
act_pack(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    waybill_bytes_t packed =
        plugin_host.pack(acts, act->texts[0], (const char *) act->blobs[0].data);
    given->numbers[0] = packed.data != NULL;
    given->blobs[0] = (bytes_t){packed.data, packed.size};
}

static void (*const serves[FRAME_KINDS])(waybill_ctx_t *acts, const pipe_frame_t *act,
                                         pipe_frame_t *given) = {
    [ACT_SEND] = act_send,       [ACT_REQUEST] = act_request,
    [ACT_REPLY] = act_reply,     [ACT_TICKET] = act_ticket,
    [ACT_ANSWER] = act_answer,   [ACT_ANSWER_ERROR] = act_answer_error,
    [ACT_PUBLISH] = act_publish, [ACT_CREDIT] = act_credit,
    [ACT_NOW] = act_now,         [ACT_WALL] = act_wall,
    [ACT_RANDOM] = act_random,   [ACT_UUID] = act_uuid,
    [ACT_AFTER] = act_after,     [ACT_CANCEL] = act_cancel,
    [ACT_SETTING] = act_setting, [ACT_LOG] = act_log,
    [ACT_JSON] = act_json,       [ACT_PACK] = act_pack,
};

bool
plugin_turn(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    *given = (pipe_frame_t){.kind = ACTED};
    if (serves[act->kind] == NULL)
        return false;
    serves[act->kind](acts, act, given);
    return true;
}
