/*  tap_record - what the tap shows of a message, and the bundles in which it travels.

    A bundle is one frame: the text `records`, by which watchers subscribe, and then msgpack
    values. First its head, [version, actor, n, dropped]: how many records that actor has
    offered so far, and how many of these found no room. Then one value a record,
    [n, now_ns, point, error or nil, size, payload or nil, envelope].  */

#pragma once

#include "bus/envelope.h"
#include "schemas/pack.h"

/*  Where in the life of a message a record was made.  */
#define TAP_POINT_MAP(X)                                                                       \
    X(send, "an actor sent it")                                                                \
    X(recv, "it came in")                                                                      \
    X(done, "it was handled")                                                                  \
    X(dead, "it will not be delivered")

#define X(name, text) TAP_##name,
typedef enum tap_point { TAP_POINT_MAP(X) TAP_POINT_COUNT } tap_point_t;
#undef X

const char *tap_point_name(tap_point_t point);

/*  What a watcher asks for. Headers are cheap; payloads are copied, secrets taken out.  */
typedef enum tap_want { TAP_NOTHING, TAP_HEADERS, TAP_PAYLOADS } tap_want_t;

/*  How many records there is room for now, and how many found none since somebody looked:
    whoever has something to offer looks here first, and mostly that is all it costs.  */
typedef struct tap_gate {
    uint64_t room;
    uint64_t turned_away;
} tap_gate_t;

/*  n counts the records of one actor, the lost ones too: a gap is a loss on the way here.
    dropped is how many of them the actor itself could not hand over so far.  */
typedef struct tap_record {
    uint64_t n;
    uint64_t now_ns; /* monotonic, as the envelope's sent_ns */
    tap_point_t point;
    err_t err; /* for done and dead */
    uint64_t dropped;
    char actor[NAME_ROOM + 1];
    envelope_t envelope;
    envelope_names_t names;
    uint64_t size;   /* of the payload, shown or not */
    bytes_t payload; /* data NULL: not shown */
} tap_record_t;

/*  ---------------------------------------------------------------------- writing  */

#define TAP_TOPIC "records"

typedef struct tap_head {
    char actor[NAME_ROOM + 1];
    uint64_t n, dropped;
} tap_head_t;

/*  Begins a frame.  */
void tap_head_pack(const tap_head_t *head, buffer_t *frame);
/*  Adds a record; actor, names and dropped are not looked at.  */
void tap_record_pack(const tap_record_t *record, buffer_t *out);

/*  ---------------------------------------------------------------------- reading  */

typedef struct tap_reader {
    tap_head_t head;
    cursor_t cursor;
} tap_reader_t;

/*  False: that is no bundle. frame must outlive the reader and its records.  */
bool tap_reader_open(tap_reader_t *self, bytes_t frame);
/*  False: there is none left, or the rest cannot be read. The record's envelope points into
    the record: it must not be copied.  */
bool tap_reader_next(tap_reader_t *self, tap_record_t *record);
