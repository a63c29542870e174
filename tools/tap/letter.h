/*  letter - a message as somebody writes it on the command line: checked before it leaves.  */

#pragma once

#include "schemas/codec.h"

typedef struct letter_text {
    const char *to; /* an actor, or "*" for an event */
    const char *type;
    const char *json; /* its payload */
} letter_text_t;

/*  Packs the payload, if the message may go there in that way: call asks for an answer. The
    fault says what is wrong, and the way out.  */
CHECKED err_t letter_check(const letter_text_t *text, bool call, buffer_t *payload,
                           fault_t *fault);
