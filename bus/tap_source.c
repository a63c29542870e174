#include "bus/tap.h"

#include "schemas/codec.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { QUEUE = 1000 };

struct tap_source {
    void *zmq;
    const char *actor;
    void *push; /* NULL until there is a record to hand over */
    uint64_t n, dropped;
    msgpack_sbuffer about;
    buffer_t redacted;
};

tap_source_t *
tap_source_new(void *zmq, const char *actor)
{
    tap_source_t *self = mem_new(sizeof *self);
    self->zmq = zmq;
    self->actor = actor;
    msgpack_sbuffer_init(&self->about);
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
    msgpack_sbuffer_destroy(&self->about);
    buffer_release(&self->redacted);
    free(self);
    *self_p = NULL;
}

static void
pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

static void
pack_about(tap_source_t *self, tap_point_t point, err_t err)
{
    msgpack_sbuffer_clear(&self->about);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &self->about, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 5);
    pack_text(&packer, "n");
    msgpack_pack_uint64(&packer, self->n);
    pack_text(&packer, "point");
    pack_text(&packer, tap_point_name(point));
    pack_text(&packer, "actor");
    pack_text(&packer, self->actor);
    pack_text(&packer, "err");
    pack_text(&packer, err_name(err));
    pack_text(&packer, "dropped");
    msgpack_pack_uint64(&packer, self->dropped);
}

/*  The payload as others may see it; of an unknown type nothing, it could hold a secret.  */
static bytes_t
redact(tap_source_t *self, const char *type, bytes_t payload)
{
    message_id_t id = message_named(type);
    if (id == MSG_COUNT)
        return (bytes_t){0};
    buffer_clear(&self->redacted);
    return message_redact(id, payload, &self->redacted) ? buffer_bytes(&self->redacted)
                                                        : payload;
}

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
        return; /* the record is dropped, and counted */
    zmq_setsockopt(self->push, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(self->push, ZMQ_SNDHWM, &queue, sizeof queue);
    if (zmq_connect(self->push, "inproc://tap") != 0) {
        zmq_close(self->push);
        self->push = NULL;
    }
}

static bool
send_record(tap_source_t *self, const envelope_t *envelope, bytes_t payload)
{
    uint8_t header[ENVELOPE_ROOM];
    size_t size = envelope_pack(envelope, header);
    int more = ZMQ_SNDMORE | ZMQ_DONTWAIT;
    return self->push != NULL
           && zmq_send(self->push, self->about.data, self->about.size, more) >= 0
           && zmq_send(self->push, header, size, more) >= 0
           && zmq_send(self->push, payload.data, payload.size, ZMQ_DONTWAIT) >= 0;
}

void
tap_offer(tap_source_t *self, tap_point_t point, const envelope_t *envelope, bytes_t payload,
          err_t err)
{
    if ((envelope->flags & FLAG_NO_TAP) || envelope->kind == ENVELOPE_CONTROL
        || envelope->kind == ENVELOPE_CREDIT)
        return;
    self->n++;
    if (self->push == NULL)
        connect_to_tap(self);
    pack_about(self, point, err);
    if (!send_record(self, envelope, redact(self, envelope->type, payload)))
        self->dropped++;
}

uint64_t
tap_source_dropped(const tap_source_t *self)
{
    return self->dropped;
}
