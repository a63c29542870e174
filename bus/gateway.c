#include "bus/gateway.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "bus/members.h"
#include "bus/rundir.h"
#include "bus/serving.h"

/*  A peer whose queue is full counts as gone until it says HELLO again; all that it may leave
    unacknowledged fits.  */
enum {
    BATCH = 64,
    FAREWELL_MS = 500,
    PEER_QUEUE = PEER_EVENTS + 8 * PEER_WINDOW + TASKS_AHEAD
};

/*  -------------------------------------------------------------------- transport  */

static err_t
put(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    return postbox_put(((gateway_t *) self)->postbox, to, lane, header, payload);
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

uint64_t
gateway_now_ns(void *self)
{
    (void) self;
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t
wall_ms(void *self)
{
    (void) self;
    return (int64_t) (clock_ns(CLOCK_REALTIME) / 1000000u);
}

/*  splitmix64: ids need to be distinct, not secret.  */
static uint64_t
next_random(void *self)
{
    gateway_t *gateway = self;
    uint64_t value = gateway->random += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

void
gateway_bury(gateway_t *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    if (self->options.dead != NULL)
        self->options.dead(self->options.dead_to, envelope, payload, why);
    uint64_t count = atomic_fetch_add(&self->dead, 1) + 1;
    if (report_is_news(count))
        report_line(&self->report, "warning",
                    "%s from %s to %s is not delivered: %s (%llu such so far)", envelope->type,
                    envelope->from, envelope->to, err_text(why), (unsigned long long) count);
}

static void
dead(void *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    gateway_bury(self, envelope, payload, why);
}

/*  ------------------------------------------------------------------------- life  */

gateway_t *
gateway_new(const gateway_options_t *options)
{
    gateway_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->report = (report_t){options->log, options->log_to, "ipc"};
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&self->lock, NULL);
    self->last_news = &self->news;
    return self;
}

/*  The directory is 0700 already; the umask is for those who move the socket.  */
static bool
bind_router(gateway_t *self, const char *endpoint)
{
    const int queue = PEER_QUEUE;
    const int yes = 1;
    const int linger = FAREWELL_MS;
    const int64_t limit = IPC_FRAME_LIMIT;
    self->router = zmq_socket(self->options.zmq, ZMQ_ROUTER);
    if (self->router == NULL)
        return false;
    zmq_setsockopt(self->router, ZMQ_ROUTER_MANDATORY, &yes, sizeof yes);
    zmq_setsockopt(self->router, ZMQ_ROUTER_HANDOVER, &yes, sizeof yes);
    zmq_setsockopt(self->router, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(self->router, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(self->router, ZMQ_MAXMSGSIZE, &limit, sizeof limit);
    mode_t mask = umask(0077);
    int rc = zmq_bind(self->router, endpoint);
    umask(mask);
    return rc == 0;
}

static err_t
open_sockets(gateway_t *self, fault_t *fault)
{
    char endpoint[256];
    err_t err =
        rundir_endpoint(self->options.run_dir, "bus.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    self->postbox = postbox_new(self->options.zmq, "ipc", fault);
    if (self->postbox == NULL)
        return ERR_EXISTS;
    postbox_log_to(self->postbox, self->options.log, self->options.log_to);
    if (self->wake < 0 || !bind_router(self, endpoint))
        return fault_set(fault, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
    return OK;
}

/*  --------------------------------------------------------------- from the actors  */

static void
take_hi(gateway_t *self, letter_t *letter)
{
    const envelope_t *envelope = &letter->envelope;
    const char *freed = NULL;
    if (envelope->kind == ENVELOPE_CREDIT) {
        port_on_credit(self->port, envelope, &freed);
        if (envelope->epoch == self->options.epoch)
            for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
                peer_on_done(peer, envelope->from, envelope->seq);
    } else if ((envelope->kind == ENVELOPE_REP || envelope->kind == ENVELOPE_ERR)
               && strncmp(envelope->to, "ipc/", 4) == 0) {
        blob_t *payload = blob_new(letter->payload);
        serving_deliver(self, &letter->envelope, payload);
        blob_unref(&payload);
    }
    letter->release(letter);
}

void
gateway_fan_out(gateway_t *self, const envelope_t *event, blob_t *payload)
{
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        if (peer_hears(peer, event->type) && strcmp(peer->address, event->from) != 0
            && !peer_offer(peer, event, payload))
            gateway_bury(self, event, (bytes_t){payload->data, payload->size}, ERR_OVERFLOW);
}

/*  It is done, and its sender has its credit back, as soon as it is in the peer's queue.  */
static void
take_lo(gateway_t *self, letter_t *letter)
{
    if (port_admit(self->port, &letter->envelope, letter->payload.size) == ADMIT) {
        blob_t *payload = blob_new(letter->payload);
        if (letter->envelope.kind == ENVELOPE_EVT)
            gateway_fan_out(self, &letter->envelope, payload);
        else
            serving_accept(self, &letter->envelope, payload);
        blob_unref(&payload);
        port_done(self->port, &letter->envelope);
    }
    letter->release(letter);
}

static void
read_inboxes(gateway_t *self, size_t batch)
{
    letter_t *letter;
    while ((letter = postbox_receive(self->postbox, LANE_hi)) != NULL)
        take_hi(self, letter);
    for (size_t i = 0; i < batch; i++) {
        letter = postbox_receive(self->postbox, LANE_lo);
        if (letter == NULL)
            break;
        take_lo(self, letter);
    }
    port_settle(self->port);
}

/*  ----------------------------------------------------------------------- thread  */

static bool
letters_wait(const gateway_t *self)
{
    return postbox_ready(self->postbox, LANE_hi) || postbox_ready(self->postbox, LANE_lo);
}

static void
wait_for_work(gateway_t *self)
{
    zmq_pollitem_t items[] = {
        {.fd = self->wake, .events = ZMQ_POLLIN},
        {.socket = postbox_socket(self->postbox, LANE_hi), .events = ZMQ_POLLIN},
        {.socket = postbox_socket(self->postbox, LANE_lo), .events = ZMQ_POLLIN},
        {.socket = self->router, .events = ZMQ_POLLIN},
    };
    long timeout = letters_wait(self) ? 0 : members_next_ms(self);
    if (zmq_poll(items, COUNT_OF(items), timeout) < 0 && errno == ETERM)
        atomic_store(&self->stopping, true);
    eventfd_t count;
    (void) eventfd_read(self->wake, &count); /* nothing to read: nobody woke us */
}

static void
serve_peers(gateway_t *self)
{
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next) {
        peer_forward(peer, self->port);
        peer_settle(peer, false);
    }
}

static void *
run(void *arg)
{
    gateway_t *self = arg;
    gateway_read_news(self);
    while (!atomic_load(&self->stopping)) {
        wait_for_work(self);
        gateway_read_news(self);
        for (int i = 0; i < BATCH && gateway_receive(self); i++)
            ;
        read_inboxes(self, BATCH);
        serve_peers(self);
        gateway_report_left(self);
        members_check(self);
    }
    read_inboxes(self, SIZE_MAX);
    serve_peers(self);
    members_dismiss(self);
    return NULL;
}

err_t
gateway_start(gateway_t *self, fault_t *fault)
{
    err_t err = open_sockets(self, fault);
    if (err != OK)
        return err;
    if (getrandom(&self->random, sizeof self->random, 0) < 0)
        self->random = clock_ns(CLOCK_MONOTONIC);
    const transport_t transport = {
        .self = self,
        .put = put,
        .now_ns = gateway_now_ns,
        .random = next_random,
        .wall_ms = wall_ms,
        .dead = dead,
    };
    self->port = port_new("ipc", &transport, self->options.epoch);
    if (pthread_create(&self->thread, NULL, run, self) != 0)
        return fault_set(fault, ERR_IO, "gateway: no thread can be had");
    self->running = true;
    pthread_setname_np(self->thread, "ipc");
    return OK;
}

void
gateway_refuse(gateway_t *self)
{
    atomic_store(&self->refusing, true);
}

void
gateway_stop(gateway_t *self)
{
    if (!self->running)
        return;
    atomic_store(&self->stopping, true);
    gateway_wake(self);
    pthread_join(self->thread, NULL);
    self->running = false;
}

/*  Answers that came after the last look: their peers have been told BYE.  */
static void
bury_inboxes(gateway_t *self)
{
    for (lane_t lane = 0; self->postbox != NULL && lane < LANE_COUNT; lane++) {
        letter_t *letter;
        while ((letter = postbox_receive(self->postbox, lane)) != NULL) {
            if (letter->envelope.kind != ENVELOPE_CREDIT)
                gateway_bury(self, &letter->envelope, letter->payload, ERR_STOPPED);
            letter->release(letter);
        }
    }
}

void
gateway_destroy(gateway_t **self_p)
{
    gateway_t *self = *self_p;
    if (self == NULL)
        return;
    gateway_stop(self);
    bury_inboxes(self);
    gateway_forget_news(self);
    directory_clear(&self->directory);
    pthread_mutex_destroy(&self->lock);
    port_destroy(&self->port);
    postbox_destroy(&self->postbox);
    if (self->router != NULL)
        zmq_close(self->router);
    if (self->wake >= 0)
        close(self->wake);
    free(self);
    *self_p = NULL;
}

uint64_t
gateway_dead(const gateway_t *self)
{
    return atomic_load(&self->dead);
}
