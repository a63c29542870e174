#include "runtime/shell_private.h"

bool
shell_something_waits(const shell_t *self)
{
    return !self->empty[LANE_hi] || (self->ear_open && !self->ear_empty)
           || (!self->empty[LANE_lo] && cell_wants_lo(self->cell));
}

/*  The end of a file and an error can be read, or written, as well.  */
static int
readiness(const struct pollfd *item)
{
    if (item->revents & POLLNVAL)
        return 0;
    int failed = item->revents & (POLLHUP | POLLERR);
    int ready = ((item->revents & POLLIN) || failed ? FD_READ : 0)
                | ((item->revents & POLLOUT) || failed ? FD_WRITE : 0);
    int wanted =
        (item->events & POLLIN ? FD_READ : 0) | (item->events & POLLOUT ? FD_WRITE : 0);
    return ready & wanted;
}

/*  poll() on the sockets' descriptors, not zmq_poll(), which asks the system several times
    as often.  */
static void
wait_for_sockets(shell_t *self, int timeout_ms)
{
    struct pollfd items[LANE_COUNT + MOST_FDS + 1];
    nfds_t n = 0;
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        items[n++] = (struct pollfd){.fd = self->empty[lane] ? self->inbox_fds[lane] : -1,
                                     .events = POLLIN};
    for (size_t i = 0; i < self->n_fds; i++)
        items[n++] = self->fds[i];
    items[n] = (struct pollfd){.fd = self->ear_open ? self->ear_fd : -1, .events = POLLIN};
    if (poll(items, n + 1, timeout_ms) <= 0)
        return;
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        self->empty[lane] &= items[lane].revents == 0;
    self->ear_empty &= items[n].revents == 0;
    for (nfds_t i = LANE_COUNT; i < n; i++)
        if (items[i].revents)
            cell_on_fd(self->cell, items[i].fd, readiness(&items[i]));
}

/*  A driver watches both descriptors and does not say which one woke it. One that is readable
    and not wanted would never let it sleep: looking at the lane quiets it.  */
static void
wait_for_network(shell_t *self, int timeout_ms)
{
    if (!self->empty[LANE_lo])
        (void) postbox_ready(self->post, LANE_lo);
    self->options.net->wait(self->net, timeout_ms);
    self->empty[LANE_hi] = self->empty[LANE_lo] = self->ear_empty = false;
}

/*  How long it may wait though nothing comes: records wait to be handed over, a session to be
    renewed.  */
static int
most_ms(shell_t *self)
{
    int tap = tap_flush(self->tap);
    bool listens = self->ear_open;
    return tap >= 0 ? tap : listens ? TAP_RENEW_MS : INT32_MAX;
}

void
shell_wait(shell_t *self)
{
    int64_t next = cell_next_ms(self->cell);
    int most = most_ms(self);
    int timeout = shell_something_waits(self)                     ? 0
                  : next > most || (next < 0 && most < INT32_MAX) ? most
                                                                  : (int) next;
    if (self->net)
        wait_for_network(self, timeout);
    else if (timeout != 0 || self->n_fds > 0)
        wait_for_sockets(self, timeout);
}
