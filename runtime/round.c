/*  Rounds: messages are handled one by one, and done together when settle() has returned.  */

#include "runtime/cell_private.h"
#include "runtime/raw.h"

#include <stdlib.h>
#include <string.h>

static void
release(letter_t *letter)
{
    letter->release(letter);
}

/*  Opens a letter: known type, same schema, a body that fits. On an error the refusal says
    why.  */
static err_t
open_letter(cell_t *self, const letter_t *letter, message_id_t id, void **body)
{
    const envelope_t *envelope = &letter->envelope;
    if (id == MSG_COUNT)
        return fault_set(&self->refusal, ERR_UNKNOWN, "%s: there is no such message",
                         envelope->type);
    if (envelope->hash != 0 && envelope->hash != schema_hash(id))
        return fault_set(&self->refusal, ERR_MALFORMED,
                         "%s: sender and receiver were built from different declarations",
                         envelope->type);
    if (self->class->handlers == NULL || self->class->handlers[id] == NULL)
        return fault_set(&self->refusal, ERR_UNKNOWN, "%s does not take %s", self->class->name,
                         envelope->type);
    *body = arena_new(&self->arena, schema_of(id)->size);
    return message_unpack(id, letter->payload, &self->arena, *body, &self->refusal);
}

/*  Is it for a plug-in? Its sender and whoever let it in have looked at the payload.  */
static err_t
open_raw(cell_t *self, const letter_t *letter)
{
    const envelope_t *envelope = &letter->envelope;
    bool asked = envelope->kind == ENVELOPE_REP || envelope->kind == ENVELOPE_EVT;
    if (asked || class_takes(self->class, envelope->type))
        return OK;
    return fault_set(&self->refusal, ERR_UNKNOWN, "%s does not take %s", self->class->name,
                     envelope->type);
}

/*  An answer to something that a person asked through this actor.  */
static bool
is_for_on_answer(const cell_t *self, const letter_t *letter, message_id_t id)
{
    return self->class->on_answer && letter->envelope.kind == ENVELOPE_REP
           && (id == MSG_COUNT || self->class->handlers[id] == NULL);
}

static err_t
open_any(cell_t *self, const letter_t *letter, message_id_t *id, void **body)
{
    *id = message_named(letter->envelope.type);
    if (is_for_on_answer(self, letter, *id))
        return OK;
    return self->class->raw ? open_raw(self, letter) : open_letter(self, letter, *id, body);
}

static err_t
call_handler(cell_t *self, const letter_t *letter, message_id_t id, const void *body)
{
    const raw_actor_t *raw = self->class->raw;
    if (is_for_on_answer(self, letter, id))
        return self->class->on_answer(self->instance, &self->ctx, letter->payload);
    return raw ? raw->on_letter(self->instance, &self->ctx, letter->payload)
               : self->class->handlers[id](self->instance, &self->ctx, body);
}

/*  A look at the clock is a tenth of a message: only the first of a round and some others are
    timed. On a tape such looks would be inputs.  */
enum { TIMED_EACH = 32, NS_PER_US = 1000 };

static err_t
time_handler(cell_t *self, const letter_t *letter, message_id_t id, const void *body)
{
    if (self->untimed++ % TIMED_EACH != 0 || self->taping || self->replayed)
        return call_handler(self, letter, id, body);
    uint64_t begin = cell_now_ns(self), sent = letter->envelope.sent_ns;
    err_t err = call_handler(self, letter, id, body);
    meters_time(&self->meters, id, begin > sent ? (begin - sent) / NS_PER_US : 0,
                (cell_now_ns(self) - begin) / NS_PER_US);
    return err;
}

static err_t
run_handler(cell_t *self, const letter_t *letter)
{
    if (taping_takes(letter->envelope.type))
        return taping_order(self, letter);
    message_id_t id = MSG_COUNT;
    void *body = NULL;
    self->refusal = (fault_t){0};
    err_t err = open_any(self, letter, &id, &body);
    if (err != OK)
        return err;
    self->current = letter;
    self->answered = false;
    self->active = true;
    meters_take(&self->meters, id, letter->payload.size);
    cell_begin(self, id == MSG_COUNT ? raw_name(self->class, letter->envelope.type)
                                     : schema_of(id)->name);
    err = time_handler(self, letter, id, body);
    cell_begin(self, NULL);
    self->current = NULL;
    return err;
}

static const char *
refusal_text(const cell_t *self, err_t err)
{
    return self->refusal.text[0] ? self->refusal.text : err_text(err);
}

/*  A message that nobody will handle: its sender is told if it waits for an answer.  */
static void
bury(cell_t *self, letter_t *letter, err_t err)
{
    const envelope_t *envelope = &letter->envelope;
    letter->finished = true;
    if (envelope->kind == ENVELOPE_REQ)
        cell_send_error(self, envelope->from, envelope->id, err, refusal_text(self, err));
    else
        self->host.transport.dead(self, envelope, letter->payload, err);
}

static bool
is_expired(const cell_t *self, const envelope_t *envelope)
{
    const transport_t *transport = &self->host.transport;
    return envelope->deadline_ns != 0
           && transport->now_ns(transport->self) > envelope->deadline_ns;
}

