#include "runtime/plugin_acts.h"

#include <fcntl.h>
#include <string.h>

enum { MOST_LINE = 900 };

/*  -------------------------------------------------------------------------- calls  */

/*  A call out of nowhere cannot even be logged: whose thread is it?  */
static bool
is_called(const waybill_ctx_t *self)
{
    return self && self->ctx && pthread_equal(self->thread, pthread_self());
}

static int
refuse_call(waybill_ctx_t *self, const char *call, const char *why)
{
    ctx_log(self->ctx, LOG_warning, "%s: %s", call, why);
    return WAYBILL_REFUSED;
}

static int
judge(waybill_ctx_t *self, const char *call, err_t err, const fault_t *fault)
{
    return err == OK ? WAYBILL_OK : refuse_call(self, call, fault->text);
}

static bool
is_whole(waybill_bytes_t payload)
{
    return payload.data != NULL && payload.size > 0 && payload.size <= WAYBILL_MOST_PAYLOAD;
}

static bytes_t
bytes_of(waybill_bytes_t payload)
{
    return (bytes_t){payload.data, payload.size};
}

/*  Can this be called, with these arguments?  */
static bool
may(waybill_ctx_t *self, const char *call, bool complete)
{
    if (!is_called(self))
        return false;
    if (!complete)
        (void) refuse_call(self, call, "an argument is missing, or too long");
    return complete;
}

/*  ------------------------------------------------------------------------ sending  */

static int
act_send(waybill_ctx_t *self, const char *to, const char *type, waybill_bytes_t payload)
{
    if (!may(self, "send", to && type && is_whole(payload)))
        return WAYBILL_REFUSED;
    fault_t fault;
    return judge(self, "send", raw_send(self->ctx, to, type, bytes_of(payload), &fault),
                 &fault);
}

static int /* NOLINTNEXTLINE(readability-function-size): as waybill/plugin.h has it */
act_request(waybill_ctx_t *self, const char *to, const char *type, waybill_bytes_t payload,
            uint32_t timeout_ms, uint64_t token)
{
    if (!may(self, "request", to && type && is_whole(payload)))
        return WAYBILL_REFUSED;
    fault_t fault;
    const raw_question_t question = {to, type, bytes_of(payload), timeout_ms, token};
    return judge(self, "request", raw_request(self->ctx, &question, &fault), &fault);
}

static int
act_publish(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    if (!may(self, "publish", type && is_whole(payload)))
        return WAYBILL_REFUSED;
    fault_t fault;
    return judge(self, "publish", raw_publish(self->ctx, type, bytes_of(payload), &fault),
                 &fault);
}

static uint32_t
act_credit(waybill_ctx_t *self, const char *to)
{
    if (!is_called(self) || to == NULL || strlen(to) > NAME_ROOM)
        return 0;
    return ctx_credit(self->ctx, to);
}

/*  ---------------------------------------------------------------------- answering  */

static int
act_reply(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    if (!may(self, "reply", type && is_whole(payload)))
        return WAYBILL_REFUSED;
    if (!self->can_answer)
        return refuse_call(self, "reply", "no request waits for it here");
    fault_t fault;
    ticket_t ticket = ctx_ticket(self->ctx);
    err_t err = raw_answer(self->ctx, &ticket, type, bytes_of(payload), &fault);
    self->can_answer = false;
    if (err != OK) /* whoever asked shall not wait in vain */
        ctx_answer_error(self->ctx, &ticket, ERR_UNANSWERED, fault.text);
    return judge(self, "reply", err, &fault);
}

static int
act_ticket(waybill_ctx_t *self, waybill_ticket_t *number)
{
    if (!may(self, "ticket", number))
        return WAYBILL_REFUSED;
    if (!self->can_answer)
        return refuse_call(self, "ticket", "no request waits for an answer here");
    ticket_t ticket = ctx_ticket(self->ctx);
    self->can_answer = false;
    if (plugin_tickets_add(&self->plugin->tickets, &ticket, number))
        return WAYBILL_OK;
    ctx_answer_error(self->ctx, &ticket, ERR_OVERFLOW, NULL);
    return refuse_call(self, "ticket", "it holds too many tickets that it never answers");
}

