/*  The host table that a plug-in is handed in a process of its own.  */

#include "runtime/plugin_serve.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/*  given is valid until the next act. False: no callback runs.  */
static bool
act(waybill_ctx_t *self, const pipe_frame_t *asked, pipe_frame_t *given)
{
    *given = (pipe_frame_t){0};
    if (self == NULL || !self->called)
        return false;
    if (pipe_frame_write(&self->pipe, asked, -1) != OK
        || pipe_frame_read(&self->pipe, given, -1) != OK || given->kind != ACTED)
        plugin_serve_end();
    return true;
}

static int
act_for_result(waybill_ctx_t *self, const pipe_frame_t *asked)
{
    pipe_frame_t given;
    return act(self, asked, &given) ? (int) given.numbers[0] : WAYBILL_REFUSED;
}

static uint64_t
act_for_number(waybill_ctx_t *self, const pipe_frame_t *asked)
{
    pipe_frame_t given;
    return act(self, asked, &given) ? given.numbers[0] : 0;
}

/*  What is too large would end us both; the parent refuses an empty one, and says so.  */
static bytes_t
blob_of(waybill_bytes_t payload)
{
    bool whole = payload.data && payload.size <= WAYBILL_MOST_PAYLOAD;
    return whole ? (bytes_t){payload.data, payload.size} : (bytes_t){0};
}

static bytes_t
ticket_bytes(const waybill_ticket_t *ticket)
{
    return ticket ? (bytes_t){ticket->bytes, sizeof ticket->bytes} : (bytes_t){0};
}

static int
act_send(waybill_ctx_t *self, const char *to, const char *type, waybill_bytes_t payload)
{
    return act_for_result(
        self,
        &(pipe_frame_t){.kind = ACT_SEND, .texts = {to, type}, .blobs = {blob_of(payload)}});
}

static int /* NOLINTNEXTLINE(readability-function-size): as waybill/plugin.h has it */
act_request(waybill_ctx_t *self, const char *to, const char *type, waybill_bytes_t payload,
            uint32_t timeout_ms, uint64_t token)
{
    return act_for_result(self, &(pipe_frame_t){.kind = ACT_REQUEST,
                                                .numbers = {timeout_ms, token},
                                                .texts = {to, type},
                                                .blobs = {blob_of(payload)}});
}

static int
act_reply(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    return act_for_result(
        self, &(pipe_frame_t){.kind = ACT_REPLY, .texts = {type}, .blobs = {blob_of(payload)}});
}

static int
act_ticket(waybill_ctx_t *self, waybill_ticket_t *ticket)
{
    pipe_frame_t given;
    if (ticket == NULL || !act(self, &(pipe_frame_t){.kind = ACT_TICKET}, &given)
        || given.blobs[0].size != sizeof ticket->bytes)
        return WAYBILL_REFUSED;
    memcpy(ticket->bytes, given.blobs[0].data, sizeof ticket->bytes);
    return (int) given.numbers[0];
}

static int
act_answer(waybill_ctx_t *self, const waybill_ticket_t *ticket, const char *type,
           waybill_bytes_t payload)
{
    return act_for_result(self,
                          &(pipe_frame_t){.kind = ACT_ANSWER,
                                          .texts = {type},
                                          .blobs = {blob_of(payload), ticket_bytes(ticket)}});
}

static int
act_answer_error(waybill_ctx_t *self, const waybill_ticket_t *ticket, const char *code,
                 const char *text)
{
    return act_for_result(self, &(pipe_frame_t){.kind = ACT_ANSWER_ERROR,
                                                .texts = {code, text},
                                                .blobs = {{0}, ticket_bytes(ticket)}});
}

static int
act_publish(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    return act_for_result(
        self,
        &(pipe_frame_t){.kind = ACT_PUBLISH, .texts = {type}, .blobs = {blob_of(payload)}});
}

static uint32_t
act_credit(waybill_ctx_t *self, const char *to)
{
    return (uint32_t) act_for_number(self, &(pipe_frame_t){.kind = ACT_CREDIT, .texts = {to}});
}

static int
act_refuse(waybill_ctx_t *self, const char *code, const char *text)
{
    snprintf(self->code, sizeof self->code, "%s", code ? code : "REFUSED");
    snprintf(self->why, sizeof self->why, "%s", text ? text : "");
    return WAYBILL_REFUSED;
}

static int
act_fail(waybill_ctx_t *self, const char *why)
{
    snprintf(self->why, sizeof self->why, "%s", why ? why : "");
    return WAYBILL_FAILED;
}

static uint64_t
act_now_ms(waybill_ctx_t *self)
{
    return act_for_number(self, &(pipe_frame_t){.kind = ACT_NOW});
}

