/*  Databases of a cluster, and waiting for what becomes true in them.  */

#include "tests/postgres/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PATIENCE_S = 120, LOOK_NS = 5 * 1000 * 1000 };

/*  ---------------------------------------------------------------- a database  */

static void
keep_quiet(void *arg, const char *message)
{
    (void) arg;
    (void) message;
}

static PGconn *
connect_to(const char *address)
{
    PGconn *session = PQconnectdb(address);
    PQsetNoticeProcessor(session, keep_quiet, NULL);
    return session;
}

database_t *
database_open(cluster_t *cluster, const char *name)
{
    database_t *self = mem_new(sizeof *self);
    self->cluster = cluster ? cluster : cluster_shared();
    self->address = cluster_address(self->cluster, name);
    self->sql = connect_to(self->address);
    return self;
}

/*  In the database that every cluster has.  */
static bool
run_outside(const cluster_t *cluster, const char *sql)
{
    PGconn *session = connect_to(cluster->address);
    PGresult *result = PQexec(session, sql);
    const ExecStatusType status = PQresultStatus(result);
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        print_error("%s: %s", sql, PQerrorMessage(session));
    PQclear(result);
    PQfinish(session);
    return good;
}

database_t *
database_new(cluster_t *cluster)
{
    static unsigned count;
    cluster_t *place = cluster ? cluster : cluster_shared();
    char *name = mem_format("test_%d_%u", (int) getpid(), ++count);
    char *sql = mem_format("CREATE DATABASE %s TEMPLATE template0", name);
    assert_true(run_outside(place, sql));
    free(sql);
    database_t *self = database_open(place, name);
    self->name = name;
    return self;
}

static bool
slots_are_gone(void *arg)
{
    const database_t *self = arg;
    char *sql =
        mem_format("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                   " WHERE database = '%s' AND active;"
                   "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                   " WHERE database = '%s'",
                   self->name, self->name);
    const bool gone = run_outside(self->cluster, sql);
    free(sql);
    return gone;
}

static void
drop_database(const database_t *self)
{
    char *sql = mem_format("DROP DATABASE %s WITH (FORCE)", self->name);
    await_true(slots_are_gone, (void *) self, "the slots are dropped");
    assert_true(run_outside(self->cluster, sql));
    free(sql);
}

void
database_destroy(database_t **self_p)
{
    database_t *self = *self_p;
    if (!self)
        return;
    PQfinish(self->sql);
    if (self->name && self->cluster->shared)
        drop_database(self);
    free(self->name);
    free(self->address);
    free(self);
    *self_p = NULL;
}

PGconn *
database_session(const database_t *self)
{
    PGconn *session = connect_to(self->address);
    if (PQstatus(session) != CONNECTION_OK)
        fail_msg("%s: %s", self->address, PQerrorMessage(session));
    return session;
}

/*  NULL if it was refused. The caller's to PQclear().  */
static PGresult *
ask(database_t *self, const char *sql)
{
    if (PQstatus(self->sql) != CONNECTION_OK)
        PQreset(self->sql);
    PGresult *result = PQexec(self->sql, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    PQclear(result);
    return NULL;
}

static PGresult *
must_answer(database_t *self, const char *sql)
{
    PGresult *result = ask(self, sql);
    if (!result)
        fail_msg("%s: %s", sql, PQerrorMessage(self->sql));
    return result;
}

void
database_run(database_t *self, const char *sql)
{
    PQclear(must_answer(self, sql));
}

bool
database_try(database_t *self, const char *sql)
{
    PGresult *result = ask(self, sql);
    PQclear(result);
    return result != NULL;
}

int64_t
database_number(database_t *self, const char *sql)
{
    PGresult *result = must_answer(self, sql);
    const bool there = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0);
    const int64_t number = there ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    return number;
}

char *
database_text(database_t *self, const char *sql)
{
    PGresult *result = must_answer(self, sql);
    buffer_t text = {0};
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            buffer_add_format(&text, "%s%s",
                              column > 0 ? "|"
                              : row > 0  ? "\n"
                                         : "",
                              PQgetvalue(result, row, column));
    PQclear(result);
    char *all = mem_text(buffer_text(&text));
    buffer_release(&text);
    return all;
}

/*  ------------------------------------------------------------------- waiting  */

void
await_true(bool (*holds)(void *arg), void *arg, const char *what)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    const time_t end = time(NULL) + PATIENCE_S;
    while (!holds(arg)) {
        if (time(NULL) > end)
            fail_msg("waited in vain: %s", what);
        (void) nanosleep(&pause, NULL);
    }
}

typedef struct question {
    database_t *database;
    const char *sql;
} question_t;

static bool
answer_is_true(void *arg)
{
    const question_t *question = arg;
    PGresult *result = ask(question->database, question->sql);
    const bool holds =
        result && PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return holds;
}

void
database_await(database_t *self, const char *sql)
{
    question_t question = {self, sql};
    await_true(answer_is_true, &question, sql);
}
