#include "runtime/cell_private.h"
#include "runtime/raw.h"
#include "runtime/system_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 30000,
    NS_PER_MS = 1000000,
};

static const char *const state_names[] = {
    [CELL_STARTING] = "starting", [CELL_RUNNING] = "ready",   [CELL_BACKOFF] = "backoff",
    [CELL_DRAINING] = "draining", [CELL_DRAINED] = "drained", [CELL_STOPPED] = "stopped",
    [CELL_GIVEN_UP] = "failed",
};

const char *
cell_state_name(cell_state_t state)
{
    return state_names[state];
}

/*  ---------------------------------------------------------------------- watched  */

void
cell_tap(cell_t *self, tap_want_t want)
{
    self->tap_wanted = want;
    self->tapped = self->watching == TAP_NOTHING ? want : TAP_NOTHING;
}

err_t
cell_watch(cell_t *self, tap_want_t want)
{
    if (self->host.watch_tap == NULL)
        return ERR_NOT_FOUND;
    err_t err = self->host.watch_tap(self->host.transport.self, want);
    if (err == OK)
        self->watching = want;
    cell_tap(self, self->tap_wanted);
    return err;
}

/*  ------------------------------------------------------------------------- life  */

/*  A question of ours that waited for credit, and will not be asked.  */
static bool
is_own_request(const cell_t *self, const envelope_t *envelope)
{
    return envelope->kind == ENVELOPE_REQ && envelope->from
           && strcmp(envelope->from, self->class->name) == 0;
}

static void
on_dead(void *cell, const envelope_t *envelope, bytes_t payload, err_t why)
{
    cell_t *self = cell;
    if (is_own_request(self, envelope))
        requests_fail(&self->requests, envelope->id, why);
    counter_add(&self->dead[why], 1);
    uint64_t n = counter_get(&self->dead[why]);
    cell_offer(self, TAP_dead, envelope, payload, why);
    system_bury(self->host.system, envelope, payload, why);
    /* The first of a kind is news, and then each power of two: a flood cannot flood the log. */
    if ((n & (n - 1)) == 0)
        ctx_log(&self->ctx, LOG_warning, "dead letter: %s from %s to %s: %s (%llu so far)",
                envelope->type, envelope->from, envelope->to, err_text(why),
                (unsigned long long) n);
}

/*  The port calls the host's functions with the host's self, and dead with ours.  */
static err_t
put(void *cell, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    const transport_t *transport = &((cell_t *) cell)->host.transport;
    return transport->put(transport->self, to, lane, header, payload);
}

static uint64_t
now_ns(void *cell)
{
    return cell_now_ns(cell);
}

static uint64_t
chance(void *cell)
{
    const transport_t *transport = &((cell_t *) cell)->host.transport;
    return transport->random(transport->self);
}

static int64_t
wall_ms(void *cell)
{
    const transport_t *transport = &((cell_t *) cell)->host.transport;
    return transport->wall_ms(transport->self);
}

cell_t *
cell_new(const actor_class_t *class, const cell_host_t *host, const cell_limits_t *limits,
         const void *settings, uint64_t epoch)
{
    cell_t *self = mem_new(sizeof *self);
    self->ctx.cell = self;
    self->class = class;
    self->host = *host;
    self->host.transport.dead = on_dead;
    self->limits = *limits;
    if (self->limits.round == 0)
        self->limits.round = 128;
    if (self->limits.restarts >= RESTARTS_KEPT)
        self->limits.restarts = RESTARTS_KEPT - 1; /* more are not remembered */
    self->settings = settings;
    self->round_last = self->unhandled = &self->round;
    self->requests.earliest_ms = UINT64_MAX;
    transport_t transport = {self, put, now_ns, chance, wall_ms, on_dead};
    self->port = port_new(class->name, &transport, epoch);
    self->watched = system_join(host->system, self);
    return self;
}

void
cell_forget_instance(cell_t *self)
{
    if (self->instance == NULL)
        return;
    self->muted = true;
    cell_begin(self, "stop");
    if (self->class->stop)
        self->class->stop(self->instance, &self->ctx);
    cell_begin(self, NULL);
    self->muted = false;
    free(self->instance);
    self->instance = NULL;
    timers_release(&self->timers);
    requests_clear(&self->requests);
    while (self->n_fds > 0)
        ctx_unwatch_fd(&self->ctx, self->fds[self->n_fds - 1]);
    if (self->watching != TAP_NOTHING)
        (void) cell_watch(self, TAP_NOTHING); /* it was granted before */
    for (size_t i = 0; i < self->conns.n; i++)
        self->driver->hang_up(self->net, self->conns.items[i], 1011, "restarting");
    self->conns.n = 0;
}

void
cell_destroy(cell_t **self_p)
{
    cell_t *self = *self_p;
    if (self == NULL)
        return;
    taping_stop(self);
    if (self->state != CELL_STOPPED)
        cell_forget_instance(self);
    system_leave(self->host.system, self);
    if (self->host.system == NULL)
        free(self->watched);
    round_release_all(self);
    requests_clear(&self->requests);
    timers_release(&self->timers);
    port_destroy(&self->port);
    buffer_release(&self->scratch);
    arena_release(&self->arena);
    meters_release(&self->meters);
    free(self->conns.items);
    free(self);
    *self_p = NULL;
}

const char *
cell_name(const cell_t *self)
{
    return self->class->name;
}

const actor_class_t *
cell_class(const cell_t *self)
{
    return self->class;
}

cell_state_t
cell_state(const cell_t *self)
{
    return self->state;
}

port_t *
cell_port(cell_t *self)
{
    return self->port;
}

const char *
cell_busy_with(const cell_t *self)
{
    return atomic_load_explicit(&self->watched->busy, memory_order_acquire);
}

