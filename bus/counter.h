/*  counter - a number that one thread writes and any thread reads.

    Without a locked operation: it costs what a plain number costs, and whoever reads sees what
    was true a moment ago, never a later number of one without the earlier ones of others.  */

#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter_t;

static inline uint64_t
counter_get(const counter_t *self)
{
    return atomic_load_explicit(self, memory_order_acquire);
}

static inline void
counter_set(counter_t *self, uint64_t value)
{
    atomic_store_explicit(self, value, memory_order_release);
}

static inline void
counter_add(counter_t *self, uint64_t n)
{
    counter_set(self, counter_get(self) + n);
}

static inline void
counter_take(counter_t *self, uint64_t n)
{
    counter_set(self, counter_get(self) - n);
}
