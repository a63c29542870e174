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

/*  A peer whose queue is full counts as gone until it says HELLO again; all that it may leave
    unacknowledged fits.  */
enum { BATCH = 64, FAREWELL_MS = 500, PEER_QUEUE = PEER_EVENTS + 8 * PEER_WINDOW };

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
gateway_bury(gateway_t *self, const envelope_t *envelope, err_t why)
{
    uint64_t count = atomic_fetch_add(&self->dead, 1) + 1;
    if (report_is_news(count))
        report_line(&self->report, "warning",
                    "%s from %s to %s is not delivered: %s (%llu such so far)", envelope->type,
                    envelope->from, envelope->to, err_text(why), (unsigned long long) count);
}

static void
dead(void *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    (void) payload;
    gateway_bury(self, envelope, why);
}

/*  ------------------------------------------------------------------------- life  */

static void
wake(gateway_t *self)
{
    if (eventfd_write(self->wake, 1) != 0)
        report_line(&self->report, "error", "cannot wake the gateway: %m");
}

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
deliver(gateway_t *self, const letter_t *letter)
{
    peer_t *peer = members_find(self, letter->envelope.to + strlen("ipc/"));
    if (peer == NULL) {
        gateway_bury(self, &letter->envelope, ERR_NO_ROUTE);
        return;
    }
    blob_t *payload = blob_new(letter->payload);
    peer_answer(peer, &letter->envelope, payload);
    blob_unref(&payload);
}

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
        deliver(self, letter);
    }
    letter->release(letter);
}

static void
fan_out(gateway_t *self, const letter_t *letter)
{
    blob_t *payload = blob_new(letter->payload);
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        if (peer_hears(peer, letter->envelope.type)
            && !peer_offer(peer, &letter->envelope, payload))
            gateway_bury(self, &letter->envelope, ERR_OVERFLOW);
    blob_unref(&payload);
}

static void
take_lo(gateway_t *self, letter_t *letter)
{
    if (port_admit(self->port, &letter->envelope, letter->payload.size) == ADMIT) {
        if (letter->envelope.kind == ENVELOPE_EVT)
            fan_out(self, letter);
        else
            gateway_bury(self, &letter->envelope, ERR_NO_ROUTE); /* peers serve nobody */
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

static void
order(gateway_t *self, const char *actor, const char *verb, blob_t *payload)
{
    envelope_t control = {
        .kind = ENVELOPE_CONTROL, .type = verb, .to = actor, .flags = FLAG_NO_TAP};
    /* An actor that is gone has nothing to tell us either; the port has counted it. */
    (void) port_send(self->port, &control, payload, NULL);
}

void
gateway_broadcast(gateway_t *self, const char *verb, const char *pattern)
{
    blob_t *payload = text_pack(pattern);
    for (size_t i = 0; i < self->directory.n; i++)
        order(self, self->directory.actors[i].name, verb, payload);
    blob_unref(&payload);
}

/*  ------------------------------------------------------------------------ actors  */

/*  An actor comes or goes.  */
struct gateway_news {
    struct gateway_news *next;
    directory_t actor; /* one that comes; empty: one that goes */
    char name[NAME_ROOM + 1];
};

static void
take_note(gateway_t *self, const char *name, const gateway_actor_t *actor)
{
    struct gateway_news *news = mem_new(sizeof *news);
    snprintf(news->name, sizeof news->name, "%s", name);
    if (actor != NULL)
        directory_add(&news->actor, name, actor->offers, actor->hears);
    pthread_mutex_lock(&self->lock);
    *self->last_news = news;
    self->last_news = &news->next;
    pthread_mutex_unlock(&self->lock);
    wake(self);
}

void
gateway_add(gateway_t *self, const gateway_actor_t *actor)
{
    take_note(self, actor->name, actor);
}

void
gateway_remove(gateway_t *self, const char *name)
{
    take_note(self, name, NULL);
}

/*  It tells us what peers want to hear, and we it what it wants to hear of peers.  */
static void
introduce(gateway_t *self, const directory_actor_t *actor)
{
    const char *const *offers = (const char *const *) actor->offers;
    const char *const *hears = (const char *const *) actor->hears;
    directory_add(&self->directory, actor->name, offers, hears);
    postbox_know(self->postbox, actor->name);
    for (const char *const *pattern = hears; *pattern != NULL; pattern++)
        port_subscribe(self->port, *pattern, actor->name);
    for (const peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        for (size_t i = 0; i < peer->n_patterns; i++) {
            blob_t *pattern = text_pack(peer->patterns[i]);
            order(self, actor->name, "subscribe", pattern);
            blob_unref(&pattern);
        }
}

/*  What it had been sent is its own affair; what it did not finish, nobody will.  */
static void
see_off(gateway_t *self, const char *name)
{
    const directory_actor_t *actor = directory_find(&self->directory, name);
    if (actor == NULL)
        return;
    for (char **pattern = actor->hears; *pattern != NULL; pattern++)
        port_unsubscribe(self->port, *pattern, name);
    for (peer_t *peer = self->peers; peer != NULL; peer = peer->next)
        peer_on_done(peer, name, UINT64_MAX);
    directory_remove(&self->directory, name);
}

static struct gateway_news *
next_news(gateway_t *self)
{
    pthread_mutex_lock(&self->lock);
    struct gateway_news *news = self->news;
    if (news != NULL)
        self->news = news->next;
    if (self->news == NULL)
        self->last_news = &self->news;
    pthread_mutex_unlock(&self->lock);
    return news;
}

static void
read_news(gateway_t *self)
{
    struct gateway_news *news;
    while ((news = next_news(self)) != NULL) {
        if (news->actor.n > 0)
            introduce(self, &news->actor.actors[0]);
        else
            see_off(self, news->name);
        directory_clear(&news->actor);
        free(news);
    }
}

static void
forget_news(gateway_t *self)
{
    struct gateway_news *news;
    while ((news = next_news(self)) != NULL) {
        directory_clear(&news->actor);
        free(news);
    }
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
    read_news(self);
    while (!atomic_load(&self->stopping)) {
        wait_for_work(self);
        read_news(self); /* before peers are, who may know it already */
        for (int i = 0; i < BATCH && gateway_receive(self); i++)
            ;
        read_inboxes(self, BATCH);
        serve_peers(self);
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
    wake(self);
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
                gateway_bury(self, &letter->envelope, ERR_STOPPED);
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
    forget_news(self);
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