static int
act_answer(waybill_ctx_t *self, const waybill_ticket_t *number, const char *type,
           waybill_bytes_t payload)
{
    if (!may(self, "answer", number && type && is_whole(payload)))
        return WAYBILL_REFUSED;
    fault_t fault;
    ticket_t ticket;
    if (!plugin_tickets_find(&self->plugin->tickets, number, &ticket))
        return refuse_call(self, "answer", "there is no such ticket, or it was used before");
    err_t err = raw_answer(self->ctx, &ticket, type, bytes_of(payload), &fault);
    if (err == OK)
        plugin_tickets_drop(&self->plugin->tickets, number);
    return judge(self, "answer", err, &fault);
}

/*  The error that a plug-in means: it cannot make the host do anything by one.  */
static err_t
err_meant(const char *code)
{
    err_t err = code ? err_named(code) : ERR_COUNT;
    return err == ERR_COUNT || err == OK || err == ERR_FAILED ? ERR_REFUSED : err;
}

static int
act_answer_error(waybill_ctx_t *self, const waybill_ticket_t *number, const char *code,
                 const char *text)
{
    if (!may(self, "answer_error", number))
        return WAYBILL_REFUSED;
    ticket_t ticket;
    char line[MOST_LINE];
    if (!plugin_tickets_find(&self->plugin->tickets, number, &ticket))
        return refuse_call(self, "answer_error",
                           "there is no such ticket, or it was used before");
    plugin_line(line, sizeof line, text ? text : err_text(err_meant(code)));
    ctx_answer_error(self->ctx, &ticket, err_meant(code), line);
    plugin_tickets_drop(&self->plugin->tickets, number);
    return WAYBILL_OK;
}

static int
act_refuse(waybill_ctx_t *self, const char *code, const char *text)
{
    if (!is_called(self))
        return WAYBILL_REFUSED;
    self->refusal = err_meant(code);
    plugin_line(self->why.text, sizeof self->why.text, text ? text : err_text(self->refusal));
    return WAYBILL_REFUSED;
}

static int
act_fail(waybill_ctx_t *self, const char *why)
{
    if (!is_called(self))
        return WAYBILL_FAILED;
    plugin_line(self->why.text, sizeof self->why.text, why ? why : "it did not say why");
    return WAYBILL_FAILED;
}

/*  ----------------------------------------------------------- clock, chance, files  */

static uint64_t
act_now_ms(waybill_ctx_t *self)
{
    return is_called(self) ? ctx_now_ms(self->ctx) : 0;
}

static int64_t
act_wall_ms(waybill_ctx_t *self)
{
    return is_called(self) ? ctx_wall_ms(self->ctx) : 0;
}

static uint64_t
act_random(waybill_ctx_t *self)
{
    return is_called(self) ? ctx_random(self->ctx) : 0;
}

_Static_assert((int) WAYBILL_UUID_TEXT == (int) UUID_TEXT, "both hold a UUID");

static void
act_uuid(waybill_ctx_t *self, char text[WAYBILL_UUID_TEXT])
{
    if (is_called(self) && text)
        ctx_uuid(self->ctx, text);
}

static int
act_after(waybill_ctx_t *self, uint64_t timer, uint64_t ms)
{
    if (!may(self, "after", ms <= INT64_MAX / 2))
        return WAYBILL_REFUSED;
    ctx_after(self->ctx, timer, ms);
    return WAYBILL_OK;
}

static int
act_cancel(waybill_ctx_t *self, uint64_t timer)
{
    if (!may(self, "cancel", true))
        return WAYBILL_REFUSED;
    ctx_cancel(self->ctx, timer);
    return WAYBILL_OK;
}

