/*  tap send, tap call - put a message on the bus of a running process.  */

#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/letter.h"
#include "tools/tap/tap.h"

#include <string.h>

static void
print_answer(const injected_t *injected, bool json)
{
    buffer_t body = {0};
    bool told = injected->type && *injected->type;
    if (injected->body.size == 0 || msgpack_to_json(injected->body, &body) != OK) {
        buffer_clear(&body);
        buffer_add_text(&body, "{}");
    }
    if (json && told)
        printf("{\"type\":\"%s\",\"body\":%s}\n", injected->type, buffer_text(&body));
    else if (json)
        puts("{\"sent\":true}");
    else if (told)
        printf("%s %s\n", injected->type, buffer_text(&body));
    buffer_release(&body);
}

static int
inject(const char *run_dir, const letter_text_t *letter, bytes_t payload, bool call, bool json)
{
    const inject_t question = {
        .to = strcmp(letter->to, "*") == 0 ? NULL : letter->to,
        .type = letter->type,
        .body = payload,
        .call = call,
    };
    kept_t answer = {0};
    bool good =
        asking_once(run_dir, &(question_t){MSG_inject, &question, MSG_injected}, &answer);
    if (good)
        print_answer(answer.body, json);
    const injected_t *injected = answer.body;
    bool refused = good && injected->type && strcmp(injected->type, "error") == 0;
    kept_release(&answer);
    return good && !refused ? STATUS_DONE : STATUS_NO;
}

static int
put_on_bus(args_t *args, bool call)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 3, 3, &joined, &status))
        return status;
    buffer_t text = {0}, payload = {0};
    read_operand(args->values[2], &text);
    const letter_text_t letter = {args->values[0], args->values[1], buffer_text(&text)};
    fault_t fault = {0};
    if (letter_check(&letter, call, &payload, &fault) != OK)
        status = complain_usage(args->verb, "%s", fault.text);
    else
        status = inject(joined.run_dir, &letter, buffer_bytes(&payload), call, joined.json);
    buffer_release(&text);
    buffer_release(&payload);
    return status;
}

static int
send(args_t *args)
{
    return put_on_bus(args, false);
}

static int
call(args_t *args)
{
    return put_on_bus(args, true);
}

const verb_t tap_send = {
    .name = "tap send",
    .summary = "put a command, a hint or an event on the bus",
    .usage =
        "usage: waybill tap send ACTOR|'*' TYPE JSON|- [--json] [--run-dir DIR]\n\n"
        "Sends the message to that actor, or, with '*', publishes an event to whoever hears\n"
        "it. The payload is a JSON object, `-` is standard input; it is checked against the\n"
        "schema of its type before it leaves. Refused unless the process runs with\n"
        "tap.inject = true, which gives whoever may join it power over it.\n\n"
        "  --json          one JSON object\n" RUN_DIR_USAGE
        "\nExit status 1: no process answers, or it refuses. 2: the message is wrong.\n",
    .run = send,
};

const verb_t tap_call = {
    .name = "tap call",
    .summary = "put a request on the bus, and print its answer",
    .usage =
        "usage: waybill tap call ACTOR TYPE JSON|- [--json] [--run-dir DIR]\n\n"
        "Asks that actor and prints type and payload of what it answers. The payload is a\n"
        "JSON object, `-` is standard input; it is checked against the schema of its type\n"
        "before it leaves. Refused unless the process runs with tap.inject = true, which\n"
        "gives whoever may join it power over it.\n\n"
        "  --json          one JSON object with the answer's type and body\n" RUN_DIR_USAGE
        "\nExit status 1: no process answers, it refuses, or the answer is an error. 2: the\n"
        "message is wrong.\n",
    .run = call,
};
