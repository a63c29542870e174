/*  Applying: the server's transactions through lsn-manager and processor, beside a loop over
    SQLite.  */

#include "tools/bench_agent.h"
#include "tools/bench_loop.h"
#include "tools/verb.h"

#include <stdlib.h>

enum { UNDER_WAY = 8, ASK_MS = 60000 };

static const char epoch[] = "bench";

/*  Where batch number i ends; 1 is where the empty snapshot stands.  */
static uint64_t
position(size_t batch)
{
    return batch + 2;
}

static bool
ask_chunk(bench_agent_t *self, size_t batch)
{
    static server_change_t changes[BATCH];
    arena_t arena = {0};
    for (size_t i = 0; i < BATCH; i++) {
        bench_item_t item = bench_item(batch * BATCH + i);
        changes[i] = (server_change_t){
            .table = "items",
            .operation = "insert",
            .data = bench_item_row(&item, &arena),
            .lsn = position(batch),
            .index = i,
            .last = i == BATCH - 1,
        };
    }
    server_changes_t chunk = {
        .phase = "live",
        .epoch = epoch,
        .prev = position(batch) - 1,
        .lsn = position(batch),
        .last = true,
        .changes = changes,
        .n_changes = BATCH,
    };
    uint64_t ask;
    err_t err =
        ipc_client_ask(self->client, "lsn-manager", MSG_server_changes, &chunk, ASK_MS, &ask);
    arena_release(&arena);
    if (err != OK)
        complain("bench: %s", err_text(err));
    return err == OK;
}

/*  An empty snapshot gives the agent a history to follow.  */
static bool
begin_history(bench_agent_t *self)
{
    static const char *const phases[] = {"snapshot_begin", "snapshot_end"};
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        server_changes_t chunk = {.phase = phases[i], .epoch = epoch, .lsn = 1, .last = true};
        message_id_t id;
        const void *answer;
        fault_t fault = {0};
        if (ipc_client_request(self->client, "lsn-manager", MSG_server_changes, &chunk, ASK_MS,
                               &id, &answer, &fault)
            != OK)
            return complain("bench: %s", fault.text), false;
    }
    return true;
}

static double
ours(const bench_t *bench)
{
    bench_agent_t *agent = bench_agent_new(bench);
    bool begun = agent && begin_history(agent);
    double rate = begun ? bench_agent_drive(agent, UNDER_WAY, ask_chunk) : 0;
    bench_agent_destroy(&agent);
    return rate;
}

static double
bare(const bench_t *bench)
{
    return loop_run(bench, LOOP_APPLY);
}

const trial_t bench_apply_trials[1] = {
    {
        .what = "apply: transactions of 100 changes",
        .unit = "changes",
        .goal = 0.7,
        .bare = bare,
        .ours = ours,
    },
};
