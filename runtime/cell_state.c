/*  What a new cell needs to go on where this one is, when its actor has not started yet.  */

#include "runtime/cell_private.h"

enum { STATE_VALUES = 3, LIMITS = 6, COUNTS = 6 };

static void
pack_limits(const cell_limits_t *limits, buffer_t *out)
{
    pack_list(out, LIMITS);
    pack_uint(out, limits->restarts);
    pack_uint(out, limits->period_ms);
    pack_uint(out, limits->attempts);
    pack_uint(out, limits->round);
    pack_uint(out, limits->log_level);
    pack_uint(out, limits->log_steps);
}

void
cell_pack_state(const cell_t *self, buffer_t *out)
{
    pack_list(out, STATE_VALUES);
    pack_limits(&self->limits, out);
    pack_list(out, COUNTS + RESTARTS_KEPT + ERR_COUNT);
    pack_uint(out, self->last_uuid_ms);
    pack_uint(out, self->uuid_count);
    pack_uint(out, counter_get(&self->restarts));
    pack_uint(out, (uint64_t) self->listening);
    pack_uint(out, self->tap_wanted);
    pack_uint(out, self->lines_lost);
    for (size_t i = 0; i < RESTARTS_KEPT; i++)
        pack_uint(out, self->failures_ms[i]);
    for (size_t i = 0; i < ERR_COUNT; i++)
        pack_uint(out, counter_get(&self->dead[i]));
    port_pack_state(self->port, out);
}

static bool
take_numbers(cursor_t *in, uint64_t *numbers, size_t n)
{
    bool good = cursor_take_list(in, n);
    for (size_t i = 0; good && i < n; i++)
        good = cursor_take_number(in, &numbers[i]);
    return good;
}

static bool
take_limits(cell_t *self, cursor_t *in)
{
    uint64_t limits[LIMITS];
    if (!take_numbers(in, limits, LIMITS) || limits[0] >= RESTARTS_KEPT || limits[3] == 0
        || limits[4] > LOG_debug)
        return false;
    self->limits = (cell_limits_t){
        .restarts = (uint32_t) limits[0],
        .period_ms = (uint32_t) limits[1],
        .attempts = (uint32_t) limits[2],
        .round = (uint32_t) limits[3],
        .log_level = (log_level_t) limits[4],
        .log_steps = limits[5] != 0,
    };
    return true;
}

static bool
take_counts(cell_t *self, cursor_t *in)
{
    uint64_t counts[COUNTS + RESTARTS_KEPT + ERR_COUNT];
    if (!take_numbers(in, counts, COUNT_OF(counts)) || counts[3] > UINT16_MAX
        || counts[4] > TAP_PAYLOADS)
        return false;
    self->last_uuid_ms = counts[0];
    self->uuid_count = counts[1];
    counter_set(&self->restarts, counts[2]);
    self->listening = (int) counts[3];
    cell_tap(self, (tap_want_t) counts[4]);
    self->lines_lost = counts[5];
    for (size_t i = 0; i < RESTARTS_KEPT; i++)
        self->failures_ms[i] = counts[COUNTS + i];
    for (size_t i = 0; i < ERR_COUNT; i++)
        counter_set(&self->dead[i], counts[COUNTS + RESTARTS_KEPT + i]);
    return true;
}

bool
cell_take_state(cell_t *self, bytes_t state)
{
    cursor_t in = cursor_of(state);
    return cursor_take_list(&in, STATE_VALUES) && take_limits(self, &in)
           && take_counts(self, &in) && port_take_state(self->port, &in)
           && cursor_left(&in) == 0;
}
