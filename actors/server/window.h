/*  window - frames that were sent to a client and not acknowledged yet.  */

#pragma once

#include "schemas/base.h"

typedef struct window {
    size_t pages;   /* of a snapshot: acknowledged one by one */
    uint64_t *lsns; /* of transactions: acknowledged up to a position */
    size_t n, room;
} window_t;

size_t window_count(const window_t *self);
void window_add_page(window_t *self);
void window_add(window_t *self, uint64_t lsn);
void window_take_page(window_t *self);
/*  Parts of one transaction carry the same position: each acknowledgement takes one.  */
void window_take(window_t *self, uint64_t lsn);
void window_clear(window_t *self);
void window_release(window_t *self);
