#include "client/writing.h"

#include "client/entries.h"
#include "client/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UNANSWERED_AT_MOST = 1000 };

/*  ------------------------------------------------------------------------------ life  */

static void
batch_destroy(batch_t **self)
{
    if (*self == NULL)
        return;
    arena_release(&(*self)->arena);
    free(*self);
    *self = NULL;
}

/*  The write leaves the batch.  */
static sent_write_t *
keep(waybill_t *self, batch_t *batch)
{
    sent_write_t *sent = mem_new(sizeof *sent);
    sent->arena = batch->arena;
    sent->write = batch->write;
    *batch = (batch_t){0};
    sent->next = self->sent;
    self->sent = sent;
    self->n_sent++;
    return sent;
}

static void
forget(waybill_t *self, sent_write_t *sent)
{
    sent_write_t **at = &self->sent;
    while (*at != sent)
        at = &(*at)->next;
    *at = sent->next;
    self->n_sent--;
    arena_release(&sent->arena);
    free(sent);
}

void
writing_release(waybill_t *self)
{
    batch_destroy(&self->batch);
    while (self->sent != NULL)
        forget(self, self->sent);
}

/*  ------------------------------------------------------------------------- the answer  */

/*  What came of it is not known: it may be on disk.  */
static bool
is_open(err_t err)
{
    static const err_t open[] = {ERR_TIMEOUT,    ERR_OFFLINE, ERR_STOPPED,
                                 ERR_UNANSWERED, ERR_FAILED,  ERR_NO_ROUTE};
    for (size_t i = 0; i < COUNT_OF(open); i++)
        if (err == open[i])
            return true;
    return false;
}

/*  OK: recorded.  */
static err_t
read_answer(const ipc_heard_t *heard, fault_t *fault)
{
    if (heard->id == MSG_written)
        return OK;
    if (heard->id != MSG_problem)
        return fault_set(fault, ERR_PROTOCOL, "the agent answered a write with %s",
                         schema_of(heard->id)->name);
    const problem_t *problem = heard->body;
    const err_t err = err_named(problem->code);
    return fault_set(fault, err == ERR_COUNT || err == OK ? ERR_REFUSED : err, "%s",
                     problem->message);
}

static sent_write_t *
find_sent(const waybill_t *self, uint64_t ask)
{
    sent_write_t *sent = self->sent;
    while (sent != NULL && sent->ask != ask)
        sent = sent->next;
    return sent;
}

bool
writing_on_answer(waybill_t *self, const ipc_heard_t *heard, waybill_event_t *event)
{
    fault_t fault = {0};
    sent_write_t *sent = find_sent(self, heard->ask);
    if (heard->ask == 0 || sent == NULL)
        return false;
    const err_t err = read_answer(heard, &fault);
    if (is_open(err)) {
        sent->ask = 0; /* the next tick asks again */
        return false;
    }
    event->kind = WAYBILL_OUTCOME;
    event->code = handle_code(err);
    event->change_id = arena_text(&self->arena, sent->write.changes[0].change);
    event->name = err == OK ? "" : err_name(err);
    event->text = arena_text(&self->arena, fault.text);
    forget(self, sent);
    return true;
}

/*  ---------------------------------------------------------------------------- sending  */

/*  There is credit, so this does not wait; and it has no deadline.  */
static err_t
send_now(waybill_t *self, sent_write_t *sent)
{
    return ipc_client_ask(self->client, "service", MSG_write, &sent->write, -1, &sent->ask);
}

void
writing_ask_unasked(waybill_t *self)
{
    for (sent_write_t *sent = self->sent; sent != NULL; sent = sent->next)
        if (sent->ask == 0
            && (ipc_client_await_credit(self->client, 0) != OK || send_now(self, sent) != OK))
            return; /* the next tick comes */
}

void
writing_ask_again(waybill_t *self)
{
    for (sent_write_t *sent = self->sent; sent != NULL; sent = sent->next) {
        ipc_client_forget(self->client, sent->ask);
        sent->ask = 0;
    }
    writing_ask_unasked(self);
}

static waybill_code_t
say_unanswered(waybill_t *self)
{
    return handle_refuse(self, WAYBILL_UNANSWERED,
                         "the write was sent, and the agent has not answered in time; it is "
                         "asked again, and WAYBILL_OUTCOME tells");
}

