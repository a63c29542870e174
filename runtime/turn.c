/*  Turns: what is due by now, and the end of the round.  */

#include "runtime/cell_private.h"

/*  Between looks whether a recording can begin.  */
enum { ORDER_MS = 10 };

static void
fire_timers(cell_t *self, uint64_t now)
{
    uint64_t timer;
    while (cell_lives(self) && !port_parked(self->port)
           && timers_take_due(&self->timers, now, &timer)) {
        self->active = true;
        cell_begin(self, "on_timer");
        cell_judge(self, self->class->on_timer(self->instance, &self->ctx, timer), "on_timer");
    }
}

/*  Those that are there now: an actor that asks again at once must not hold up the rest.  */
static void
expire_requests(cell_t *self, uint64_t now)
{
    request_t request;
    for (size_t n = self->requests.n;
         n > 0 && cell_lives(self) && requests_take_failed(&self->requests, now, &request); n--)
        round_tell_failure(self, &request, request.err, err_text(request.err));
}

static void
drain_on(cell_t *self)
{
    if (!self->drain_called && !port_parked(self->port)) {
        self->drain_called = true;
        self->active = true;
        cell_begin(self, "drain");
        if (self->class->drain)
            cell_judge(self, self->class->drain(self->instance, &self->ctx), "drain");
        cell_begin(self, NULL);
    }
}

static bool
nothing_under_way(const cell_t *self)
{
    return self->drain_called && self->n_round == 0 && self->requests.n == 0
           && self->conns.n == 0 && !port_parked(self->port);
}

static void
turn(cell_t *self, bool idle)
{
    uint64_t now = cell_now_ms(self);
    if (self->state == CELL_BACKOFF && now >= self->restart_at_ms)
        cell_restart(self);
    expire_requests(self, now);
    fire_timers(self, now);
    if (self->state == CELL_DRAINING)
        drain_on(self);
    round_settle(self);
    port_settle(self->port);
    if (self->state == CELL_DRAINING && idle && nothing_under_way(self))
        cell_set_state(self, CELL_DRAINED, NULL);
}

void
cell_turn(cell_t *self, bool idle)
{
    TAPED(self, TAPE_turn, {idle});
    turn(self, idle);
    TAPED_DONE(self);
    if (self->tape_order || self->taping)
        taping_obey(self);
}

int64_t
cell_next_ms(cell_t *self)
{
    if (self->tape_order)
        return ORDER_MS;
    uint64_t next = UINT64_MAX;
    if (self->state == CELL_BACKOFF)
        next = self->restart_at_ms;
    if (cell_lives(self) && !port_parked(self->port))
        next = timers_next(&self->timers);
    if (cell_lives(self) && self->requests.n > 0 && self->requests.earliest_ms < next)
        next = self->requests.earliest_ms;
    if (next == UINT64_MAX)
        return -1;
    uint64_t now = cell_now_ms(self);
    return next <= now ? 0 : (int64_t) (next - now);
}
