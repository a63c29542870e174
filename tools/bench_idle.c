/*  Idleness: an agent in this process, connected to a server in another, with nothing to
    do. What it costs in 10 s, and how many SQL statements it runs.  */

#include "actors/agent/actors.h"
#include "actors/net/websocket.h"
#include "bus/ipc_client.h"
#include "tools/bench_world.h"
#include "tools/launch.h"
#include "tools/measure.h"

#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WATCHED_S = 10, SETTLED_MS = 60000, LOOK_MS = 100 };

typedef struct idle {
    const char *run_dir;
    host_t *host;
    pthread_t watcher;
    bool measured;
    double cpu_s;
    uint64_t statements;
} idle_t;

static atomic_uint_fast64_t statements;

static int
count_statement(unsigned what, void *nobody, void *statement, void *text)
{
    (void) what;
    (void) nobody;
    (void) statement;
    (void) text;
    atomic_fetch_add(&statements, 1);
    return 0;
}

/*  For every connection that this process opens from now on.  */
static int
watch_connection(sqlite3 *db, char **error, const void *api)
{
    (void) error;
    (void) api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, NULL);
}

static double
cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static bool
await_synced(ipc_client_t *client)
{
    ipc_heard_t heard = {0};
    for (uint64_t start = now_ns(); seconds_since(start) < SETTLED_MS / 1000.0;) {
        message_id_t id;
        const void *answer;
        fault_t fault = {0};
        if (ipc_client_request(client, "service", MSG_status_get,
                               &(status_get_t){.fresh = true}, SETTLED_MS, &id, &answer, &fault)
                == OK
            && id == MSG_status && ((const status_t *) answer)->synced)
            return true;
        if (ipc_client_next(client, LOOK_MS, &heard) == ERR_OFFLINE)
            return false;
    }
    return false;
}

/*  The passing of time is what is measured here.  */
static void *
watch(void *arg)
{
    idle_t *self = arg;
    ipc_client_t *client = NULL;
    fault_t fault = {0};
    bool synced = ipc_client_open(self->run_dir, "bench", SETTLED_MS, &client, &fault) == OK
                  && await_synced(client);
    ipc_client_close(&client);
    if (synced) {
        sleep(1); /* what its coming and going costs is not idleness */
        double before_s = cpu_seconds();
        uint64_t before = atomic_load(&statements);
        sleep(WATCHED_S);
        self->cpu_s = cpu_seconds() - before_s;
        self->statements = atomic_load(&statements) - before;
        self->measured = before > 0; /* its start was counted: the counter works */
    }
    host_stop(self->host);
    return NULL;
}

static void
begin_watching(void *ready_to, host_t *host)
{
    idle_t *self = ready_to;
    self->host = host;
    pthread_create(&self->watcher, NULL, watch, self);
}

static int
run_agent(const char *dir, const char *address, idle_t *self)
{
    AUTO(text) db = mem_format("%s/agent.db", dir);
    AUTO(text) run_dir = mem_format("%s/agent", dir);
    AUTO(text) url = mem_format("ws://%s/api/sync", address);
    const launch_option_t options[] = {
        {"agent.db", db},
        {"agent.server", url},
        {"process.run_dir", run_dir},
        {"process.log_level", "error"},
        {0},
    };
    settings_t settings;
    if (!launch_settings("agent", NULL, options, &settings))
        return STATUS_USAGE;
    self->run_dir = run_dir;
    sqlite3_auto_extension((void (*)(void)) watch_connection);
    int status = launch_run(&(launch_t){
        .role = "agent",
        .settings = &settings,
        .actors = agent_actors,
        .net = &websocket_driver,
        .ready = begin_watching,
        .ready_to = self,
    });
    if (self->host)
        pthread_join(self->watcher, NULL);
    sqlite3_reset_auto_extension();
    return status;
}

int
bench_idle(const bench_t *bench)
{
    char address[128] = "";
    idle_t self = {0};
    AUTO(text) database = mem_format("%s/server.db", bench->dir);
    pid_t server = bench_spawn_server(bench->dir, database, address, sizeof address);
    int status = address[0] ? run_agent(bench->dir, address, &self) : STATUS_USAGE;
    bench_end(&server);
    if (status != STATUS_DONE || !self.measured)
        return complain("bench: the agent was not synchronised"), STATUS_USAGE;
    bool good = self.cpu_s < 0.1 && self.statements == 0;
    printf("idle agent: %.3f s of processor time in %d s (goal: < 0.1 s), %" PRIu64
           " SQL statements (goal: 0) %s\n",
           self.cpu_s, WATCHED_S, self.statements, good ? "reached" : "MISSED");
    return good ? STATUS_DONE : STATUS_NO;
}
