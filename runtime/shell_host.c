#include "runtime/shell_private.h"

#include "runtime/clock.h"

#include <assert.h>
#include <string.h>

/*  --------------------------------------------------------------- clock and chance  */

static uint64_t
now_ns(void *shell)
{
    (void) shell;
    return clock_now_ns();
}

static int64_t
wall_ms(void *shell)
{
    (void) shell;
    return clock_wall_ms();
}

/*  splitmix64, seeded by the system: for ids and jitter, not for secrets.  */
static uint64_t
chance(void *shell)
{
    shell_t *self = shell;
    uint64_t z = self->chance += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/*  ------------------------------------------------------- what the cell wants of us  */

static err_t
put(void *shell, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    return postbox_put(((shell_t *) shell)->post, to, lane, header, payload);
}

static void
watch_fd(void *shell, int fd, int ready)
{
    shell_t *self = shell;
    if (ready) {
        assert(self->n_fds < MOST_FDS && self->net == NULL); /* a driver has no ear for them */
        int events = (ready & FD_READ ? POLLIN : 0) | (ready & FD_WRITE ? POLLOUT : 0);
        self->fds[self->n_fds++] = (struct pollfd){.fd = fd, .events = (short) events};
        return;
    }
    for (size_t i = 0; i < self->n_fds; i++)
        if (self->fds[i].fd == fd)
            self->fds[i] = self->fds[--self->n_fds];
}

static void
report_state(void *shell, cell_state_t state, const char *reason)
{
    shell_t *self = shell;
    envelope_t envelope = {
        .kind = ENVELOPE_CONTROL,
        .type = "state",
        .from = self->class->name,
        .to = SUPERVISOR,
        .seq = state,
        .flags = FLAG_NO_TAP,
    };
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    blob_t *why =
        blob_new((bytes_t){(const uint8_t *) reason, reason ? strlen(reason) + 1 : 0});
    err_t err = postbox_put(self->post, SUPERVISOR, LANE_hi, (bytes_t){header, size}, why);
    assert(err == OK || err == ERR_STOPPED);
    blob_unref(&why);
    postbox_flush(self->post); /* what comes next may take long */
}

static void
write_log(void *shell, const log_line_t *line)
{
    shell_t *self = shell;
    self->options.log(self->options.log_to, line);
}

static void
tap(void *shell, tap_point_t point, const envelope_t *envelope, bytes_t payload, err_t err)
{
    shell_t *self = shell;
    tap_offer(self->tap, point, envelope, payload, err);
}

/*  Connects when somebody first listens. The end inside of the process is bound before any
    actor starts.  */
static err_t
watch_tap(void *shell, tap_want_t want)
{
    shell_t *self = shell;
    if (self->ear == NULL)
        return ERR_NOT_FOUND;
    err_t err = self->ear_open ? OK : tap_ear_connect(self->ear, TAP_INSIDE);
    if (err != OK)
        return err;
    self->ear_open = true;
    self->ear_empty = false;
    tap_ear_want(self->ear, want);
    return OK;
}

cell_host_t
shell_host(shell_t *self)
{
    return (cell_host_t){
        .transport =
            {.self = self, .put = put, .now_ns = now_ns, .random = chance, .wall_ms = wall_ms},
        .log = write_log,
        .watch_fd = watch_fd,
        .state = report_state,
        .tap = tap,
        .gate = &self->gate,
        .settings_text = self->options.settings_text,
        .watch_tap = self->options.tap ? watch_tap : NULL,
        .system = self->options.system,
    };
}