uint64_t
cell_restarts(const cell_t *self)
{
    return counter_get(&self->restarts);
}

void
cell_note_tap_lost(cell_t *self, uint64_t records)
{
    counter_set(&self->tap_lost, records);
}

const meters_t *
cell_meters(const cell_t *self)
{
    return &self->meters;
}

uint64_t
cell_dead(const cell_t *self, err_t why)
{
    return counter_get(&self->dead[why]);
}

bool
cell_lives(const cell_t *self)
{
    return self->state == CELL_RUNNING || self->state == CELL_DRAINING
           || self->state == CELL_DRAINED;
}

void
cell_set_state(cell_t *self, cell_state_t state, const char *reason)
{
    self->state = state;
    system_note_state(self->host.system, self, state, reason);
    self->host.state(self->host.transport.self, state, reason);
    PUBLISH(&self->ctx, actor_state, .actor = self->class->name, .state = state_names[state],
            .reason = reason, .restarts = counter_get(&self->restarts));
}

/*  ---------------------------------------------------------------------- failing  */

uint64_t
cell_now_ns(cell_t *self)
{
    const transport_t *transport = &self->host.transport;
    self->clock_ns = transport->now_ns(transport->self);
    return self->clock_ns;
}

uint64_t
cell_now_ms(cell_t *self)
{
    return cell_now_ns(self) / NS_PER_MS;
}

/*  Failures in the last period, this one among them.  */
static size_t
recent_failures(cell_t *self, uint64_t now)
{
    uint64_t failures = counter_get(&self->restarts);
    self->failures_ms[failures % RESTARTS_KEPT] = now;
    counter_add(&self->restarts, 1);
    size_t recent = 0;
    for (uint64_t i = 0; i < RESTARTS_KEPT && i <= failures; i++)
        recent += now - self->failures_ms[i] <= self->limits.period_ms;
    return recent;
}

static uint64_t
backoff_ms(cell_t *self, size_t failures)
{
    uint64_t wait = BACKOFF_FIRST_MS;
    while (--failures > 0 && wait < BACKOFF_LAST_MS)
        wait *= 2;
    wait = wait < BACKOFF_LAST_MS ? wait : BACKOFF_LAST_MS;
    return wait / 2 + chance(self) % (wait / 2 + 1);
}

static void
fall(cell_t *self, const char *why)
{
    ctx_log(&self->ctx, LOG_error, "failed: %s", why);
    cell_forget_instance(self);
    raw_break_promises(self->class, &self->ctx, ERR_FAILED);
    round_forget_handling(self);
    self->active = false;
    size_t failures = recent_failures(self, cell_now_ms(self));
    if (failures > self->limits.restarts) {
        cell_set_state(self, CELL_GIVEN_UP, why);
        return;
    }
    self->restart_at_ms = cell_now_ms(self) + backoff_ms(self, failures);
    cell_set_state(self, CELL_BACKOFF, why);
}

void
cell_fail(cell_t *self, const char *why)
{
    if (!cell_lives(self))
        return;
    round_blame(self, NULL);
    fall(self, why);
}

void
cell_begin(cell_t *self, const char *what)
{
    counter_add(&self->watched->calls, what != NULL);
    atomic_store_explicit(&self->watched->busy, what, memory_order_release);
}

void
cell_judge(cell_t *self, err_t err, const char *what)
{
    cell_begin(self, NULL);
    if (err == OK)
        return;
    const char *text =
        self->refusal.err == err && self->refusal.text[0] ? self->refusal.text : err_text(err);
    if (err == ERR_FAILED)
        fall(self, text);
    else
        ctx_log(&self->ctx, LOG_warning, "%s: %s", what, text);
}

/*  --------------------------------------------------------------------- starting  */

static err_t
start_instance(cell_t *self)
{
    self->instance = mem_new(self->class->state_size ? self->class->state_size : 1);
    self->refusal = (fault_t){0};
    cell_begin(self, "start");
    err_t err = self->class->start ? self->class->start(self->instance, &self->ctx) : OK;
    cell_begin(self, NULL);
    self->active = true;
    return err;
}

err_t
cell_start(cell_t *self, fault_t *fault)
{
    cell_set_state(self, CELL_STARTING, NULL);
    err_t err = start_instance(self);
    if (err == OK) {
        cell_set_state(self, CELL_RUNNING, NULL);
        return OK;
    }
    const char *text = self->refusal.text[0] ? self->refusal.text : err_text(err);
    fault_set(fault, err, "%s", text);
    cell_forget_instance(self);
    cell_set_state(self, CELL_STOPPED, fault ? fault->text : text);
    return err;
}

void
cell_restart(cell_t *self)
{
    err_t err = start_instance(self);
    if (err != OK) {
        char why[sizeof self->refusal.text];
        snprintf(why, sizeof why, "%s",
                 self->refusal.text[0] ? self->refusal.text : "it did not start");
        fall(self, why);
        return;
    }
    cell_set_state(self, CELL_RUNNING, "restarted");
    round_handle_pending(self);
}

/*  ---------------------------------------------------------------------- stopping  */

void
cell_drain(cell_t *self)
{
    TAPED(self, TAPE_drain, .numbers = {0});
    if (self->state == CELL_RUNNING)
        cell_set_state(self, CELL_DRAINING, NULL);
    TAPED_DONE(self);
}

void
cell_stop(cell_t *self)
{
    taping_stop(self);
    cell_forget_instance(self);
    raw_break_promises(self->class, &self->ctx, ERR_STOPPED);
    cell_set_state(self, CELL_STOPPED, NULL);
    round_bury_all(self, ERR_STOPPED);
    port_give_up(self->port, ERR_STOPPED);
}
