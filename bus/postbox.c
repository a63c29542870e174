#include "bus/postbox.h"

#include "bus/report.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/*  ThreadSanitizer does not see that a socket orders what its two ends do with a frame.  */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define FRAME_LEAVES(frame) __tsan_release(zmq_msg_data(frame))
#define FRAME_ARRIVED(frame) __tsan_acquire(zmq_msg_data(frame))
#else
#define FRAME_LEAVES(frame) ((void) (frame))
#define FRAME_ARRIVED(frame) ((void) (frame))
#endif

typedef struct route {
    char name[NAME_ROOM + 1];
    size_t size; /* of name */
    void *push[LANE_COUNT];
} route_t;

typedef struct pooled_letter {
    letter_t letter; /* first: a letter_t * is cast back */
    zmq_msg_t payload;
    postbox_t *postbox;
} pooled_letter_t;

struct postbox {
    void *zmq;
    char *name;
    void *inbox[LANE_COUNT];
    route_t *routes;
    size_t n_routes;
    letter_t *unused;
    size_t lent; /* letters not yet released */
    uint64_t malformed;
    report_t report;
};

static const char *const lane_names[] = {[LANE_lo] = "lo", [LANE_hi] = "hi"};

static void *
open_socket(void *zmq, int type)
{
    void *socket = zmq_socket(zmq, type);
    if (socket == NULL)
        return NULL;
    const int none = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    return socket;
}

static void
inbox_endpoint(char out[2 * NAME_ROOM], const char *name, lane_t lane)
{
    snprintf(out, 2 * NAME_ROOM, "inproc://a/%s/%s", name, lane_names[lane]);
}

postbox_t *
postbox_new(void *zmq, const char *name, fault_t *fault)
{
    postbox_t *self = mem_new(sizeof *self);
    self->zmq = zmq;
    self->name = mem_text(name);
    self->report.actor = self->name;
    for (lane_t lane = 0; lane < LANE_COUNT; lane++) {
        char endpoint[2 * NAME_ROOM];
        inbox_endpoint(endpoint, name, lane);
        self->inbox[lane] = open_socket(zmq, ZMQ_PULL);
        if (self->inbox[lane] != NULL && zmq_bind(self->inbox[lane], endpoint) == 0)
            continue;
        fault_set(fault, errno == EADDRINUSE ? ERR_EXISTS : ERR_IO, "inbox of %s: %s", name,
                  zmq_strerror(errno));
        postbox_destroy(&self);
        return NULL;
    }
    return self;
}

static void
close_socket(void **socket)
{
    if (*socket != NULL)
        zmq_close(*socket);
    *socket = NULL;
}

void
postbox_destroy(postbox_t **self_p)
{
    postbox_t *self = *self_p;
    if (self == NULL)
        return;
    assert(self->lent == 0);
    while (self->unused != NULL) {
        letter_t *letter = self->unused;
        self->unused = letter->next;
        free(letter);
    }
    for (size_t i = 0; i < self->n_routes; i++)
        for (lane_t lane = 0; lane < LANE_COUNT; lane++)
            close_socket(&self->routes[i].push[lane]);
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        close_socket(&self->inbox[lane]);
    free(self->routes);
    free(self->name);
    free(self);
    *self_p = NULL;
}

/*  ---------------------------------------------------------------------- sending  */

static route_t *
find_route(postbox_t *self, const char *to)
{
    size_t size = strcspn(to, "/");
    for (size_t i = 0; i < self->n_routes; i++) {
        route_t *route = &self->routes[i];
        if (route->size == size && memcmp(route->name, to, size) == 0)
            return route;
    }
    return NULL;
}

void
postbox_know(postbox_t *self, const char *name)
{
    assert(strlen(name) <= NAME_ROOM && strchr(name, '/') == NULL);
    if (find_route(self, name) != NULL)
        return;
    self->routes = mem_grow(self->routes, (self->n_routes + 1) * sizeof *self->routes);
    route_t *route = &self->routes[self->n_routes++];
    *route = (route_t){.size = strlen(name)};
    memcpy(route->name, name, route->size);
}

static void *
connect_route(postbox_t *self, route_t *route, lane_t lane)
{
    char endpoint[2 * NAME_ROOM];
    inbox_endpoint(endpoint, route->name, lane);
    void *push = open_socket(self->zmq, ZMQ_PUSH);
    if (push != NULL && zmq_connect(push, endpoint) != 0)
        close_socket(&push);
    route->push[lane] = push;
    return push;
}

