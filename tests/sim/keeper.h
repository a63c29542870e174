/*  keeper - an actor that stands for one with a database, and source, which sends to it.

    What keeper did counts once settle() has put it on the disk, which outlives instances.  */

#pragma once

#include "bus/port.h"
#include "runtime/actor.h"

enum { PARCELS = 2 * PORT_WINDOW, BURST = PORT_WINDOW + 100, POISON = 13 };

/*  What outlives the instances.  */
static struct {
    uint64_t effects[PARCELS + 1]; /* by number: how often it took effect */
    uint64_t kept;                 /* parcels with an effect */
    uint64_t last;                 /* newest number that took effect */
    uint64_t backward;             /* effects out of order */
    uint64_t sent;
    uint64_t doubled; /* handled although on disk: refused by the dedup */
    uint64_t hints, hint_value, other_hints;
    uint64_t answers, timeouts;
    uint64_t events;
    uint64_t drains, unsettled_stops;
    bool fail_on_poison;
} disk;

/*  ----------------------------------------------------------------------------- keeper  */

typedef struct keeper {
    uint64_t numbers[256];
    size_t n;
    ticket_t tickets[256];
    uint64_t pings[256];
    size_t n_pings;
} keeper_t;

static err_t
keeper_on_parcel(void *state, ctx_t *ctx, const void *body)
{
    keeper_t *self = state;
    const parcel_t *parcel = body;
    if (disk.fail_on_poison && parcel->number == POISON)
        return ctx_fail(ctx, "choked");
    if (self->n == COUNT_OF(self->numbers))
        return ctx_fail(ctx, "a round larger than the limit");
    self->numbers[self->n++] = parcel->number;
    return OK;
}

static err_t
keeper_on_ping(void *state, ctx_t *ctx, const void *body)
{
    keeper_t *self = state;
    self->pings[self->n_pings] = ((const ping_t *) body)->number;
    self->tickets[self->n_pings++] = ctx_ticket(ctx);
    return OK;
}

static err_t
keeper_on_wal_grown(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const char *key = ctx_envelope(ctx)->key;
    if (key) {
        disk.other_hints++;
        return OK;
    }
    disk.hints++;
    disk.hint_value = ((const wal_grown_t *) body)->pages;
    return OK;
}

static void
take_effect(uint64_t number)
{
    if (disk.effects[number] > 0) {
        disk.doubled++;
        return;
    }
    disk.effects[number]++;
    disk.kept++;
    disk.backward += number < disk.last;
    disk.last = number;
}

static err_t
keeper_settle(void *state, ctx_t *ctx)
{
    keeper_t *self = state;
    for (size_t i = 0; i < self->n; i++)
        take_effect(self->numbers[i]);
    for (size_t i = 0; i < self->n_pings; i++)
        ANSWER(ctx, &self->tickets[i], pong, .number = self->pings[i]);
    self->n = self->n_pings = 0;
    return OK;
}

static err_t
keeper_drain(void *state, ctx_t *ctx)
{
    (void) state;
    (void) ctx;
    disk.drains++;
    return OK;
}

static void
keeper_stop(void *state, ctx_t *ctx)
{
    (void) ctx;
    disk.unsettled_stops += ((const keeper_t *) state)->n;
}

static handler_fn *const keeper_handlers[MSG_COUNT] = {
    [MSG_parcel] = keeper_on_parcel,
    [MSG_ping] = keeper_on_ping,
    [MSG_wal_grown] = keeper_on_wal_grown,
};

static const actor_class_t keeper = {
    .name = "keeper",
    .state_size = sizeof(keeper_t),
    .handlers = keeper_handlers,
    .settle = keeper_settle,
    .drain = keeper_drain,
    .stop = keeper_stop,
};

/*  ----------------------------------------------------------------------------- source  */

/*  Sends in bursts larger than the window, and again from what is not sent for certain.  */
static err_t
source_on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    for (int i = 0; i < BURST && disk.sent < PARCELS; i++) {
        disk.sent++;
        SEND(ctx, "keeper", parcel, .number = disk.sent);
    }
    if (disk.sent < PARCELS)
        ctx_after(ctx, timer, 5);
    return OK;
}

static err_t
source_start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 1);
    return OK;
}

static const edge_t source_sends[] = {{"keeper", MSG_parcel}, {"keeper", MSG_ping}, {0}};

static const actor_class_t source = {
    .name = "source",
    .state_size = 1,
    .sends = source_sends,
    .start = source_start,
    .on_timer = source_on_timer,
};
