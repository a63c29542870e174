#include "tools/bench_cluster.h"

#include "tools/bench_world.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <math.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_US = 2000, START_S = 60, PATIENCE_S = 600 };

struct bench_cluster {
    char *dir, *log, *port;
    pid_t pid;
};

/*  ---------------------------------------------------------------------- its programs  */

/*  Debian keeps them out of PATH. The newest version is the last.  */
static char *
find_program(const char *name)
{
    AUTO(text) pattern = mem_format("/usr/lib/postgresql/*/bin/%s", name);
    glob_t found = {0};
    char *path = NULL;
    if (glob(pattern, 0, NULL, &found) == 0)
        path = mem_format("%s", found.gl_pathv[found.gl_pathc - 1]);
    else
        complain("%s: it is missing; install the package postgresql", pattern);
    globfree(&found);
    return path;
}

/*  PostgreSQL refuses to run as root.  */
static const struct passwd *
other_user(void)
{
    return geteuid() == 0 ? getpwnam("postgres") : NULL;
}

static bool
become(const struct passwd *user)
{
    if (user
        && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0
            || setuid(user->pw_uid) != 0))
        return false;
    return prctl(PR_SET_PDEATHSIG, SIGINT) == 0; /* which a change of user forgets */
}

static pid_t
spawn(const bench_cluster_t *self, const char *name, const char *const *arguments)
{
    AUTO(text) program = find_program(name);
    if (!program)
        return -1;
    const struct passwd *user = other_user();
    const pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    const int fd = open(self->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (become(user) && chdir("/") == 0 && getppid() == parent)
        execv(program, (char *const *) arguments);
    _exit(127);
}

/*  ------------------------------------------------------------------------------- life  */

static char *
free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *) &address, size) == 0)
        (void) getsockname(fd, (struct sockaddr *) &address, &size);
    close(fd);
    return mem_format("%d", ntohs(address.sin_port));
}

/*  Another user must get to his directory through ours.  */
static bool
make_dir(const bench_cluster_t *self, const bench_t *bench)
{
    const struct passwd *user = other_user();
    if (mkdir(self->dir, 0700) == 0
        && (!user
            || (chmod(bench->dir, 0711) == 0
                && chown(self->dir, user->pw_uid, user->pw_gid) == 0)))
        return true;
    return complain("%s: %s", self->dir, strerror(errno)), false;
}

static bool
make_files(const bench_cluster_t *self)
{
    int status = -1;
    const pid_t pid = spawn(self, "initdb",
                            (const char *const[]){"initdb", "-D", self->dir, "-A", "trust",
                                                  "-U", "postgres", "-E", "UTF8", "--locale=C",
                                                  "--no-sync", "--no-instructions", NULL});
    if (pid > 0)
        (void) waitpid(pid, &status, 0);
    if (status == 0)
        return true;
    return complain("bench: initdb failed; its log is %s", self->log), false;
}

/*  No checkpoint but the first may fall into what is measured, nor the pause that subscriptions
    make behind the one of the trial before.  */
static pid_t
start(const bench_cluster_t *self)
{
    // clang-format off
    return spawn(self, "postgres", (const char *const[]){
        "postgres", "-D", self->dir, "-h", "127.0.0.1", "-p", self->port, "-k", "",
        "-c", "wal_level=logical",
        "-c", "max_replication_slots=32",
        "-c", "max_wal_senders=32",
        "-c", "max_wal_size=8GB",
        "-c", "checkpoint_timeout=1h",
        "-c", "autovacuum=off",
        "-c", "wal_retrieve_retry_interval=10ms",
        NULL});
    // clang-format on
}

static bool
await_start(const bench_cluster_t *self)
{
    AUTO(text) address = bench_cluster_address(self, "postgres");
    for (uint64_t start = now_ns(); seconds_since(start) < START_S; usleep(LOOK_US))
        if (PQping(address) == PQPING_OK)
            return true;
    return complain("bench: PostgreSQL did not start; its log is %s", self->log), false;
}

bench_cluster_t *
bench_cluster_new(const bench_t *bench, const char *name)
{
    bench_cluster_t *self = mem_new(sizeof *self);
    self->dir = mem_format("%s/%s", bench->dir, name);
    self->log = mem_format("%s/%s.log", bench->dir, name);
    self->port = free_port();
    if (make_dir(self, bench) && make_files(self))
        self->pid = start(self);
    if (self->pid <= 0 || !await_start(self))
        bench_cluster_destroy(&self);
    return self;
}

void
bench_cluster_destroy(bench_cluster_t **self_p)
{
    bench_cluster_t *self = *self_p;
    if (!self)
        return;
    if (self->pid > 0) {
        kill(self->pid, SIGINT); /* fast: without waiting for clients */
        (void) waitpid(self->pid, NULL, 0);
    }
    free(self->dir);
    free(self->log);
    free(self->port);
    free(self);
    *self_p = NULL;
}

/*  ------------------------------------------------------------------------ connections  */

char *
bench_cluster_address(const bench_cluster_t *self, const char *database)
{
    return mem_format("postgres://postgres@127.0.0.1:%s/%s", self->port, database);
}

static void
pass_over(void *nothing, const PGresult *notice)
{
    (void) nothing;
    (void) notice;
}

static PGconn *
open_connection(const char *address)
{
    PGconn *connection = PQconnectdb(address);
    PQsetNoticeReceiver(connection, pass_over, NULL);
    if (PQstatus(connection) == CONNECTION_OK)
        return connection;
    complain("bench: %s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

PGconn *
bench_cluster_connect(const bench_cluster_t *self, const char *database)
{
    AUTO(text) address = bench_cluster_address(self, database);
    return open_connection(address);
}

PGconn *
bench_cluster_connect_stream(const bench_cluster_t *self, const char *database)
{
    AUTO(text) plain = bench_cluster_address(self, database);
    AUTO(text) address = mem_format("%s?replication=database", plain);
    return open_connection(address);
}

/*  The caller's to PQclear(); NULL after a complaint.  */
static PGresult *
run(PGconn *connection, const char *sql)
{
    if (!connection)
        return NULL;
    PGresult *result = PQexec(connection, sql);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    complain("bench: %s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    return NULL;
}

bool
bench_sql(PGconn *connection, const char *sql)
{
    PGresult *result = run(connection, sql);
    const bool good = result != NULL;
    PQclear(result);
    return good;
}

char *
bench_sql_text(PGconn *connection, const char *sql)
{
    PGresult *result = run(connection, sql);
    char *text = NULL;
    if (result && PQntuples(result) > 0)
        text = mem_format("%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

double
bench_sql_number(PGconn *connection, const char *sql)
{
    AUTO(text) text = bench_sql_text(connection, sql);
    return text ? strtod(text, NULL) : (double) NAN;
}

bool
bench_sql_await(PGconn *connection, const char *sql, double number)
{
    double seen = (double) NAN;
    for (uint64_t start = now_ns(); seconds_since(start) < PATIENCE_S; usleep(LOOK_US)) {
        seen = bench_sql_number(connection, sql);
        if (seen == number || PQstatus(connection) != CONNECTION_OK)
            break;
    }
    if (seen != number)
        complain("bench: \"%s\" is still %g, not %g", sql, seen, number);
    return seen == number;
}