static bool
send_frame(void *socket, zmq_msg_t *frame, int flags)
{
    FRAME_LEAVES(frame);
    if (zmq_msg_send(frame, socket, flags | ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

err_t
postbox_put(postbox_t *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    route_t *route = find_route(self, to);
    if (route == NULL)
        return ERR_NO_ROUTE;
    void *push = route->push[lane];
    if (push == NULL && (push = connect_route(self, route, lane)) == NULL)
        return ERR_STOPPED;

    zmq_msg_t frame;
    zmq_msg_init_size(&frame, header.size);
    memcpy(zmq_msg_data(&frame), header.data, header.size);
    if (!send_frame(push, &frame, ZMQ_SNDMORE))
        return ERR_STOPPED;
    if (payload == NULL)
        zmq_msg_init(&frame);
    else
        zmq_msg_init_data(&frame, payload->data, payload->size, blob_free, blob_ref(payload));
    return send_frame(push, &frame, 0) ? OK : ERR_STOPPED;
}

/*  -------------------------------------------------------------------- receiving  */

static void
release(letter_t *letter)
{
    pooled_letter_t *pooled = (pooled_letter_t *) letter;
    postbox_t *postbox = pooled->postbox;
    zmq_msg_close(&pooled->payload);
    letter->next = postbox->unused;
    postbox->unused = letter;
    postbox->lent--;
}

static pooled_letter_t *
take_letter(postbox_t *self)
{
    pooled_letter_t *pooled = (pooled_letter_t *) self->unused;
    if (pooled == NULL) {
        pooled = mem_new(sizeof *pooled);
        pooled->postbox = self;
        pooled->letter.release = release;
    } else {
        self->unused = pooled->letter.next;
    }
    pooled->letter.next = NULL;
    zmq_msg_init(&pooled->payload);
    self->lent++;
    return pooled;
}

/*  Takes one message off the socket, whatever it looks like. False: there is none.  */
static bool
receive_frames(void *inbox, zmq_msg_t *header, zmq_msg_t *payload, bool *whole)
{
    if (zmq_msg_recv(header, inbox, ZMQ_DONTWAIT) < 0)
        return false;
    FRAME_ARRIVED(header);
    *whole = false;
    if (!zmq_msg_more(header))
        return true;
    if (zmq_msg_recv(payload, inbox, ZMQ_DONTWAIT) < 0)
        return true;
    FRAME_ARRIVED(payload);
    *whole = !zmq_msg_more(payload);
    zmq_msg_t extra;
    zmq_msg_init(&extra);
    for (bool more = !*whole; more; more = zmq_msg_more(&extra))
        if (zmq_msg_recv(&extra, inbox, ZMQ_DONTWAIT) < 0)
            break;
    zmq_msg_close(&extra);
    return true;
}

static void
count_malformed(postbox_t *self, lane_t lane, size_t size)
{
    self->malformed++;
    report_line(&self->report, "error",
                "a message of %zu bytes on lane %s is malformed: dropped", size,
                lane_names[lane]);
}

letter_t *
postbox_receive(postbox_t *self, lane_t lane)
{
    pooled_letter_t *pooled = take_letter(self);
    letter_t *letter = &pooled->letter;
    zmq_msg_t header;
    zmq_msg_init(&header);
    bool whole;
    bool good = false;
    while (!good && receive_frames(self->inbox[lane], &header, &pooled->payload, &whole)) {
        bytes_t frame = {zmq_msg_data(&header), zmq_msg_size(&header)};
        good = whole && envelope_unpack(frame, &letter->envelope, &letter->names) == OK;
        if (!good)
            count_malformed(self, lane, frame.size);
    }
    zmq_msg_close(&header);
    if (!good) {
        release(letter);
        return NULL;
    }
    letter->payload = (bytes_t){zmq_msg_data(&pooled->payload), zmq_msg_size(&pooled->payload)};
    return letter;
}

/*  ---------------------------------------------------------------------- waiting  */

void *
postbox_socket(const postbox_t *self, lane_t lane)
{
    return self->inbox[lane];
}

int
postbox_fd(const postbox_t *self, lane_t lane)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(self->inbox[lane], ZMQ_FD, &fd, &size);
    return fd;
}

bool
postbox_ready(const postbox_t *self, lane_t lane)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(self->inbox[lane], ZMQ_EVENTS, &events, &size) == 0
           && (events & ZMQ_POLLIN) != 0;
}

void
postbox_log_to(postbox_t *self, void (*log)(void *log_to, const log_line_t *line), void *log_to)
{
    self->report.log = log;
    self->report.log_to = log_to;
}

uint64_t
postbox_malformed(const postbox_t *self)
{
    return self->malformed;
}
