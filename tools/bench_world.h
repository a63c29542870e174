/*  bench_world - a server and its agents as processes of their own, on files that the bench
    looks into.  */

#pragma once

#include "bus/ipc_client.h"
#include "tools/bench.h"

#include <sqlite3.h>
#include <sys/types.h>

enum { AGENTS_MOST = 10 };

typedef struct member {
    pid_t pid;
    char *path; /* its database */
    char *run_dir;
    sqlite3 *db;          /* the bench's own connection to it */
    ipc_client_t *client; /* agents only */
} member_t;

typedef struct bench_world {
    const bench_t *bench;
    char *dir;
    char *database;    /* the server's; PostgreSQL: its address */
    char address[128]; /* where the server listens */
    member_t server;
    member_t agents[AGENTS_MOST];
    size_t n_agents;
} bench_world_t;

/*  A server whose table `items` has so many rows already. NULL after a complaint.  */
bench_world_t *bench_world_new(const bench_t *bench, size_t rows);
/*  A server on that PostgreSQL database; server.path is its cache. NULL after a complaint.  */
bench_world_t *bench_world_on(const bench_t *bench, const char *database);
/*  False after a complaint.  */
bool bench_world_start_server(bench_world_t *self);
void bench_world_stop_server(bench_world_t *self);
/*  Ends the processes and removes the directory.  */
void bench_world_destroy(bench_world_t **self);

/*  One more agent, joined and still offline. NULL after a complaint.  */
member_t *bench_world_add_agent(bench_world_t *self);
/*  Tells it to; false after a complaint.  */
bool member_connect(member_t *self);
bool member_disconnect(member_t *self);

/*  The first column of the first row; -1 after a complaint.  */
int64_t member_number(member_t *self, const char *sql);
/*  Waits until that statement gives that number; false after a complaint.  */
bool member_await(member_t *self, const char *sql, int64_t number);
/*  Waits until it has all that the server has; false after a complaint.  */
bool bench_world_await(bench_world_t *self, member_t *agent);

/*  Rows first to first + n of `items`, by plain SQL, so many in a transaction.  */
bool member_put_items(member_t *self, size_t first, size_t n, size_t a_transaction);

/*  Processor time that the process has taken, in seconds.  */
double member_cpu(const member_t *self);
/*  Bytes of memory that the process has now; 0 after a complaint.  */
double member_memory(const member_t *self);

/*  The path of this program, once more as `waybill ARGUMENTS`; ends when the bench does. Its
    standard output goes to out, the rest to the file log.  */
pid_t bench_spawn(const char *log, int out, const char *const *arguments);
/*  As `waybill server` on that database, with its files in dir; address is where it listens, or
    empty.  */
pid_t bench_spawn_server(const char *dir, const char *database, char *address, size_t room);
void bench_end(pid_t *pid);
