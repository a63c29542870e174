/*  The network as an actor sees it: its calls go to the driver, the driver's come back as
    callbacks, and connections of a failed instance are nobody's any more.  */

#include "runtime/cell_private.h"

#include <string.h>

static size_t
find(const conns_t *conns, conn_t conn)
{
    size_t i = 0;
    while (i < conns->n && conns->items[i] != conn)
        i++;
    return i;
}

static bool
is_ours(const cell_t *self, conn_t conn)
{
    return cell_lives(self) && find(&self->conns, conn) < self->conns.n;
}

static void
add(conns_t *conns, conn_t conn)
{
    if (conns->n == conns->room) {
        conns->room = conns->room ? conns->room * 2 : 16;
        conns->items = mem_grow(conns->items, conns->room * sizeof *conns->items);
    }
    conns->items[conns->n++] = conn;
}

/*  ------------------------------------------------------------- from the driver  */

static void
take_upgrade(cell_t *self, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    *answer = (net_answer_t){.status = 503};
    if (self->state != CELL_RUNNING)
        return;
    self->active = true;
    cell_begin(self, "on_upgrade");
    err_t err = self->class->net->on_upgrade(self->instance, &self->ctx, upgrade, answer);
    if (err == ERR_FAILED)
        *answer = (net_answer_t){.status = 503}; /* its token was the failed instance's */
    cell_judge(self, err, "on_upgrade");
}

static void
take_open(cell_t *self, conn_t conn, uint64_t token)
{
    if (!cell_lives(self)) {
        self->driver->hang_up(self->net, conn, 1013, "not now");
        return;
    }
    if (!is_ours(self, conn))
        add(&self->conns, conn);
    self->active = true;
    cell_begin(self, "on_open");
    cell_judge(self, self->class->net->on_open(self->instance, &self->ctx, conn, token),
               "on_open");
}

static void
take_frame(cell_t *self, conn_t conn, bytes_t frame, bool binary)
{
    if (!is_ours(self, conn))
        return;
    self->active = true;
    cell_begin(self, "on_frame");
    cell_judge(self,
               self->class->net->on_frame(self->instance, &self->ctx, conn, frame, binary),
               "on_frame");
}

static void
take_drained(cell_t *self, conn_t conn)
{
    if (!is_ours(self, conn) || self->class->net->on_drained == NULL)
        return;
    self->active = true;
    cell_begin(self, "on_drained");
    cell_judge(self, self->class->net->on_drained(self->instance, &self->ctx, conn),
               "on_drained");
}

static void
take_close(cell_t *self, conn_t conn, int status, const char *reason)
{
    if (!is_ours(self, conn))
        return;
    self->conns.items[find(&self->conns, conn)] = self->conns.items[self->conns.n - 1];
    self->conns.n--;
    self->active = true;
    cell_begin(self, "on_close");
    cell_judge(self,
               self->class->net->on_close(self->instance, &self->ctx, conn, status, reason),
               "on_close");
}

static void
on_upgrade(void *cell, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    cell_t *self = cell;
    if (self->taping)
        taping_upgrade(self->taping, upgrade);
    take_upgrade(self, upgrade, answer);
    if (self->taping)
        taping_answer(self->taping, upgrade->conn, answer);
    TAPED_DONE(self);
}

static void
on_open(void *cell, conn_t conn, uint64_t token)
{
    cell_t *self = cell;
    TAPED(self, TAPE_open, {conn, token});
    take_open(self, conn, token);
    TAPED_DONE(self);
}

static void
on_frame(void *cell, conn_t conn, bytes_t frame, bool binary)
{
    cell_t *self = cell;
    TAPED(self, TAPE_frame, {conn, binary}, {frame});
    take_frame(self, conn, frame, binary);
    TAPED_DONE(self);
}

static void
on_drained(void *cell, conn_t conn)
{
    cell_t *self = cell;
    TAPED(self, TAPE_drained, {conn});
    take_drained(self, conn);
    TAPED_DONE(self);
}

static void
on_close(void *cell, conn_t conn, int status, const char *reason)
{
    cell_t *self = cell;
    TAPED(self, TAPE_closed, {conn, (uint64_t) status}, {tape_text(reason)});
    take_close(self, conn, status, reason);
    TAPED_DONE(self);
}

net_sink_t
cell_sink(cell_t *self)
{
    return (net_sink_t){self, on_upgrade, on_open, on_frame, on_drained, on_close};
}

void
cell_use_net(cell_t *self, const net_driver_t *driver, net_t *net)
{
    self->driver = driver;
    self->net = net;
}

/*  -------------------------------------------------------------- from the actor  */

/*  A restarted instance finds its listener still open.  */
err_t
net_listen_as(ctx_t *ctx, const net_listen_t *request, const net_limits_t *limits, int *port,
              fault_t *fault)
{
    cell_t *self = ctx->cell;
    if (self->driver == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: this process has no network",
                         request->address);
    err_t err = OK;
    net_listen_t signed_request = *request;
    signed_request.actor = self->class->name;
    if (self->listening == 0)
        err = self->driver->listen(self->net, &signed_request, limits, &self->listening, fault);
    if (err == OK && port)
        *port = self->listening;
    return err;
}

err_t
net_listen(ctx_t *ctx, const char *address, const net_limits_t *limits, int *port,
           fault_t *fault)
{
    const net_listen_t request = {.address = address};
    return net_listen_as(ctx, &request, limits, port, fault);
}

void
net_reply(ctx_t *ctx, conn_t conn, const net_answer_t *answer)
{
    cell_t *self = ctx->cell;
    if (!self->muted && self->driver)
        self->driver->reply(self->net, conn, answer);
}

conn_t
net_dial_as(ctx_t *ctx, const net_dial_t *request, const net_limits_t *limits, fault_t *fault)
{
    cell_t *self = ctx->cell;
    if (self->driver == NULL) {
        fault_set(fault, ERR_CONFIG, "%s: this process has no network", request->url);
        return 0;
    }
    if (self->muted)
        return 0;
    conn_t conn = self->driver->dial(self->net, request, limits, fault);
    if (conn != 0)
        add(&self->conns, conn);
    return conn;
}

conn_t
net_dial(ctx_t *ctx, const char *url, const char *protocol, const net_limits_t *limits,
         fault_t *fault)
{
    const net_dial_t request = {.url = url, .protocol = protocol};
    return net_dial_as(ctx, &request, limits, fault);
}

void
net_send(ctx_t *ctx, conn_t conn, bytes_t frame, bool binary)
{
    cell_t *self = ctx->cell;
    if (!self->muted && is_ours(self, conn))
        self->driver->send(self->net, conn, frame, binary);
}

size_t
net_queued(ctx_t *ctx, conn_t conn)
{
    cell_t *self = ctx->cell;
    return is_ours(self, conn) ? self->driver->queued(self->net, conn) : 0;
}

void
net_pause(ctx_t *ctx, conn_t conn, bool pause)
{
    cell_t *self = ctx->cell;
    if (is_ours(self, conn))
        self->driver->pause(self->net, conn, pause);
}

void
net_close(ctx_t *ctx, conn_t conn, int code, const char *reason)
{
    cell_t *self = ctx->cell;
    if (is_ours(self, conn))
        self->driver->hang_up(self->net, conn, code, reason);
}
