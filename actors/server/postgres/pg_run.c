/*  Statements one by one: each is a pipeline of its own.  */

#include "actors/server/postgres/pg_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*  ------------------------------------------------------------------------- parameters  */

static pg_parameter_t
parameter_of_bytes(bytes_t bytes)
{
    return (pg_parameter_t){.text = bytes.data != NULL ? (const char *) bytes.data : "",
                            .length = (int) bytes.size,
                            .binary = true};
}

void
pg_parameters_read(pg_parameters_t *self, const char *letters, va_list list)
{
    pg_parameter_t *parameters = self->list;
    size_t n = 0;
    for (; letters[n] != '\0'; n++) {
        assert(n < PG_PARAMETERS);
        parameters[n] = (pg_parameter_t){.text = self->numbers[n]};
        if (letters[n] == 'i')
            (void) snprintf(self->numbers[n], sizeof *self->numbers, "%lld",
                            (long long) va_arg(list, int64_t));
        else if (letters[n] == 'u')
            (void) snprintf(self->numbers[n], sizeof *self->numbers, "%llu",
                            (unsigned long long) va_arg(list, uint64_t));
        else if (letters[n] == 't')
            parameters[n].text = va_arg(list, const char *);
        else if (letters[n] == 'b')
            parameters[n] = parameter_of_bytes(va_arg(list, bytes_t));
        else if (letters[n] == 'a')
            parameters[n].text = pg_array_text(va_arg(list, pg_array_t *));
        else if (letters[n] == 'n')
            parameters[n].text = NULL;
        else
            assert(false && "letters of parameters are i, u, t, b, a, n");
    }
    self->n = n;
}

/*  -------------------------------------------------------------------- several at once  */

/*  Data follows, which is the caller's to take.  */
static bool
begins_copy(const PGresult *answer)
{
    const ExecStatusType status = PQresultStatus(answer);
    return status == PGRES_COPY_BOTH || status == PGRES_COPY_OUT || status == PGRES_COPY_IN;
}

/*  Without a name, without parameters: also what a pipeline refuses, and what the replication
    protocol knows. The answer is the first one that failed, else the last.  */
static err_t
collect(pg_t *self, PGresult **answer, fault_t *fault)
{
    PGresult *result = NULL;
    err_t err = pg_await(self, fault);
    while (err == OK && (result = PQgetResult(self->connection)) != NULL) {
        if (*answer != NULL && PQresultStatus(*answer) == PGRES_FATAL_ERROR) {
            PQclear(result);
        } else {
            PQclear(*answer);
            *answer = result;
        }
        if (begins_copy(*answer))
            break;
        err = pg_await(self, fault);
    }
    return err;
}

static err_t
run_plain(pg_t *self, const char *sql, PGresult **result, fault_t *fault)
{
    PGresult *answer = NULL;
    if (!pg_is_connected(self) || PQsendQuery(self->connection, sql) == 0)
        return pg_error(self, NULL, NULL, fault);
    err_t err = collect(self, &answer, fault);
    if (err == OK)
        err = pg_error(self, answer, NULL, fault);
    if (err == OK && result != NULL)
        *result = answer;
    else
        PQclear(answer);
    return err;
}

err_t
pg_exec(pg_t *self, const char *sql, fault_t *fault)
{
    return run_plain(self, sql, NULL, fault);
}

/*  ------------------------------------------------------------------------- one by one  */

static err_t
run_prepared(pg_t *self, const char *sql, const pg_parameter_t *parameters, size_t n,
             fault_t *fault)
{
    err_t err = pg_pipeline_begin(self, fault);
    if (err == OK)
        err = pg_send_values(self, sql, parameters, n, fault);
    if (err == OK)
        err = pg_pipeline_sync(self, fault);
    return err;
}

static err_t
run(pg_t *self, const char *sql, PGresult **result, fault_t *fault,
    const pg_parameters_t *given)
{
    fault_t later = {0};
    PGresult *answer = NULL;
    err_t err = run_prepared(self, sql, given->list, given->n, fault);
    if (err == OK)
        err = pg_take(self, &answer, fault);
    const err_t end = pg_pipeline_end(self, err == OK ? fault : &later);
    if (err == OK)
        err = end;
    if (err == OK && result != NULL)
        *result = answer;
    else
        PQclear(answer);
    return err;
}

err_t
pg_run(pg_t *self, const char *sql, PGresult **result, fault_t *fault, const char *letters, ...)
{
    if (self->kind == PG_REPLICATION) {
        assert(letters[0] == '\0');
        return run_plain(self, sql, result, fault);
    }
    pg_parameters_t given;
    va_list list;
    va_start(list, letters);
    pg_parameters_read(&given, letters, list);
    va_end(list);
    return run(self, sql, result, fault, &given);
}

err_t
pg_number(pg_t *self, const char *sql, int64_t *number, fault_t *fault, const char *letters,
          ...)
{
    PGresult *result = NULL;
    pg_parameters_t given;
    va_list list;
    va_start(list, letters);
    pg_parameters_read(&given, letters, list);
    va_end(list);
    const err_t err = run(self, sql, &result, fault, &given);
    if (err == OK && PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        *number = pg_number_at(result, 0, 0);
    PQclear(result);
    return err;
}
