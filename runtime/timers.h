/*  timers - the armed timers of one actor, by its own numbers. Times are monotonic ms.  */

#pragma once

#include "schemas/base.h"

typedef struct timers {
    struct timer {
        uint64_t tag, due_ms;
    } * items;
    size_t n, room;
} timers_t;

/*  Arming a timer again moves it.  */
void timers_set(timers_t *self, uint64_t tag, uint64_t due_ms);
void timers_cancel(timers_t *self, uint64_t tag);
/*  When the first one is due; UINT64_MAX if none is armed.  */
uint64_t timers_next(const timers_t *self);
/*  Disarms and names the earliest timer due by now; among equals the one armed first.  */
bool timers_take_due(timers_t *self, uint64_t now_ms, uint64_t *tag);
void timers_release(timers_t *self);
