/*  How long one change takes from an application at one agent until it is committed at
    another: 1,000 of them, one after the other.  */

#include "tools/bench_agent.h"
#include "tools/bench_sync.h"
#include "tools/bench_world.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <stdlib.h>
#include <string.h>

enum { WRITES = 1000, ANSWER_MS = 20000 };

static bool
write_item(member_t *agent, const bench_item_t *item)
{
    arena_t arena = {0};
    fault_t fault = {0};
    message_id_t id;
    const void *answer;
    entry_t entry = {.table = "items", .operation = "insert", .id = item->id};
    entry.data = bench_item_row(item, &arena);
    const err_t err = ipc_client_request(agent->client, "service", MSG_write,
                                         &(write_t){.changes = &entry, .n_changes = 1},
                                         ANSWER_MS, &id, &answer, &fault);
    arena_release(&arena);
    if (err != OK)
        complain("bench: %s", fault.text);
    return err == OK;
}

static bool
tells_of(const ipc_heard_t *heard, const char *row)
{
    if (heard->id != MSG_changes_processed)
        return false;
    const changes_processed_t *event = heard->body;
    for (size_t i = 0; i < event->n_changes; i++)
        if (strcmp(event->changes[i].entity_id, row) == 0)
            return true;
    return false;
}

static bool
await_row(member_t *agent, const char *row)
{
    ipc_heard_t heard = {0};
    err_t err = OK;
    while (err == OK && !tells_of(&heard, row))
        err = ipc_client_next(agent->client, ANSWER_MS, &heard);
    if (err != OK)
        complain("bench: %s did not come: %s", row, err_text(err));
    return err == OK;
}

static bool
time_writes(bench_world_t *world, double *times, size_t n)
{
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        const bench_item_t item = bench_item(i + 1); /* the server has row 0 */
        const uint64_t start = now_ns();
        good = write_item(&world->agents[0], &item) && await_row(&world->agents[1], item.id);
        times[i] = seconds_since(start) * 1000;
    }
    return good;
}

static bool
begin(bench_world_t *world)
{
    for (size_t i = 0; i < 2; i++) {
        member_t *agent = bench_world_add_agent(world);
        if (!agent || !member_connect(agent) || !bench_world_await(world, agent))
            return false;
    }
    return ipc_client_subscribe(world->agents[1].client, "changes_processed") == OK;
}

bool
sync_live(const bench_t *bench, measured_t *ours)
{
    const size_t n = bench_size(bench, WRITES);
    double *times = mem_new(n * sizeof *times);
    bench_world_t *world = bench_world_new(bench, 1);
    const bool good = world && begin(world) && time_writes(world, times, n);
    bench_world_destroy(&world);
    ours->figures[0] = median(times, (int) n); /* sorts them */
    ours->figures[1] = times[n * 99 / 100];
    free(times);
    return good;
}
