/*  agent - synchronises one database with a server.  */

#include "actors/agent/actors.h"
#include "actors/agent/servers.h"
#include "actors/net/address.h"
#include "actors/net/websocket.h"
#include "tools/launch.h"
#include "tools/verbs.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/*  Every address makes sense.  */
static bool
check_servers(const char *list)
{
    fault_t fault = {0};
    arena_t arena = {0};
    url_t url;
    err_t err = OK;
    for (size_t i = 0; err == OK && i < servers_count(list); i++)
        err = url_parse(servers_at(list, i, &arena), &url, &fault);
    arena_release(&arena);
    if (err != OK)
        complain("%s", fault.text);
    return err == OK;
}

static bool
check(const verb_t *verb, const settings_t *settings)
{
    if (!settings->agent_db[0])
        complain_usage(verb, "--db: it is missing; name the application's database file");
    else if (servers_count(settings->agent_server) == 0)
        complain_usage(verb, "--server: it is missing; give ws://HOST:PORT/api/sync");
    else
        return check_servers(settings->agent_server);
    return false;
}

/*  A network may be trusted, but whoever trusts one should know that they do.  */
static void
warn_of_listeners(const settings_t *settings)
{
    const char *list = settings->agent_server;
    fault_t fault = {0};
    arena_t arena = {0};
    url_t url;
    for (size_t i = 0; i < servers_count(list); i++) {
        const char *server = servers_at(list, i, &arena);
        if (url_parse(server, &url, &fault) == OK && !url.secure
            && !address_is_loopback(&url.address))
            complain("warning: %s is not encrypted: whoever is on the way can read and change "
                     "what is synchronised; use wss://",
                     server);
    }
    arena_release(&arena);
}

/*  Programs that join stand elsewhere, and are told where the file is.  */
static void
make_absolute(settings_t *settings)
{
    static char path[2 * PATH_MAX];
    char here[PATH_MAX];
    if (settings->agent_db[0] == '/' || !getcwd(here, sizeof here))
        return;
    snprintf(path, sizeof path, "%s/%s", here, settings->agent_db);
    settings->agent_db = path;
}

static void
announce(void *ready_to, host_t *host)
{
    (void) host;
    const settings_t *settings = ready_to;
    printf("waybill agent: ready, run directory %s\n", settings->process_run_dir);
    fflush(stdout);
}

static int
agent(args_t *args)
{
    const char *config = NULL, *db = NULL, *server = NULL, *client_id = NULL, *capture = NULL,
               *run_dir = NULL, *log_level = NULL;
    const option_rule_t rules[] = {
        {"config", OPTION_TEXT, &config, 0, 0},
        {"db", OPTION_TEXT, &db, 0, 0},
        {"server", OPTION_TEXT, &server, 0, 0},
        {"client-id", OPTION_TEXT, &client_id, 0, 0},
        {"capture", OPTION_TEXT, &capture, 0, 0},
        {"run-dir", OPTION_TEXT, &run_dir, 0, 0},
        {"log-level", OPTION_TEXT, &log_level, 0, 0},
        {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;

    const launch_option_t options[] = {
        {"agent.db", db},
        {"agent.server", server},
        {"agent.client_id", client_id},
        {"agent.capture", capture},
        {"process.run_dir", run_dir},
        {"process.log_level", log_level},
        {0},
    };
    static settings_t settings;
    if (!launch_settings("agent", config, options, &settings) || !check(args->verb, &settings))
        return STATUS_USAGE;
    warn_of_listeners(&settings);
    make_absolute(&settings);
    return launch_run(&(launch_t){
        .role = "agent",
        .settings = &settings,
        .actors = agent_actors,
        .net = &websocket_driver,
        .ready = announce,
        .ready_to = &settings,
    });
}

const verb_t verb_agent = {
    .name = "agent",
    .summary = "keep an application's database in step with a server",
    .usage =
        "usage: waybill agent (--config FILE | --db FILE --server URL) [OPTION...]\n\n"
        "Runs beside an application, in the foreground, until SIGTERM or SIGINT. The\n"
        "application goes on using its own SQLite file; what it records here is sent to the\n"
        "server when there is a connection, and what others changed is applied. Tables that\n"
        "the file lacks are made as the server describes them. Without a connection it\n"
        "records all the same, and `waybill status` tells why.\n\n"
        "Prints one line when it is ready; its log goes to standard error. `waybill status`\n"
        "tells the address of its monitor page, which shows and does what a person needs.\n\n"
        "  --config FILE   read settings from FILE; `waybill init` writes one. Options given\n"
        "                  here count more than the file\n"
        "  --db FILE       the application's SQLite file; made if missing\n"
        "  --server URL    ws://HOST:PORT/api/sync, or wss://; several in one argument, with\n"
        "                  blanks or commas between them, if several servers share a "
        "database:\n"
        "                  when one is out of reach, the next is tried\n"
        "  --client-id ID  who this is to the server; default: made once, kept in the file\n"
        "  --capture HOW   api (default): what applications record through the agent is sent.\n"
        "                  triggers: what any program writes to the file with plain SQL is\n"
        "  --run-dir DIR   where other programs join; default $XDG_RUNTIME_DIR/waybill, else\n"
        "                  /tmp/waybill-UID\n"
        "  --log-level L   error, warning, info or debug\n\n"
        "Exit status 0: stopped as asked. 1: an actor failed for good, or did not stop.\n"
        "2: wrong usage or configuration, among it: a database that is locked, read-only or\n"
        "not one, and a run directory that another agent has.\n\n"
        "example: waybill agent --db notes.db --server ws://192.168.1.5:8787/api/sync\n",
    .run = agent,
};
