/*  postponed - sessions of which a request was put off: whatever else is under way from them
    is put off as well.  */

#pragma once

#include "schemas/base.h"

enum { POSTPONED_MOST = 4096 }; /* remembered: many more than have requests under way */

typedef struct postponed {
    uint64_t sessions[POSTPONED_MOST]; /* the newest in place of the oldest */
    size_t n;
} postponed_t;

bool postponed_has(const postponed_t *self, uint64_t session);
void postponed_add(postponed_t *self, uint64_t session);
