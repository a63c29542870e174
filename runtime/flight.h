/*  flight - the last messages that an actor sent and received, as a ring of headers.

    Always on, so that whoever looks at a crash or at a stuck actor sees what went before. No
    payloads: there is nothing secret in it. One thread writes, at the cost of a dozen stores;
    any thread and a signal handler read at any time, and pass over what is being overwritten.
 */

#pragma once

#include "bus/counter.h"
#include "bus/envelope.h"
#include "bus/tap_record.h"

enum {
    FLIGHT_KEPT = 256,
    FLIGHT_WORDS = 8,
    FLIGHT_NAME = 32,
    FLIGHT_NAME_WORDS = FLIGHT_NAME / 8,
    FLIGHT_NAMES = 64
};

/*  Zeroed is ready for use.  */
typedef struct flight {
    counter_t begun; /* entries that the writer has touched, also the one in work */
    counter_t whole; /* entries that are complete */
    counter_t words[FLIGHT_KEPT][FLIGHT_WORDS];
    counter_t n_names; /* ever begun; the last FLIGHT_NAMES of them are kept */
    counter_t names[FLIGHT_NAMES][FLIGHT_NAME_WORDS];
    /*  The writer's: the same names, and the number of the one used last.  */
    char texts[FLIGHT_NAMES][FLIGHT_NAME + 1];
    uint64_t last_name;
} flight_t;

typedef struct flight_note {
    uint64_t time_ns; /* monotonic; of a message that came in not before it was sent, and exact
                         to some messages only */
    uint8_t id[16];   /* of an answer zero */
    uint8_t corr[16]; /* of an answer: id of the request */
    uint8_t trace[16];
    uint32_t size; /* of the payload */
    uint8_t point, kind, err, attempt;
    char peer[FLIGHT_NAME + 1]; /* to whom it was sent, from whom it came; cut to its room */
    char type[FLIGHT_NAME + 1];
} flight_note_t;

typedef struct flight_event {
    tap_point_t point;
    const envelope_t *envelope;
    size_t size; /* of the payload */
    err_t err;
    uint64_t now_ns;
} flight_event_t;
/*  Adds an entry.  */
void flight_add(flight_t *self, const flight_event_t *event);

/*  Forgets all of it. For the writer.  */
void flight_clear(flight_t *self);

/*  Entries ever made; those from the last FLIGHT_KEPT on can be read. Signal handlers may.  */
uint64_t flight_count(const flight_t *self);
/*  False: the writer has come round to the n-th (from 0) meanwhile.  */
bool flight_read(const flight_t *self, uint64_t n, flight_note_t *note);
