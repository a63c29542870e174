#include "runtime/shell.h"

#include "runtime/clock.h"
#include "runtime/crash.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LO_BURST = 128, /* lo messages between looks at the hi lane's back log */
    HI_BURST = 256,
    EAR_BURST = 128,
    EAR_QUEUE = 100, /* bundles of records */
};

struct shell {
    const actor_class_t *class;
    shell_options_t options;
    postbox_t *post;
    cell_t *cell;
    net_t *net;
    tap_source_t *tap;
    tap_gate_t gate;
    tap_ear_t *ear; /* NULL: it cannot watch the tap */
    int ear_fd;
    bool ear_open, ear_empty;
    int inbox_fds[LANE_COUNT];
    struct pollfd fds[MOST_FDS]; /* watched by the actor */
    size_t n_fds;
    uint64_t chance; /* state of the generator */
    pthread_t thread;
    bool empty[LANE_COUNT]; /* the last look found nothing: its descriptor will tell */
    bool launched, stopping;
    char leaving[NAME_ROOM + 1]; /* actor that is about to go; empty: none */
};

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

/*  ------------------------------------------------------------------------- life  */

shell_t *
shell_new(const actor_class_t *class, const shell_options_t *options, fault_t *fault)
{
    shell_t *self = mem_new(sizeof *self);
    self->class = class;
    self->options = *options;
    if (options->log_levels)
        self->options.limits.log_level = log_levels_of(options->log_levels, class->name);
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
        .gate = &self->gate,
        .settings_text = options->settings_text,
        .watch_tap = options->tap ? watch_tap : NULL,
        .system = options->system,
    };
    self->cell =
        cell_new(class, &host, &self->options.limits, options->settings, options->epoch);
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        self->inbox_fds[lane] = postbox_fd(self->post, lane);
    shell_know(self, SUPERVISOR);
    return self;
}

/*  What came after its end: a stopped cell makes dead letters of it.  */
static void
bury_inboxes(shell_t *self)
{
    letter_t *letter;
    for (lane_t lane = 0; self->cell && lane < LANE_COUNT; lane++)
        while ((letter = postbox_receive(self->post, lane)) != NULL)
            cell_take(self->cell, letter);
}

void
shell_destroy(shell_t **self_p)
{
    shell_t *self = *self_p;
    if (self == NULL)
        return;
    bury_inboxes(self);
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

/*  The next letter of a lane that may have one. Once a lane has said that it is empty, the
    next message makes its descriptor readable; before that it need not.  */
static letter_t *
receive(shell_t *self, lane_t lane)
{
    letter_t *letter = self->empty[lane] ? NULL : postbox_receive(self->post, lane);
    self->empty[lane] = letter == NULL;
    return letter;
}

static void
take_lo(shell_t *self)
{
    letter_t *letter;
    for (int i = 0; i < LO_BURST && cell_wants_lo(self->cell); i++) {
        if ((letter = receive(self, LANE_lo)) == NULL)
            return;
        cell_take(self->cell, letter);
    }
}

static void
start_cell(shell_t *self)
{
    fault_t fault = {0};
    err_t err = cell_start(self->cell, &fault);
    (void) err; /* a start that failed has reported itself, reason and all: state `stopped` */
}

/*  Whoever stopped before us may have said something at the very end: it has arrived by now. */
static void
finish_inbox(shell_t *self)
{
    do {
        self->empty[LANE_lo] = false;
        take_lo(self);
        cell_turn(self->cell, false);
    } while (!self->empty[LANE_lo] && cell_wants_lo(self->cell));
}

static void
stop_cell(shell_t *self)
{
    if (cell_state(self->cell) == CELL_DRAINED)
        finish_inbox(self);
    cell_stop(self->cell);
    self->stopping = true;
}

static void
drain_cell(shell_t *self)
{
    cell_drain(self->cell);
}

/*  Orders that name another actor are acknowledged: what we said before is on its way then.  */
static void
acknowledge(shell_t *self)
{
    envelope_t envelope = {.kind = ENVELOPE_CONTROL,
                           .type = "obeyed",
                           .from = self->class->name,
                           .to = SUPERVISOR,
                           .flags = FLAG_NO_TAP};
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&envelope, header);
    postbox_flush(self->post);
    err_t err = postbox_put(self->post, SUPERVISOR, LANE_hi, (bytes_t){header, size}, NULL);
    assert(err == OK || err == ERR_STOPPED);
}

static void
know_actor(shell_t *self, const char *name)
{
    postbox_know(self->post, name);
    acknowledge(self);
}

