/*  flight - the last messages that an actor sent and received, as a ring of headers.

    Always on, so that whoever looks at a crash or at a stuck actor sees what went before. No
    payloads: there is nothing secret in it. One thread writes, at the cost of a dozen stores;
    any thread and a signal handler read at any time, and pass over what is being overwritten.
 */

#pragma once

#include "bus/counter.h"
#include "bus/envelope.h"
#include "bus/tap_record.h"

enum { FLIGHT_KEPT = 256, FLIGHT_WORDS = 16, FLIGHT_NAME = 32 };

/*  Zeroed is ready for use.  */
typedef struct flight {
    counter_t begun; /* entries that the writer has touched, also the one in work */
    counter_t whole; /* entries that are complete */
    counter_t words[FLIGHT_KEPT][FLIGHT_WORDS];
    /*  The writer's: its last receiver, which is often the next one.  */
    char peer[FLIGHT_NAME + 1];
    uint64_t peer_words[FLIGHT_NAME / sizeof(uint64_t)];
} flight_t;

typedef struct flight_note {
    uint64_t time_ns; /* monotonic; of a message that came in not before it was sent, and exact
                         to some messages only */
    uint8_t id[16], trace[16], corr[16];
    uint32_t size; /* of the payload */
    uint8_t point, kind, err, attempt;
    char peer[FLIGHT_NAME + 1]; /* to whom it was sent, from whom it came; cut to its room */
    char type[FLIGHT_NAME + 1];
} flight_note_t;

/*  Adds an entry. size: bytes of the payload.  */
void flight_add(flight_t *self, tap_point_t point, const envelope_t *envelope, size_t size,
                err_t err, uint64_t now_ns);

/*  Forgets all of it. For the writer.  */
void flight_clear(flight_t *self);

/*  Entries ever made; those from the last FLIGHT_KEPT on can be read. Signal handlers may.  */
uint64_t flight_count(const flight_t *self);
/*  False: the writer has come round to the n-th (from 0) meanwhile.  */
bool flight_read(const flight_t *self, uint64_t n, flight_note_t *note);
