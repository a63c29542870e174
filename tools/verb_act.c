/*  retry, skip, discard - what a person does to changes that the server refused.  */

#include "tools/join.h"
#include "tools/verbs.h"

#include <limits.h>

static int
send_act(const verb_t *verb, const char *run_dir, const act_t *act)
{
    AUTO(ipc_client) client = join(verb, run_dir, JOIN_MS);
    const acted_t *acted = client ? ask_service(client, MSG_act, act, MSG_acted) : NULL;
    if (!acted)
        return STATUS_NO;
    for (size_t i = 0; i < acted->n_ids; i++)
        puts(acted->ids[i]);
    return STATUS_DONE;
}

/*  The verb is called what the act is called. Which of them need a reason, the agent knows as
    well; here it is a matter of usage.  */
static int
run(args_t *args, bool takes_reason)
{
    act_t act = {.act = args->verb->name};
    const char *run_dir = NULL;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"all", OPTION_FLAG, &act.all, 0, 0},
        {takes_reason ? "reason" : NULL, OPTION_TEXT, &act.reason, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, INT_MAX, &status))
        return status;
    if (act.all == (args->count > 0))
        return complain_usage(args->verb, "give change ids, or --all, and not both");
    if (takes_reason && (!act.reason || !act.reason[0]))
        return complain_usage(args->verb, "--reason: say why it is given up");
    act.ids = (const char **) args->values;
    act.n_ids = (size_t) args->count;
    return send_act(args->verb, run_dir, &act);
}

static int
plain(args_t *args)
{
    return run(args, false);
}

static int
with_reason(args_t *args)
{
    return run(args, true);
}

#define OPERANDS_USAGE                                                                         \
    "  ID              a change that failed or is parked; `waybill changes --failed` lists\n"  \
    "                  them. Its whole local transaction goes with it\n"                       \
    "  --all           every one of them\n" RUN_DIR_USAGE
#define ACT_STATUS                                                                             \
    "\nPrints the ids of the changes that it was done to. Exit status 1: nothing was done,\n"  \
    "because one of the changes was not refused; the message tells which.\n"

const verb_t verb_retry = {
    .name = "retry",
    .summary = "send refused changes again now",
    .usage = "usage: waybill retry [--run-dir DIR] ID...|--all\n\n"
             "Puts changes that the server refused back among those to be sent, and counts\n"
             "their attempts from the first again.\n\n" OPERANDS_USAGE ACT_STATUS,
    .run = plain,
};

const verb_t verb_skip = {
    .name = "skip",
    .summary = "give refused changes up, and keep the reason",
    .usage = "usage: waybill skip [--run-dir DIR] --reason TEXT ID...|--all\n\n"
             "The changes are never sent again; TEXT is kept with them. The rows are the\n"
             "server's, as with discard, and what waited behind the changes is sent.\n\n"
             "  --reason TEXT   why\n" OPERANDS_USAGE ACT_STATUS,
    .run = with_reason,
};

const verb_t verb_discard = {
    .name = "discard",
    .summary = "give refused changes up for the server's rows",
    .usage = "usage: waybill discard [--run-dir DIR] ID...|--all\n\n"
             "The changes are never sent again, and the rows are the server's. What waited\n"
             "behind the changes is sent.\n\n" OPERANDS_USAGE ACT_STATUS,
    .run = plain,
};
