/*  logs - what a running agent or server has logged, and goes on to log.  */

#include "actors/common/log_text.h"
#include "runtime/log_levels.h"
#include "tools/join.h"
#include "tools/verbs.h"

#include <inttypes.h>

typedef struct logs {
    ipc_client_t *client;
    log_get_t question;
    bool json;
    buffer_t line;
} logs_t;

static void
print(logs_t *self, const log_lines_t *lines)
{
    for (size_t i = 0; i < lines->n_lines; i++) {
        buffer_clear(&self->line);
        (self->json ? log_text_json : log_text_plain)(&lines->lines[i], &self->line);
        fputs(buffer_text(&self->line), stdout);
    }
}

/*  All that is new.  */
static bool
ask(logs_t *self)
{
    bool more = true;
    while (more) {
        const question_t question = {MSG_log_get, &self->question, MSG_log_lines};
        const log_lines_t *lines = ask_actor(self->client, "logger", &question);
        if (!lines)
            return false;
        print(self, lines);
        self->question.after = lines->last;
        self->question.limit = 0;
        more = lines->more;
    }
    return true;
}

/*  Events only wake: what is new is asked for, so a line that a slow reader missed is not
    missing.  */
static err_t
subscribe(ipc_client_t *client)
{
    static const char *const heard[] = {"log_line", "error", "actor_state"};
    err_t err = OK;
    for (size_t i = 0; i < COUNT_OF(heard) && err == OK; i++)
        err = ipc_client_subscribe(client, heard[i]);
    return err;
}

static err_t
await_news(ipc_client_t *client)
{
    ipc_heard_t heard = {0};
    err_t err = ipc_client_next(client, -1, &heard);
    while (err == OK)
        err = ipc_client_next(client, 0, &heard);
    return err == ERR_TIMEOUT ? OK : err;
}

static int
follow(logs_t *self)
{
    err_t err = subscribe(self->client);
    while (err == OK && ask(self))
        err = await_news(self->client);
    complain("the process is gone: %s", err_text(err));
    return STATUS_NO;
}

static bool
check_level(const verb_t *verb, const char *name)
{
    log_level_t level;
    if (name == NULL || log_level_named(name, &level))
        return true;
    (void) complain_usage(verb, "--level: \"%s\" is not error, warning, info or debug", name);
    return false;
}

static int
logs(args_t *args)
{
    logs_t self = {0};
    const char *run_dir = NULL;
    bool goes_on = false;
    int64_t lines = 100;
    const option_rule_t rules[] = {
        RUN_DIR_RULE(&run_dir),
        {"follow", OPTION_FLAG, &goes_on, 0, 0},
        {"level", OPTION_TEXT, &self.question.level, 0, 0},
        {"actor", OPTION_TEXT, &self.question.actor, 0, 0},
        {"lines", OPTION_NUMBER, &lines, 1, 200},
        {"json", OPTION_FLAG, &self.json, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;
    if (!check_level(args->verb, self.question.level))
        return STATUS_USAGE;
    AUTO(ipc_client) client = join(args->verb, run_dir, JOIN_MS);
    if (!client)
        return STATUS_NO;
    setvbuf(stdout, NULL, _IOLBF, 0); /* whoever reads the pipe sees each line at once */
    self.client = client;
    self.question.limit = (uint64_t) lines;
    status = goes_on ? follow(&self) : ask(&self) ? STATUS_DONE : STATUS_NO;
    buffer_release(&self.line);
    return status;
}

const verb_t verb_logs = {
    .name = "logs",
    .summary = "show the log of a running agent or server",
    .usage =
        "usage: waybill logs [--follow] [--level LEVEL] [--actor NAME] [--lines N] [--json]\n"
        "                    [--run-dir DIR]\n\n"
        "Shows the last lines that a running agent or server has logged; it keeps a thousand "
        "in\n"
        "memory, wherever its log goes. What actors say before they have started goes there\n"
        "only. What is logged at all says process.log_level.\n\n"
        "  --follow        go on with new lines, until interrupted\n"
        "  --level LEVEL   only lines of that level or above: error, warning, info or debug\n"
        "  --actor NAME    only what that actor says\n"
        "  --lines N       begin with the last N, at most 200; default 100\n"
        "  --json          one JSON object a line, with change and trace where they are known\n"
        "  --run-dir DIR   of the agent or server; default: that of the agent,\n"
        "                  $XDG_RUNTIME_DIR/waybill, else /tmp/waybill-UID\n"
        "\nExit status 1: no process answers there, or it has stopped.\n",
    .run = logs,
};
