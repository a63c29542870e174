/*  What comes in: which lane and kind a message is of decides who looks at it.  */

#include "runtime/cell_private.h"
#include "schemas/pack.h"

#include <string.h>

/*  The payload of a control message: one msgpack text.  */
static bool
control_text(const letter_t *letter, char text[NAME_ROOM + 1])
{
    token_t token;
    cursor_t cursor = cursor_of(letter->payload);
    if (!cursor_next(&cursor, &token) || token.kind != TOKEN_TEXT || cursor_left(&cursor) > 0
        || token.bytes.size > NAME_ROOM || memchr(token.bytes.data, '\0', token.bytes.size))
        return false;
    memcpy(text, token.bytes.data, token.bytes.size);
    text[token.bytes.size] = '\0';
    return true;
}

/*  Another actor is about to go, or has gone.  */
static void
take_leave(cell_t *self, const char *verb, const char *name)
{
    if (strcmp(verb, "close") == 0)
        port_close(self->port, name);
    else if (strcmp(verb, "forget") == 0)
        port_forget(self->port, name);
}

static void
take_control(cell_t *self, const letter_t *letter)
{
    const char *verb = letter->envelope.type;
    char text[NAME_ROOM + 1];
    if (strcmp(verb, "tap_on") == 0)
        cell_tap(self, TAP_HEADERS);
    else if (strcmp(verb, "tap_whole") == 0)
        cell_tap(self, TAP_PAYLOADS);
    else if (strcmp(verb, "tap_off") == 0)
        cell_tap(self, TAP_NOTHING);
    else if (strcmp(verb, "subscribe") == 0 && control_text(letter, text))
        port_subscribe(self->port, text, letter->envelope.from);
    else if (strcmp(verb, "unsubscribe") == 0 && control_text(letter, text))
        port_unsubscribe(self->port, text, letter->envelope.from);
    else if (letter->envelope.key)
        take_leave(self, verb, letter->envelope.key);
}

static void
take_credit(cell_t *self, const letter_t *letter)
{
    const char *freed;
    port_on_credit(self->port, &letter->envelope, &freed);
    if (freed && self->class->on_credit && cell_lives(self)) {
        self->active = true;
        cell_begin(self, "on_credit");
        cell_judge(self, self->class->on_credit(self->instance, &self->ctx, freed),
                   "on_credit");
    }
}

static void
take_hi(cell_t *self, letter_t *letter)
{
    envelope_kind_t kind = letter->envelope.kind;
    if (kind == ENVELOPE_REP || kind == ENVELOPE_ERR) {
        round_answer(self, letter);
        return;
    }
    if (kind == ENVELOPE_CREDIT)
        take_credit(self, letter);
    else if (kind == ENVELOPE_CONTROL)
        take_control(self, letter);
    letter->release(letter);
}

/*  A duplicate was delivered once already. Anything else that is not taken is lost.  */
static void
refuse(cell_t *self, const letter_t *letter, admission_t admission)
{
    if (admission == DUPLICATE)
        return;
    err_t why = admission == ADMIT ? ERR_STOPPED : ERR_GAP;
    self->host.transport.dead(self, &letter->envelope, letter->payload, why);
}

static void
take(cell_t *self, letter_t *letter)
{
    if (envelope_lane(letter->envelope.kind) == LANE_hi) {
        take_hi(self, letter);
        return;
    }
    admission_t admission = port_admit(self->port, &letter->envelope, letter->payload.size);
    if (admission != ADMIT || self->state == CELL_STOPPED) {
        refuse(self, letter, admission);
        letter->release(letter);
        return;
    }
    *self->round_last = letter;
    self->round_last = &letter->next;
    self->n_round++;
    round_handle_pending(self);
}

void
cell_take(cell_t *self, letter_t *letter)
{
    if (self->taping)
        taping_letter(self->taping, letter);
    letter->next = NULL;
    letter->finished = false;
    take(self, letter);
    TAPED_DONE(self);
}

bool
cell_wants_lo(const cell_t *self)
{
    return cell_lives(self) && !port_parked(self->port) && self->n_round < self->limits.round;
}

/*  A descriptor that is closed would be ready for ever.  */
static void
forget_closed(cell_t *self, int fd)
{
    ctx_log(&self->ctx, LOG_warning, "descriptor %d was closed while it was watched", fd);
    ctx_unwatch_fd(&self->ctx, fd);
}

void
cell_on_tapped(cell_t *self, const tap_record_t *record)
{
    if (!cell_lives(self) || self->watching == TAP_NOTHING)
        return;
    if (self->taping)
        taping_tapped(self->taping, record);
    self->active = true;
    cell_begin(self, "on_tapped");
    cell_judge(self, self->class->on_tapped(self->instance, &self->ctx, record), "on_tapped");
    TAPED_DONE(self);
}

static void
take_ready(cell_t *self, int fd, int ready)
{
    if (!cell_lives(self) || self->class->on_fd == NULL)
        return;
    if (ready == 0) {
        forget_closed(self, fd);
        return;
    }
    self->active = true;
    cell_begin(self, "on_fd");
    cell_judge(self, self->class->on_fd(self->instance, &self->ctx, fd, ready), "on_fd");
}

void
cell_on_fd(cell_t *self, int fd, int ready)
{
    if (self->taping)
        taping_ready(self->taping, fd, ready);
    take_ready(self, fd, ready);
    TAPED_DONE(self);
}
