/*  A plug-in as a process: the host's side.

    The child is the instance. This actor has the name, the mailbox and the place in the crew; a
    child that dies, hangs or talks nonsense has failed as an instance in a thread fails, and
   what follows is the cell's: another is started, and what was not done is delivered again.  */

#include "runtime/clock.h"
#include "runtime/plugin_child.h"
#include "runtime/plugin_turn.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_WAKES = WAYBILL_MOST_FDS + 4, STOP_MS = 3000, WAKE_MS = 1000, NS_PER_MS = 1000000 };

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
serve(isolated_t *self, const pipe_frame_t *act, int limit_ms)
{
    pipe_frame_t given;
    if (!plugin_turn(&self->acts, act, &given))
        return ERR_MALFORMED;
    return pipe_frame_write(&self->pipe, &given, limit_ms);
}

/*  Not the actor's clock: how long a child takes is no input of the actor.  */
static uint64_t
now_ms(void)
{
    return clock_now_ns() / NS_PER_MS;
}

/*  Until the child is done with what it was called for.  */
static err_t
await_done(isolated_t *self, pipe_frame_t *done, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now = now_ms();
        if (now >= deadline_ms)
            return ERR_TIMEOUT; /* however much it has to say */
        int left = (int) (deadline_ms - now);
        err_t err = pipe_frame_read(&self->pipe, done, left);
        if (err != OK || done->kind == DONE)
            return err;
        if (done->kind == WAKE)
            note_wake(self, done);
        else
            err = serve(self, done, left);
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
    uint64_t deadline_ms = now_ms() + limit_ms;
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
    self->pipe.fd = -1;
    self->broken = true;
    plugin_acts_open(&self->acts, ctx);
    self->plugin = self->acts.plugin;
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
