/*  The pipeline: a queue of what was sent, and answers taken in its order.

    The socket never blocks, and whoever waits to send reads meanwhile: a server that cannot
    get rid of its answers would not read any more, and both would wait for ever.  */

#include "actors/server/postgres/pg_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PUSH_EACH = 64 }; /* so many, and what libpq keeps of them does not grow any more */

err_t
pg_pipeline_begin(pg_t *self, fault_t *fault)
{
    if (!pg_is_connected(self) || PQenterPipelineMode(self->connection) == 0)
        return pg_error(self, NULL, NULL, fault);
    self->n_sent = self->n_taken = self->n_pushed = 0;
    self->unasked = false;
    return OK;
}

/*  ----------------------------------------------------------------------------- sending  */

static void
note_sent(pg_t *self, pg_sent_kind_t kind, uint64_t number)
{
    if (self->n_sent == self->sent_room) {
        self->sent_room = self->sent_room > 0 ? self->sent_room * 2 : 64;
        self->sent = mem_grow(self->sent, self->sent_room * sizeof *self->sent);
    }
    self->sent[self->n_sent++] = (pg_sent_t){.kind = kind, .number = number};
    self->unasked = kind != SENT_SYNC;
}

static err_t
send_forget(pg_t *self, fault_t *fault)
{
    if (PQsendQueryParams(self->connection, "DEALLOCATE ALL", 0, NULL, NULL, NULL, NULL, 0)
        == 0)
        return pg_error(self, NULL, NULL, fault);
    note_sent(self, SENT_FORGET, 0);
    pg_prepared_forget(self);
    self->forget = false;
    return OK;
}

/*  *number becomes the statement's name, prepared anew if need be. A transaction that has
    failed takes nothing but its end, which is not worth a name: 0.  */
static err_t
find_prepared(pg_t *self, const char *sql, uint64_t *number, fault_t *fault)
{
    char name[24];
    *number = 0;
    if (PQtransactionStatus(self->connection) == PQTRANS_INERROR)
        return OK;
    if (self->forget || self->n_prepared == PG_PREPARED_MOST) {
        const err_t err = send_forget(self, fault);
        if (err != OK)
            return err;
    }
    pg_prepared_t *place = pg_prepared_place(self, sql);
    if (place->sql == NULL || !place->made) {
        pg_prepared_take(self, place, sql);
        (void) snprintf(name, sizeof name, "w%llu", (unsigned long long) place->number);
        if (PQsendPrepare(self->connection, name, sql, 0, NULL) == 0)
            return pg_error(self, NULL, NULL, fault);
        note_sent(self, SENT_PREPARE, place->number);
    }
    *number = place->number;
    return OK;
}

static err_t
push_some(pg_t *self, fault_t *fault)
{
    if (self->n_sent - self->n_pushed < PUSH_EACH)
        return OK;
    self->n_pushed = self->n_sent;
    return pg_push(self, fault);
}

/*  As libpq wants them: three lists.  */
typedef struct lists {
    const char **values;
    int *lengths;
    int *formats;
} lists_t;

static lists_t
lists_of(const pg_parameter_t *parameters, size_t n, arena_t *arena)
{
    lists_t lists = {.values = arena_new(arena, (n + 1) * sizeof *lists.values),
                     .lengths = arena_new(arena, (n + 1) * sizeof *lists.lengths),
                     .formats = arena_new(arena, (n + 1) * sizeof *lists.formats)};
    for (size_t i = 0; i < n; i++) {
        lists.values[i] = parameters[i].text;
        lists.lengths[i] = parameters[i].length;
        lists.formats[i] = parameters[i].binary ? 1 : 0;
    }
    return lists;
}

static int
send_lists(pg_t *self, const char *sql, uint64_t number, size_t n, const lists_t *lists)
{
    char name[24];
    if (number == 0)
        return PQsendQueryParams(self->connection, sql, (int) n, NULL, lists->values,
                                 lists->lengths, lists->formats, 0);
    (void) snprintf(name, sizeof name, "w%llu", (unsigned long long) number);
    return PQsendQueryPrepared(self->connection, name, (int) n, lists->values, lists->lengths,
                               lists->formats, 0);
}

err_t
pg_send_values(pg_t *self, const char *sql, const pg_parameter_t *parameters, size_t n,
               fault_t *fault)
{
    uint64_t number = 0;
    if (!pg_is_connected(self))
        return pg_error(self, NULL, NULL, fault);
    err_t err = find_prepared(self, sql, &number, fault);
    if (err != OK)
        return err;
    const lists_t lists = lists_of(parameters, n, &self->arena);
    const int sent = send_lists(self, sql, number, n, &lists);
    arena_clear(&self->arena);
    if (sent == 0)
        return pg_error(self, NULL, NULL, fault);
    note_sent(self, SENT_STATEMENT, number);
    return push_some(self, fault);
}

