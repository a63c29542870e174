/*  why - why a change is not synchronised yet. The agent knows; this prints it.  */

#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/tap.h"

#include <stdio.h>

static void
print(const change_reason_t *reason)
{
    buffer_t line = {0};
    show_text(&line, reason->id);
    buffer_add_text(&line, ": ");
    show_text(&line, reason->text);
    if (reason->way_out && reason->way_out[0]) {
        buffer_add_text(&line, "\n  ");
        show_text(&line, reason->way_out);
    }
    puts(buffer_text(&line));
    buffer_release(&line);
}

static int
why(args_t *args)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 1, 1, &joined, &status))
        return status;
    AUTO(ipc_client) client = asking_join(joined.run_dir);
    if (!client)
        return STATUS_NO;
    const change_reason_t *reason = ask_service(
        client, MSG_change_why, &(change_why_t){.id = args->values[0]}, MSG_change_reason);
    if (!reason)
        return STATUS_NO;
    if (joined.json)
        print_as_json(MSG_change_reason, reason);
    else
        print(reason);
    return reason->done ? STATUS_DONE : STATUS_NO;
}

const verb_t tap_why = {
    .name = "tap why",
    .summary = "tell why a change is not synchronised yet",
    .usage =
        "usage: waybill tap why CHANGE_ID [--json] [--run-dir DIR]\n\n"
        "Asks the agent where the change was made for the one reason why it is where it is,\n"
        "and says what can be done: it waits for a connection, behind a refused change, for\n"
        "the server's verdict, for its next attempt or for a person; or it is synchronised.\n\n"
        "  --json          one JSON object: reason, text, way_out, waits_for, "
        "done\n" RUN_DIR_USAGE "\nExit status 0: it is synchronised or given up. 1: it is not "
        "yet, it is not known, or\n"
        "no agent answers.\n",
    .run = why,
};
