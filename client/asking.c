/*  Questions to the agent, and the acts of a person.  */

#include "client/intake.h"

#include <stdio.h>
#include <string.h>

/*  A message has lists of texts that it might change, and changes none.  */
static const char **
lent(const char *const *texts)
{
    const union {
        const char *const *given;
        const char **taken;
    } list = {.given = texts};
    return list.taken;
}

typedef struct question {
    message_id_t id;
    const void *body;
    message_id_t answer;
} question_t;

/*  The answer, which lives until the next call; NULL and fault.  */
static const void *
ask(waybill_t *self, const question_t *question, int timeout_ms, fault_t *fault)
{
    message_id_t id = MSG_COUNT;
    const void *reply = NULL;
    intake_collect(self, 0);
    fault->err = ipc_client_request(self->client, "service", question->id, question->body,
                                    timeout_ms, &id, &reply, fault);
    if (fault->err == OK && id != question->answer)
        (void) fault_set(fault, ERR_PROTOCOL, "%s: the agent answered with %s",
                         schema_of(question->id)->name, schema_of(id)->name);
    return fault->err == OK ? reply : NULL;
}

/*  ------------------------------------------------------------------------- verdicts  */

static void
fill_result(waybill_result_t *result, const processed_t *processed)
{
    const char *name = processed->code, *text = processed->message;
    snprintf(result->result, sizeof result->result, "%s", processed->result);
    snprintf(result->name, sizeof result->name, "%s", name != NULL ? name : "");
    snprintf(result->text, sizeof result->text, "%s", text != NULL ? text : "");
}

static void
fill_results(waybill_result_t *results, const char *const *ids, size_t n,
             const verdicts_awaited_t *awaited)
{
    for (size_t i = 0; i < n; i++) {
        results[i] = (waybill_result_t){0};
        snprintf(results[i].change_id, sizeof results[i].change_id, "%s", ids[i]);
        for (size_t k = 0; k < awaited->n_results; k++)
            if (strcmp(awaited->results[k].id, ids[i]) == 0)
                fill_result(&results[i], &awaited->results[k]);
    }
}

static bool
any_refused(const verdicts_awaited_t *awaited)
{
    for (size_t i = 0; i < awaited->n_results; i++)
        if (strcmp(awaited->results[i].result, "failed") == 0
            || strcmp(awaited->results[i].result, "parked") == 0)
            return true;
    return false;
}

/*  The agent counts the time, and answers with what it has; 0 would mean its own patience.  */
static const verdicts_awaited_t *
ask_verdicts(waybill_t *self, const char *const *ids, size_t n, uint64_t until_ns,
             fault_t *fault)
{
    enum { MARGIN_MS = 2000, LONG_MS = 60000, SHORT = 10 };
    const int left_ms = handle_left_ms(until_ns);
    int patience_ms = left_ms < 0 || left_ms > LONG_MS ? LONG_MS : left_ms;
    patience_ms -= patience_ms / SHORT;
    const await_verdicts_t question = {.ids = lent(ids),
                                       .n_ids = n,
                                       .timeout_ms =
                                           patience_ms > 0 ? (uint64_t) patience_ms : 1};
    return ask(self, &(question_t){MSG_await_verdicts, &question, MSG_verdicts_awaited},
               left_ms < 0 ? LONG_MS + MARGIN_MS : left_ms, fault);
}

static waybill_code_t
say_undecided(waybill_t *self)
{
    return handle_refuse(self, WAYBILL_TIMEOUT,
                         "the server has not decided all of them in time");
}

waybill_code_t
waybill_await(waybill_t *self, const char *const *change_ids, size_t n, int timeout_ms,
              waybill_result_t *results)
{
    const uint64_t until_ns = handle_until(timeout_ms);
    do {
        fault_t fault = {0};
        const verdicts_awaited_t *awaited = ask_verdicts(self, change_ids, n, until_ns, &fault);
        if (awaited == NULL)
            return handle_say(self, &fault);
        if (results != NULL)
            fill_results(results, change_ids, n, awaited);
        if (awaited->complete && any_refused(awaited))
            return handle_refuse(self, WAYBILL_REFUSED, "not all of them were accepted");
        if (awaited->complete)
            return WAYBILL_OK;
    } while (handle_left_ms(until_ns) != 0);
    return say_undecided(self);
}

/*  ------------------------------------------------------------------------------ acts  */

static waybill_code_t
act(waybill_t *self, const act_t *wanted, size_t *n_done)
{
    fault_t fault = {0};
    const acted_t *acted =
        ask(self, &(question_t){MSG_act, wanted, MSG_acted}, self->timeout_ms, &fault);
    if (n_done != NULL)
        *n_done = acted != NULL ? acted->n_ids : 0;
    if (fault.err == ERR_TIMEOUT || fault.err == ERR_OFFLINE)
        return handle_refuse(self, WAYBILL_UNANSWERED, "%s: perhaps it is done: %s",
                             wanted->act, err_text(fault.err));
    return handle_say(self, &fault);
}

waybill_code_t
waybill_retry(waybill_t *self, const char *const *change_ids, size_t n, size_t *n_done)
{
    const act_t wanted = {.act = "retry", .ids = lent(change_ids), .n_ids = n};
    return act(self, &wanted, n_done);
}

waybill_code_t
waybill_discard(waybill_t *self, const char *const *change_ids, size_t n, size_t *n_done)
{
    const act_t wanted = {.act = "discard", .ids = lent(change_ids), .n_ids = n};
    return act(self, &wanted, n_done);
}

waybill_code_t
waybill_skip(waybill_t *self, const char *const *change_ids, size_t n, const char *reason,
             size_t *n_done)
{
    const act_t wanted = {.act = "skip", .ids = lent(change_ids), .n_ids = n, .reason = reason};
    return act(self, &wanted, n_done);
}

/*  ---------------------------------------------------------------------------- status  */

static void
fill_text(char *into, size_t room, const char *text)
{
    snprintf(into, room, "%s", text != NULL ? text : "");
}

waybill_code_t
waybill_get_status(waybill_t *self, waybill_status_t *status)
{
    fault_t fault = {0};
    const status_get_t question = {0};
    const status_t *told = ask(self, &(question_t){MSG_status_get, &question, MSG_status},
                               self->timeout_ms, &fault);
    if (told == NULL)
        return handle_say(self, &fault);
    *status = (waybill_status_t){.pending = told->pending,
                                 .failed = told->failed,
                                 .parked = told->parked,
                                 .synced = told->synced};
    fill_text(status->state, sizeof status->state, told->state);
    fill_text(status->reason, sizeof status->reason, told->reason);
    fill_text(status->server, sizeof status->server, told->server);
    fill_text(status->client_id, sizeof status->client_id, told->client_id);
    fill_text(status->database, sizeof status->database, told->db);
    return WAYBILL_OK;
}
