/*  bench_agent - an agent in a process of its own, with a database made for measuring.  */

#pragma once

#include "bus/ipc_client.h"
#include "tools/bench.h"

#include <sys/types.h>

enum { BATCH = 100, BATCHES = 150 };

typedef struct bench_agent {
    pid_t pid;
    char *dir; /* its run directory, database and log */
    ipc_client_t *client;
} bench_agent_t;

/*  Makes a fresh directory with the table `items`, starts an agent that stays offline, and
    joins it. NULL after a complaint.  */
bench_agent_t *bench_agent_new(const bench_t *bench);
void bench_agent_destroy(bench_agent_t **self);

/*  Puts BATCHES requests to that actor, at most window under way; ask says number i.
    Gives changes per second; 0 after a complaint.  */
double bench_agent_drive(bench_agent_t *self, size_t window,
                         bool (*ask)(bench_agent_t *self, size_t number));

/*  Row number i of `items`, in all its forms.  */
typedef struct bench_item {
    char id[24], title[32], body[112];
    int64_t number;
} bench_item_t;
bench_item_t bench_item(size_t number);
/*  As a msgpack row in arena.  */
bytes_t bench_item_row(const bench_item_t *item, arena_t *arena);
