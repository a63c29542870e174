/*  meters - what an actor counts and remembers of its own work, for others to read.

    One block a cell. Only the cell's thread writes; any thread reads at any time. The numbers
    are those of bus/counter.h: the writer never waits.  */

#pragma once

#include "bus/counter.h"
#include "schemas/message.h"
#include "schemas/metrics.h"
#include "schemas/steps.h"

/*  A histogram over powers of two: bucket i counts times below 2^i microseconds and not below
    2^(i-1); the last one all that is longer.  */
enum { TIMES_BUCKETS = 32, STEPS_KEPT = 8192 };

typedef struct times {
    counter_t counts[TIMES_BUCKETS];
    counter_t sum_us;
} times_t;

typedef struct steps_ring steps_ring_t;

/*  Of one type of message.  */
typedef struct type_meter {
    counter_t n, bytes;
    _Atomic(times_t *) waited; /* once used */
} type_meter_t;

typedef struct meters {
    counter_t values[METRIC_COUNT];         /* counters and gauges */
    _Atomic(times_t *) times[METRIC_COUNT]; /* those of kind METRIC_TIMES, once used */
    _Atomic(steps_ring_t *) steps;          /* once used */
    type_meter_t types[MSG_COUNT + 1];      /* handled; the last: those of plug-ins */
    times_t handled, waited;                /* of a sample: in the handler, from send to it */
} meters_t;

/*  Zeroed is ready for use.  */
void meters_release(meters_t *self);

void times_add(times_t *self, uint64_t us);

void meters_count(meters_t *self, metric_id_t metric, uint64_t n);
void meters_set(meters_t *self, metric_id_t metric, uint64_t value);
void meters_observe(meters_t *self, metric_id_t metric, uint64_t us);

/*  MSG_COUNT: a message that is not declared.  */
void meters_take(meters_t *self, message_id_t type, size_t bytes);
void meters_time(meters_t *self, message_id_t type, uint64_t waited_us, uint64_t handled_us);

/*  A step that one change has taken. now_ns is monotonic.  */
typedef struct step_taken {
    uint8_t change[16];
    uint64_t now_ns;
    uint64_t detail;
    step_name_t step;
} step_taken_t;

/*  The bytes of a change id: of a UUID its own; else a hash of the text.  */
void step_change(const char *id, uint8_t change[16]);
void meters_step(meters_t *self, const step_taken_t *step);
/*  The steps of that change that are still kept, oldest first; at most room of them. Gives
    their number.  */
size_t meters_steps(const meters_t *self, const uint8_t change[16], step_taken_t *out,
                    size_t room);
