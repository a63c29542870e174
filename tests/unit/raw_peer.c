#include "tests/unit/raw_peer.h"

#include "schemas/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

void
raw_send_frames(raw_t *self, const void *header, size_t header_size, const void *payload,
                size_t size)
{
    assert_true(zmq_send(self->dealer, header, header_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(self->dealer, payload, size, 0) >= 0);
}

void
raw_say(raw_t *self, envelope_t envelope, const void *payload, size_t size)
{
    uint8_t header[ENVELOPE_ROOM];
    envelope.from = envelope.from != NULL ? envelope.from : "ipc/raw";
    envelope.to = envelope.to != NULL ? envelope.to : "ipc";
    envelope.epoch = self->epoch;
    raw_send_frames(self, header, envelope_pack(&envelope, header), payload, size);
}

void
raw_receive(raw_t *self, envelope_kind_t kind)
{
    do {
        uint8_t header[ENVELOPE_ROOM];
        int size = zmq_recv(self->dealer, header, sizeof header, 0);
        assert_true(size > 0);
        int rest = zmq_recv(self->dealer, self->payload, sizeof self->payload, 0);
        assert_true(rest >= 0);
        self->size = (size_t) rest;
        assert_int_equal(
            envelope_unpack((bytes_t){header, (size_t) size}, &self->envelope, &self->names),
            OK);
        if (self->envelope.kind == ENVELOPE_CREDIT && self->envelope.seq > self->credited)
            self->credited = self->envelope.seq;
    } while (self->envelope.kind != kind);
}

void
raw_hello(raw_t *self, const char *name, uint64_t lowest, uint64_t next_seq)
{
    hello_t hello = {.epoch = self->epoch, .next_seq = next_seq, .pid = 1};
    strcpy(hello.name, name);
    blob_t *payload = hello_pack(&hello);
    raw_say(self, (envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .seq = lowest},
            payload->data, payload->size);
    blob_unref(&payload);
}

raw_t *
raw_connect(const char *run_dir, const char *name, uint64_t epoch)
{
    raw_t *self = mem_new(sizeof *self);
    const int patience = RAW_PATIENCE_MS;
    const int none = 0;
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/bus.sock", run_dir);
    self->epoch = epoch;
    self->zmq = zmq_ctx_new();
    self->dealer = zmq_socket(self->zmq, ZMQ_DEALER);
    zmq_setsockopt(self->dealer, ZMQ_ROUTING_ID, name, strlen(name));
    zmq_setsockopt(self->dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(self->dealer, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(self->dealer, endpoint), 0);
    return self;
}

void
raw_destroy(raw_t **self)
{
    zmq_close((*self)->dealer);
    zmq_ctx_term((*self)->zmq);
    free(*self);
    *self = NULL;
}

raw_t *
raw_join_as(const char *run_dir, const hello_t *hello)
{
    raw_t *self = raw_connect(run_dir, hello->name, hello->epoch);
    blob_t *payload = hello_pack(hello);
    raw_say(self, (envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .seq = 1},
            payload->data, payload->size);
    blob_unref(&payload);
    raw_receive(self, ENVELOPE_HELLO);
    raw_receive(self, ENVELOPE_CREDIT);
    return self;
}

void
raw_say_own(raw_t *self, envelope_t envelope)
{
    raw_say(self, envelope, "\x81\xa1n\x07", 4);
}

void
raw_acknowledge(raw_t *self, uint64_t seq)
{
    blob_t *payload = number_pack(UINT64_MAX);
    raw_say(self, (envelope_t){.kind = ENVELOPE_CREDIT, .type = "credit", .seq = seq},
            payload->data, payload->size);
    blob_unref(&payload);
}

raw_t *
raw_join(const char *run_dir, const char *name, uint64_t epoch)
{
    raw_t *self = raw_connect(run_dir, name, epoch);
    raw_hello(self, name, 1, 1);
    raw_receive(self, ENVELOPE_HELLO);
    raw_receive(self, ENVELOPE_CREDIT);
    return self;
}

void
raw_message(raw_t *self, message_id_t id, const char *to, uint64_t seq, const void *body)
{
    buffer_t packed = {0};
    message_pack(id, body, &packed);
    envelope_t envelope = {.kind = schema_of(id)->class == CLASS_REQUEST ? ENVELOPE_REQ
                                                                         : ENVELOPE_CAST,
                           .type = schema_of(id)->name,
                           .to = to,
                           .id = {1},
                           .seq = seq};
    envelope.id[15] = (uint8_t) seq;
    raw_say(self, envelope, packed.data, packed.size);
    buffer_release(&packed);
}

void
raw_parcel(raw_t *self, uint64_t seq)
{
    raw_message(self, MSG_parcel, "echo", seq, &(parcel_t){.number = seq});
}
