/*  Taking in what has come, and noticing what has not.  */

#include "client/events.h"
#include "client/intake.h"
#include "client/reading.h"
#include "client/writing.h"

static bool
tick_is_due(waybill_t *self)
{
    const uint64_t now_ns = handle_now_ns();
    if (now_ns - self->ticked_ns < (uint64_t) TICK_MS * 1000000u)
        return false;
    self->ticked_ns = now_ns;
    return true;
}

static void
go_offline(waybill_t *self)
{
    self->connected = false;
    events_tell(self, (waybill_event_t){.kind = WAYBILL_DISCONNECTED});
}

/*  Events may have passed by, and answers, too.  */
static void
come_back(waybill_t *self)
{
    if (self->connected)
        go_offline(self);
    self->joins = ipc_client_joins(self->client);
    self->connected = true;
    writing_ask_again(self);
    reading_note_all(self);
    events_tell(self, (waybill_event_t){.kind = WAYBILL_CONNECTED});
}

static void
look_at_connection(waybill_t *self)
{
    if (ipc_client_joined(self->client) && ipc_client_joins(self->client) != self->joins)
        come_back(self);
    else if (self->connected && !ipc_client_joined(self->client))
        go_offline(self);
}

static void
deliver(waybill_t *self)
{
    ipc_heard_t heard;
    while (intake_next(self, &heard))
        events_on_heard(self, &heard);
    if (intake_overflowed(self))
        events_tell_missed(self);
}

static waybill_code_t
bring_up_to_date(waybill_t *self)
{
    fault_t fault = {0};
    look_at_connection(self);
    if (tick_is_due(self)) {
        writing_ask_unasked(self);
        reading_tick(self);
    }
    fault.err = reading_refresh(self, &fault);
    const waybill_code_t code = handle_say(self, &fault);
    if (code == WAYBILL_OK && !self->connected)
        return handle_refuse(self, WAYBILL_OFFLINE, "the agent does not answer");
    return code;
}

static waybill_code_t
run(waybill_t *self, uint64_t until_ns)
{
    if (self->dispatching)
        return handle_refuse(self, WAYBILL_USAGE, "this is a callback: it cannot dispatch");
    self->dispatching = true;
    intake_collect(self, handle_left_ms(until_ns));
    deliver(self);
    const waybill_code_t code = bring_up_to_date(self);
    self->dispatching = false;
    events_sweep(self);
    reading_sweep(self);
    return code;
}

int
waybill_fd(waybill_t *self)
{
    return ipc_client_fd(self->client);
}

waybill_code_t
waybill_dispatch(waybill_t *self)
{
    return run(self, 0);
}

waybill_code_t
waybill_wait(waybill_t *self, int timeout_ms)
{
    const uint64_t until_ns = handle_until(timeout_ms);
    const uint64_t before = self->n_delivered;
    for (;;) {
        const uint64_t tick_ns = handle_until(TICK_MS);
        const waybill_code_t code = run(self, until_ns < tick_ns ? until_ns : tick_ns);
        if (self->n_delivered != before)
            return WAYBILL_OK;
        if (code != WAYBILL_OK && code != WAYBILL_OFFLINE)
            return code;
        if (handle_left_ms(until_ns) == 0)
            return handle_refuse(self, WAYBILL_TIMEOUT, "nothing has happened in time");
    }
}