_Static_assert((int) WAYBILL_READABLE == (int) FD_READ
                   && (int) WAYBILL_WRITABLE == (int) FD_WRITE,
               "both are sets of the same");

static int
act_watch(waybill_ctx_t *self, int fd, int events)
{
    if (!may(self, "watch", (events & ~(FD_READ | FD_WRITE)) == 0))
        return WAYBILL_REFUSED;
    if (events == 0) {
        ctx_unwatch_fd(self->ctx, fd);
        return WAYBILL_OK;
    }
    if (fcntl(fd, F_GETFD) < 0)
        return refuse_call(self, "watch", "that is no descriptor");
    if (ctx_watched(self->ctx) >= WAYBILL_MOST_FDS)
        return refuse_call(self, "watch", "it watches too many descriptors");
    ctx_watch(self->ctx, fd, events);
    return WAYBILL_OK;
}

/*  ------------------------------------------------------------------ settings, texts  */

static const char *
act_setting(waybill_ctx_t *self, const char *name)
{
    return is_called(self) && name ? plugin_value(self->plugin, name) : NULL;
}

static void
act_log(waybill_ctx_t *self, int level, const char *text)
{
    if (!is_called(self) || text == NULL)
        return;
    if (level < WAYBILL_ERROR || level > WAYBILL_DEBUG)
        level = WAYBILL_INFO;
    ctx_log(self->ctx, (log_level_t) level, "%s", text);
}

static err_t
to_json(waybill_ctx_t *self, const char *type, bytes_t payload, buffer_t *json)
{
    message_id_t id = message_named(type);
    fault_t fault;
    err_t err = raw_check(type, payload, &fault);
    if (err != OK || id == MSG_COUNT)
        return err == OK ? msgpack_to_json(payload, json) : err;
    void *body = arena_new(ctx_arena(self->ctx), schema_of(id)->size + 1);
    err = message_unpack(id, payload, ctx_arena(self->ctx), body, &fault);
    if (err == OK)
        message_to_json(id, body, false, json);
    return err;
}

static const char *
act_json(waybill_ctx_t *self, const char *type, waybill_bytes_t payload)
{
    if (!is_called(self) || type == NULL || !is_whole(payload))
        return NULL;
    buffer_t json = {0};
    err_t err = to_json(self, type, bytes_of(payload), &json);
    const char *text = err == OK ? arena_text(ctx_arena(self->ctx), buffer_text(&json)) : NULL;
    buffer_release(&json);
    return text;
}

/*  JSON writes some things as texts, a position for one: packed again, they are as everybody
    packs them.  */
static err_t
from_json(waybill_ctx_t *self, const char *type, const char *json, buffer_t *packed,
          fault_t *fault)
{
    message_id_t id = message_named(type);
    err_t err = json_to_msgpack(json, strlen(json), packed, fault);
    if (err != OK || id == MSG_COUNT)
        return err == OK ? raw_check(type, buffer_bytes(packed), fault) : err;
    arena_t *arena = ctx_arena(self->ctx);
    void *body = arena_new(arena, schema_of(id)->size + 1);
    bytes_t read = arena_bytes(arena, buffer_bytes(packed));
    err = message_unpack(id, read, arena, body, fault);
    buffer_clear(packed);
    if (err == OK)
        message_pack(id, body, packed);
    return err;
}

static waybill_bytes_t
act_pack(waybill_ctx_t *self, const char *type, const char *json)
{
    waybill_bytes_t bytes = {0};
    if (!is_called(self) || type == NULL || json == NULL)
        return bytes;
    fault_t fault;
    buffer_t packed = {0};
    if (from_json(self, type, json, &packed, &fault) == OK) {
        bytes_t kept = arena_bytes(ctx_arena(self->ctx), buffer_bytes(&packed));
        bytes = (waybill_bytes_t){kept.data, kept.size};
    } else {
        refuse_call(self, "pack", fault.text);
    }
    buffer_release(&packed);
    return bytes;
}

const waybill_host_t plugin_host = {
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
