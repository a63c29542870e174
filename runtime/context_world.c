/*  The context: what an actor has of the world around the bus, and what it shows of itself.  */

#include "runtime/cell_private.h"

#include <assert.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000 };

/*  ------------------------------------------------------------ clock, chance, files  */

uint64_t
ctx_now_ms(ctx_t *ctx)
{
    const transport_t *transport = &ctx->cell->host.transport;
    return transport->now_ns(transport->self) / NS_PER_MS;
}

int64_t
ctx_wall_ms(ctx_t *ctx)
{
    const transport_t *transport = &ctx->cell->host.transport;
    return transport->wall_ms(transport->self);
}

uint64_t
ctx_random(ctx_t *ctx)
{
    const transport_t *transport = &ctx->cell->host.transport;
    return transport->random(transport->self);
}

/*  Ascending even within a millisecond and when the clock steps back: the time never falls,
    and a counter leads the random part.  */
void
ctx_uuid(ctx_t *ctx, char text[UUID_TEXT])
{
    cell_t *self = ctx->cell;
    uint64_t ms = (uint64_t) ctx_wall_ms(ctx);
    if (ms > self->last_uuid_ms) {
        self->last_uuid_ms = ms;
        self->uuid_count = 0;
    } else if (++self->uuid_count >= 1U << 12) {
        self->last_uuid_ms++;
        self->uuid_count = 0;
    }
    uint8_t uuid[16];
    uuid_v7(uuid, self->last_uuid_ms, self->uuid_count, ctx_random(ctx));
    uuid_text(uuid, text);
}

void
ctx_after(ctx_t *ctx, uint64_t timer, uint64_t ms)
{
    assert(ctx->cell->class->on_timer);
    timers_set(&ctx->cell->timers, timer, ctx_now_ms(ctx) + ms);
}

void
ctx_cancel(ctx_t *ctx, uint64_t timer)
{
    timers_cancel(&ctx->cell->timers, timer);
}

void
ctx_watch(ctx_t *ctx, int fd, int ready)
{
    cell_t *self = ctx->cell;
    ctx_unwatch_fd(ctx, fd);
    assert(self->n_fds < MOST_FDS);
    self->fds[self->n_fds++] = fd;
    self->host.watch_fd(self->host.transport.self, fd, ready);
}

void
ctx_watch_fd(ctx_t *ctx, int fd)
{
    ctx_watch(ctx, fd, FD_READ);
}

void
ctx_unwatch_fd(ctx_t *ctx, int fd)
{
    cell_t *self = ctx->cell;
    for (size_t i = 0; i < self->n_fds; i++)
        if (self->fds[i] == fd) {
            self->fds[i] = self->fds[--self->n_fds];
            self->host.watch_fd(self->host.transport.self, fd, 0);
            return;
        }
}

size_t
ctx_watched(ctx_t *ctx)
{
    return ctx->cell->n_fds;
}

/*  ------------------------------------------------------------------ being watched  */

err_t
ctx_watch_tap(ctx_t *ctx, tap_want_t want)
{
    assert(ctx->cell->class->on_tapped);
    return cell_watch(ctx->cell, want);
}

void
ctx_count(ctx_t *ctx, metric_id_t counter, uint64_t n)
{
    assert(metric_about(counter)->kind == METRIC_COUNTER);
    meters_count(&ctx->cell->meters, counter, n);
}

void
ctx_set(ctx_t *ctx, metric_id_t gauge, uint64_t value)
{
    assert(metric_about(gauge)->kind == METRIC_GAUGE);
    meters_set(&ctx->cell->meters, gauge, value);
}

void
ctx_observe(ctx_t *ctx, metric_id_t times, uint64_t us)
{
    assert(metric_about(times)->kind == METRIC_TIMES);
    meters_observe(&ctx->cell->meters, times, us);
}

void
ctx_step(ctx_t *ctx, step_name_t step, const char *change_id, uint64_t detail)
{
    const transport_t *transport = &ctx->cell->host.transport;
    step_taken_t taken = {
        .now_ns = transport->now_ns(transport->self), .detail = detail, .step = step};
    step_change(change_id, taken.change);
    meters_step(&ctx->cell->meters, &taken);
    if (ctx->cell->limits.log_steps)
        ctx_log_change(ctx, LOG_info, change_id, "step %s %s %llu", step_about(step)->name,
                       change_id, (unsigned long long) detail);
}

uint64_t
ctx_now_us(ctx_t *ctx)
{
    const transport_t *transport = &ctx->cell->host.transport;
    return transport->now_ns(transport->self) / NS_PER_US;
}
