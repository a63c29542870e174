#include "runtime/meters.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGE_WORDS = 2, STEP_WORDS = 5 };

/*  A ring of steps. A reader copies an entry and then looks whether the writer has come round
   to it meanwhile: then it is passed over.  */
struct steps_ring {
    _Atomic uint64_t begun; /* entries that the writer has touched, also the one in work */
    _Atomic uint64_t whole; /* entries that are complete */
    _Atomic uint64_t words[STEPS_KEPT][STEP_WORDS];
};

void
meters_release(meters_t *self)
{
    for (metric_id_t i = 0; i < METRIC_COUNT; i++)
        free(atomic_load(&self->times[i]));
    for (size_t i = 0; i < COUNT_OF(self->types); i++)
        free(atomic_load(&self->types[i].waited));
    free(atomic_load(&self->steps));
}

/*  ------------------------------------------------------------------------ numbers  */

void
times_add(times_t *self, uint64_t us)
{
    size_t bucket = us == 0 ? 0 : (size_t) (64 - __builtin_clzll(us));
    counter_add(&self->counts[bucket < TIMES_BUCKETS ? bucket : TIMES_BUCKETS - 1], 1);
    counter_add(&self->sum_us, us);
}

void
meters_count(meters_t *self, metric_id_t metric, uint64_t n)
{
    counter_add(&self->values[metric], n);
}

void
meters_set(meters_t *self, metric_id_t metric, uint64_t value)
{
    counter_set(&self->values[metric], value);
}

/*  Made when first used.  */
static times_t *
times_in(_Atomic(times_t *) *place)
{
    times_t *times = atomic_load_explicit(place, memory_order_relaxed);
    if (times == NULL) {
        times = mem_new(sizeof *times);
        atomic_store_explicit(place, times, memory_order_release);
    }
    return times;
}

void
meters_observe(meters_t *self, metric_id_t metric, uint64_t us)
{
    times_add(times_in(&self->times[metric]), us);
}

void
meters_take(meters_t *self, message_id_t type, size_t bytes)
{
    counter_add(&self->types[type].n, 1);
    counter_add(&self->types[type].bytes, bytes);
}

void
meters_time(meters_t *self, message_id_t type, uint64_t waited_us, uint64_t handled_us)
{
    times_add(times_in(&self->types[type].waited), waited_us);
    times_add(&self->waited, waited_us);
    times_add(&self->handled, handled_us);
}

/*  -------------------------------------------------------------------------- steps  */

static int
hex_digit(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/*  FNV-1a, twice with different seeds: ids that are not UUIDs come from strangers, and only
   need to be told apart.  */
static void
hash_text(const char *text, uint8_t out[16])
{
    uint64_t hashes[CHANGE_WORDS] = {0xcbf29ce484222325, 0x84222325cbf29ce4};
    for (; *text; text++)
        for (size_t i = 0; i < CHANGE_WORDS; i++)
            hashes[i] = (hashes[i] ^ (uint8_t) *text) * 0x100000001b3;
    memcpy(out, hashes, sizeof hashes);
}

void
step_change(const char *id, uint8_t change[16])
{
    if (!uuid_is_text(id)) {
        hash_text(id, change);
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        id += *id == '-';
        change[i] = (uint8_t) (hex_digit(id[0]) << 4 | hex_digit(id[1]));
        id += 2;
    }
}

void
meters_step(meters_t *self, const step_taken_t *step)
{
    steps_ring_t *ring = atomic_load_explicit(&self->steps, memory_order_relaxed);
    if (ring == NULL) {
        ring = mem_new(sizeof *ring);
        atomic_store_explicit(&self->steps, ring, memory_order_release);
    }
    uint64_t n = atomic_load_explicit(&ring->begun, memory_order_relaxed);
    uint64_t words[STEP_WORDS] = {0, 0, step->now_ns, step->detail, step->step};
    memcpy(words, step->change, sizeof step->change);
    atomic_store_explicit(&ring->begun, n + 1, memory_order_relaxed);
    /* Whoever sees a new word sees that its entry was begun. */
    for (size_t i = 0; i < STEP_WORDS; i++)
        atomic_store_explicit(&ring->words[n % STEPS_KEPT][i], words[i], memory_order_release);
    atomic_store_explicit(&ring->whole, n + 1, memory_order_release);
}

/*  False: the writer has overwritten it, or is about to.  */
static bool
read_entry(const steps_ring_t *ring, uint64_t n, step_taken_t *step)
{
    uint64_t words[STEP_WORDS];
    for (size_t i = 0; i < STEP_WORDS; i++)
        words[i] = atomic_load_explicit(&ring->words[n % STEPS_KEPT][i], memory_order_acquire);
    memcpy(step->change, words, sizeof step->change);
    step->now_ns = words[2];
    step->detail = words[3];
    step->step = (step_name_t) words[4];
    return atomic_load_explicit(&ring->begun, memory_order_relaxed) <= n + STEPS_KEPT;
}

size_t
meters_steps(const meters_t *self, const uint8_t change[16], step_taken_t *out, size_t room)
{
    const steps_ring_t *ring = atomic_load_explicit(&self->steps, memory_order_acquire);
    if (ring == NULL)
        return 0;
    uint64_t end = atomic_load_explicit(&ring->whole, memory_order_acquire);
    size_t found = 0;
    for (uint64_t n = end > STEPS_KEPT ? end - STEPS_KEPT : 0; n < end && found < room; n++)
        found += read_entry(ring, n, &out[found])
                 && memcmp(out[found].change, change, sizeof out->change) == 0;
    return found;
}
