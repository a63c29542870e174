#include "bus/tap_ear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

/*  What was seen of one actor.  */
typedef struct heard {
    struct heard *next;
    char actor[NAME_ROOM + 1];
    uint64_t before; /* its number when we began to listen */
    uint64_t last;   /* its number now */
    uint64_t seen;
} heard_t;

struct tap_ear {
    void *sub; /* XSUB: a SUB cannot renew */
    tap_want_t want;
    uint64_t renew_ms;
    zmq_msg_t frame;
    bool reading;
    tap_reader_t reader;
    tap_record_t record;
    heard_t *actors;
};

static uint64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

tap_ear_t *
tap_ear_new(void *zmq, int queue)
{
    const int none = 0;
    void *sub = zmq_socket(zmq, ZMQ_XSUB);
    if (sub == NULL)
        return NULL;
    zmq_setsockopt(sub, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(sub, ZMQ_RCVHWM, &queue, sizeof queue);
    tap_ear_t *self = mem_new(sizeof *self);
    self->sub = sub;
    zmq_msg_init(&self->frame);
    return self;
}

static void
forget_actors(tap_ear_t *self)
{
    while (self->actors != NULL) {
        heard_t *heard = self->actors;
        self->actors = heard->next;
        free(heard);
    }
}

void
tap_ear_destroy(tap_ear_t **self_p)
{
    tap_ear_t *self = *self_p;
    if (self == NULL)
        return;
    forget_actors(self);
    zmq_msg_close(&self->frame);
    zmq_close(self->sub);
    free(self);
    *self_p = NULL;
}

err_t
tap_ear_connect(tap_ear_t *self, const char *endpoint)
{
    return zmq_connect(self->sub, endpoint) == 0 ? OK : ERR_IO;
}

/*  ----------------------------------------------------------------------- asking  */

/*  A full queue to the tap means that it is stuck: then nothing comes, and that shows.  */
static void
tell(tap_ear_t *self, const void *data, size_t size)
{
    (void) zmq_send(self->sub, data, size, ZMQ_DONTWAIT);
}

static void
subscribe(tap_ear_t *self, bool on, const char *topic)
{
    char frame[16];
    int size = snprintf(frame, sizeof frame, "%c%s", on ? 1 : 0, topic);
    tell(self, frame, (size_t) size);
}

void
tap_ear_want(tap_ear_t *self, tap_want_t want)
{
    if ((want == TAP_PAYLOADS) != (self->want == TAP_PAYLOADS))
        subscribe(self, want == TAP_PAYLOADS, TAP_PAYLOADS_TOPIC);
    if ((want == TAP_NOTHING) != (self->want == TAP_NOTHING))
        subscribe(self, want != TAP_NOTHING, TAP_TOPIC);
    if (self->want == TAP_NOTHING)
        forget_actors(self); /* what went by meanwhile was not for us */
    self->want = want;
    self->renew_ms = now_ms() + TAP_RENEW_MS;
}

static void
renew(tap_ear_t *self)
{
    uint64_t now = now_ms();
    if (self->want == TAP_NOTHING || now < self->renew_ms)
        return;
    self->renew_ms = now + TAP_RENEW_MS;
    tell(self, TAP_ALIVE, strlen(TAP_ALIVE));
}

/*  --------------------------------------------------------------------- hearing  */

static heard_t *
heard_of(tap_ear_t *self, const char *actor)
{
    heard_t *heard = self->actors;
    while (heard != NULL && strcmp(heard->actor, actor) != 0)
        heard = heard->next;
    if (heard != NULL)
        return heard;
    heard = mem_new(sizeof *heard);
    memcpy(heard->actor, actor, sizeof heard->actor);
    heard->before = UINT64_MAX;
    heard->next = self->actors;
    return self->actors = heard;
}

/*  An actor whose numbers begin anew was started again.  */
static void
note(tap_ear_t *self, const tap_record_t *record)
{
    heard_t *heard = heard_of(self, record->actor);
    if (heard->before == UINT64_MAX || record->n <= heard->last)
        *heard = (heard_t){.next = heard->next, .before = record->n - 1};
    memcpy(heard->actor, record->actor, sizeof heard->actor);
    heard->last = record->n;
    heard->seen++;
}

/*  A bundle may be of losses alone.  */
static void
note_head(tap_ear_t *self)
{
    heard_t *heard = heard_of(self, self->reader.head.actor);
    if (heard->before != UINT64_MAX && heard->last < self->reader.head.n)
        heard->last = self->reader.head.n;
}

static bool
receive(tap_ear_t *self)
{
    while (zmq_msg_recv(&self->frame, self->sub, ZMQ_DONTWAIT) >= 0) {
        bytes_t frame = {zmq_msg_data(&self->frame), zmq_msg_size(&self->frame)};
        if (tap_reader_open(&self->reader, frame))
            return true;
    }
    return false;
}

const tap_record_t *
tap_ear_next(tap_ear_t *self)
{
    renew(self);
    for (;;) {
        if (!self->reading && !receive(self))
            return NULL;
        self->reading = tap_reader_next(&self->reader, &self->record);
        if (self->reading) {
            note(self, &self->record);
            return &self->record;
        }
        note_head(self);
    }
}

uint64_t
tap_ear_lost(const tap_ear_t *self)
{
    uint64_t lost = 0;
    for (const heard_t *heard = self->actors; heard != NULL; heard = heard->next)
        lost += heard->last - heard->before - heard->seen;
    return lost;
}

/*  --------------------------------------------------------------------- waiting  */

void *
tap_ear_socket(const tap_ear_t *self)
{
    return self->sub;
}

int
tap_ear_fd(const tap_ear_t *self)
{
    int fd = -1;
    size_t size = sizeof fd;
    zmq_getsockopt(self->sub, ZMQ_FD, &fd, &size);
    return fd;
}
