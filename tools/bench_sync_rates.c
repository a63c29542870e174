/*  How fast much of it goes: down to an agent and up from one.  */

#include "tools/bench_agent.h"
#include "tools/bench_sync.h"
#include "tools/bench_world.h"
#include "tools/measure.h"
#include "tools/verb.h"

enum {
    INITIAL = 100000,
    UPLOAD = 10000,
    STREAM = 20000,
    A_TRANSACTION = 100,
    UNDER_WAY = 200,
    ANSWER_MS = 60000,
};

/*  ----------------------------------------------------------------------- initial sync  */

static bool
first_sync(bench_world_t *world, double *seconds)
{
    member_t *agent = bench_world_add_agent(world);
    const uint64_t start = now_ns();
    const bool good = agent && member_connect(agent) && bench_world_await(world, agent);
    *seconds = seconds_since(start);
    return good;
}

static bool
has_rows(bench_world_t *world, size_t rows)
{
    return member_await(&world->agents[0], "SELECT count(*) FROM items", (int64_t) rows);
}

bool
sync_initial(const bench_t *bench, double ours[FIGURES_MOST])
{
    const size_t rows = bench_size(bench, INITIAL);
    double seconds = 0;
    bench_world_t *world = bench_world_new(bench, rows);
    const bool good = world && first_sync(world, &seconds) && has_rows(world, rows);
    bench_world_destroy(&world);
    ours[0] = (double) rows / seconds;
    return good;
}

/*  ----------------------------------------------------------------------------- upload  */

static bool
ask_write(member_t *agent, size_t number)
{
    const bench_item_t item = bench_item(number);
    arena_t arena = {0};
    entry_t entry = {.table = "items", .operation = "insert", .id = item.id};
    entry.data = bench_item_row(&item, &arena);
    uint64_t ask;
    const err_t err =
        ipc_client_ask(agent->client, "service", MSG_write,
                       &(write_t){.changes = &entry, .n_changes = 1}, ANSWER_MS, &ask);
    arena_release(&arena);
    if (err != OK)
        complain("bench: %s", err_text(err));
    return err == OK;
}

static bool
take_answer(member_t *agent)
{
    ipc_heard_t heard = {0};
    const err_t err = ipc_client_next(agent->client, ANSWER_MS, &heard);
    if (err == OK && heard.id != MSG_problem)
        return true;
    complain("bench: %s",
             err == OK ? ((const problem_t *) heard.body)->message : err_text(err));
    return false;
}

/*  Each change is a local transaction of its own.  */
static bool
queue_changes(member_t *agent, size_t n)
{
    bool good = true;
    for (size_t asked = 0, answered = 0; good && answered < n;) {
        if (asked < n && asked - answered < UNDER_WAY) {
            good = ask_write(agent, asked++);
        } else {
            good = take_answer(agent);
            answered++;
        }
    }
    return good;
}

static bool
upload(bench_world_t *world, size_t n, double *seconds)
{
    static const char undecided[] =
        "SELECT EXISTS (SELECT 1 FROM local_changes WHERE processed_sync = 0)";
    member_t *agent = &world->agents[0];
    if (!member_disconnect(agent) || !queue_changes(agent, n))
        return false;
    const uint64_t start = now_ns();
    const bool good = member_connect(agent) && member_await(agent, undecided, 0);
    *seconds = seconds_since(start);
    return good && member_await(&world->server, "SELECT count(*) FROM items", (int64_t) n);
}

bool
sync_upload(const bench_t *bench, double ours[FIGURES_MOST])
{
    const size_t n = bench_size(bench, UPLOAD);
    double synced, seconds = 0;
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = world && first_sync(world, &synced) && upload(world, n, &seconds);
    bench_world_destroy(&world);
    ours[0] = (double) n / seconds;
    return good;
}

/*  ------------------------------------------------------------- what the server streams  */

/*  The clock starts before the first write.  */
static bool
fan_out(bench_world_t *world, size_t n, double *seconds)
{
    const uint64_t start = now_ns();
    const bool good = member_put_items(&world->server, 0, n, A_TRANSACTION)
                      && bench_world_await(world, &world->agents[0]);
    *seconds = seconds_since(start);
    return good;
}

bool
sync_fan_out(const bench_t *bench, double ours[FIGURES_MOST])
{
    const size_t n = bench_size(bench, STREAM);
    double synced, seconds = 0;
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = world && first_sync(world, &synced) && fan_out(world, n, &seconds)
                      && has_rows(world, n);
    bench_world_destroy(&world);
    ours[0] = (double) n / seconds;
    return good;
}

static bool
catch_up(bench_world_t *world, size_t n, double *seconds)
{
    member_t *agent = &world->agents[0];
    if (!member_disconnect(agent) || !member_put_items(&world->server, 0, n, A_TRANSACTION))
        return false;
    const uint64_t start = now_ns();
    const bool good = member_connect(agent) && bench_world_await(world, agent);
    *seconds = seconds_since(start);
    return good;
}

bool
sync_catch_up(const bench_t *bench, double ours[FIGURES_MOST])
{
    const size_t n = bench_size(bench, STREAM);
    double synced, seconds = 0;
    bench_world_t *world = bench_world_new(bench, 0);
    const bool good = world && first_sync(world, &synced) && catch_up(world, n, &seconds)
                      && has_rows(world, n);
    bench_world_destroy(&world);
    ours[0] = (double) n / seconds;
    return good;
}