/*  The agent is stopping, or a part of it starts anew.  */
static void
back_off(void)
{
    (void) nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/*  Asks the next agent, if there is one until then.  */
static err_t
ask_the_next(waybill_t *self, sent_write_t *sent, uint64_t until_ns)
{
    err_t err = OK;
    do
        err = ipc_client_await_credit(self->client, handle_left_ms(until_ns));
    while (err == ERR_OFFLINE && handle_left_ms(until_ns) != 0);
    ipc_client_forget(self->client, sent->ask);
    sent->ask = 0;
    return err == OK ? send_now(self, sent) : err;
}

static waybill_code_t
await_written(waybill_t *self, sent_write_t *sent, uint64_t until_ns)
{
    for (;;) {
        ipc_heard_t heard = {0};
        fault_t fault = {0};
        err_t err =
            ipc_client_answer(self->client, sent->ask, handle_left_ms(until_ns), &heard);
        if (err == OK)
            err = read_answer(&heard, &fault);
        if (!is_open(err)) {
            forget(self, sent);
            return handle_say(self, &fault);
        }
        if (handle_left_ms(until_ns) == 0)
            return say_unanswered(self);
        if (heard.body != NULL)
            back_off();
        if (heard.body != NULL || err == ERR_OFFLINE)
            err = ask_the_next(self, sent, until_ns);
        if (err != OK)
            return say_unanswered(self);
    }
}

/*  OK: it can be sent at once.  */
static err_t
make_way(waybill_t *self, int timeout_ms, fault_t *fault)
{
    intake_collect(self, 0);
    if (self->n_sent >= UNANSWERED_AT_MOST)
        return fault_set(fault, ERR_TIMEOUT,
                         "nothing was written: %d writes have no answer yet; dispatch first",
                         UNANSWERED_AT_MOST);
    const err_t err = ipc_client_await_credit(self->client, timeout_ms);
    if (err == OK)
        return OK;
    return fault_set(fault, err, "nothing was written: %s",
                     err == ERR_OFFLINE ? "the agent does not answer"
                                        : "the agent takes nothing more for now");
}

/*  Takes what is in the batch. With 0 ms it is sent, or refused because it cannot be.  */
static waybill_code_t
send_write(waybill_t *self, batch_t *batch, int timeout_ms)
{
    fault_t fault = {0};
    const uint64_t until_ns = handle_until(timeout_ms);
    err_t err = make_way(self, timeout_ms, &fault);
    if (err != OK)
        return handle_say(self, &fault);
    sent_write_t *sent = keep(self, batch);
    err = send_now(self, sent);
    if (err != OK) {
        forget(self, sent);
        return handle_refuse(self, handle_code(err), "nothing was written: %s", err_text(err));
    }
    return timeout_ms == 0 ? WAYBILL_OK : await_written(self, sent, until_ns);
}

/*  ----------------------------------------------------------------------- public calls  */

static waybill_code_t
collect(waybill_t *self, batch_t *batch, waybill_change_t *changes, size_t n)
{
    fault_t fault = {0};
    if (changes == NULL || n == 0)
        return handle_refuse(self, WAYBILL_USAGE, "changes: there are none");
    fault.err = entries_add(batch, changes, n, &fault);
    return handle_say(self, &fault);
}

waybill_code_t
waybill_write(waybill_t *self, waybill_change_t *changes, size_t n_changes, unsigned flags,
              int timeout_ms)
{
    batch_t batch = {0};
    if (self->batch != NULL)
        return collect(self, self->batch, changes, n_changes);
    waybill_code_t code = collect(self, &batch, changes, n_changes);
    batch.write.written = (flags & WAYBILL_WRITTEN) != 0;
    if (code == WAYBILL_OK)
        code = send_write(self, &batch, timeout_ms);
    arena_release(&batch.arena);
    return code;
}

static waybill_code_t
write_one(waybill_t *self, waybill_change_t *change, char change_id[WAYBILL_ID_ROOM])
{
    const waybill_code_t code = waybill_write(self, change, 1, 0, self->timeout_ms);
    if (change_id != NULL)
        memcpy(change_id, change->change_id, WAYBILL_ID_ROOM);
    return code;
}

waybill_code_t
waybill_insert(waybill_t *self, const char *table, const char *id, const char *json,
               char change_id[WAYBILL_ID_ROOM])
{
    waybill_change_t change = {
        .operation = "insert", .table = table, .id = id, .json = json != NULL ? json : "{}"};
    return write_one(self, &change, change_id);
}

waybill_code_t
waybill_update(waybill_t *self, const char *table, const char *id, const char *json,
               char change_id[WAYBILL_ID_ROOM])
{
    waybill_change_t change = {
        .operation = "update", .table = table, .id = id, .json = json != NULL ? json : "{}"};
    return write_one(self, &change, change_id);
}

waybill_code_t
waybill_upsert(waybill_t *self, const char *table, const char *id, const char *json,
               char change_id[WAYBILL_ID_ROOM])
{
    waybill_change_t change = {
        .operation = "upsert", .table = table, .id = id, .json = json != NULL ? json : "{}"};
    return write_one(self, &change, change_id);
}

waybill_code_t
waybill_remove(waybill_t *self, const char *table, const char *id,
               char change_id[WAYBILL_ID_ROOM])
{
    waybill_change_t change = {.operation = "delete", .table = table, .id = id};
    return write_one(self, &change, change_id);
}

waybill_code_t
waybill_begin(waybill_t *self)
{
    if (self->batch != NULL)
        return handle_refuse(self, WAYBILL_USAGE, "a batch is open already; commit it first");
    self->batch = mem_new(sizeof *self->batch);
    return WAYBILL_OK;
}

static waybill_code_t
say_no_batch(waybill_t *self)
{
    return handle_refuse(self, WAYBILL_USAGE, "no batch is open; waybill_begin() opens one");
}

waybill_code_t
waybill_commit(waybill_t *self, unsigned flags, int timeout_ms)
{
    waybill_code_t code = WAYBILL_OK;
    if (self->batch == NULL)
        return say_no_batch(self);
    self->batch->write.written = (flags & WAYBILL_WRITTEN) != 0;
    if (self->batch->write.n_changes > 0)
        code = send_write(self, self->batch, timeout_ms);
    if (code != WAYBILL_OFFLINE && code != WAYBILL_TIMEOUT)
        batch_destroy(&self->batch);
    return code;
}

waybill_code_t
waybill_rollback(waybill_t *self)
{
    if (self->batch == NULL)
        return say_no_batch(self);
    batch_destroy(&self->batch);
    return WAYBILL_OK;
}
