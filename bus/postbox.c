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

/*  What leaves together in one pair of frames: in the first, each message's sizes and
    header; in the second, their payloads in the same order. Two frames cost ZeroMQ several
    times what packing a small message costs us.  */
typedef struct bundle {
    buffer_t headers, payloads;
    size_t n;
} bundle_t;

typedef struct route {
    char name[NAME_ROOM + 1];
    size_t size; /* of name */
    void *push[LANE_COUNT];
    bundle_t bundle[LANE_COUNT]; /* gathered and not sent */
} route_t;

/*  Sizes in front of each header in a bundle: two bytes and four, of the machine.  */
typedef struct sizes {
    uint16_t header;
    uint32_t payload;
} __attribute__((packed)) sizes_t;

/*  Frames that have arrived, shared by the letters made of them.  */
typedef struct arrival {
    struct arrival *next; /* while unused */
    zmq_msg_t headers, payloads;
    size_t header_at, payload_at; /* what is not read yet */
    size_t refs;                  /* letters, and the postbox while it reads on */
} arrival_t;

typedef struct pooled_letter {
    letter_t letter; /* first: a letter_t * is cast back */
    arrival_t *arrival;
    postbox_t *postbox;
} pooled_letter_t;

struct postbox {
    void *zmq;
    char *name;
    void *inbox[LANE_COUNT];
    route_t *routes;
    size_t n_routes;
    arrival_t *reading[LANE_COUNT];
    arrival_t *unused_arrivals;
    letter_t *unused;
    bool gathering;
    size_t lent; /* letters not yet released */
    uint64_t malformed;
    report_t report;
};

enum { SMALL = 4096, BUNDLE = 64 };

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

static void
close_route(route_t *route)
{
    for (lane_t lane = 0; lane < LANE_COUNT; lane++) {
        close_socket(&route->push[lane]);
        buffer_release(&route->bundle[lane].headers);
        buffer_release(&route->bundle[lane].payloads);
    }
}

static void
arrival_unref(postbox_t *self, arrival_t **arrival_p)
{
    arrival_t *arrival = *arrival_p;
    *arrival_p = NULL;
    if (arrival == NULL || --arrival->refs > 0)
        return;
    zmq_msg_close(&arrival->headers);
    zmq_msg_close(&arrival->payloads);
    arrival->next = self->unused_arrivals;
    self->unused_arrivals = arrival;
}

static void
free_unused(postbox_t *self)
{
    while (self->unused != NULL) {
        letter_t *letter = self->unused;
        self->unused = letter->next;
        free(letter);
    }
    while (self->unused_arrivals != NULL) {
        arrival_t *arrival = self->unused_arrivals;
        self->unused_arrivals = arrival->next;
        free(arrival);
    }
}

