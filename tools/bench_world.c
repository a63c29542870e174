#include "tools/bench_world.h"

#include "tools/bench_agent.h"
#include "tools/bench_loop.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_MS = 20000,
    SEND_MS = 10000,
    PATIENCE_S = 600,
    LOOK_US = 2000,
    LOCKED_US = 200,
    ROWS_AT_ONCE = 1000, /* of what a server has from the beginning */
};

/*  ------------------------------------------------------------------------ processes  */

pid_t
bench_spawn(const char *log, int out, const char *const *arguments)
{
    const pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out < 0 ? fd : out, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execv("/proc/self/exe", (char *const *) arguments);
    _exit(127);
}

static bool
write_server_config(const char *dir, const char *database, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return complain("%s: %s", path, strerror(errno)), false;
    fprintf(out,
            "server\n    db = \"%s\"\n    cache = \"%s/server.db\"\n"
            "    listen = \"127.0.0.1:0\"\n"
            "process\n    run_dir = \"%s/server\"\n    log_level = \"warning\"\n",
            database, dir, dir);
    return fclose(out) == 0;
}

pid_t
bench_spawn_server(const char *dir, const char *database, char *address, size_t room)
{
    AUTO(text) config = mem_format("%s/server.conf", dir);
    AUTO(text) log = mem_format("%s/server.log", dir);
    int ends[2];
    address[0] = '\0';
    if (!write_server_config(dir, database, config) || pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t pid = bench_spawn(
        log, ends[1], (const char *const[]){"waybill", "server", "--config", config, NULL});
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    char line[128] = "";
    const char *space = fgets(line, sizeof line, out) ? strrchr(line, ' ') : NULL;
    fclose(out);
    if (space)
        snprintf(address, room, "%.*s", (int) strcspn(space + 1, "\n"), space + 1);
    else
        complain("bench: the server did not start; its log is %s", log);
    return pid;
}

void
bench_end(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGTERM);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

/*  ------------------------------------------------------------------------- members  */

static bool
run(member_t *self, const char *sql)
{
    if (sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return complain("%s: %s", self->path, sqlite3_errmsg(self->db)), false;
}

/*  What is measured is not how long a program sleeps that finds the file locked.  */
static int
wait_a_little(void *nothing, int attempt)
{
    (void) nothing;
    usleep(LOCKED_US);
    return attempt < SEND_MS * 1000 / LOCKED_US;
}

static bool
open_file(member_t *self)
{
    if (sqlite3_open(self->path, &self->db) != SQLITE_OK)
        return complain("%s: %s", self->path, sqlite3_errmsg(self->db)), false;
    sqlite3_busy_handler(self->db, wait_a_little, NULL);
    return run(self, "PRAGMA wal_autocheckpoint = 0");
}

static void
release(member_t *self)
{
    ipc_client_destroy(&self->client);
    sqlite3_close(self->db);
    bench_end(&self->pid);
    free(self->path);
    free(self->run_dir);
    *self = (member_t){0};
}

static bool
tell(member_t *self, message_id_t id, const void *body)
{
    err_t err = ipc_client_send(self->client, "service", id, body, SEND_MS);
    if (err != OK)
        complain("bench: the agent cannot be told: %s", err_text(err));
    return err == OK;
}

bool
member_connect(member_t *self)
{
    return tell(self, MSG_connect, &(connect_t){});
}

bool
member_disconnect(member_t *self)
{
    return tell(self, MSG_disconnect, &(disconnect_t){.reason = "the bench wants it"});
}

int64_t
member_number(member_t *self, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(self->db, sql, -1, &statement, NULL) == SQLITE_OK
        && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    else
        complain("%s: %s", self->path, sqlite3_errmsg(self->db));
    sqlite3_finalize(statement);
    return number;
}

/*  The looks cost little, and their distance is far below what is measured.  */
bool
member_await(member_t *self, const char *sql, int64_t number)
{
    int64_t seen = -1;
    for (uint64_t start = now_ns(); seconds_since(start) < PATIENCE_S; usleep(LOOK_US)) {
        seen = member_number(self, sql);
        if (seen == number || seen < 0)
            return seen == number;
    }
    complain("bench: %s: \"%s\" is still %" PRId64 ", not %" PRId64, self->path, sql, seen,
             number);
    return false;
}

/*  ----------------------------------------------------------------------- plain SQL  */

static void
bind_item(sqlite3_stmt *statement, const bench_item_t *item)
{
    sqlite3_bind_text(statement, 1, item->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, item->title, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, item->body, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, item->number);
}

static bool
put_items(member_t *self, sqlite3_stmt *statement, size_t first, size_t n)
{
    bool good = run(self, "BEGIN IMMEDIATE");
    for (size_t i = first; good && i < first + n; i++) {
        const bench_item_t item = bench_item(i);
        bind_item(statement, &item);
        good = sqlite3_step(statement) == SQLITE_DONE;
        sqlite3_reset(statement);
    }
    if (good)
        return run(self, "COMMIT");
    return complain("%s: %s", self->path, sqlite3_errmsg(self->db)), false;
}

bool
member_put_items(member_t *self, size_t first, size_t n, size_t a_transaction)
{
    sqlite3_stmt *statement = NULL;
    bool good =
        sqlite3_prepare_v2(
            self->db, "INSERT INTO items (id, title, body, number) VALUES (?1, ?2, ?3, ?4)", -1,
            &statement, NULL)
        == SQLITE_OK;
    for (size_t done = 0; good && done < n; done += a_transaction) {
        const size_t rest = n - done;
        good = put_items(self, statement, first + done,
                         rest < a_transaction ? rest : a_transaction);
    }
    sqlite3_finalize(statement);
    return good;
}

double
member_cpu(const member_t *self)
{
    clockid_t clock;
    struct timespec used = {0};
    if (clock_getcpuclockid(self->pid, &clock) == 0)
        (void) clock_gettime(clock, &used);
    return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

double
member_memory(const member_t *self)
{
    AUTO(text) path = mem_format("/proc/%d/statm", (int) self->pid);
    char line[100] = "";
    unsigned long resident = 0;
    FILE *in = fopen(path, "r");
    if (in && fgets(line, sizeof line, in)) /* all pages, and those in memory */
        resident = strtoul(line + strcspn(line, " "), NULL, 10);
    if (resident == 0)
        complain("%s: it cannot be read", path);
    if (in)
        fclose(in);
    return (double) resident * (double) sysconf(_SC_PAGESIZE);
}

/*  ------------------------------------------------------------------------ the world  */

static bool
fill_server(bench_world_t *self, size_t rows)
{
    member_t *server = &self->server;
    AUTO(text) items = mem_format("%s/app.db", self->dir);
    return loop_make_file(self->dir) && rename(items, server->path) == 0 && open_file(server)
           && run(server, "PRAGMA synchronous = OFF")
           && member_put_items(server, 0, rows, ROWS_AT_ONCE)
           && run(server, "PRAGMA wal_checkpoint(TRUNCATE)")
           && run(server, "PRAGMA synchronous = FULL");
}

/*  database: NULL for its own file.  */
static bench_world_t *
make_world(const bench_t *bench, const char *database)
{
    bench_world_t *self = mem_new(sizeof *self);
    self->bench = bench;
    self->dir = mem_format("%s/world.XXXXXX", bench->dir);
    if (!mkdtemp(self->dir)) {
        complain("%s: %s", self->dir, strerror(errno));
        bench_world_destroy(&self);
        return NULL;
    }
    self->server.path = mem_format("%s/server.db", self->dir);
    self->database = mem_text(database ? database : self->server.path);
    return self;
}

bool
bench_world_start_server(bench_world_t *self)
{
    self->server.pid =
        bench_spawn_server(self->dir, self->database, self->address, sizeof self->address);
    return self->address[0] != '\0';
}

void
bench_world_stop_server(bench_world_t *self)
{
    bench_end(&self->server.pid);
}

bench_world_t *
bench_world_new(const bench_t *bench, size_t rows)
{
    bench_world_t *self = make_world(bench, NULL);
    if (self && (!fill_server(self, rows) || !bench_world_start_server(self)))
        bench_world_destroy(&self);
    return self;
}

bench_world_t *
bench_world_on(const bench_t *bench, const char *database)
{
    bench_world_t *self = make_world(bench, database);
    if (self && (!bench_world_start_server(self) || !open_file(&self->server)))
        bench_world_destroy(&self);
    return self;
}

static int
remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void) about;
    (void) type;
    (void) place;
    return remove(path);
}

void
bench_world_destroy(bench_world_t **self_p)
{
    bench_world_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->n_agents; i++)
        release(&self->agents[i]);
    release(&self->server);
    nftw(self->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(self->database);
    free(self->dir);
    free(self);
    *self_p = NULL;
}

static bool
write_config(const bench_world_t *self, const member_t *agent, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return complain("%s: %s", path, strerror(errno)), false;
    fprintf(out,
            "agent\n    db = \"%s\"\n    server = \"ws://%s/api/sync\"\n"
            "    connect = false\n"
            "process\n    run_dir = \"%s\"\n    log_level = \"warning\"\n",
            agent->path, self->address, agent->run_dir);
    return fclose(out) == 0;
}

/*  Its file is opened only when it has made it.  */
static bool
start_agent(const bench_world_t *self, member_t *agent, size_t number)
{
    agent->path = mem_format("%s/agent%zu.db", self->dir, number);
    agent->run_dir = mem_format("%s/agent%zu", self->dir, number);
    AUTO(text) config = mem_format("%s/agent%zu.conf", self->dir, number);
    AUTO(text) log = mem_format("%s/agent%zu.log", self->dir, number);
    if (!write_config(self, agent, config))
        return false;
    agent->pid = bench_spawn(
        log, -1, (const char *const[]){"waybill", "agent", "--config", config, NULL});
    fault_t fault = {0};
    if (ipc_client_open(agent->run_dir, "bench", START_MS, &agent->client, &fault) != OK)
        return complain("%s", fault.text), false;
    return open_file(agent);
}

member_t *
bench_world_add_agent(bench_world_t *self)
{
    member_t *agent = &self->agents[self->n_agents++];
    return start_agent(self, agent, self->n_agents) ? agent : NULL;
}

bool
bench_world_await(bench_world_t *self, member_t *agent)
{
    static const char unsealed[] =
        "SELECT EXISTS (SELECT 1 FROM change_log, waybill_head WHERE change_log.lsn > "
        "waybill_head.lsn)";
    if (!member_await(&self->server, unsealed, 0))
        return false;
    const int64_t head = member_number(&self->server, "SELECT lsn FROM waybill_head");
    return head >= 0 && member_await(agent, "SELECT lsn FROM sync_state", head);
}
