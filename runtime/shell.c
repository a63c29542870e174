#include "runtime/shell.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    NS_PER_S = 1000000000,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    LO_BURST = 128, /* lo messages between looks at the hi lane's back log */
    HI_BURST = 256,
    FDS = 8,
};

struct shell {
    const actor_class_t *class;
    shell_options_t options;
    postbox_t *post;
    cell_t *cell;
    net_t *net;
    tap_source_t *tap;
    int fds[FDS];
    size_t n_fds;
    uint64_t chance; /* state of the generator */
    pthread_t thread;
    bool launched, stopping;
};

/*  --------------------------------------------------------------- clock and chance  */

uint64_t
clock_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * NS_PER_S + (uint64_t) now.tv_nsec;
}

int64_t
clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

uint64_t
system_random(void)
{
    uint64_t value = 0;
    ssize_t got = getrandom(&value, sizeof value, 0);
    assert(got == (ssize_t) sizeof value);
    return value;
}

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
watch_fd(void *shell, int fd, bool on)
{
    shell_t *self = shell;
    if (on) {
        assert(self->n_fds < FDS);
        self->fds[self->n_fds++] = fd;
        return;
    }
    for (size_t i = 0; i < self->n_fds; i++)
        if (self->fds[i] == fd)
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

/*  ------------------------------------------------------------------------- life  */

shell_t *
shell_new(const actor_class_t *class, const shell_options_t *options, fault_t *fault)
{
    shell_t *self = mem_new(sizeof *self);
    self->class = class;
    self->options = *options;
    self->chance = system_random();
    self->post = postbox_new(options->zmq, class->name, fault);
    if (self->post == NULL) {
        shell_destroy(&self);
        return NULL;
    }
    cell_host_t host = {
        .transport =
            {.self = self, .put = put, .now_ns = now_ns, .random = chance, .wall_ms = wall_ms},
        .log = write_log,
        .watch_fd = watch_fd,
        .state = report_state,
        .tap = tap,
    };
    self->cell =
        cell_new(class, &host, &self->options.limits, options->settings, options->epoch);
    shell_know(self, SUPERVISOR);
    return self;
}

void
shell_destroy(shell_t **self_p)
{
    shell_t *self = *self_p;
    if (self == NULL)
        return;
    cell_destroy(&self->cell);
    postbox_destroy(&self->post);
    free(self);
    *self_p = NULL;
}

const char *
shell_name(const shell_t *self)
{
    return self->class->name;
}

const char *
shell_busy_with(const shell_t *self)
{
    return cell_busy_with(self->cell);
}

void
shell_know(shell_t *self, const char *name)
{
    postbox_know(self->post, name);
}

void
shell_subscribe(shell_t *self, const char *pattern, const char *subscriber)
{
    port_subscribe(cell_port(self->cell), pattern, subscriber);
}

/*  -------------------------------------------------------------------- the thread  */

static void
start_cell(shell_t *self)
{
    fault_t fault = {0};
    err_t err = cell_start(self->cell, &fault);
    (void) err; /* a start that failed has reported itself, reason and all: state `stopped` */
}

static void
stop_cell(shell_t *self)
{
    cell_stop(self->cell);
    self->stopping = true;
}

static void
drain_cell(shell_t *self)
{
    cell_drain(self->cell);
}

static const struct {
    const char *verb;
    void (*obey)(shell_t *self);
} orders[] = {
    {"start", start_cell},
    {"drain", drain_cell},
    {"stop", stop_cell},
};

/*  True if the letter was an order from the supervisor to the shell itself.  */
static bool
obey(shell_t *self, letter_t *letter)
{
    if (letter->envelope.kind != ENVELOPE_CONTROL)
        return false;
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (strcmp(letter->envelope.type, orders[i].verb) == 0) {
            orders[i].obey(self);
            letter->release(letter);
            return true;
        }
    return false;
}

static bool
take_hi(shell_t *self)
{
    int taken = 0;
    letter_t *letter;
    while (taken < HI_BURST && !self->stopping
           && (letter = postbox_receive(self->post, LANE_hi)) != NULL) {
        if (!obey(self, letter))
            cell_take(self->cell, letter);
        taken++;
    }
    return taken == HI_BURST;
}

static bool
take_lo(shell_t *self)
{
    int taken = 0;
    letter_t *letter;
    while (taken < LO_BURST && cell_wants_lo(self->cell)
           && (letter = postbox_receive(self->post, LANE_lo)) != NULL) {
        cell_take(self->cell, letter);
        taken++;
    }
    return taken == LO_BURST;
}

static bool
something_waits(shell_t *self)
{
    return postbox_ready(self->post, LANE_hi)
           || (cell_wants_lo(self->cell) && postbox_ready(self->post, LANE_lo));
}

/*  poll() on the sockets' descriptors, not zmq_poll(), which asks the system twice.  */
static void
wait_for_sockets(shell_t *self, int timeout_ms)
{
    struct pollfd items[2 + FDS] = {{.fd = postbox_fd(self->post, LANE_hi), .events = POLLIN}};
    nfds_t n = 1;
    for (size_t i = 0; i < self->n_fds; i++)
        items[n++] = (struct pollfd){.fd = self->fds[i], .events = POLLIN};
    nfds_t n_fds = n;
    if (cell_wants_lo(self->cell))
        items[n++] = (struct pollfd){.fd = postbox_fd(self->post, LANE_lo), .events = POLLIN};
    if (poll(items, n, timeout_ms) <= 0)
        return;
    for (nfds_t i = 1; i < n_fds; i++)
        if (items[i].revents & POLLIN)
            cell_on_fd(self->cell, items[i].fd);
}

/*  A descriptor of ZeroMQ only says "look": whether something waits is asked before each
    wait, or a message could lie there unseen.  */
static void
wait_for_work(shell_t *self, bool more)
{
    int64_t next = cell_next_ms(self->cell);
    int timeout = more || something_waits(self) ? 0 : next > INT32_MAX ? INT32_MAX : (int) next;
    if (self->net)
        self->options.net->wait(self->net, timeout);
    else if (timeout != 0 || self->n_fds > 0)
        wait_for_sockets(self, timeout);
}

static void
open_net(shell_t *self)
{
    if (self->class->net == NULL || self->options.net == NULL)
        return;
    net_sink_t sink = cell_sink(self->cell);
    int fds[] = {postbox_fd(self->post, LANE_hi), postbox_fd(self->post, LANE_lo)};
    self->net = self->options.net->open(&sink, fds, COUNT_OF(fds));
    cell_use_net(self->cell, self->options.net, self->net);
}

static void *
thread_main(void *shell)
{
    shell_t *self = shell;
    self->tap = tap_source_new(self->options.zmq, self->class->name);
    open_net(self);
    postbox_gather(self->post);
    while (!self->stopping) {
        bool more = take_hi(self);
        more |= take_lo(self);
        if (self->stopping)
            break;
        cell_turn(self->cell, !more && !something_waits(self));
        postbox_flush(self->post);
        wait_for_work(self, more);
    }
    postbox_flush(self->post);
    if (self->net)
        self->options.net->close(&self->net);
    tap_source_destroy(&self->tap);
    return NULL;
}

err_t
shell_launch(shell_t *self, fault_t *fault)
{
    if (pthread_create(&self->thread, NULL, thread_main, self) != 0)
        return fault_set(fault, ERR_IO, "%s: no thread for it; raise the limit on processes",
                         self->class->name);
    char name[16] = "";
    strncpy(name, self->class->name, sizeof name - 1);
    pthread_setname_np(self->thread, name);
    self->launched = true;
    return OK;
}

bool
shell_join(shell_t *self, const struct timespec *deadline)
{
    if (self->launched && pthread_timedjoin_np(self->thread, NULL, deadline) != 0)
        return false;
    self->launched = false;
    return true;
}
