#include "tests/postgres/sql_writer.h"

#include "tests/orphan.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/*  The pace: so that the machine has time for others.  */
enum { PAUSE_NS = 4 * 1000 * 1000 };

static volatile sig_atomic_t told_to_end;

static void
take_signal(int signal)
{
    (void) signal;
    told_to_end = 1;
}

static void
pause_writing(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void) nanosleep(&pause, NULL);
}

/*  Databases that end say so.  */
static void
keep_quiet(void *arg, const char *message)
{
    (void) arg;
    (void) message;
}

/*  Whether it was committed. A broken session is opened again for the next attempt.  */
static bool
try(PGconn *session, const char *sql)
{
    PGresult *result = PQexec(session, sql);
    const bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (PQstatus(session) != CONNECTION_OK)
        PQreset(session);
    return done;
}

/*  Two rows in a transaction. Again until it is known to be there: an answer may get lost.  */
static bool
write_rows(PGconn *session, int number, FILE *notes)
{
    char sql[256];
    const int pid = (int) getpid();
    (void) snprintf(
        sql, sizeof sql,
        "INSERT INTO events VALUES ('sql-%d-%d', 'sql', %d), ('sql-%d-%d+', 'sql', %d)"
        " ON CONFLICT DO NOTHING",
        pid, number, number, pid, number, number);
    while (!try(session, sql)) {
        if (told_to_end)
            return false;
        pause_writing();
    }
    (void) fprintf(notes, "sql-%d-%d\nsql-%d-%d+\n", pid, number, pid, number);
    return fflush(notes) == 0;
}

static void
write_on(const char *address, const char *path)
{
    FILE *notes = fopen(path, "a");
    PGconn *session = PQconnectdb(address);
    PQsetNoticeProcessor(session, keep_quiet, NULL);
    (void) signal(SIGTERM, take_signal);
    for (int number = 0; notes && !told_to_end; number++) {
        if (!write_rows(session, number, notes))
            break;
        pause_writing();
    }
    _exit(0);
}

sql_writer_t *
sql_writer_new(const database_t *database, const char *notes)
{
    sql_writer_t *self = mem_new(sizeof *self);
    self->notes = mem_text(notes);
    self->pid = fork_bound();
    assert_true(self->pid >= 0);
    if (self->pid == 0)
        write_on(database->address, notes);
    return self;
}

void
sql_writer_end(sql_writer_t *self)
{
    if (self->pid == 0)
        return;
    (void) kill(self->pid, SIGTERM);
    (void) waitpid(self->pid, NULL, 0);
    self->pid = 0;
}

static int64_t
count_notes(const sql_writer_t *self)
{
    int64_t n = 0;
    FILE *notes = fopen(self->notes, "r");
    for (int c; notes && (c = fgetc(notes)) != EOF;)
        n += c == '\n';
    if (notes)
        fclose(notes);
    return n;
}

typedef struct goal {
    const sql_writer_t *writer;
    int64_t rows;
} goal_t;

static bool
has_written(void *arg)
{
    const goal_t *goal = arg;
    return count_notes(goal->writer) >= goal->rows;
}

void
sql_writer_await(const sql_writer_t *self, int rows)
{
    goal_t goal = {self, count_notes(self) + rows};
    await_true(has_written, &goal, "rows of plain SQL");
}

size_t
sql_writer_lost(const sql_writer_t *self, bool (*is_there)(void *arg, const char *id),
                void *arg)
{
    char id[64];
    size_t lost = 0, n = 0;
    FILE *notes = fopen(self->notes, "r");
    assert_non_null(notes);
    for (; fgets(id, sizeof id, notes); n++) {
        id[strcspn(id, "\n")] = '\0';
        lost += !is_there(arg, id);
    }
    fclose(notes);
    assert_true(n > 0);
    print_message("%zu rows of plain SQL\n", n);
    return lost;
}

void
sql_writer_destroy(sql_writer_t **self_p)
{
    sql_writer_t *self = *self_p;
    if (!self)
        return;
    sql_writer_end(self);
    free(self->notes);
    free(self);
    *self_p = NULL;
}
