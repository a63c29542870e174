#include "tests/postgres/cluster.h"

#include "tests/orphan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TOOL_ROOM = 32, PATIENCE_S = 120, LOOK_NS = 5 * 1000 * 1000 };

static cluster_t *everybodys;

/*  ----------------------------------------------------------- tools/postgres  */

static void
become_tool(const char *verb, const char *dir, const char *const *options)
{
    char *argv[TOOL_ROOM] = {mem_text(POSTGRES_TOOL), mem_text(verb), mem_text(dir)};
    for (size_t i = 0; options && options[i] && i < TOOL_ROOM - 4; i++)
        argv[i + 3] = mem_text(options[i]);
    execv(POSTGRES_TOOL, argv);
    perror(POSTGRES_TOOL);
    _exit(99);
}

/*  The line that it printed, or NULL if it failed.  */
static char *
ask_tool(const char *verb, const char *dir, const char *const *options)
{
    int status = 0;
    size_t room = 0;
    char *line = NULL;
    FILE *out = tmpfile();
    assert_non_null(out);
    const pid_t pid = fork_bound();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        become_tool(verb, dir, options);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rewind(out);
    const bool printed = getline(&line, &room, out) >= 0;
    char *answer = status == 0 ? mem_text(printed ? line : "") : NULL;
    if (answer)
        answer[strcspn(answer, "\n")] = '\0';
    fclose(out);
    free(line);
    return answer;
}

static char *
tell_tool(const char *verb, const cluster_t *self, const char *const *options)
{
    char *line = ask_tool(verb, self->dir, options);
    if (!line)
        fail_msg("tools/postgres %s %s failed", verb, self->dir);
    return line;
}

/*  ----------------------------------------------------------------- clusters  */

static const char *
scratch_dir(void)
{
    const char *place = getenv("TMPDIR");
    return place && *place ? place : "/tmp";
}

/*  The last option ends it with the test, also when that dies.  */
static void
make_cluster(cluster_t *self, const char *const *options)
{
    char pid[16];
    const char *all[TOOL_ROOM] = {"--while", pid};
    (void) snprintf(pid, sizeof pid, "%d", (int) getpid());
    for (size_t i = 0; options[i] && i < TOOL_ROOM - 3; i++)
        all[i + 2] = options[i];
    self->address = tell_tool("start", self, all);
}

cluster_t *
cluster_new(const char *const *options)
{
    cluster_t *self = mem_new(sizeof *self);
    self->dir = mem_format("%s/waybill-cluster-XXXXXX", scratch_dir());
    assert_non_null(mkdtemp(self->dir));
    make_cluster(self, options);
    return self;
}

static pid_t
parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    int parent = 0;
    (void) snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
    FILE *in = fopen(path, "r");
    if (!in)
        return 0;
    if (fgets(line, sizeof line, in) && strrchr(line, ')'))
        (void) sscanf(strrchr(line, ')'), ") %*c %d", &parent);
    fclose(in);
    return parent;
}

/*  Of the ctest that runs this test, perhaps with a shell between; tests/postgres/fixture names
    it.  */
static char *
fixture_dir(void)
{
    for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
        char *dir = mem_format("%s/waybill-postgres.%u.%d", scratch_dir(), (unsigned) getuid(),
                               (int) pid);
        if (access(dir, F_OK) == 0)
            return dir;
        free(dir);
    }
    return NULL;
}

static void
forget_everybodys(void)
{
    everybodys->shared = false;
    cluster_destroy(&everybodys);
}

cluster_t *
cluster_shared(void)
{
    const char *named = getenv("WAYBILL_CLUSTER");
    if (everybodys)
        return everybodys;
    char *dir = named ? mem_text(named) : fixture_dir();
    if (!dir) {
        everybodys = CLUSTER(NULL);
        atexit(forget_everybodys);
    } else {
        everybodys = mem_new(sizeof *everybodys);
        everybodys->dir = dir;
        everybodys->address = tell_tool("address", everybodys, NULL);
    }
    everybodys->shared = true;
    return everybodys;
}

void
cluster_destroy(cluster_t **self_p)
{
    cluster_t *self = *self_p;
    if (!self || self->shared)
        return;
    free(ask_tool("remove", self->dir, NULL));
    free(self->dir);
    free(self->address);
    free(self);
    *self_p = NULL;
}

void
cluster_start(cluster_t *self)
{
    free(tell_tool("start", self, NULL));
}

void
cluster_stop(cluster_t *self, bool immediate)
{
    const char *const options[] = {"--immediate", NULL};
    free(tell_tool("stop", self, immediate ? options : NULL));
}

void
cluster_promote(cluster_t *self)
{
    free(tell_tool("promote", self, NULL));
}

void
cluster_replace(cluster_t *self, cluster_t *other)
{
    const char *colon = strrchr(other->address, ':');
    char *port = mem_format("%.*s", (int) strcspn(colon + 1, "/"), colon + 1);
    const char *const options[] = {"--port", port, NULL};
    cluster_stop(other, false);
    cluster_stop(self, false);
    free(self->address);
    self->address = tell_tool("start", self, options);
    free(port);
}

char *
cluster_address(const cluster_t *self, const char *database)
{
    const char *slash = strrchr(self->address, '/');
    return mem_format("%.*s/%s", (int) (slash - self->address), self->address, database);
}

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
