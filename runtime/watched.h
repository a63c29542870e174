/*  watched - what others see of a cell at work. It may outlive the cell, for a signal handler
    that looks at it without a lock.  */

#pragma once

#include "runtime/flight.h"

typedef struct watched {
    _Atomic(const char *) busy; /* message or callback it is in; NULL: idle */
    counter_t calls;            /* that were begun: who finds it unchanged sees the same one */
    flight_t flight;
} watched_t;
