/*  graveyard - the last messages of a process that were not delivered, with their payloads.

    Bounded in number and in bytes: the oldest go first. For whoever holds the lock of the
    system that they are in.  */

#pragma once

#include "bus/envelope.h"

enum { GRAVES = 1000, GRAVE_BYTES = 16 << 20 };

typedef struct grave {
    uint64_t n; /* from 1 */
    int64_t time_ms;
    err_t why;
    envelope_kind_t kind;
    const char *type, *from, *to;
    uint8_t id[16], trace[16];
    size_t size;     /* of the payload, kept or not */
    bytes_t payload; /* data NULL: not kept */
} grave_t;

/*  Zeroed is empty.  */
typedef struct graveyard {
    grave_t *kept[GRAVES]; /* n at n % GRAVES; NULL: taken out */
    uint64_t count;        /* so many there were */
    uint64_t dropped;      /* those up to here are not kept */
    size_t bytes;
} graveyard_t;

void graveyard_release(graveyard_t *self);
/*  Copies what it is given.  */
void graveyard_add(graveyard_t *self, const envelope_t *envelope, bytes_t payload, err_t why,
                   int64_t time_ms);
/*  Number of the first that may be kept.  */
uint64_t graveyard_first(const graveyard_t *self);
/*  NULL: not kept.  */
const grave_t *graveyard_at(const graveyard_t *self, uint64_t n);
void graveyard_remove(graveyard_t *self, uint64_t n);
