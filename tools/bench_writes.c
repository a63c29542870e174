#include "tools/bench_writes.h"

#include "tools/verb.h"

enum { UNDER_WAY = 200, ANSWER_MS = 60000 };

static bool
ask_write(member_t *agent, size_t number, row_fn *row)
{
    arena_t arena = {0};
    entry_t entry = {.table = "items", .operation = "insert"};
    entry.data = row(number, &arena, &entry.id);
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

bool
member_queue_items(member_t *agent, size_t first, size_t n, row_fn *row)
{
    bool good = true;
    for (size_t asked = 0, answered = 0; good && answered < n;) {
        if (asked < n && asked - answered < UNDER_WAY) {
            good = ask_write(agent, first + asked++, row);
        } else {
            good = take_answer(agent);
            answered++;
        }
    }
    return good;
}

bool
member_greet(member_t *agent)
{
    fault_t fault = {0};
    message_id_t id;
    const void *answer;
    const err_t err = ipc_client_request(agent->client, "service", MSG_status_get,
                                         &(status_get_t){}, ANSWER_MS, &id, &answer, &fault);
    if (err != OK)
        complain("bench: %s", fault.text);
    return err == OK;
}
