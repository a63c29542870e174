/*  A plug-in as a process: the host's side.

    The child is the instance. This actor has the name, the mailbox and the place in the crew; a
    child that dies, hangs or talks nonsense has failed as an instance in a thread fails, and
   what follows is the cell's: another is started, and what was not done is delivered again.  */

#include "runtime/plugin_acts.h"
#include "runtime/plugin_child.h"
#include "runtime/plugin_frames.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_WAKES = WAYBILL_MOST_FDS + 4, STOP_MS = 3000, WAKE_MS = 1000 };

typedef struct isolated {
    waybill_ctx_t acts;
    plugin_t *plugin;
    pipe_end_t pipe;
    pid_t pid; /* 0: none runs */
    int later; /* eventfd: wakes that came while the child was called */
    struct {
        int fd, ready;
    } wakes[MOST_WAKES];
    size_t n_wakes;
    bool broken; /* nothing more can be said to it */
} isolated_t;

/*  --------------------------------------------------------------------- what it does  */

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

static void
act_json(waybill_ctx_t *acts, const pipe_frame_t *act, pipe_frame_t *given)
{
    const char *json = plugin_host.json(acts, act->texts[0], bytes(act->blobs[0]));
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

/*  ---------------------------------------------------------------------------- calls  */

static void
note_wake(isolated_t *self, const pipe_frame_t *wake)
{
    if (self->n_wakes == MOST_WAKES)
        return; /* more than it may watch: it does not take turns, and will be told nothing */
    self->wakes[self->n_wakes].fd = (int) wake->numbers[0];
    self->wakes[self->n_wakes++].ready = (int) wake->numbers[1];
    (void) eventfd_write(self->later, 1);
}

static err_t
serve(isolated_t *self, const pipe_frame_t *act, uint64_t limit_ms)
{
    pipe_frame_t given = {.kind = ACTED};
    if (serves[act->kind] == NULL)
        return ERR_MALFORMED;
    serves[act->kind](&self->acts, act, &given);
    return pipe_frame_write(&self->pipe, &given, (int) limit_ms);
}

/*  Until the child is done with what it was called for.  */
static err_t
await_done(isolated_t *self, pipe_frame_t *done, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now = ctx_now_ms(self->acts.ctx);
        int left = now < deadline_ms ? (int) (deadline_ms - now) : 0;
        err_t err = pipe_frame_read(&self->pipe, done, left);
        if (err != OK || done->kind == DONE)
            return err;
        if (done->kind == WAKE)
            note_wake(self, done);
        else
            err = serve(self, done, deadline_ms - now);
        if (err != OK)
            return err;
    }
}

static const char *
what_happened(isolated_t *self, err_t err, char *text, size_t room)
{
    if (err == ERR_TIMEOUT)
        return "it took too long and was killed";
    if (err == ERR_MALFORMED)
        return "its process talked nonsense and was killed";
    int status = plugin_child_end(self->pid);
    self->pid = 0;
    return plugin_child_end_text(status, text, room);
}

/*  The instance is lost.  */
static int
lose(isolated_t *self, err_t err)
{
    char text[128];
    self->broken = true;
    return plugin_host.fail(&self->acts, what_happened(self, err, text, sizeof text));
}

static int
result_of(isolated_t *self, const pipe_frame_t *done)
{
    int result = (int) done->numbers[0];
    if (result == WAYBILL_REFUSED && done->texts[1])
        return plugin_host.refuse(&self->acts, done->texts[0], done->texts[1]);
    if (result == WAYBILL_FAILED && done->texts[1])
        return plugin_host.fail(&self->acts, done->texts[1]);
    return result;
}

static err_t
call(isolated_t *self, ctx_t *ctx, const pipe_frame_t *frame, const char *what)
{
    pipe_frame_t done = {0};
    plugin_acts_begin(&self->acts, ctx);
    self->acts.can_answer =
        frame->kind == CALL_MESSAGE && ctx_envelope(ctx)->kind == ENVELOPE_REQ;
    uint64_t limit_ms = frame->kind == CALL_STOP ? STOP_MS : self->plugin->limit_ms;
    uint64_t deadline_ms = ctx_now_ms(ctx) + limit_ms;
    err_t err =
        self->broken ? ERR_OFFLINE : pipe_frame_write(&self->pipe, frame, (int) limit_ms);
    if (err == OK)
        err = await_done(self, &done, deadline_ms);
    return plugin_acts_end(&self->acts, err == OK ? result_of(self, &done) : lose(self, err),
                           what);
}

static err_t
plain_call(void *state, ctx_t *ctx, pipe_frame_kind_t kind, const char *what)
{
    return call(state, ctx, &(pipe_frame_t){.kind = kind}, what);
}

/*  ----------------------------------------------------------------------------- life  */

