/*  raw_peer - a peer of the ipc gateway made by hand, frame by frame, that may misbehave.

    For the test's thread: what goes wrong on its side fails the test.  */

#pragma once

#include "bus/ipc_frame.h"

enum { RAW_PATIENCE_MS = 60000 };

typedef struct raw {
    void *zmq, *dealer;
    uint64_t epoch;
    envelope_t envelope; /* last one received */
    envelope_names_t names;
    uint64_t credited; /* highest number that any CREDIT has acknowledged */
    uint8_t payload[4096];
    size_t size;
} raw_t;

raw_t *raw_connect(const char *run_dir, const char *name, uint64_t epoch);
/*  Connects, and is welcome.  */
raw_t *raw_join(const char *run_dir, const char *name, uint64_t epoch);
/*  Without a BYE.  */
void raw_destroy(raw_t **self);

void raw_send_frames(raw_t *self, const void *header, size_t header_size, const void *payload,
                     size_t size);
void raw_say(raw_t *self, envelope_t envelope, const void *payload, size_t size);
void raw_hello(raw_t *self, const char *name, uint64_t lowest, uint64_t next_seq);
void raw_message(raw_t *self, message_id_t id, const char *to, uint64_t seq, const void *body);
/*  Number seq, to echo.  */
void raw_parcel(raw_t *self, uint64_t seq);
/*  The next message of that kind; others are passed over.  */
void raw_receive(raw_t *self, envelope_kind_t kind);

/*  Says HELLO so, and is welcome: for peers that take requests, or say events.  */
raw_t *raw_join_as(const char *run_dir, const hello_t *hello);
/*  Of a type that no schema knows: {"n": number}.  */
void raw_say_own(raw_t *self, envelope_t envelope);
/*  Acknowledges everything up to that number.  */
void raw_acknowledge(raw_t *self, uint64_t seq);
