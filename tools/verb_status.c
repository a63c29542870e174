/*  status - how things stand, or waiting until they stand well.  */

#include "tools/join.h"
#include "tools/measure.h"
#include "tools/show.h"
#include "tools/status_text.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <string.h>

enum { LOOK_MS = 200 };

typedef struct condition {
    const char *name;
    bool (*holds)(const status_t *status);
} condition_t;

static bool
is_synced(const status_t *status)
{
    return status->synced;
}

static bool
is_live(const status_t *status)
{
    return strcmp(status->state, "live") == 0;
}

static bool
is_offline(const status_t *status)
{
    return strcmp(status->state, "offline") == 0 || strcmp(status->state, "stopped") == 0;
}

static const condition_t conditions[] = {
    {"synced", is_synced},
    {"live", is_live},
    {"offline", is_offline},
};

static const condition_t *
find_condition(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(conditions); i++)
        if (strcmp(conditions[i].name, name) == 0)
            return &conditions[i];
    return NULL;
}

static void
print_status(const status_t *status, bool json)
{
    buffer_t text = {0};
    if (json) {
        message_to_json(MSG_status, status, true, &text);
        buffer_add_text(&text, "\n");
    } else {
        status_text(status, show_is_coloured(stdout), &text);
    }
    fputs(buffer_text(&text), stdout);
    buffer_release(&text);
}

static void
draw(progress_t *progress, const status_t *status)
{
    char lsn[LSN_TEXT], server_lsn[LSN_TEXT], pending[NUMBER_TEXT];
    progress_draw(progress, -1, "%s, %s pending, position %s of %s", status->state,
                  number_text(status->pending, pending), lsn_text(status->lsn, lsn),
                  lsn_text(status->server_lsn, server_lsn));
}

/*  Lets one look's time pass, or less if the agent says something.  */
static bool
await_news(ipc_client_t *client)
{
    ipc_heard_t heard = {0};
    err_t err = ipc_client_next(client, LOOK_MS, &heard);
    if (err == OK || err == ERR_TIMEOUT)
        return true;
    complain("the agent is gone: %s", err_text(err));
    return false;
}

static int
give_up(const condition_t *condition, const status_t *status)
{
    complain("not %s in time: %s, %" PRIu64 " pending%s%s", condition->name, status->state,
             status->pending, status->reason && status->reason[0] ? ": " : "",
             status->reason ? status->reason : "");
    return STATUS_NO;
}

static int
wait_for(ipc_client_t *client, const condition_t *condition, uint64_t deadline_ns, bool json)
{
    progress_t progress = progress_new("waiting");
    if (ipc_client_subscribe(client, "status") != OK)
        return complain("the agent is gone"), STATUS_NO;
    for (;;) {
        const status_t *status =
            ask_service(client, MSG_status_get, &(status_get_t){.fresh = true}, MSG_status);
        if (!status)
            return STATUS_NO;
        draw(&progress, status);
        bool holds = condition->holds(status);
        if (holds || now_ns() >= deadline_ns) {
            progress_end(&progress);
            return holds ? (print_status(status, json), STATUS_DONE)
                         : give_up(condition, status);
        }
        if (!await_news(client))
            return STATUS_NO;
    }
}

/*  Of an agent; else of a server.  */
static bool
tell(ipc_client_t *client, bool json)
{
    static const clients_get_t briefly = {.brief = true};
    message_id_t id = MSG_COUNT;
    const void *reply = NULL;
    fault_t fault = {0};
    buffer_t text = {0};
    const err_t err = ipc_client_request(client, "service", MSG_status_get, &(status_get_t){0},
                                         ANSWER_MS, &id, &reply, &fault);
    if (err == OK && id == MSG_status) {
        print_status(reply, json);
        return true;
    }
    if (err != ERR_NO_ROUTE) {
        complain("%s", fault.text[0] ? fault.text : err_text(err));
        return false;
    }
    const clients_list_t *server = ask_actor(
        client, "listener", &(question_t){MSG_clients_get, &briefly, MSG_clients_list});
    if (server && json)
        print_as_json(MSG_clients_list, server);
    if (server && !json) {
        status_text_server(server, show_is_coloured(stdout), &text);
        fputs(buffer_text(&text), stdout);
    }
    buffer_release(&text);
    return server != NULL;
}

static int
status(args_t *args)
{
    const char *run_dir = NULL, *wanted = NULL;
    bool json = false;
    int64_t timeout = 60;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"json", OPTION_FLAG, &json, 0, 0},
        {"wait", OPTION_TEXT, &wanted, 0, 0},
        {"timeout", OPTION_NUMBER, &timeout, 0, 86400},
        {0},
    };
    int end;
    if (!options_read(args, rules, 0, 0, &end))
        return end;
    const condition_t *condition = wanted ? find_condition(wanted) : NULL;
    if (wanted && !condition)
        return complain_usage(args->verb, "--wait: \"%s\" is not synced, live or offline",
                              wanted);

    uint64_t deadline_ns = now_ns() + (uint64_t) timeout * 1000000000u;
    AUTO(ipc_client)
    client = join(args->verb, run_dir, condition ? (int) timeout * 1000 : JOIN_MS);
    if (!client)
        return STATUS_NO;
    if (condition)
        return wait_for(client, condition, deadline_ns, json);
    return tell(client, json) ? STATUS_DONE : STATUS_NO;
}

const verb_t verb_status = {
    .name = "status",
    .summary = "tell how the agent stands, or wait until it stands well",
    .usage =
        "usage: waybill status [--json] [--wait synced|live|offline] [--timeout SECONDS]\n"
        "                      [--run-dir DIR]\n\n"
        "Without --wait it tells at once what the agent knows, or the server whose directory\n"
        "that is. With it, it returns when that is so:\n\n"
        "  synced          connected, nothing pending, and at the position that the server\n"
        "                  gave when asked afterwards\n"
        "  live            connected, and past the initial sync and the catch-up\n"
        "  offline         not connected\n\n"
        "  --timeout SECONDS   how long to wait, the agent's start included; default 60\n"
        "  --json          one JSON object\n" RUN_DIR_USAGE
        "\nExit status 1: no agent answers, or it was not so in time; the message says why.\n",
    .run = status,
};
