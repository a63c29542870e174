#include "tools/join.h"

#include "bus/rundir.h"
#include "schemas/number.h"
#include "tools/measure.h"

#include <limits.h>
#include <unistd.h>

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

const void *
ask_actor_for(ipc_client_t *client, const char *actor, message_id_t question, const void *body,
              message_id_t answer, int timeout_ms)
{
    message_id_t id = MSG_COUNT;
    const void *reply = NULL;
    fault_t fault = {0};
    err_t err =
        ipc_client_request(client, actor, question, body, timeout_ms, &id, &reply, &fault);
    if (err == OK && id == answer)
        return reply;
    if (err == OK)
        complain("%s: %s answered with %s; is it of another version?",
                 schema_of(question)->name, actor, schema_of(id)->name);
    else
        complain("%s", fault.text[0] ? fault.text : err_text(err));
    return NULL;
}

const void *
ask_actor(ipc_client_t *client, const char *actor, message_id_t question, const void *body,
          message_id_t answer)
{
    return ask_actor_for(client, actor, question, body, answer, ANSWER_MS);
}

const void *
ask_service(ipc_client_t *client, message_id_t question, const void *body, message_id_t answer)
{
    return ask_actor(client, "service", question, body, answer);
}

const void *
ask_service_for(ipc_client_t *client, message_id_t question, const void *body,
                message_id_t answer, int timeout_ms)
{
    return ask_actor_for(client, "service", question, body, answer, timeout_ms);
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
