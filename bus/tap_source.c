#include "bus/tap.h"

#include "schemas/codec.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

/*  QUEUE: bundles; BUNDLE: bytes of one that is full; SHOWN: a larger payload is not.  */
enum {
    QUEUE = 100,
    BUNDLE = 32 << 10,
    SHOWN = 64 << 10,
    PAUSE_MS = 20, /* from bundle to bundle */
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
};

struct tap_source {
    void *zmq;
    void *push; /* NULL until there is something to hand over */
    tap_head_t head;
    uint64_t told;    /* n of the last head that was handed over */
    uint64_t told_ns; /* and when that was tried */
    uint64_t n_in_bundle;
    tap_gate_t *gate;
    uint64_t room_ns; /* when the gate was opened last */
    buffer_t records, frame, redacted;
};

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * NS_PER_S + (uint64_t) now.tv_nsec;
}

tap_source_t *
tap_source_new(void *zmq, const char *actor, tap_gate_t *gate)
{
    tap_source_t *self = mem_new(sizeof *self);
    self->zmq = zmq;
    strncpy(self->head.actor, actor, NAME_ROOM);
    self->gate = gate;
    self->gate->room = TAP_BURST;
    self->room_ns = now_ns();
    return self;
}

void
tap_source_destroy(tap_source_t **self_p)
{
    tap_source_t *self = *self_p;
    if (self == NULL)
        return;
    if (self->push != NULL)
        zmq_close(self->push);
    buffer_release(&self->records);
    buffer_release(&self->frame);
    buffer_release(&self->redacted);
    free(self);
    *self_p = NULL;
}

/*  ------------------------------------------------------------------ handing over  */

/*  Connects with the first record: somebody watches by then, so the tap is bound. If it never
    were, libzmq would undo the connection in the thread that ends the context and in the one
    that reaps the socket, both at once.  */
static void
connect_to_tap(tap_source_t *self)
{
    const int none = 0;
    const int queue = QUEUE;
    self->push = zmq_socket(self->zmq, ZMQ_PUSH);
    if (self->push == NULL)
        return; /* the records are dropped, and counted */
    zmq_setsockopt(self->push, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(self->push, ZMQ_SNDHWM, &queue, sizeof queue);
    if (zmq_connect(self->push, "inproc://tap") != 0) {
        zmq_close(self->push);
        self->push = NULL;
    }
}

static bool
hand_over(tap_source_t *self)
{
    if (self->push == NULL)
        connect_to_tap(self);
    tap_head_pack(&self->head, &self->frame);
    buffer_add(&self->frame, self->records.data, self->records.size);
    return self->push != NULL
           && zmq_send(self->push, self->frame.data, self->frame.size, ZMQ_DONTWAIT) >= 0;
}

static void
send_bundle(tap_source_t *self, uint64_t now)
{
    self->told_ns = now;
    if (hand_over(self))
        self->told = self->head.n;
    else
        self->head.dropped += self->n_in_bundle;
    buffer_clear(&self->records);
    self->n_in_bundle = 0;
}

static void
make_room(tap_source_t *self, uint64_t now)
{
    uint64_t more = (now - self->room_ns) / (NS_PER_S / TAP_RATE);
    self->room_ns += more * (NS_PER_S / TAP_RATE);
    self->gate->room += more;
    if (self->gate->room > TAP_BURST)
        self->gate->room = TAP_BURST;
}

static void
count_turned_away(tap_source_t *self)
{
    self->head.n += self->gate->turned_away;
    self->head.dropped += self->gate->turned_away;
    self->gate->turned_away = 0;
}

/*  A bundle without records tells of losses.  */
int
tap_flush(tap_source_t *self)
{
    count_turned_away(self);
    if (self->told == self->head.n)
        return -1;
    uint64_t now = now_ns();
    make_room(self, now);
    if (now - self->told_ns >= (uint64_t) PAUSE_MS * NS_PER_MS)
        send_bundle(self, now);
    return self->told == self->head.n ? -1 : PAUSE_MS;
}

/*  ---------------------------------------------------------------------- offering  */

/*  The payload as others may see it; of an unknown type nothing, it could hold a secret.  */
static bytes_t
redact(tap_source_t *self, const char *type, bytes_t payload)
{
    message_id_t id = message_named(type);
    if (payload.data == NULL || payload.size > SHOWN || id == MSG_COUNT)
        return (bytes_t){0};
    buffer_clear(&self->redacted);
    return message_redact(id, payload, &self->redacted) ? buffer_bytes(&self->redacted)
                                                        : payload;
}

static void
add(tap_source_t *self, tap_point_t point, const envelope_t *envelope, bytes_t payload,
    err_t err)
{
    const uint64_t now = now_ns();
    const tap_record_t record = {
        .n = self->head.n,
        .now_ns = now,
        .point = point,
        .err = err,
        .envelope = *envelope,
        .size = payload.size,
        .payload = redact(self, envelope->type, payload),
    };
    tap_record_pack(&record, &self->records);
    self->n_in_bundle++;
    self->gate->room--;
    if (self->records.size >= BUNDLE)
        send_bundle(self, now);
}

void
tap_offer(tap_source_t *self, tap_point_t point, const envelope_t *envelope, bytes_t payload,
          err_t err)
{
    if ((envelope->flags & FLAG_NO_TAP) || envelope->kind == ENVELOPE_CONTROL
        || envelope->kind == ENVELOPE_CREDIT)
        return;
    if (self->gate->room == 0) {
        self->gate->turned_away++;
        return;
    }
    count_turned_away(self);
    self->head.n++;
    add(self, point, envelope, payload, err);
}

uint64_t
tap_source_dropped(const tap_source_t *self)
{
    return self->head.dropped + self->gate->turned_away;
}
