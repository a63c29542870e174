#include "runtime/raw.h"
#include "runtime/taping_private.h"

#include "schemas/codec.h"

#include <stdlib.h>
#include <string.h>

/*  ------------------------------------------------------------------------- orders  */

/*  What was asked and waits for the end of the turn.  */
struct tape_order {
    ticket_t ticket;
    char *file; /* NULL: end the recording */
};

bool
taping_takes(const char *type)
{
    return strncmp(type, "recording_st", strlen("recording_st")) == 0
           && (strcmp(type, "recording_start") == 0 || strcmp(type, "recording_stop") == 0);
}

static err_t
note_order(cell_t *self, const char *file)
{
    if (self->tape_order)
        return ctx_refuse(&self->ctx, ERR_BUSY, "%s: a recording is just being begun or ended",
                          self->class->name);
    ticket_t ticket = ctx_ticket(&self->ctx);
    if (self->replayed)
        return OK; /* whatever it came to is no part of the tape */
    self->tape_order = mem_new(sizeof *self->tape_order);
    self->tape_order->ticket = ticket;
    self->tape_order->file = file ? mem_text(file) : NULL;
    return OK;
}

static err_t
order(cell_t *self, message_id_t id, const void *body)
{
    bool taped = self->taping || self->replayed;
    if (id == MSG_recording_start && taped)
        return ctx_refuse(&self->ctx, ERR_EXISTS, "%s is being recorded already",
                          self->class->name);
    if (id == MSG_recording_stop && !taped)
        return ctx_refuse(&self->ctx, ERR_NOT_FOUND, "%s is not being recorded",
                          self->class->name);
    return note_order(self, id == MSG_recording_start ? ((const recording_start_t *) body)->file
                                                      : NULL);
}

err_t
taping_order(cell_t *self, const letter_t *letter)
{
    message_id_t id = message_named(letter->envelope.type);
    void *body = arena_new(&self->arena, schema_of(id)->size);
    self->refusal = (fault_t){0};
    err_t err = message_unpack(id, letter->payload, &self->arena, body, &self->refusal);
    if (err != OK)
        return err;
    self->current = letter;
    self->answered = false;
    err = order(self, id, body);
    self->current = NULL;
    return err;
}

/*  --------------------------------------------------------------------- begin, end  */

static err_t
make_tape(cell_t *self, const char *file, tape_t **tape, fault_t *fault)
{
    buffer_t state = {0};
    const char *settings = self->host.settings_text;
    cell_pack_state(self, &state);
    const tape_head_t head = {
        .actor = self->class->name,
        .program = WAYBILL_VERSION,
        .schemas = tape_schemas(),
        .settings = settings ? settings : "",
        .state = buffer_bytes(&state),
    };
    err_t err = tape_new(file, &head, tape, fault);
    buffer_release(&state);
    return err;
}

/*  The old instance goes before the state is taken down; a file that cannot be made costs a
    start, no more.  */
static err_t
begin(cell_t *self, const char *file, fault_t *fault)
{
    tape_t *tape = NULL;
    cell_forget_instance(self);
    raw_break_promises(self->class, &self->ctx, ERR_FAILED);
    self->state = CELL_STARTING; /* as it is in a replay */
    err_t err = make_tape(self, file, &tape, fault);
    if (err != OK) {
        cell_restart(self);
        return err;
    }
    taping_t *taping = mem_new(sizeof *taping);
    taping->cell = self;
    taping->tape = tape;
    self->taping = taping;
    taping_step_in(taping);
    taping_input(taping, &(tape_event_t){.kind = TAPE_start});
    cell_restart(self);
    taping_done(taping);
    return OK;
}

static err_t
end(cell_t *self, uint64_t *events, fault_t *fault)
{
    taping_t *taping = self->taping;
    self->taping = NULL;
    taping_step_out(taping);
    err_t err = tape_end(&taping->tape, events, fault);
    buffer_release(&taping->scratch);
    free(taping);
    return err;
}

static void
forget_order(cell_t *self)
{
    if (self->tape_order)
        free(self->tape_order->file);
    free(self->tape_order);
    self->tape_order = NULL;
}

static void
fulfil(cell_t *self, const ticket_t *ticket, const char *file)
{
    fault_t fault = {0};
    uint64_t events = 0;
    err_t err = file ? begin(self, file, &fault) : end(self, &events, &fault);
    if (err != OK)
        ctx_answer_error(&self->ctx, ticket, err, fault.text);
    else if (file)
        ANSWER(&self->ctx, ticket, recording_started);
    else
        ANSWER(&self->ctx, ticket, recording_stopped, .events = events);
}

/*  An instance begins with nothing in its hands, and nothing on its way to others.  */
static bool
is_at_rest(const cell_t *self)
{
    return self->state == CELL_RUNNING && self->n_round == 0
           && port_stats(self->port).queued == 0;
}

static void
end_full(cell_t *self)
{
    fault_t fault = {0};
    uint64_t events = 0;
    err_t err = end(self, &events, &fault);
    ctx_log(&self->ctx, LOG_warning, "the recording ended after event %llu: %s",
            (unsigned long long) events, err == OK ? "no more fits in its file" : fault.text);
}

void
taping_obey(cell_t *self)
{
    struct tape_order *order = self->tape_order;
    if (self->taping && order == NULL && tape_is_full(self->taping->tape))
        end_full(self);
    if (order == NULL || (order->file && !is_at_rest(self)))
        return;
    if (order->file || self->taping)
        fulfil(self, &order->ticket, order->file);
    forget_order(self);
}

void
taping_stop(cell_t *self)
{
    fault_t fault = {0};
    forget_order(self);
    if (self->taping && end(self, NULL, &fault) != OK)
        ctx_log(&self->ctx, LOG_warning, "%s", fault.text);
}