static err_t
spawn(isolated_t *self, ctx_t *ctx)
{
    int ends[2];
    fault_t fault = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return ctx_fail(ctx, "no socket for its process: %s", strerrordesc_np(errno));
    const child_order_t order = {.program = self->plugin->program,
                                 .verb = "host",
                                 .file = self->plugin->file,
                                 .fd = ends[1]};
    err_t err = plugin_child_start(&order, &self->pid, &fault);
    close(ends[1]);
    self->pipe.fd = ends[0];
    if (err != OK)
        return ctx_fail(ctx, "%s", fault.text);
    atomic_store(&self->plugin->pid, (uint64_t) self->pid);
    return OK;
}

static err_t
start(void *state, ctx_t *ctx)
{
    isolated_t *self = state;
    self->plugin = (plugin_t *) ctx_class(ctx)->raw->subject;
    self->pipe.fd = -1;
    self->broken = true;
    plugin_acts_open(&self->acts, self->plugin);
    self->later = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err_t err = self->later < 0 ? ctx_fail(ctx, "no descriptor for it") : spawn(self, ctx);
    if (err != OK)
        return err;
    self->broken = false;
    ctx_watch_fd(ctx, self->pipe.fd);
    ctx_watch_fd(ctx, self->later);
    return plain_call(self, ctx, CALL_START, "start");
}

static err_t
say(isolated_t *self, ctx_t *ctx, pipe_frame_kind_t kind, const waybill_incoming_t *incoming)
{
    const pipe_frame_t frame = {
        .kind = kind,
        .numbers = {incoming->attempt, incoming->token},
        .texts = {incoming->type, incoming->kind, incoming->from, incoming->id,
                  incoming->trace},
        .blobs = {{incoming->payload.data, incoming->payload.size}},
    };
    return call(self, ctx, &frame, kind == CALL_REPLY ? "on_reply" : "on_message");
}

err_t
plugin_process_on_letter(void *state, ctx_t *ctx, bytes_t payload)
{
    plugin_view_t view;
    plugin_view_letter(&view, ctx, payload);
    bool answers = ctx_envelope(ctx)->kind == ENVELOPE_REP;
    return say(state, ctx, answers ? CALL_REPLY : CALL_MESSAGE, &view.incoming);
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    buffer_t packed = {0};
    plugin_view_t view;
    plugin_view_failure(&view, failure, &packed);
    err_t err = say(state, ctx, CALL_REPLY, &view.incoming);
    buffer_release(&packed);
    return err;
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    return call(state, ctx, &(pipe_frame_t){.kind = CALL_TIMER, .numbers = {timer}},
                "on_timer");
}

/*  What the child woke us for, one at a time.  */
static err_t
call_wakes(isolated_t *self, ctx_t *ctx)
{
    eventfd_t count;
    (void) eventfd_read(self->later, &count);
    err_t err = OK;
    for (size_t n = self->n_wakes; err == OK && n > 0; n--) {
        const pipe_frame_t frame = {
            .kind = CALL_FD,
            .numbers = {(uint64_t) self->wakes[0].fd, (uint64_t) self->wakes[0].ready}};
        memmove(self->wakes, self->wakes + 1, --self->n_wakes * sizeof *self->wakes);
        err = call(self, ctx, &frame, "on_fd");
    }
    return err;
}

/*  A child that is not called says only that something is ready, or that it has ended.  */
static err_t
hear(isolated_t *self, ctx_t *ctx)
{
    pipe_frame_t frame = {0};
    err_t err = pipe_frame_read(&self->pipe, &frame, WAKE_MS);
    if (err == OK && frame.kind == WAKE) {
        note_wake(self, &frame);
        return call_wakes(self, ctx);
    }
    plugin_acts_begin(&self->acts, ctx);
    return plugin_acts_end(&self->acts, lose(self, err == OK ? ERR_MALFORMED : err),
                           "its process");
}

static err_t
on_fd(void *state, ctx_t *ctx, int fd, int ready)
{
    isolated_t *self = state;
    (void) ready;
    return fd == self->later ? call_wakes(self, ctx) : hear(self, ctx);
}

static err_t
settle(void *state, ctx_t *ctx)
{
    return plain_call(state, ctx, CALL_SETTLE, "settle");
}

static err_t
drain(void *state, ctx_t *ctx)
{
    return plain_call(state, ctx, CALL_DRAIN, "drain");
}

static void
stop(void *state, ctx_t *ctx)
{
    isolated_t *self = state;
    if (!self->broken) {
        err_t err = plain_call(self, ctx, CALL_STOP, "stop");
        (void) err; /* it ends now, however it takes that */
    }
    atomic_store(&self->plugin->pid, 0);
    if (self->pid > 0)
        (void) plugin_child_end(self->pid);
    if (self->later > 0)
        close(self->later);
    pipe_end_release(&self->pipe);
    plugin_acts_close(&self->acts);
}

const actor_class_t plugin_process_class = {
    .state_size = sizeof(isolated_t),
    .start = start,
    .on_error = on_error,
    .on_timer = on_timer,
    .on_fd = on_fd,
    .settle = settle,
    .drain = drain,
    .stop = stop,
};