void
postbox_destroy(postbox_t **self_p)
{
    postbox_t *self = *self_p;
    if (self == NULL)
        return;
    assert(self->lent == 0);
    for (lane_t lane = 0; lane < LANE_COUNT; lane++)
        arrival_unref(self, &self->reading[lane]);
    free_unused(self);
    for (size_t i = 0; i < self->n_routes; i++)
        close_route(&self->routes[i]);
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

/*  A copy for a small frame; a large payload is shared, and freed by whoever comes last.  */
static bool
send_bytes(void *push, bytes_t bytes, int flags)
{
    zmq_msg_t frame;
    zmq_msg_init_size(&frame, bytes.size);
    if (bytes.size > 0)
        memcpy(zmq_msg_data(&frame), bytes.data, bytes.size);
    return send_frame(push, &frame, flags);
}

static bool
send_bundle(void *push, bundle_t *bundle)
{
    bool sent = bundle->n == 0
                || (send_bytes(push, buffer_bytes(&bundle->headers), ZMQ_SNDMORE)
                    && send_bytes(push, buffer_bytes(&bundle->payloads), 0));
    buffer_clear(&bundle->headers);
    buffer_clear(&bundle->payloads);
    bundle->n = 0;
    return sent;
}

static void
add_header(bundle_t *bundle, bytes_t header, size_t payload_size)
{
    sizes_t sizes = {(uint16_t) header.size, (uint32_t) payload_size};
    buffer_add(&bundle->headers, &sizes, sizeof sizes);
    buffer_add(&bundle->headers, header.data, header.size);
    bundle->n++;
}

/*  What was gathered before it goes first: a lane keeps its order.  */
static bool
send_alone(void *push, bundle_t *bundle, bytes_t header, blob_t *payload)
{
    if (!send_bundle(push, bundle))
        return false;
    add_header(bundle, header, payload->size);
    bool sent = send_bytes(push, buffer_bytes(&bundle->headers), ZMQ_SNDMORE);
    buffer_clear(&bundle->headers);
    bundle->n = 0;
    if (!sent)
        return false;
    zmq_msg_t frame;
    zmq_msg_init_data(&frame, payload->data, payload->size, blob_free, blob_ref(payload));
    return send_frame(push, &frame, 0);
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

    bundle_t *bundle = &route->bundle[lane];
    if (payload != NULL && payload->size > SMALL)
        return send_alone(push, bundle, header, payload) ? OK : ERR_STOPPED;
    add_header(bundle, header, payload ? payload->size : 0);
    if (payload != NULL)
        buffer_add(&bundle->payloads, payload->data, payload->size);
    if (self->gathering && bundle->n < BUNDLE)
        return OK;
    return send_bundle(push, bundle) ? OK : ERR_STOPPED;
}

void
postbox_gather(postbox_t *self)
{
    self->gathering = true;
}

void
postbox_flush(postbox_t *self)
{
    for (size_t i = 0; i < self->n_routes; i++)
        for (lane_t lane = 0; lane < LANE_COUNT; lane++)
            /* It fails only when the context ends, and everything with it. */
            (void) send_bundle(self->routes[i].push[lane], &self->routes[i].bundle[lane]);
}

/*  -------------------------------------------------------------------- receiving  */

static void
release(letter_t *letter)
{
    pooled_letter_t *pooled = (pooled_letter_t *) letter;
    postbox_t *postbox = pooled->postbox;
    arrival_unref(postbox, &pooled->arrival);
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
    self->lent++;
    return pooled;
}

static arrival_t *
take_arrival(postbox_t *self)
{
    arrival_t *arrival = self->unused_arrivals;
    if (arrival == NULL)
        arrival = mem_new(sizeof *arrival);
    else
        self->unused_arrivals = arrival->next;
    arrival->refs = 1;
    arrival->header_at = arrival->payload_at = 0;
    zmq_msg_init(&arrival->headers);
    zmq_msg_init(&arrival->payloads);
    return arrival;
}

static void
count_malformed(postbox_t *self, lane_t lane, size_t size)
{
    self->malformed++;
    report_line(&self->report, "error",
                "a message of %zu bytes on lane %s is malformed: dropped", size,
                lane_names[lane]);
}

/*  Takes frames behind the second off the socket. True if there were any.  */
static bool
skip_surplus(void *inbox, zmq_msg_t *last)
{
    bool surplus = false;
    zmq_msg_t extra;
    zmq_msg_init(&extra);
    for (bool more = zmq_msg_more(last); more; more = zmq_msg_more(&extra)) {
        surplus = true;
        if (zmq_msg_recv(&extra, inbox, ZMQ_DONTWAIT) < 0)
            break;
    }
    zmq_msg_close(&extra);
    return surplus;
}

/*  Takes one pair of frames off the socket. False: there is none. *whole: it is a pair.  */
static bool
receive_frames(void *inbox, arrival_t *arrival, bool *whole)
{
    *whole = false;
    if (zmq_msg_recv(&arrival->headers, inbox, ZMQ_DONTWAIT) < 0)
        return false;
    FRAME_ARRIVED(&arrival->headers);
    if (!zmq_msg_more(&arrival->headers)
        || zmq_msg_recv(&arrival->payloads, inbox, ZMQ_DONTWAIT) < 0)
        return true;
    FRAME_ARRIVED(&arrival->payloads);
    *whole = !skip_surplus(inbox, &arrival->payloads);
    return true;
}

static bool
is_read(const arrival_t *arrival)
{
    return arrival->header_at >= zmq_msg_size(&arrival->headers);
}

/*  Makes sure that reading[lane] holds something unread, if anything has arrived.  */
static bool
read_on(postbox_t *self, lane_t lane)
{
    while (self->reading[lane] == NULL || is_read(self->reading[lane])) {
        arrival_unref(self, &self->reading[lane]);
        arrival_t *arrival = take_arrival(self);
        bool whole;
        if (!receive_frames(self->inbox[lane], arrival, &whole)) {
            arrival_unref(self, &arrival);
            return false;
        }
        if (whole)
            self->reading[lane] = arrival;
        else {
            count_malformed(self, lane, zmq_msg_size(&arrival->headers));
            arrival_unref(self, &arrival);
        }
    }
    return true;
}

static bytes_t
rest(zmq_msg_t *frame, size_t at)
{
    return (bytes_t){(const uint8_t *) zmq_msg_data(frame) + at, zmq_msg_size(frame) - at};
}

/*  The next header and payload of the arrival. False if its sizes are impossible: then all
    that is left of it is given up.  */
static bool
take_pair(arrival_t *arrival, bytes_t *header, bytes_t *payload)
{
    sizes_t sizes;
    *header = rest(&arrival->headers, arrival->header_at);
    *payload = rest(&arrival->payloads, arrival->payload_at);
    arrival->header_at += header->size;
    if (header->size < sizeof sizes)
        return false;
    memcpy(&sizes, header->data, sizeof sizes);
    if (sizes.header > header->size - sizeof sizes || sizes.payload > payload->size)
        return false;
    arrival->header_at -= header->size - sizeof sizes - sizes.header;
    arrival->payload_at += sizes.payload;
    *header = (bytes_t){header->data + sizeof sizes, sizes.header};
    payload->size = sizes.payload;
    return true;
}

letter_t *
postbox_receive(postbox_t *self, lane_t lane)
{
    while (read_on(self, lane)) {
        arrival_t *arrival = self->reading[lane];
        pooled_letter_t *pooled = take_letter(self);
        letter_t *letter = &pooled->letter;
        pooled->arrival = arrival;
        arrival->refs++;
        bytes_t header;
        if (take_pair(arrival, &header, &letter->payload)
            && envelope_unpack(header, &letter->envelope, &letter->names) == OK)
            return letter;
        count_malformed(self, lane, header.size);
        release(letter);
    }
    return NULL;
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
    if (self->reading[lane] != NULL && !is_read(self->reading[lane]))
        return true;
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
