#include "actors/agent/waiters.h"

#include <stdlib.h>
#include <string.h>

struct waiter {
    ticket_t ticket;
    char **ids; /* in the order asked */
    size_t n_ids;
    text_set_t open;      /* those that are not decided yet */
    uint64_t deadline_ms; /* monotonic */
};

err_t
waiters_check(ctx_t *ctx, const await_verdicts_t *request)
{
    if (request->n_ids == 0)
        return ctx_refuse(ctx, ERR_USAGE, "ids: there are none; give at least one");
    if (request->n_ids > AWAITED_AT_ONCE)
        return ctx_refuse(ctx, ERR_TOO_LARGE, "ids: %zu at once, and at most %d can be awaited",
                          request->n_ids, AWAITED_AT_ONCE);
    return OK;
}

static void
release(waiter_t *self)
{
    for (size_t i = 0; i < self->n_ids; i++)
        free(self->ids[i]);
    free(self->ids);
    text_set_release(&self->open);
}

void
waiters_release(waiters_t *self)
{
    for (size_t i = 0; i < self->n; i++)
        release(&self->items[i]);
    free(self->items);
    *self = (waiters_t){0};
}

/*  ------------------------------------------------------------------------- answering  */

/*  What the database says now: a change that was put back after it was refused is open.  */
static err_t
read_results(waiter_t *self, const outbox_reader_t *reader, verdicts_awaited_t *answer,
             fault_t *fault)
{
    err_t err = OK;
    processed_t *results = arena_new(reader->arena, (self->n_ids + 1) * sizeof *results);
    *answer = (verdicts_awaited_t){.results = results};
    for (size_t i = 0; err == OK && i < self->n_ids; i++) {
        bool decided = false;
        err = outbox_result(reader, self->ids[i], &results[answer->n_results], &decided, fault);
        answer->n_results += err == OK && decided;
        if (err == OK && !decided)
            text_set_add(&self->open, self->ids[i]);
    }
    answer->complete = answer->n_results == self->n_ids;
    return err;
}

/*  True: it waits for nothing any more. out_of_time: for whatever has come.  */
static bool
answer(waiter_t *self, const outbox_reader_t *reader, ctx_t *ctx, bool out_of_time)
{
    verdicts_awaited_t results;
    fault_t fault = {0};
    const err_t err = read_results(self, reader, &results, &fault);
    if (err != OK)
        ctx_answer_error(ctx, &self->ticket, err, fault.text);
    else if (results.complete || out_of_time)
        ctx_answer(ctx, &self->ticket, MSG_verdicts_awaited, &results);
    return err != OK || results.complete || out_of_time;
}

static uint64_t
patience(const await_verdicts_t *request)
{
    if (request->timeout_ms == 0)
        return USUAL_WAIT_MS;
    return request->timeout_ms < LONGEST_WAIT_MS ? request->timeout_ms : LONGEST_WAIT_MS;
}

void
waiters_add(waiters_t *self, const outbox_reader_t *reader, ctx_t *ctx, const ticket_t *ticket,
            const await_verdicts_t *request)
{
    waiter_t waiter = {
        .ticket = *ticket,
        .ids = mem_new(request->n_ids * sizeof *waiter.ids),
        .n_ids = request->n_ids,
        .deadline_ms = ctx_now_ms(ctx) + patience(request),
    };
    for (size_t i = 0; i < request->n_ids; i++)
        waiter.ids[i] = mem_text(request->ids[i]);
    if (answer(&waiter, reader, ctx, false)) {
        release(&waiter);
        return;
    }
    if (self->n == self->room) {
        self->room = self->room ? self->room * 2 : 8;
        self->items = mem_grow(self->items, self->room * sizeof *self->items);
    }
    self->items[self->n++] = waiter;
}

void
waiters_note(waiters_t *self, const char *id)
{
    for (size_t i = 0; i < self->n; i++)
        (void) text_set_remove(&self->items[i].open, id);
}

void
waiters_answer(waiters_t *self, const outbox_reader_t *reader, ctx_t *ctx, bool all,
               uint64_t *next_ms)
{
    size_t kept = 0;
    const uint64_t now = ctx_now_ms(ctx);
    *next_ms = 0;
    for (size_t i = 0; i < self->n; i++) {
        waiter_t *waiter = &self->items[i];
        const bool late = all || now >= waiter->deadline_ms;
        if ((late || waiter->open.n == 0) && answer(waiter, reader, ctx, late)) {
            release(waiter);
            continue;
        }
        if (*next_ms == 0 || waiter->deadline_ms < *next_ms)
            *next_ms = waiter->deadline_ms;
        self->items[kept++] = *waiter;
    }
    self->n = kept;
}
