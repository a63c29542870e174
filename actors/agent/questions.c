/*  Who asks for the status: told when the server has named its position, if that is wanted,
    and recorder has counted. Declared in connection.h.  */

#include "actors/agent/connection.h"
#include "actors/agent/why.h"
#include "actors/settings.h"
#include "runtime/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 5000 };

/*  -------------------------------------------------------------------------- status  */

static bool
is_synced(const connection_t *self)
{
    return self->state == STATE_live && self->up.pending == 0 && self->up.failed == 0
           && self->position.lsn >= self->server_lsn
           && strcmp(self->position.epoch, self->server_epoch) == 0;
}

static int64_t
retry_in(const connection_t *self, ctx_t *ctx)
{
    const uint64_t now_ms = ctx_now_ms(ctx);
    if (self->state != STATE_offline || self->retry_at_ms <= now_ms)
        return 0;
    return (int64_t) (self->retry_at_ms - now_ms);
}

enum { NOT_AT_ONCE_MS = 2000 };

/*  Live, and yet something stays where it is.  */
static const char *
reason_of_live(const connection_t *self, ctx_t *ctx)
{
    char text[100];
    const uplink_t *up = &self->up;
    const uint64_t waited_ms = ctx_now_ms(ctx) - up->progress_ms;
    if (up->sent.n > 0 && waited_ms >= NOT_AT_ONCE_MS) {
        (void) snprintf(text, sizeof text, "the server has given no verdict for %.1f s",
                        (double) waited_ms / 1000);
        return arena_text(ctx_arena(ctx), text);
    }
    if (up->sent.n > 0 || up->failed + up->parked == 0)
        return self->reason;
    if (up->pending > 0)
        return "what is pending waits behind refused changes";
    return up->failed > 0 ? "refused changes wait for their next attempt"
                          : "refused changes wait for a person";
}

static const char *
reason_of(const connection_t *self, ctx_t *ctx)
{
    char text[sizeof self->reason + 60];
    const int64_t wait = retry_in(self, ctx);
    if (self->down.refusal[0] != '\0')
        return self->down.refusal;
    if (self->state == STATE_live)
        return reason_of_live(self, ctx);
    if (wait <= 0)
        return self->reason;
    (void) snprintf(text, sizeof text, "%s; next attempt in %.1f s", self->reason,
                    (double) wait / 1000);
    return arena_text(ctx_arena(ctx), text);
}

status_t
questions_status(const connection_t *self, ctx_t *ctx)
{
    const settings_t *settings = ctx_settings(ctx);
    return (status_t){
        .state = state_name(self->state),
        .reason = reason_of(self, ctx),
        .server = connection_server(self, ctx),
        .client_id = self->position.client_id,
        .epoch = self->position.epoch,
        .lsn = self->position.lsn,
        .server_lsn = self->server_lsn,
        .pending = self->up.pending,
        .in_flight = self->up.sent.n,
        .failed = self->up.failed,
        .parked = self->up.parked,
        .held = self->down.held,
        .retry_in = retry_in(self, ctx),
        .synced = is_synced(self),
        .db = settings->agent_db,
        .monitor = system_monitor(ctx),
    };
}

void
questions_tell_why(const connection_t *self, ctx_t *ctx, const upload_why_t *question)
{
    const settings_t *settings = ctx_settings(ctx);
    const uint64_t now_ms = ctx_now_ms(ctx);
    change_reason_t reason;
    const why_facts_t facts = {
        .id = question->id,
        .change = question->n_changes > 0 ? &question->changes[0] : NULL,
        .holder = question->holder,
        .now = ctx_wall_ms(ctx),
        .attempts = (uint64_t) settings->retry_attempts,
        .state = self->state,
        .reason = self->reason,
        .apart_ms = now_ms - self->apart_ms,
        .retry_in = retry_in(self, ctx),
        .sent = text_set_has(&self->up.sent, question->id),
        .silent_ms = now_ms - self->up.progress_ms,
        .in_flight = self->up.sent.n,
    };
    why_tell(&facts, ctx_arena(ctx), &reason);
    ctx_reply(ctx, MSG_change_reason, &reason);
}

/*  ----------------------------------------------------------------------- questions  */

static void
count(question_t *question, ctx_t *ctx)
{
    question->stage = STAGE_COUNTING;
    REQUEST(ctx, "recorder", question->number, outbox_counts);
}

/*  One question at a time, for everybody who waits: an answer belongs to it for certain.  */
static void
ask_server(connection_t *self, ctx_t *ctx)
{
    questions_t *questions = &self->questions;
    if (questions->asked)
        return;
    for (size_t i = 0; i < questions->n; i++)
        if (questions->items[i].stage == STAGE_WAITING) {
            questions->items[i].stage = STAGE_ASKED;
            questions->asked = true;
        }
    if (!questions->asked)
        return;
    connection_tell_alive(self, ctx);
    questions->ahead = questions->unanswered;
    ctx_after(ctx, TIMER_QUESTION, PATIENCE_MS);
}

void
questions_add(connection_t *self, ctx_t *ctx, bool fresh)
{
    questions_t *questions = &self->questions;
    downlink_pass_moved(self, ctx);
    if (questions->n == questions->room) {
        questions->room = questions->room ? questions->room * 2 : 8;
        questions->items =
            mem_grow(questions->items, questions->room * sizeof *questions->items);
    }
    question_t *question = &questions->items[questions->n++];
    *question = (question_t){.number = ++questions->last, .ticket = ctx_ticket(ctx)};
    if (fresh && self->open)
        ask_server(self, ctx);
    else
        count(question, ctx);
}

void
questions_hear_server(connection_t *self, ctx_t *ctx)
{
    questions_t *questions = &self->questions;
    if (questions->unanswered > 0 && self->asked_us > 0)
        ctx_observe(ctx, METRIC_round_trip, ctx_now_us(ctx) - self->asked_us);
    self->asked_us = 0;
    questions->unanswered -= questions->unanswered > 0;
    questions->ahead -= questions->ahead > 0;
    if (questions->ahead > 0)
        return;
    questions->asked = false;
    ctx_cancel(ctx, TIMER_QUESTION);
    for (size_t i = 0; i < questions->n; i++)
        if (questions->items[i].stage == STAGE_ASKED)
            count(&questions->items[i], ctx);
    ask_server(self, ctx);
}

void
questions_give_up(connection_t *self, ctx_t *ctx)
{
    questions_t *questions = &self->questions;
    questions->asked = false;
    questions->unanswered = 0;
    questions->ahead = 0;
    ctx_cancel(ctx, TIMER_QUESTION);
    for (size_t i = 0; i < questions->n; i++)
        if (questions->items[i].stage != STAGE_COUNTING)
            count(&questions->items[i], ctx);
}

void
questions_answer(connection_t *self, ctx_t *ctx, uint64_t number)
{
    questions_t *questions = &self->questions;
    size_t i = 0;
    while (i < questions->n && questions->items[i].number != number)
        i++;
    if (i == questions->n)
        return;
    const status_t status = questions_status(self, ctx);
    ctx_answer(ctx, &questions->items[i].ticket, MSG_status, &status);
    questions->n--;
    memmove(&questions->items[i], &questions->items[i + 1],
            (questions->n - i) * sizeof *questions->items);
}

void
questions_release(connection_t *self)
{
    free(self->questions.items);
}
