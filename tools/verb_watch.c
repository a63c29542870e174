/*  watch - events as they happen.  */

#include "tools/join.h"
#include "tools/verbs.h"

static const char *const watched[] = {"change_recorded", "changes_processed", "status",
                                      "error"};

static err_t
subscribe(ipc_client_t *client)
{
    err_t err = OK;
    for (size_t i = 0; i < COUNT_OF(watched) && err == OK; i++)
        err = ipc_client_subscribe(client, watched[i]);
    return err;
}

static err_t
follow(ipc_client_t *client, bool json)
{
    ipc_heard_t heard = {0};
    for (err_t err; (err = ipc_client_next(client, -1, &heard)) != ERR_OFFLINE;)
        if (err == OK)
            print_event(&heard, json, stdout);
    return ERR_OFFLINE;
}

static int
watch(args_t *args)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 0, 0, &joined, &status))
        return status;

    AUTO(ipc_client) client = join(args->verb, joined.run_dir, JOIN_MS);
    if (!client)
        return STATUS_NO;
    setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads the pipe sees each event at once */
    err_t err = subscribe(client);
    if (err == OK)
        err = follow(client, joined.json);
    complain("the agent is gone: %s", err_text(err));
    return STATUS_NO;
}

const verb_t verb_watch = {
    .name = "watch",
    .summary = "print events as they happen",
    .usage =
        "usage: waybill watch [--json] [--run-dir DIR]\n\n"
        "Follows what an application would want to know: change_recorded,\n"
        "changes_processed, status and error, one line each, until interrupted. Nothing is\n"
        "slowed by it: a reader that is too slow misses events.\n\n"
        "  --json          one JSON object a line\n" RUN_DIR_USAGE
        "\nExit status 1: no agent answers, or it has stopped.\n",
    .run = watch,
};
