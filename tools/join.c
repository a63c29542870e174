#include "tools/join.h"

#include "bus/rundir.h"
#include "schemas/number.h"
#include "tools/measure.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_LIMIT = 8 << 20 };

bool
joined_read(args_t *args, int low, int high, joined_t *joined, int *status)
{
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&joined->run_dir),
        {"json", OPTION_FLAG, &joined->json, 0, 0},
        {0},
    };
    return options_read(args, rules, low, high, status);
}

void
read_operand(const char *operand, buffer_t *text)
{
    if (strcmp(operand, "-") != 0) {
        buffer_add_text(text, operand);
        return;
    }
    char piece[4096];
    for (size_t n; text->size < INPUT_LIMIT && (n = fread(piece, 1, sizeof piece, stdin)) > 0;)
        buffer_add(text, piece, n);
}

ipc_client_t *
join(const verb_t *verb, const char *run_dir, int timeout_ms)
{
    char standard[PATH_MAX];
    rundir_default(standard, sizeof standard);
    const char *where = run_dir ? run_dir : standard;

    /* Each process needs a name of its own on the bus. */
    char name[NAME_ROOM];
    snprintf(name, sizeof name, "%s-%ld", verb->name, (long) getpid());

    ipc_client_t *client = NULL;
    fault_t fault = {0};
    err_t err = ipc_client_open(where, name, timeout_ms, &client, &fault);
    if (err == OK)
        return client;
    if (err == ERR_OFFLINE || err == ERR_TIMEOUT)
        complain("%s: no agent answers there; start one with `waybill agent --db FILE "
                 "--server URL --run-dir %s`",
                 where, where);
    else
        complain("%s", fault.text);
    return NULL;
}

static void
complain_of(const char *actor, err_t err, const fault_t *fault)
{
    if (err == ERR_NO_ROUTE && strcmp(actor, "service") == 0)
        complain("this is not an agent: only an agent keeps changes and a connection; name its "
                 "run directory with --run-dir. Of a server, `waybill status` and its monitor "
                 "page tell how it stands");
    else
        complain("%s", fault->text[0] ? fault->text : err_text(err));
}

const void *
ask_actor_for(ipc_client_t *client, const char *actor, const question_t *question,
              int timeout_ms)
{
    message_id_t id = MSG_COUNT;
    const void *reply = NULL;
    fault_t fault = {0};
    err_t err = ipc_client_request(client, actor, question->id, question->body, timeout_ms, &id,
                                   &reply, &fault);
    if (err == OK && id == question->answer)
        return reply;
    if (err == OK)
        complain("%s: %s answered with %s; is it of another version?",
                 schema_of(question->id)->name, actor, schema_of(id)->name);
    else
        complain_of(actor, err, &fault);
    return NULL;
}

const void *
ask_actor(ipc_client_t *client, const char *actor, const question_t *question)
{
    return ask_actor_for(client, actor, question, ANSWER_MS);
}

const void *
ask_service(ipc_client_t *client, message_id_t question, const void *body, message_id_t answer)
{
    return ask_actor_for(client, "service", &(question_t){question, body, answer}, ANSWER_MS);
}

const void *
ask_service_for(ipc_client_t *client, message_id_t question, const void *body,
                message_id_t answer, int timeout_ms)
{
    return ask_actor_for(client, "service", &(question_t){question, body, answer}, timeout_ms);
}

void
print_as_json(message_id_t id, const void *body)
{
    buffer_t text = {0};
    message_to_json(id, body, true, &text);
    puts(buffer_text(&text));
    buffer_release(&text);
}

void
print_event(const ipc_heard_t *heard, bool json, FILE *out)
{
    char time[TIME_TEXT];
    time_text(wall_ms(), time);
    if (!json) {
        fprintf(out, "%s %-18s ", time, heard->from);
        message_print(heard->id, heard->body, out); /* ends the line */
        return;
    }
    buffer_t text = {0};
    message_to_json(heard->id, heard->body, true, &text);
    fprintf(out, "{\"time\":\"%s\",\"from\":\"%s\",\"type\":\"%s\",\"body\":%s}\n", time,
            heard->from, schema_of(heard->id)->name, buffer_text(&text));
    buffer_release(&text);
}
