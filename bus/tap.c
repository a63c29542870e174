#include "bus/tap.h"

#include "bus/postbox.h"
#include "bus/report.h"
#include "bus/rundir.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define INBOX "inproc://tap"

/*  Bundles that are kept, from the actors and for each watcher; bundles between looks at who
    watches; bytes of what a watcher may say.  */
enum { QUEUE = 100, WATCHER_QUEUE = 1000, BATCH = 64, REQUEST = 64 };

/*  An actor that is told whether somebody watches.  */
typedef struct listener {
    struct listener *next;
    char name[NAME_ROOM + 1];
    tap_want_t told;
    bool known, gone;
} listener_t;

struct tap {
    tap_options_t options;
    report_t report;
    postbox_t *postbox;
    void *inbox, *watchers;
    int wake; /* eventfd: ends the wait */
    bool open;
    int n_watchers, n_payloads; /* subscriptions */
    uint64_t lease_ms;          /* when the session of the last who renewed it ends */
    tap_want_t wanted;
    pthread_mutex_t lock;
    listener_t *actors; /* under the lock */
    pthread_t thread;
    bool running;
    atomic_bool stopping;
};

tap_t *
tap_new(const tap_options_t *options)
{
    tap_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->report = (report_t){options->log, options->log_to, "tap"};
    self->wake = -1;
    pthread_mutex_init(&self->lock, NULL);
    for (const char *const *actor = options->actors; *actor != NULL; actor++)
        tap_add(self, *actor);
    return self;
}

/*  --------------------------------------------------------------------- its actors  */

static void
wake(tap_t *self)
{
    if (self->wake >= 0 && eventfd_write(self->wake, 1) != 0)
        report_line(&self->report, "error", "cannot wake the tap: %m");
}

/*  Behind the others: one of its name may be about to go.  */
void
tap_add(tap_t *self, const char *actor)
{
    listener_t *listener = mem_new(sizeof *listener);
    snprintf(listener->name, sizeof listener->name, "%s", actor);
    pthread_mutex_lock(&self->lock);
    listener_t **last = &self->actors;
    while (*last != NULL)
        last = &(*last)->next;
    *last = listener;
    pthread_mutex_unlock(&self->lock);
    wake(self);
}

void
tap_remove(tap_t *self, const char *actor)
{
    pthread_mutex_lock(&self->lock);
    for (listener_t *each = self->actors; each != NULL; each = each->next)
        if (strcmp(each->name, actor) == 0)
            each->gone = true;
    pthread_mutex_unlock(&self->lock);
    wake(self);
}

/*  ------------------------------------------------------------------------ start  */

static void *
open_socket(void *zmq, int type, int queue)
{
    const int none = 0;
    void *socket = zmq_socket(zmq, type);
    if (socket == NULL)
        return NULL;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    return socket;
}

/*  Each subscription is told to us, not only the first and the last of a text: a new watcher
    begins a session though another, stalled, has the same.  */
static void *
open_watchers(void *zmq)
{
    const int yes = 1;
    const int64_t most = REQUEST;
    void *socket = open_socket(zmq, ZMQ_XPUB, WATCHER_QUEUE);
    if (socket == NULL)
        return NULL;
    zmq_setsockopt(socket, ZMQ_XPUB_VERBOSER, &yes, sizeof yes);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    return socket;
}

err_t
tap_open(tap_t *self, fault_t *fault)
{
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->inbox = open_socket(self->options.zmq, ZMQ_PULL, QUEUE);
    self->watchers = open_watchers(self->options.zmq);
    self->open = self->wake >= 0 && self->inbox != NULL && self->watchers != NULL
                 && zmq_bind(self->inbox, INBOX) == 0
                 && zmq_bind(self->watchers, TAP_INSIDE) == 0;
    return self->open ? OK : fault_set(fault, ERR_IO, "tap: %s", zmq_strerror(errno));
}

