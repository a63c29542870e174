/*  chaos - servers and agents as real processes that are killed while changes flow, and the
    proof that nothing acknowledged is lost, that nothing is applied twice, and that no position
    stands before its data.

    What is written is new each time, one to three rows of table events a transaction: applied
    twice, it would show. What the agents acknowledged is noted in table acks of notes.  */

#pragma once

#include "tests/integration/process.h"
#include "tests/integration/query.h"

enum { CHAOS_TRANSACTIONS = 60, CHAOS_NODES = 6, CHAOS_AGENTS = 2 };

typedef struct node {
    const char *name;
    char *run_dir, *db, *log, *config, *address;
    process_t *process;
} node_t;

typedef struct chaos {
    const char *database; /* postgres://... for all servers; NULL: the server has a file */
    char *dir;
    node_t nodes[CHAOS_NODES]; /* servers, then agents */
    size_t n_servers, n;
    sqlite3 *notes;
    int64_t written; /* numbers the rows */
} chaos_t;

/*  0 to limit - 1, by drand48().  */
int chaos_below(int limit);
/*  By WAYBILL_SEED, or by the clock; says which.  */
void chaos_seed(void);
/*  As the environment says, or so many.  */
int chaos_kills(int usual);

/*  All of them run afterwards. A database of PostgreSQL has the table already.  */
void chaos_begin(chaos_t *self, const char *database, size_t n_servers);
/*  Whatever still runs is killed.  */
void chaos_end(chaos_t *self);
extern const char chaos_schema[]; /* SQL */

void chaos_start(chaos_t *self, node_t *node);
/*  The exit status must be as expected.  */
void chaos_stop(node_t *node, int signal, int expected);
bool chaos_is_server(const chaos_t *self, const node_t *node);
node_t *chaos_agent(chaos_t *self, size_t number);

/*  Both agents are written to; writers of agents that die end with them.  */
typedef struct burst {
    process_t *writers[CHAOS_AGENTS];
} burst_t;
burst_t chaos_write(chaos_t *self);
/*  Waits for so many acknowledgements of one of them.  */
void chaos_watch(chaos_t *self, burst_t *burst, int acks);
void chaos_finish(chaos_t *self, burst_t *burst);

/*  Of an agent that is dead: everything the servers have up to its position is in its table. */
void chaos_check_position(chaos_t *self, const node_t *agent);
/*  Both agents have what the server has, and it has what they recorded.  */
void chaos_await_synced(chaos_t *self);
/*  Until that stands in its log.  */
void chaos_await_logged(const node_t *node, const char *text);
/*  Both agents are synchronised, all databases are equal, and everybody ends as he should.  */
void chaos_rest(chaos_t *self);
/*  Every acknowledged change is in its agent's journal, decided, and once in the log of each
    server, which has logged each row once. That many were acknowledged at least.  */
void chaos_check(chaos_t *self, int acks);