static void
handle(cell_t *self, letter_t *letter)
{
    const envelope_t *envelope = &letter->envelope;
    if (is_expired(self, envelope)) {
        self->host.transport.dead(self, envelope, letter->payload, ERR_EXPIRED);
        letter->finished = true;
        return;
    }
    cell_offer(self, TAP_recv, &letter->envelope, letter->payload, OK);
    err_t err = run_handler(self, letter);
    if (err == ERR_FAILED) {
        round_blame(self, letter);
        cell_judge(self, err, envelope->type);
        return;
    }
    if (err == OK && envelope->kind == ENVELOPE_REQ && !self->answered)
        err = ERR_UNANSWERED;
    if (err != OK)
        bury(self, letter, err);
}

void
round_handle_pending(cell_t *self)
{
    while (*self->unhandled && cell_lives(self)) {
        letter_t *letter = *self->unhandled;
        if (!letter->finished)
            handle(self, letter);
        if (!cell_lives(self))
            return;
        self->n_handled++;
        self->unhandled = &letter->next;
    }
}

void
round_forget_handling(cell_t *self)
{
    for (letter_t *letter = self->round; letter; letter = letter->next)
        letter->envelope.flags |= FLAG_REDELIVERED;
    self->n_handled = 0;
    self->unhandled = &self->round;
}

/*  ---------------------------------------------------------------------- answers  */

void
round_tell_failure(cell_t *self, const request_t *request, err_t err, const char *text)
{
    failure_t failure = {err, text, request->message, request->token};
    self->active = true;
    if (self->class->on_error == NULL) {
        ctx_log(&self->ctx, LOG_warning, "%s came to nothing: %s",
                request->message == MSG_COUNT ? "a request" : schema_of(request->message)->name,
                text);
        return;
    }
    self->token = request->token;
    cell_begin(self, "on_error");
    cell_judge(self, self->class->on_error(self->instance, &self->ctx, &failure), "on_error");
}

static void
take_error(cell_t *self, const letter_t *letter, const request_t *request)
{
    problem_t body = {0};
    fault_t fault;
    err_t err = message_unpack(MSG_problem, letter->payload, &self->arena, &body, &fault);
    if (err != OK) {
        round_tell_failure(self, request, err, fault.text);
        return;
    }
    err_t named = err_named(body.code);
    round_tell_failure(self, request, named == ERR_COUNT ? ERR_REFUSED : named, body.message);
}

void
round_answer(cell_t *self, letter_t *letter)
{
    request_t request;
    letter->next = self->answers;
    self->answers = letter;
    if (!cell_lives(self) || !requests_take(&self->requests, letter->envelope.corr, &request)) {
        /* Too late: whoever asked was told, or is gone. */
        self->host.transport.dead(self, &letter->envelope, letter->payload, ERR_EXPIRED);
        return;
    }
    counter_add(&self->answers_taken, 1);
    cell_offer(self, TAP_recv, &letter->envelope, letter->payload, OK);
    if (letter->envelope.kind == ENVELOPE_ERR) {
        take_error(self, letter, &request);
        return;
    }
    self->token = request.token;
    err_t err = run_handler(self, letter);
    cell_judge(self, err, letter->envelope.type);
}

/*  --------------------------------------------------------------------- settling  */

static void
finish(cell_t *self, letter_t *letter)
{
    cell_offer(self, TAP_done, &letter->envelope, letter->payload, OK);
    port_done(self->port, &letter->envelope);
    release(letter);
}

static void
forget_answers(cell_t *self)
{
    while (self->answers) {
        letter_t *letter = self->answers;
        self->answers = letter->next;
        release(letter);
    }
}

/*  Only letters that the present instance has handled are done: a failed one's are not.  */
static void
finish_handled(cell_t *self)
{
    for (; self->n_handled > 0; self->n_handled--, self->n_round--) {
        letter_t *letter = self->round;
        self->round = letter->next;
        finish(self, letter);
    }
    if (self->round == NULL)
        self->round_last = &self->round;
    self->unhandled = &self->round;
}

void
round_settle(cell_t *self)
{
    self->untimed = 0;
    if (!cell_lives(self)) {
        forget_answers(self);
        return;
    }
    if (self->active && self->class->settle) {
        self->refusal = (fault_t){0};
        cell_begin(self, "settle");
        err_t err = self->class->settle(self->instance, &self->ctx);
        cell_begin(self, NULL);
        if (err != OK) /* whatever it is: what was asked for is not durable */
            cell_fail(self, refusal_text(self, err));
    }
    self->active = false;
    if (cell_lives(self))
        finish_handled(self);
    forget_answers(self);
    arena_clear(&self->arena);
}

/*  --------------------------------------------------------------------- failures  */

static void
blame(cell_t *self, letter_t *letter)
{
    envelope_t *envelope = &letter->envelope;
    if (envelope->attempt < UINT8_MAX)
        envelope->attempt++;
    if (envelope->attempt >= self->limits.attempts && !letter->finished)
        bury(self, letter, ERR_POISON);
}

void
round_blame(cell_t *self, const letter_t *culprit)
{
    for (letter_t *letter = self->round; letter; letter = letter->next)
        if (culprit == NULL || letter == culprit)
            blame(self, letter);
}

void
round_bury_all(cell_t *self, err_t why)
{
    self->refusal = (fault_t){0};
    for (letter_t *letter = self->round; letter; letter = letter->next)
        if (!letter->finished)
            bury(self, letter, why);
}

void
round_release_all(cell_t *self)
{
    while (self->round) {
        letter_t *letter = self->round;
        self->round = letter->next;
        release(letter);
    }
    self->round_last = &self->round;
    self->n_round = 0;
    round_forget_handling(self);
    forget_answers(self);
    arena_clear(&self->arena);
}