static err_t
bind_socket(tap_t *self, fault_t *fault)
{
    char endpoint[256];
    err_t err =
        rundir_endpoint(self->options.run_dir, "tap.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    mode_t mask = umask(0077);
    int rc = zmq_bind(self->watchers, endpoint);
    umask(mask);
    return rc == 0 ? OK : fault_set(fault, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
}

static err_t
know_actors(tap_t *self, fault_t *fault)
{
    self->postbox = postbox_new(self->options.zmq, "tap", fault);
    return self->postbox == NULL ? ERR_EXISTS : OK;
}

/*  ---------------------------------------------------------------------- serving  */

static void
tell(tap_t *self, const char *actor, const char *verb)
{
    envelope_t control = {.kind = ENVELOPE_CONTROL,
                          .type = verb,
                          .from = "tap",
                          .to = actor,
                          .flags = FLAG_NO_TAP};
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(&control, header);
    if (postbox_put(self->postbox, actor, LANE_hi, (bytes_t){header, size}, NULL) != OK)
        report_line(&self->report, "error", "cannot tell %s: %s", actor, verb);
}

static void
forget_gone(tap_t *self)
{
    for (listener_t **at = &self->actors; *at != NULL;) {
        listener_t *each = *at;
        if (!each->gone) {
            at = &each->next;
            continue;
        }
        postbox_forget(self->postbox, each->name);
        *at = each->next;
        free(each);
    }
}

static void
switch_actors(tap_t *self)
{
    static const char *const verbs[] = {
        [TAP_NOTHING] = "tap_off", [TAP_HEADERS] = "tap_on", [TAP_PAYLOADS] = "tap_whole"};
    pthread_mutex_lock(&self->lock);
    forget_gone(self);
    for (listener_t *each = self->actors; each != NULL; each = each->next) {
        if (!each->known)
            postbox_know(self->postbox, each->name);
        each->known = true;
        if (each->told != self->wanted)
            tell(self, each->name, verbs[self->wanted]);
        each->told = self->wanted;
    }
    pthread_mutex_unlock(&self->lock);
}

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/*  Any prefix of the topic gets the records.  */
static void
count(tap_t *self, int change, bytes_t topic)
{
    const size_t records = strlen(TAP_TOPIC);
    if (topic.size == strlen(TAP_PAYLOADS_TOPIC)
        && memcmp(topic.data, TAP_PAYLOADS_TOPIC, topic.size) == 0)
        self->n_payloads += change;
    else if (topic.size <= records && memcmp(topic.data, TAP_TOPIC, topic.size) == 0)
        self->n_watchers += change;
}

/*  A subscription is one byte, 1 or 0, and a prefix; anything else renews a session.  */
static void
hear_watchers(tap_t *self)
{
    uint8_t frame[REQUEST];
    int size;
    while ((size = zmq_recv(self->watchers, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0) {
        if (size > 0 && (size_t) size <= sizeof frame && frame[0] <= 1)
            count(self, frame[0] == 1 ? 1 : -1, (bytes_t){frame + 1, (size_t) size - 1});
        if (size > 0 && frame[0] != 0)
            self->lease_ms = now_ms() + TAP_LEASE_MS;
    }
}

static void
tell_actors(tap_t *self)
{
    self->wanted = self->n_payloads > 0 ? TAP_PAYLOADS : TAP_HEADERS;
    if (self->n_watchers <= 0 || now_ms() >= self->lease_ms)
        self->wanted = TAP_NOTHING;
    switch_actors(self);
}

/*  False: there was none.  */
static bool
hand_on_bundle(tap_t *self)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool any = zmq_msg_recv(&frame, self->inbox, ZMQ_DONTWAIT) >= 0;
    if (any && zmq_msg_send(&frame, self->watchers, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(&frame); /* the gap in n tells */
    return any;
}

static long
wait_ms(const tap_t *self)
{
    uint64_t now = now_ms();
    if (self->wanted == TAP_NOTHING)
        return -1;
    return now < self->lease_ms ? (long) (self->lease_ms - now) : 0;
}

static void *
run(void *arg)
{
    tap_t *self = arg;
    eventfd_t woken;
    while (!atomic_load(&self->stopping)) {
        zmq_pollitem_t items[] = {
            {.fd = self->wake, .events = ZMQ_POLLIN},
            {.socket = self->watchers, .events = ZMQ_POLLIN},
            {.socket = self->inbox, .events = ZMQ_POLLIN},
        };
        if (zmq_poll(items, COUNT_OF(items), wait_ms(self)) < 0 && errno == ETERM)
            break;
        (void) eventfd_read(self->wake, &woken); /* for news of actors, or for the end */
        hear_watchers(self);
        tell_actors(self);
        for (int i = 0; i < BATCH && hand_on_bundle(self); i++)
            ;
    }
    return NULL;
}

err_t
tap_start(tap_t *self, fault_t *fault)
{
    err_t err = self->open ? OK : tap_open(self, fault);
    if (err == OK)
        err = know_actors(self, fault);
    if (err == OK)
        err = bind_socket(self, fault);
    if (err != OK)
        return err;
    if (pthread_create(&self->thread, NULL, run, self) != 0)
        return fault_set(fault, ERR_IO, "tap: no thread can be had");
    self->running = true;
    pthread_setname_np(self->thread, "tap");
    return OK;
}

/*  ------------------------------------------------------------------------- stop  */

void
tap_stop(tap_t *self)
{
    if (!self->running)
        return;
    atomic_store(&self->stopping, true);
    wake(self);
    pthread_join(self->thread, NULL);
    self->running = false;
}

static void
close_socket(void *socket)
{
    if (socket != NULL)
        zmq_close(socket);
}

void
tap_destroy(tap_t **self_p)
{
    tap_t *self = *self_p;
    if (self == NULL)
        return;
    tap_stop(self);
    postbox_destroy(&self->postbox);
    close_socket(self->inbox);
    close_socket(self->watchers);
    if (self->wake >= 0)
        close(self->wake);
    while (self->actors != NULL) {
        listener_t *each = self->actors;
        self->actors = each->next;
        free(each);
    }
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}
