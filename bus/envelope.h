/*  envelope - the first of the two frames of every message on the bus.

    A positional msgpack array, small enough to be copied per receiver while the payload
    frame behind it is shared. Readers refuse a higher version and skip fields they do not
    know. Nothing here is ever a pointer to somebody else's memory.  */

#pragma once

#include "schemas/message.h"

enum { ENVELOPE_VERSION = 1, NAME_ROOM = 64, ENVELOPE_ROOM = 512 };

/*  What an envelope is, and which lane it travels on. `lo` is read only while its reader
    can send; `hi` is always read.  */
#define ENVELOPE_KIND_MAP(X)                                                                   \
    X(CAST, lo, "a command or a hint")                                                         \
    X(REQ, lo, "a request")                                                                    \
    X(EVT, lo, "an event, for whoever subscribed")                                             \
    X(REP, hi, "the answer to a request")                                                      \
    X(ERR, hi, "a request was refused; payload is an `error`")                                 \
    X(CREDIT, hi, "done up to seq; window extended")                                           \
    X(NAK, hi, "resend from seq")                                                              \
    X(HELLO, hi, "a process joins, or joins again")                                            \
    X(BYE, hi, "a process leaves")                                                             \
    X(PING, hi, "are you there?")                                                              \
    X(PONG, hi, "yes")                                                                         \
    X(CONTROL, hi, "from the supervisor or the tap: stop, drain, subscribe, tap on")

typedef enum lane { LANE_lo, LANE_hi, LANE_COUNT } lane_t;

#define X(kind, lane, text) ENVELOPE_##kind,
typedef enum envelope_kind { ENVELOPE_KIND_MAP(X) ENVELOPE_KIND_COUNT } envelope_kind_t;
#undef X

/*  FLAG_PROMPT asks the receiver for its credit as soon as the message is done, not when
    enough has come together: the ipc gateway acknowledges by it.  */
enum {
    FLAG_REDELIVERED = 1 << 0,
    FLAG_CONFLATE = 1 << 1,
    FLAG_NO_TAP = 1 << 2,
    FLAG_PROMPT = 1 << 3,
};

typedef struct envelope {
    envelope_kind_t kind;
    const char *type; /* message name; for CONTROL the verb */
    uint32_t hash;    /* schema hash of type; 0: not checked */
    const char *from; /* actor; "ipc/NAME" for a process that joined */
    const char *to;
    uint8_t id[16];       /* UUIDv7 */
    uint8_t corr[16];     /* request this answers; zero: none */
    uint8_t cause[16];    /* message being handled when this was sent; zero: none */
    uint8_t trace[16];    /* root of the tree */
    uint64_t epoch;       /* incarnation of the link */
    uint64_t seq;         /* its number on the link; 0: not counted (hi lane) */
    uint64_t sent_ns;     /* monotonic */
    uint64_t deadline_ns; /* monotonic; 0: none */
    const char *key;      /* conflation key or NULL */
    uint16_t flags;
    uint8_t attempt; /* 0 on the first delivery */
    uint8_t hop;     /* messages between the root and this one, at most 127 */
} envelope_t;

lane_t envelope_lane(envelope_kind_t kind);
const char *envelope_kind_name(envelope_kind_t kind);

/*  Writes the frame; gives its size, at most ENVELOPE_ROOM. Names longer than NAME_ROOM
    are a mistake of ours and end the process.  */
size_t envelope_pack(const envelope_t *self, uint8_t out[ENVELOPE_ROOM]);

/*  Texts are copied into names, so that nothing points into the frame. ERR_MALFORMED for
    anything but a whole, plausible envelope of our version with names of sane length.  */
typedef struct envelope_names {
    char text[4][NAME_ROOM + 1];
} envelope_names_t;
CHECKED err_t envelope_unpack(bytes_t frame, envelope_t *self, envelope_names_t *names);
