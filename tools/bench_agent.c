#include "tools/bench_agent.h"

#include "schemas/row.h"
#include "tools/bench_loop.h"
#include "tools/bench_world.h"
#include "tools/measure.h"
#include "tools/verb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 20000, REPLY_MS = 60000 };

static bool
write_config(const char *dir)
{
    AUTO(text) path = mem_format("%s/agent.conf", dir);
    FILE *out = fopen(path, "w");
    if (!out)
        return complain("%s: %s", path, strerror(errno)), false;
    fprintf(out,
            "agent\n    db = \"%s/app.db\"\n    server = \"ws://127.0.0.1:9/api/sync\"\n"
            "    client_id = \"bench\"\n    connect = false\n"
            "process\n    run_dir = \"%s/run\"\n    log_level = \"warning\"\n"
            "tap\n    inject = true\n", /* one trial plays the server */
            dir, dir);
    return fclose(out) == 0;
}

static pid_t
spawn(const char *dir)
{
    AUTO(text) config = mem_format("%s/agent.conf", dir);
    AUTO(text) log = mem_format("%s/agent.log", dir);
    return bench_spawn(log, -1,
                       (const char *const[]){"waybill", "agent", "--config", config, NULL});
}

bench_agent_t *
bench_agent_new(const bench_t *bench)
{
    bench_agent_t *self = mem_new(sizeof *self);
    self->dir = mem_format("%s/run.XXXXXX", bench->dir);
    if (!mkdtemp(self->dir) || !write_config(self->dir) || !loop_make_file(self->dir))
        return bench_agent_destroy(&self), NULL;
    self->pid = spawn(self->dir);

    AUTO(text) run_dir = mem_format("%s/run", self->dir);
    fault_t fault = {0};
    if (ipc_client_open(run_dir, "bench", START_MS, &self->client, &fault) != OK) {
        complain("%s", fault.text);
        bench_agent_destroy(&self);
    }
    return self;
}

void
bench_agent_destroy(bench_agent_t **self_p)
{
    bench_agent_t *self = *self_p;
    if (!self)
        return;
    ipc_client_destroy(&self->client);
    bench_end(&self->pid);
    free(self->dir);
    free(self);
    *self_p = NULL;
}

static bool
take_answer(bench_agent_t *self)
{
    ipc_heard_t heard = {0};
    err_t err = ipc_client_next(self->client, REPLY_MS, &heard);
    if (err != OK)
        return complain("bench: no answer: %s", err_text(err)), false;
    if (heard.id == MSG_problem)
        return complain("bench: %s", ((const problem_t *) heard.body)->message), false;
    return true;
}

double
bench_agent_drive(bench_agent_t *self, size_t window,
                  bool (*ask)(bench_agent_t *self, size_t number))
{
    size_t asked = 0, answered = 0;
    uint64_t start = now_ns();
    while (answered < BATCHES) {
        if (asked < BATCHES && asked - answered < window) {
            if (!ask(self, asked++))
                return 0;
        } else if (take_answer(self)) {
            answered++;
        } else {
            return 0;
        }
    }
    return BATCHES * BATCH / seconds_since(start);
}

bench_item_t
bench_item(size_t number)
{
    bench_item_t item = {.number = (int64_t) number};
    snprintf(item.id, sizeof item.id, "item-%09zu", number);
    snprintf(item.title, sizeof item.title, "The title of %zu", number);
    memset(item.body, 'x', sizeof item.body - 1);
    return item;
}

bytes_t
bench_item_row(const bench_item_t *item, arena_t *arena)
{
    buffer_t row = {0};
    row_begin(&row, 4);
    row_add_text(&row, "id", item->id);
    row_add_text(&row, "title", item->title);
    row_add_text(&row, "body", item->body);
    row_add_name(&row, "number");
    row_add(&row, &(value_t){.kind = VALUE_INTEGER, .integer = item->number});
    bytes_t kept = arena_bytes(arena, buffer_bytes(&row));
    buffer_release(&row);
    return kept;
}
