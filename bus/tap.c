#include "bus/tap.h"

#include "bus/postbox.h"
#include "bus/report.h"
#include "bus/rundir.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define INBOX "inproc://tap"

/*  QUEUE: records a queue holds on either side; BATCH: records between looks at who watches. */
enum { QUEUE = 1000, BATCH = 256 };

struct tap {
    tap_options_t options;
    report_t report;
    postbox_t *postbox;
    void *inbox, *watchers;
    int wake; /* eventfd: ends the wait */
    int n_watchers;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
};

static const char *const point_names[] = {
#define X(name, text) [TAP_##name] = #name,
    TAP_POINT_MAP(X)
#undef X
};

const char *
tap_point_name(tap_point_t point)
{
    return point_names[point];
}

tap_t *
tap_new(const tap_options_t *options)
{
    tap_t *self = mem_new(sizeof *self);
    self->options = *options;
    self->report = (report_t){options->log, options->log_to, "tap"};
    self->wake = -1;
    return self;
}

/*  ------------------------------------------------------------------------ start  */

static void *
open_socket(void *zmq, int type)
{
    const int none = 0;
    const int queue = QUEUE;
    void *socket = zmq_socket(zmq, type);
    if (socket == NULL)
        return NULL;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue);
    return socket;
}

static bool
bind_sockets(tap_t *self, const char *endpoint)
{
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->inbox = open_socket(self->options.zmq, ZMQ_PULL);
    self->watchers = open_socket(self->options.zmq, ZMQ_XPUB);
    if (self->wake < 0 || self->inbox == NULL || self->watchers == NULL
        || zmq_bind(self->inbox, INBOX) != 0)
        return false;
    mode_t mask = umask(0077);
    int rc = zmq_bind(self->watchers, endpoint);
    umask(mask);
    return rc == 0;
}

static err_t
open_sockets(tap_t *self, fault_t *fault)
{
    char endpoint[256];
    err_t err =
        rundir_endpoint(self->options.run_dir, "tap.sock", endpoint, sizeof endpoint, fault);
    if (err != OK)
        return err;
    if (!bind_sockets(self, endpoint))
        return fault_set(fault, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
    self->postbox = postbox_new(self->options.zmq, "tap", fault);
    if (self->postbox == NULL)
        return ERR_EXISTS;
    for (const char *const *actor = self->options.actors; *actor != NULL; actor++)
        postbox_know(self->postbox, *actor);
    return OK;
}

/*  ---------------------------------------------------------------------- serving  */

static void
switch_actors(tap_t *self, const char *verb)
{
    for (const char *const *actor = self->options.actors; *actor != NULL; actor++) {
        envelope_t control = {.kind = ENVELOPE_CONTROL,
                              .type = verb,
                              .from = "tap",
                              .to = *actor,
                              .flags = FLAG_NO_TAP};
        uint8_t header[ENVELOPE_ROOM];
        size_t size = envelope_pack(&control, header);
        if (postbox_put(self->postbox, *actor, LANE_hi, (bytes_t){header, size}, NULL) != OK)
            report_line(&self->report, "error", "cannot tell %s: %s", *actor, verb);
    }
}

/*  Each subscription is one byte, 1 or 0, and a prefix. We count them: XPUB tells the first
    and the last one of each prefix.  */
static void
count_watchers(tap_t *self)
{
    uint8_t frame[64];
    int before = self->n_watchers;
    int size;
    while ((size = zmq_recv(self->watchers, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0)
        if (size > 0 && frame[0] <= 1)
            self->n_watchers += frame[0] == 1 ? 1 : -1;
    if (self->n_watchers > 0 && before == 0)
        switch_actors(self, "tap_on");
    if (self->n_watchers == 0 && before > 0)
        switch_actors(self, "tap_off");
}

/*  False: there was no frame.  */
static bool
hand_on_frame(tap_t *self, bool *more)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool any = zmq_msg_recv(&frame, self->inbox, ZMQ_DONTWAIT) >= 0;
    *more = any && zmq_msg_more(&frame);
    if (any
        && zmq_msg_send(&frame, self->watchers, ZMQ_DONTWAIT | (*more ? ZMQ_SNDMORE : 0)) >= 0)
        return true;
    zmq_msg_close(&frame); /* the gap in n tells */
    return any;
}

static void
hand_on(tap_t *self)
{
    for (int i = 0; i < BATCH; i++) {
        bool more = true;
        while (more)
            if (!hand_on_frame(self, &more))
                return;
    }
}

static void *
run(void *arg)
{
    tap_t *self = arg;
    while (!atomic_load(&self->stopping)) {
        zmq_pollitem_t items[] = {
            {.fd = self->wake, .events = ZMQ_POLLIN},
            {.socket = self->watchers, .events = ZMQ_POLLIN},
            {.socket = self->inbox, .events = ZMQ_POLLIN},
        };
        if (zmq_poll(items, COUNT_OF(items), -1) < 0 && errno == ETERM)
            break;
        count_watchers(self);
        hand_on(self);
    }
    return NULL;
}

err_t
tap_start(tap_t *self, fault_t *fault)
{
    err_t err = open_sockets(self, fault);
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
    if (eventfd_write(self->wake, 1) != 0)
        report_line(&self->report, "error", "cannot wake the tap: %m");
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
    free(self);
    *self_p = NULL;
}