static int64_t
act_wall_ms(waybill_ctx_t *self)
{
    return (int64_t) act_for_number(self, &(pipe_frame_t){.kind = ACT_WALL});
}

static uint64_t
act_random(waybill_ctx_t *self)
{
    return act_for_number(self, &(pipe_frame_t){.kind = ACT_RANDOM});
}

static void
act_uuid(waybill_ctx_t *self, char text[WAYBILL_UUID_TEXT])
{
    pipe_frame_t given;
    if (text && act(self, &(pipe_frame_t){.kind = ACT_UUID}, &given))
        snprintf(text, WAYBILL_UUID_TEXT, "%s", given.texts[0] ? given.texts[0] : "");
}

static int
act_after(waybill_ctx_t *self, uint64_t timer, uint64_t ms)
{
    return act_for_result(self, &(pipe_frame_t){.kind = ACT_AFTER, .numbers = {timer, ms}});
}

static int
act_cancel(waybill_ctx_t *self, uint64_t timer)
{
    return act_for_result(self, &(pipe_frame_t){.kind = ACT_CANCEL, .numbers = {timer}});
}

/*  Its descriptors are ours: we watch them.  */
static int
act_watch(waybill_ctx_t *self, int fd, int events)
{
    size_t i = 0;
    while (i < self->n_watched && self->watched[i].fd != fd)
        i++;
    bool wrong = (events & ~(WAYBILL_READABLE | WAYBILL_WRITABLE)) != 0;
    if (wrong || i == WAYBILL_MOST_FDS || (events && fcntl(fd, F_GETFD) < 0))
        return WAYBILL_REFUSED;
    if (events == 0 && i < self->n_watched) {
        self->watched[i] = self->watched[--self->n_watched];
        self->told[i] = self->told[self->n_watched];
    }
    if (events == 0)
        return WAYBILL_OK;
    if (i == self->n_watched)
        self->told[self->n_watched++] = false;
    int polled =
        (events & WAYBILL_READABLE ? POLLIN : 0) | (events & WAYBILL_WRITABLE ? POLLOUT : 0);
    self->watched[i] = (struct pollfd){.fd = fd, .events = (short) polled};
    return WAYBILL_OK;
}

static const char *
act_setting(waybill_ctx_t *self, const char *name)
{
    pipe_frame_t given;
    for (known_value_t *each = self->values; name && each; each = each->next)
        if (strcmp(each->name, name) == 0)
            return each->value;
    if (!act(self, &(pipe_frame_t){.kind = ACT_SETTING, .texts = {name}}, &given)
        || given.texts[0] == NULL)
        return NULL;
    known_value_t *value = mem_new(sizeof *value);
    *value = (known_value_t){self->values, mem_text(name), mem_text(given.texts[0])};
    self->values = value;
    return value->value;
}

static void
act_log(waybill_ctx_t *self, int level, const char *text)
{
    pipe_frame_t given;
    (void) act(self,
               &(pipe_frame_t){.kind = ACT_LOG, .numbers = {(uint64_t) level}, .texts = {text}},
               &given);
}

static const char *
act_json(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    pipe_frame_t given;
    const pipe_frame_t asked = {.kind = ACT_JSON, .texts = {type}, .blobs = {blob_of(payload)}};
    if (!act(self, &asked, &given) || given.numbers[0] == 0)
        return NULL;
    return arena_text(&self->arena, (const char *) given.blobs[0].data);
}

static waybill_bytes_t
act_pack(waybill_ctx_t *self, const char *type, const char *json)
{
    pipe_frame_t given;
    const waybill_bytes_t text = {json, json ? strlen(json) : 0};
    const pipe_frame_t asked = {.kind = ACT_PACK, .texts = {type}, .blobs = {blob_of(text)}};
    if (!act(self, &asked, &given) || given.numbers[0] == 0)
        return (waybill_bytes_t){0};
    bytes_t kept = arena_bytes(&self->arena, given.blobs[0]);
    return (waybill_bytes_t){kept.data, kept.size};
}

const waybill_host_t plugin_remote_host = {
    .struct_size = sizeof(waybill_host_t),
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .send = act_send,
    .request = act_request,
    .reply = act_reply,
    .ticket = act_ticket,
    .answer = act_answer,
    .answer_error = act_answer_error,
    .publish = act_publish,
    .credit = act_credit,
    .refuse = act_refuse,
    .fail = act_fail,
    .now_ms = act_now_ms,
    .wall_ms = act_wall_ms,
    .random = act_random,
    .uuid = act_uuid,
    .after = act_after,
    .cancel = act_cancel,
    .watch = act_watch,
    .setting = act_setting,
    .log = act_log,
    .json = act_json,
    .pack = act_pack,
};