err_t
pg_send(pg_t *self, const char *sql, fault_t *fault, const char *letters, ...)
{
    pg_parameters_t given;
    va_list list;
    va_start(list, letters);
    pg_parameters_read(&given, letters, list);
    va_end(list);
    return pg_send_values(self, sql, given.list, given.n, fault);
}

err_t
pg_pipeline_sync(pg_t *self, fault_t *fault)
{
    if (!pg_is_connected(self) || PQpipelineSync(self->connection) == 0)
        return pg_error(self, NULL, NULL, fault);
    note_sent(self, SENT_SYNC, 0);
    return pg_push(self, fault);
}

/*  ------------------------------------------------------------------------------ taking  */

/*  Without this the server may keep its answers until the next synchronisation.  */
static err_t
ask_for_answers(pg_t *self, fault_t *fault)
{
    if (!self->unasked)
        return OK;
    self->unasked = false;
    if (PQsendFlushRequest(self->connection) == 0)
        return pg_error(self, NULL, NULL, fault);
    return pg_push(self, fault);
}

static err_t
lose(pg_t *self, fault_t *fault)
{
    const err_t err = pg_error(self, NULL, NULL, fault);
    self->broken = true;
    return err;
}

/*  An answer ends with a NULL, but that of a synchronisation.  */
static err_t
next_answer(pg_t *self, PGresult **answer, fault_t *fault)
{
    err_t err = pg_await(self, fault);
    if (err != OK)
        return err;
    *answer = PQgetResult(self->connection);
    if (*answer == NULL)
        return lose(self, fault);
    if (PQresultStatus(*answer) == PGRES_PIPELINE_SYNC)
        return OK;
    PGresult *rest = NULL;
    err = pg_await(self, fault);
    while (err == OK && (rest = PQgetResult(self->connection)) != NULL) {
        PQclear(rest);
        err = pg_await(self, fault);
    }
    return err;
}

/*  What was refused or skipped has to be done once more; and why a statement could not be
    prepared is what becomes of the statement itself, which is skipped then.  */
static void
settle(pg_t *self, const pg_sent_t *sent, PGresult *answer)
{
    const bool done = PQresultStatus(answer) == PGRES_COMMAND_OK;
    if (sent->kind == SENT_FORGET && !done)
        self->forget = true;
    if (sent->kind == SENT_PREPARE && !done)
        pg_prepared_refuse(self, sent->number);
    if (PQresultStatus(answer) == PGRES_FATAL_ERROR && self->refusal == NULL)
        self->refusal = answer;
    else
        PQclear(answer);
}

/*  The next answer that is a statement's; NULL at the end.  */
static err_t
take_answer(pg_t *self, PGresult **answer, fault_t *fault)
{
    *answer = NULL;
    err_t err = ask_for_answers(self, fault);
    while (err == OK && self->n_taken < self->n_sent) {
        const pg_sent_t sent = self->sent[self->n_taken++];
        err = next_answer(self, answer, fault);
        if (err != OK || sent.kind == SENT_STATEMENT)
            break;
        settle(self, &sent, *answer);
        *answer = NULL;
    }
    if (err == OK && *answer != NULL && self->refusal != NULL) {
        PQclear(*answer);
        *answer = self->refusal;
        self->refusal = NULL;
    }
    return err;
}

err_t
pg_take(pg_t *self, PGresult **result, fault_t *fault)
{
    PGresult *answer = NULL;
    if (!pg_is_connected(self))
        return pg_error(self, NULL, NULL, fault);
    err_t err = take_answer(self, &answer, fault);
    if (err == OK)
        err = pg_error(self, answer, NULL, fault);
    if (err == OK && result != NULL)
        *result = answer;
    else
        PQclear(answer);
    return err;
}

/*  What failed and was not taken is told here; what was skipped only followed that.  */
err_t
pg_pipeline_end(pg_t *self, fault_t *fault)
{
    err_t first = OK;
    PGresult *answer = NULL;
    err_t err = pg_is_connected(self) ? OK : pg_error(self, NULL, NULL, fault);
    if (err == OK && self->n_sent > 0 && self->sent[self->n_sent - 1].kind != SENT_SYNC)
        err = pg_pipeline_sync(self, fault);
    while (err == OK && self->n_taken < self->n_sent) {
        err = take_answer(self, &answer, fault);
        if (err == OK && answer != NULL && first == OK)
            first = pg_error(self, answer, NULL, fault);
        PQclear(answer);
        answer = NULL;
    }
    if (err == OK && PQexitPipelineMode(self->connection) == 0)
        err = lose(self, fault);
    return err != OK ? err : first;
}
