#include "runtime/plugin_frames.h"

#include "runtime/clock.h"
#include "runtime/include/waybill/plugin.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FRAME = 2 * WAYBILL_MOST_PAYLOAD + (64 << 10), NS_PER_MS = 1000000 };

#define NO_TEXT UINT32_MAX

/*  ------------------------------------------------------------------------- packing  */

static void
add_u32(buffer_t *out, uint32_t number)
{
    buffer_add(out, &number, sizeof number);
}

static void
add_text(buffer_t *out, const char *text)
{
    add_u32(out, text ? (uint32_t) strlen(text) : NO_TEXT);
    if (text)
        buffer_add(out, text, strlen(text) + 1);
}

static void
add_blob(buffer_t *out, bytes_t blob)
{
    add_u32(out, (uint32_t) blob.size);
    buffer_add(out, blob.data, blob.size);
    buffer_add(out, "", 1);
}

static void
pipe_frame_pack(const pipe_frame_t *frame, buffer_t *out)
{
    buffer_clear(out);
    add_u32(out, 0);
    add_u32(out, frame->kind);
    buffer_add(out, frame->numbers, sizeof frame->numbers);
    for (size_t i = 0; i < FRAME_TEXTS; i++)
        add_text(out, frame->texts[i]);
    for (size_t i = 0; i < FRAME_BLOBS; i++)
        add_blob(out, frame->blobs[i]);
    uint32_t size = (uint32_t) (out->size - sizeof size);
    memcpy(out->data, &size, sizeof size);
}

/*  ----------------------------------------------------------------------- unpacking  */

static bool
take(bytes_t *bytes, void *into, size_t size)
{
    if (bytes->size < size)
        return false;
    memcpy(into, bytes->data, size);
    bytes->data += size;
    bytes->size -= size;
    return true;
}

/*  So many bytes, and the NUL behind them.  */
static bool
take_block(bytes_t *bytes, uint32_t size, bytes_t *block)
{
    if (bytes->size <= size || bytes->data[size] != '\0')
        return false;
    *block = (bytes_t){bytes->data, size};
    bytes->data += size + 1;
    bytes->size -= (size_t) size + 1;
    return true;
}

static bool
take_text(bytes_t *bytes, const char **text)
{
    uint32_t size;
    bytes_t block;
    *text = NULL;
    if (!take(bytes, &size, sizeof size))
        return false;
    if (size == NO_TEXT)
        return true;
    if (!take_block(bytes, size, &block) || memchr(block.data, '\0', size))
        return false;
    *text = (const char *) block.data;
    return true;
}

static bool
take_blob(bytes_t *bytes, bytes_t *blob)
{
    uint32_t size;
    return take(bytes, &size, sizeof size) && take_block(bytes, size, blob);
}

err_t
pipe_frame_unpack(bytes_t bytes, pipe_frame_t *frame)
{
    uint32_t kind = 0;
    bool whole =
        take(&bytes, &kind, sizeof kind) && take(&bytes, frame->numbers, sizeof frame->numbers);
    for (size_t i = 0; i < FRAME_TEXTS && whole; i++)
        whole = take_text(&bytes, &frame->texts[i]);
    for (size_t i = 0; i < FRAME_BLOBS && whole; i++)
        whole = take_blob(&bytes, &frame->blobs[i]);
    if (!whole || bytes.size > 0 || kind == 0 || kind >= FRAME_KINDS)
        return ERR_MALFORMED;
    frame->kind = (pipe_frame_kind_t) kind;
    return OK;
}

/*  -------------------------------------------------------------------------- moving  */

static uint64_t
deadline_of(int limit_ms)
{
    return limit_ms < 0 ? UINT64_MAX : clock_now_ns() + (uint64_t) limit_ms * NS_PER_MS;
}

static err_t
wait_for(int fd, short events, uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    if (now >= deadline_ns)
        return ERR_TIMEOUT;
    struct pollfd item = {.fd = fd, .events = events};
    int ms = deadline_ns == UINT64_MAX ? -1 : (int) ((deadline_ns - now) / NS_PER_MS) + 1;
    (void) poll(&item, 1, ms); /* whatever it says, the next look tells */
    return OK;
}

static bool
must_wait(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

err_t
pipe_frame_write(pipe_end_t *self, const pipe_frame_t *frame, int limit_ms)
{
    uint64_t deadline = deadline_of(limit_ms);
    pipe_frame_pack(frame, &self->out);
    for (size_t sent = 0; sent < self->out.size;) {
        ssize_t n = send(self->fd, self->out.data + sent, self->out.size - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t) n : 0;
        if (n >= 0)
            continue;
        err_t err = must_wait() ? wait_for(self->fd, POLLOUT, deadline) : ERR_OFFLINE;
        if (err != OK)
            return err;
    }
    return OK;
}

static err_t
read_whole(pipe_end_t *self, void *into, size_t size, uint64_t deadline)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = recv(self->fd, (char *) into + got, size - got, 0);
        got += n > 0 ? (size_t) n : 0;
        if (n > 0)
            continue;
        err_t err = n < 0 && must_wait() ? wait_for(self->fd, POLLIN, deadline) : ERR_OFFLINE;
        if (err != OK)
            return err;
    }
    return OK;
}

/*  Room for what comes, a piece at a time: a length alone takes no memory.  */
static err_t
read_body(pipe_end_t *self, size_t size, uint64_t deadline)
{
    buffer_clear(&self->in);
    while (self->in.size < size) {
        uint8_t piece[4096];
        size_t n = size - self->in.size < sizeof piece ? size - self->in.size : sizeof piece;
        err_t err = read_whole(self, piece, n, deadline);
        if (err != OK)
            return err;
        buffer_add(&self->in, piece, n);
    }
    return OK;
}

err_t
pipe_frame_read(pipe_end_t *self, pipe_frame_t *frame, int limit_ms)
{
    uint64_t deadline = deadline_of(limit_ms);
    uint32_t size = 0;
    err_t err = read_whole(self, &size, sizeof size, deadline);
    if (err == OK && size > MOST_FRAME)
        err = ERR_MALFORMED;
    if (err == OK)
        err = read_body(self, size, deadline);
    return err == OK ? pipe_frame_unpack(buffer_bytes(&self->in), frame) : err;
}

void
pipe_end_release(pipe_end_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    buffer_release(&self->out);
    buffer_release(&self->in);
}
