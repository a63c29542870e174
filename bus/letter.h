/*  letter - a message that has arrived, with its envelope unpacked.

    Whoever receives it makes one; whoever handles it gives it back through release().  */

#pragma once

#include "bus/envelope.h"

typedef struct letter {
    envelope_t envelope;
    envelope_names_t names; /* what the envelope's texts point into */
    bytes_t payload;
    bool finished; /* a dead letter already, that only waits for its turn to be done */
    void (*release)(struct letter *self);
    struct letter *next;
} letter_t;
