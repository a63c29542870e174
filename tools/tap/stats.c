/*  tap stats - what the actors do and have done, once.  */

#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/figures_text.h"
#include "tools/tap/tap.h"

#include <string.h>

typedef struct request {
    const char *run_dir, *duration, *order;
    bool json, total;
} request_t;

static const char *const order_names[] = {
    [ORDER_messages] = "messages",
    [ORDER_name] = "name",
    [ORDER_time] = "time",
    [ORDER_load] = "load",
};

bool
tap_read_order(const char *name, figures_order_t *order)
{
    for (size_t i = 0; name && i < COUNT_OF(order_names); i++)
        if (strcmp(order_names[i], name) == 0)
            return *order = (figures_order_t) i, true;
    return name == NULL;
}

static void
print(const request_t *request, figures_order_t order, const stats_t *before,
      const stats_t *after)
{
    arena_t arena = {0};
    buffer_t text = {0};
    figures_t figures = figures_make(before, after, &arena);
    figures_sort(&figures, order);
    if (request->json)
        figures_to_json(&figures, &text);
    else
        figures_print(&figures, show_is_coloured(stdout), &text);
    fputs(buffer_text(&text), stdout);
    buffer_release(&text);
    arena_release(&arena);
}

static int
measure(const request_t *request, figures_order_t order, uint64_t ms)
{
    kept_t before = {0}, after = {0};
    AUTO(ipc_client) client = asking_join(request->run_dir);
    bool good = client != NULL;
    if (good && !request->total) {
        good = asking_say(client, QUESTION(stats_get, stats), &before);
        good = good && asking_wait(client, ms);
    }
    good = good && asking_say(client, QUESTION(stats_get, stats), &after);
    if (good)
        print(request, order, before.body, after.body);
    kept_release(&before);
    kept_release(&after);
    return good ? STATUS_DONE : STATUS_NO;
}

static int
stats(args_t *args)
{
    request_t request = {.duration = "1s"};
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&request.run_dir),
        {"json", OPTION_FLAG, &request.json, 0, 0},
        {"total", OPTION_FLAG, &request.total, 0, 0},
        {"for", OPTION_TEXT, &request.duration, 0, 0},
        {"sort", OPTION_TEXT, &request.order, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    uint64_t ms = 0;
    figures_order_t order = ORDER_messages;
    if (!tap_read_duration(args->verb, request.duration, &ms))
        return STATUS_USAGE;
    if (!tap_read_order(request.order, &order))
        return complain_usage(args->verb, "--sort: \"%s\" is not messages, name, time or load",
                              request.order);
    return measure(&request, order, ms);
}

const verb_t tap_stats = {
    .name = "tap stats",
    .summary = "actors, messages and metrics, once",
    .usage =
        "usage: waybill tap stats [--for TIME | --total] [--sort ORDER] [--json]\n"
        "                         [--run-dir DIR]\n\n"
        "Of each actor: messages in its mailbox and hands (depth), sent and not acknowledged\n"
        "(flight), kept for want of credit (parked), handled a second, the time of its\n"
        "handlers (half are shorter than p50, 99 in a hundred than p99, of a sample), "
        "restarts,\n"
        "and what it is doing, if that takes longer than a moment. Of each type of message:\n"
        "how many and how large, and how long from sending to handling. And the metrics that\n"
        "are not zero, as the monitor's /metrics has them.\n\n"
        "  --for TIME      measure for so long: 500ms, 10s, 2m; default 1s\n"
        "  --total         all since the process started, instead\n"
        "  --sort ORDER    messages (default), name, time, load\n"
        "  --json          one JSON object a line for each actor, type and "
        "metric\n" RUN_DIR_USAGE "\nExit status 1: no process answers.\n",
    .run = stats,
};
