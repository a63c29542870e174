#include "bus/postbox.h"

#include "bus/bundle.h"
#include "bus/report.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { ENDPOINT_ROOM = NAME_ROOM + 32 };

typedef struct route {
    char name[NAME_ROOM + 1];
    size_t size; /* of name */
    void *push[LANE_COUNT];
    bundle_t bundle[LANE_COUNT]; /* gathered and not sent */
} route_t;

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
inbox_endpoint(char out[ENDPOINT_ROOM], const char *name, lane_t lane)
{
    snprintf(out, ENDPOINT_ROOM, "inproc://a/%s/%s", name, lane_names[lane]);
}

postbox_t *
postbox_new(void *zmq, const char *name, fault_t *fault)
{
    postbox_t *self = mem_new(sizeof *self);
    self->zmq = zmq;
    self->name = mem_text(name);
    self->report.actor = self->name;
    for (lane_t lane = 0; lane < LANE_COUNT; lane++) {
        char endpoint[ENDPOINT_ROOM];
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
        bundle_release(&route->bundle[lane]);
    }
}

static void
arrival_unref(postbox_t *self, arrival_t **arrival_p)
{
    arrival_t *arrival = *arrival_p;
    *arrival_p = NULL;
    if (arrival == NULL || --arrival->refs > 0)
        return;
    arrival_close(arrival);
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

void
postbox_forget(postbox_t *self, const char *name)
{
    route_t *route = find_route(self, name);
    if (route == NULL)
        return;
    close_route(route);
    *route = self->routes[--self->n_routes];
}

static void *
connect_route(postbox_t *self, route_t *route, lane_t lane)
{
    char endpoint[ENDPOINT_ROOM];
    inbox_endpoint(endpoint, route->name, lane);
    void *push = open_socket(self->zmq, ZMQ_PUSH);
    if (push != NULL && zmq_connect(push, endpoint) != 0)
        close_socket(&push);
    route->push[lane] = push;
    return push;
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
    if (payload != NULL && payload->size > BUNDLE_PAYLOAD)
        return bundle_send_alone(bundle, push, header, payload) ? OK : ERR_STOPPED;
    bundle_add(bundle, header, payload);
    if (self->gathering && bundle->n < BUNDLE_MESSAGES)
        return OK;
    return bundle_send(bundle, push) ? OK : ERR_STOPPED;
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
            /* It fails only when the context ends, and everything with it; or if a plug-in had
               to go before we could be told, which the supervisor has warned of. */
            (void) bundle_send(&self->routes[i].bundle[lane], self->routes[i].push[lane]);
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
    arrival_open(arrival);
    return arrival;
}

static void
count_malformed(postbox_t *self, lane_t lane, size_t size)
{
    if (report_is_news(++self->malformed))
        report_line(&self->report, "error",
                    "a message of %zu bytes on lane %s is malformed: dropped (%llu so far)",
                    size, lane_names[lane], (unsigned long long) self->malformed);
}

/*  Makes sure that reading[lane] holds something unread, if anything has arrived.  */
static bool
read_on(postbox_t *self, lane_t lane)
{
    while (self->reading[lane] == NULL || arrival_is_read(self->reading[lane])) {
        arrival_unref(self, &self->reading[lane]);
        arrival_t *arrival = take_arrival(self);
        bool whole;
        if (!arrival_receive(arrival, self->inbox[lane], &whole)) {
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
        if (arrival_next(arrival, &header, &letter->payload)
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
    if (self->reading[lane] != NULL && !arrival_is_read(self->reading[lane]))
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
