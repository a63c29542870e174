/*  Recording: `write` requests to the service of an agent, beside a loop over SQLite.  */

#include "tools/bench_agent.h"
#include "tools/bench_loop.h"
#include "tools/verb.h"

#include <stdlib.h>

enum { ONE = 1, SEVERAL = 8, ASK_MS = 60000 };

static bool
ask_write(bench_agent_t *self, size_t batch)
{
    static entry_t entries[BATCH];
    static bench_item_t items[BATCH];
    arena_t arena = {0};
    for (size_t i = 0; i < BATCH; i++) {
        items[i] = bench_item(batch * BATCH + i);
        entries[i] = (entry_t){.table = "items", .operation = "insert", .id = items[i].id};
        entries[i].data = bench_item_row(&items[i], &arena);
    }
    uint64_t ask;
    write_t write = {.changes = entries, .n_changes = BATCH};
    err_t err = ipc_client_ask(self->client, "service", MSG_write, &write, ASK_MS, &ask);
    arena_release(&arena);
    if (err != OK)
        complain("bench: %s", err_text(err));
    return err == OK;
}

static double
record(const bench_t *bench, size_t window)
{
    bench_agent_t *agent = bench_agent_new(bench);
    double rate = agent ? bench_agent_drive(agent, window, ask_write) : 0;
    bench_agent_destroy(&agent);
    return rate;
}

static double
record_one(const bench_t *bench)
{
    return record(bench, ONE);
}

static double
record_several(const bench_t *bench)
{
    return record(bench, SEVERAL);
}

static double
bare(const bench_t *bench)
{
    return loop_run(bench, LOOP_RECORD);
}

const trial_t bench_record_trials[2] = {
    {
        .what = "record: batches of 100, one at a time",
        .unit = "changes",
        .goal = 0.8,
        .bare = bare,
        .ours = record_one,
    },
    {
        .what = "record: batches of 100, 8 under way",
        .unit = "changes",
        .goal = 0.8,
        .bare = bare,
        .ours = record_several,
    },
};
