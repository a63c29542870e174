/*  A plug-in as a process: the child's side.  */

#include "runtime/plugin_serve.h"

#include "runtime/plugin_child.h"

#include <unistd.h>

void
plugin_serve_end(void)
{
    _exit(0);
}

/*  ----------------------------------------------------------------------- callbacks  */

static int
call_start(waybill_ctx_t *self, const pipe_frame_t *call)
{
    (void) call;
    return self->plugin.start(self->state, self, &plugin_remote_host);
}

/*  What it is handed must outlive the acts of the callback, and they use the same buffer.  */
static void
copy_incoming(waybill_ctx_t *self, const pipe_frame_t *call, waybill_incoming_t *incoming)
{
    const char *texts[FRAME_TEXTS];
    for (size_t i = 0; i < FRAME_TEXTS; i++)
        texts[i] = arena_text(&self->arena, call->texts[i] ? call->texts[i] : "");
    bytes_t payload = arena_bytes(&self->arena, call->blobs[0]);
    *incoming = (waybill_incoming_t){
        .type = texts[0],
        .kind = texts[1],
        .from = texts[2],
        .id = texts[3],
        .trace = texts[4],
        .payload = {payload.data, payload.size},
        .attempt = (unsigned) call->numbers[0],
        .token = call->numbers[1],
    };
}

static int
call_message(waybill_ctx_t *self, const pipe_frame_t *call)
{
    waybill_incoming_t incoming;
    if (self->plugin.on_message == NULL)
        return WAYBILL_OK;
    copy_incoming(self, call, &incoming);
    return self->plugin.on_message(self->state, self, &incoming);
}

static int
call_reply(waybill_ctx_t *self, const pipe_frame_t *call)
{
    waybill_incoming_t incoming;
    if (self->plugin.on_reply == NULL)
        return WAYBILL_OK;
    copy_incoming(self, call, &incoming);
    return self->plugin.on_reply(self->state, self, &incoming);
}

static int
call_timer(waybill_ctx_t *self, const pipe_frame_t *call)
{
    return self->plugin.on_timer ? self->plugin.on_timer(self->state, self, call->numbers[0])
                                 : WAYBILL_OK;
}

static int
call_fd(waybill_ctx_t *self, const pipe_frame_t *call)
{
    const int fd = (int) call->numbers[0];
    size_t i = 0;
    while (i < self->n_watched && self->watched[i].fd != fd)
        i++;
    if (i == self->n_watched || self->plugin.on_fd == NULL)
        return WAYBILL_OK; /* not watched any more */
    self->told[i] = false;
    return self->plugin.on_fd(self->state, self, fd, (int) call->numbers[1]);
}

static int
call_settle(waybill_ctx_t *self, const pipe_frame_t *call)
{
    (void) call;
    return self->plugin.settle ? self->plugin.settle(self->state, self) : WAYBILL_OK;
}

static int
call_drain(waybill_ctx_t *self, const pipe_frame_t *call)
{
    (void) call;
    return self->plugin.drain ? self->plugin.drain(self->state, self) : WAYBILL_OK;
}

static int
call_stop(waybill_ctx_t *self, const pipe_frame_t *call)
{
    (void) call;
    if (self->plugin.stop)
        self->plugin.stop(self->state, self);
    return WAYBILL_OK;
}

static int (*const calls[FRAME_KINDS])(waybill_ctx_t *self, const pipe_frame_t *call) = {
    [CALL_START] = call_start, [CALL_MESSAGE] = call_message, [CALL_REPLY] = call_reply,
    [CALL_TIMER] = call_timer, [CALL_FD] = call_fd,           [CALL_SETTLE] = call_settle,
    [CALL_DRAIN] = call_drain, [CALL_STOP] = call_stop,
};

static void
serve_call(waybill_ctx_t *self)
{
    pipe_frame_t call = {0};
    if (pipe_frame_read(&self->pipe, &call, -1) != OK || calls[call.kind] == NULL)
        plugin_serve_end();
    self->code[0] = self->why[0] = '\0';
    self->called = true;
    const int result = calls[call.kind](self, &call);
    self->called = false;
    const pipe_frame_t done = {.kind = DONE,
                               .numbers = {(uint64_t) result},
                               .texts = {self->code, self->why[0] ? self->why : NULL}};
    if (pipe_frame_write(&self->pipe, &done, -1) != OK)
        plugin_serve_end();
    arena_clear(&self->arena);
}

/*  --------------------------------------------------------------------------- waiting  */

static void
wake_parent(waybill_ctx_t *self, size_t i, short revents)
{
    struct pollfd *item = &self->watched[i];
    if (revents & POLLNVAL) { /* closed: it would be ready for ever */
        *item = self->watched[--self->n_watched];
        self->told[i] = self->told[self->n_watched];
        return;
    }
    bool failed = (revents & (POLLHUP | POLLERR)) != 0;
    int ready =
        (((revents & POLLIN) || failed) && (item->events & POLLIN) ? WAYBILL_READABLE : 0)
        | (((revents & POLLOUT) || failed) && (item->events & POLLOUT) ? WAYBILL_WRITABLE : 0);
    self->told[i] = true;
    const pipe_frame_t wake = {.kind = WAKE,
                               .numbers = {(uint64_t) item->fd, (uint64_t) ready}};
    if (pipe_frame_write(&self->pipe, &wake, -1) != OK)
        plugin_serve_end();
}

static void
wait_and_serve(waybill_ctx_t *self)
{
    struct pollfd items[WAYBILL_MOST_FDS + 1] = {{.fd = self->pipe.fd, .events = POLLIN}};
    for (size_t i = 0; i < self->n_watched; i++) {
        items[i + 1] = self->watched[i];
        items[i + 1].fd = self->told[i] ? -1 : self->watched[i].fd;
    }
    if (poll(items, self->n_watched + 1, -1) < 0)
        return;
    for (size_t i = self->n_watched; i-- > 0;)
        if (items[i + 1].revents)
            wake_parent(self, i, items[i + 1].revents);
    if (items[0].revents)
        serve_call(self);
}

void
plugin_serve(const char *file)
{
    static waybill_ctx_t self;
    fault_t fault = {0};
    plugin_child_settle();
    self.pipe.fd = PLUGIN_CHILD_FD;
    if (plugin_file_load(file, &self.plugin, &fault) != OK) {
        const pipe_frame_t done = {
            .kind = DONE, .numbers = {WAYBILL_FAILED}, .texts = {"", fault.text}};
        err_t err = pipe_frame_write(&self.pipe, &done, -1);
        (void) err; /* without a parent nobody wants to know */
        plugin_serve_end();
    }
    self.state = mem_new(self.plugin.state_size + 1);
    for (;;)
        wait_and_serve(&self);
}