static void
close_actor(shell_t *self, const char *name)
{
    port_close(cell_port(self->cell), name);
    snprintf(self->leaving, sizeof self->leaving, "%s", name);
}

static void
forget_actor(shell_t *self, const char *name)
{
    self->leaving[0] = '\0';
    port_forget(cell_port(self->cell), name);
    postbox_forget(self->post, name);
    acknowledge(self);
}

/*  Whether all that waited for it has gone: then it may.  */
static void
report_left(shell_t *self)
{
    if (self->leaving[0] == '\0' || port_owes(cell_port(self->cell), self->leaving))
        return;
    self->leaving[0] = '\0';
    acknowledge(self);
}

static const struct {
    const char *verb;
    void (*obey)(shell_t *self);
    void (*obey_about)(shell_t *self, const char *name);
} orders[] = {
    {"start", start_cell, NULL}, {"drain", drain_cell, NULL},  {"stop", stop_cell, NULL},
    {"know", NULL, know_actor},  {"close", NULL, close_actor}, {"forget", NULL, forget_actor},
};

/*  True if the letter was an order from the supervisor to the shell itself.  */
static bool
obey(shell_t *self, letter_t *letter)
{
    if (letter->envelope.kind != ENVELOPE_CONTROL)
        return false;
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (strcmp(letter->envelope.type, orders[i].verb) == 0) {
            if (orders[i].obey)
                orders[i].obey(self);
            else
                orders[i].obey_about(self, letter->envelope.key);
            letter->release(letter);
            return true;
        }
    return false;
}

static void
take_hi(shell_t *self)
{
    letter_t *letter;
    for (int i = 0; i < HI_BURST && !self->stopping; i++) {
        if ((letter = receive(self, LANE_hi)) == NULL)
            return;
        if (!obey(self, letter))
            cell_take(self->cell, letter);
    }
}

/*  What the actor hears of others. It takes part in no round, so it must not starve them.  */
static void
take_records(shell_t *self)
{
    for (int i = 0; i < EAR_BURST && self->ear_open; i++) {
        const tap_record_t *record = tap_ear_next(self->ear);
        self->ear_empty = record == NULL;
        if (record == NULL)
            return;
        cell_on_tapped(self->cell, record);
    }
}

static bool
something_waits(const shell_t *self)
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

static void
wait_for_work(shell_t *self)
{
    int64_t next = cell_next_ms(self->cell);
    int most = most_ms(self);
    int timeout = something_waits(self)                           ? 0
                  : next > most || (next < 0 && most < INT32_MAX) ? most
                                                                  : (int) next;
    if (self->net)
        wait_for_network(self, timeout);
    else if (timeout != 0 || self->n_fds > 0)
        wait_for_sockets(self, timeout);
}

static void
open_net(shell_t *self)
{
    if (self->class->net == NULL || self->options.net == NULL)
        return;
    net_sink_t sink = cell_sink(self->cell);
    int wakes[LANE_COUNT + 1];
    memcpy(wakes, self->inbox_fds, sizeof self->inbox_fds);
    wakes[LANE_COUNT] = self->ear_fd;
    self->net = self->options.net->open(&sink, wakes, LANE_COUNT + (self->ear != NULL));
    if (self->net)
        cell_use_net(self->cell, self->options.net, self->net);
}

static void
open_ear(shell_t *self)
{
    if (!self->options.tap || self->class->on_tapped == NULL)
        return;
    self->ear = tap_ear_new(self->options.zmq, EAR_QUEUE);
    if (self->ear)
        self->ear_fd = tap_ear_fd(self->ear);
}

static void *
thread_main(void *shell)
{
    shell_t *self = shell;
    void *stack = crash_stack_new();
    self->tap = tap_source_new(self->options.zmq, self->class->name, &self->gate);
    open_ear(self);
    open_net(self);
    postbox_gather(self->post);
    while (!self->stopping) {
        take_hi(self);
        take_lo(self);
        if (self->stopping)
            break;
        take_records(self);
        cell_turn(self->cell, !something_waits(self));
        cell_note_tap_lost(self->cell, tap_source_dropped(self->tap));
        report_left(self);
        postbox_flush(self->post);
        wait_for_work(self);
    }
    cell_tap(self->cell, TAP_NOTHING);
    postbox_flush(self->post);
    if (self->net)
        self->options.net->close(&self->net);
    tap_source_destroy(&self->tap);
    tap_ear_destroy(&self->ear);
    crash_stack_free(stack);
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
