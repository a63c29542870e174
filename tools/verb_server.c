/*  server - what agents synchronise with.  */

#include "actors/net/address.h"
#include "actors/net/websocket.h"
#include "actors/server/actors.h"
#include "actors/server/postgres/pg.h"
#include "tools/launch.h"
#include "tools/server/server.h"
#include "tools/verbs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  The port that was bound; a driver has no other way to tell. Written by the listener's
    thread.  */
static atomic_int bound_port;

/*  The WebSocket driver, but noting the port of the listener. One that is restarted gets the
    same again, so that clients find it.  */
static err_t
listen_and_note(net_t *net, const net_listen_t *request, const net_limits_t *limits, int *port,
                fault_t *fault)
{
    address_t wanted;
    if (strcmp(request->actor, listener.name) != 0)
        return websocket_driver.listen(net, request, limits, port, fault);
    int before = atomic_load(&bound_port);
    err_t err = address_parse(request->address, &wanted, fault);
    if (err != OK)
        return err;
    bool v6 = strchr(wanted.host, ':') != NULL;
    AUTO(text)
    again = mem_format(v6 ? "[%s]:%d" : "%s:%d", wanted.host[0] ? wanted.host : "*",
                       wanted.port ? wanted.port : before);
    net_listen_t narrowed = *request;
    narrowed.address = again;
    err = websocket_driver.listen(net, &narrowed, limits, port, fault);
    if (err == OK)
        atomic_store(&bound_port, *port);
    return err;
}

/*  HOST of the setting with the port that was bound.  */
static char *
bound_address(const settings_t *settings)
{
    const char *listen = settings->server_listen;
    int host = (int) (strrchr(listen, ':') - listen);
    return mem_format("%.*s:%d", host, listen, atomic_load(&bound_port));
}

/*  For programs that started it with port 0: RUN_DIR/address.  */
static void
write_address(const settings_t *settings, const char *address)
{
    AUTO(text) path = mem_format("%s/address", settings->process_run_dir);
    FILE *out = fopen(path, "w");
    if (!out || fprintf(out, "%s\n", address) < 0 || fclose(out) != 0)
        complain("%s: %s", path, strerror(errno));
}

static void
announce(void *ready_to, host_t *host)
{
    (void) host;
    AUTO(text) address = bound_address(ready_to);
    write_address(ready_to, address);
    printf("waybill server: listening on %s\n", address);
    fflush(stdout);
}

/*  What PostgreSQL itself has to say comes when the server starts.  */
static bool
check_database(const verb_t *verb, const settings_t *settings)
{
    fault_t fault = {0};
    if (settings->server_db[0] && !settings_on_postgres(settings))
        return true;
    if (!settings->server_db[0])
        complain_usage(verb, "--db: it is missing; name the server's database file, or "
                             "postgres://USER@HOST/DATABASE");
    else if (pg_address_check(settings->server_db, &fault) != OK)
        complain("%s", fault.text);
    else if (!settings->server_cache[0])
        complain_usage(verb, "--cache: it is missing; name a file for the replica");
    else if (settings->server_schema[0])
        complain_usage(verb, "--schema: it is for SQLite; make tables with psql");
    else
        return true;
    return false;
}

static bool
check(const verb_t *verb, const settings_t *settings)
{
    fault_t fault = {0};
    address_t address;
    if (!check_database(verb, settings))
        return false;
    if (address_parse(settings->server_listen, &address, &fault) != OK)
        complain("%s", fault.text);
    else
        return true;
    return false;
}

static const verb_t *const server_verbs[] = {&server_check_verb, &server_slots_verb, NULL};

static int
run_verb(args_t *args)
{
    const verb_t *verb = verb_named(server_verbs, args->values[0]);
    if (!verb)
        return complain_usage(args->verb, "%s: server has no such verb", args->values[0]);
    return verb->run(
        &(args_t){.verb = verb, .count = args->count - 1, .values = args->values + 1});
}

static int
serve(args_t *args)
{
    const char *config = NULL, *db = NULL, *cache = NULL, *schema = NULL, *listen = NULL,
               *run_dir = NULL, *log_level = NULL;
    const option_rule_t rules[] = {
        {"config", OPTION_TEXT, &config, 0, 0},       {"db", OPTION_TEXT, &db, 0, 0},
        {"cache", OPTION_TEXT, &cache, 0, 0},         {"schema", OPTION_TEXT, &schema, 0, 0},
        {"listen", OPTION_TEXT, &listen, 0, 0},       {"run-dir", OPTION_TEXT, &run_dir, 0, 0},
        {"log-level", OPTION_TEXT, &log_level, 0, 0}, {0},
    };
    int status;
    if (!options_read(args, rules, 0, 0, &status))
        return status;

    const launch_option_t options[] = {
        {"server.db", db},
        {"server.cache", cache},
        {"server.schema", schema},
        {"server.listen", listen},
        {"process.run_dir", run_dir},
        {"process.log_level", log_level},
        {0},
    };
    static settings_t settings;
    if (!launch_settings("server", config, options, &settings) || !check(args->verb, &settings))
        return STATUS_USAGE;

    static net_driver_t driver;
    driver = websocket_driver;
    driver.listen = listen_and_note;
    return launch_run(&(launch_t){
        .role = "server",
        .settings = &settings,
        .actors = server_actors,
        .net = &driver,
        .ready = announce,
        .ready_to = &settings,
    });
}

static int
server(args_t *args)
{
    const bool named = args->count > 0 && args->values[0][0] != '-';
    return named ? run_verb(args) : serve(args);
}

const verb_t verb_server = {
    .name = "server",
    .summary = "serve a database to agents",
    .usage =
        "usage: waybill server (--config FILE | --db DATABASE) [OPTION...]\n"
        "       waybill server VERB [OPTION...]\n\n"
        "Serves one database to agents over WebSocket, in the foreground, until SIGTERM or\n"
        "SIGINT: an SQLite file, or a PostgreSQL database, which several servers may share.\n"
        "Every table with a primary key is synchronised. Other programs may write the "
        "database\n"
        "with plain SQL: agents get that as well.\n\n"
        "Prints one line when it listens, with the port that it got, and writes the same\n"
        "address to the file `address` in its run directory. Its log goes to standard error,\n"
        "and tells the address of its monitor page.\n\n"
        "  --config FILE       read settings from FILE; `waybill init` writes one. Options\n"
        "                      given here count more than the file\n"
        "  --db FILE           the server's SQLite file; made if missing\n"
        "  --db postgres://USER@HOST/DATABASE\n"
        "                      a PostgreSQL database. The password: ~/.pgpass, PGPASSWORD, or\n"
        "                      server.db in the config file; everybody can read a command "
        "line\n"
        "  --cache FILE        with PostgreSQL: an SQLite file for the server's replica and\n"
        "                      history, one for each server; made if missing. Default:\n"
        "                      waybill-cache.db here\n"
        "  --schema FILE.sql   run this at start, for tables that do not exist yet\n"
        "  --listen HOST:PORT  default 127.0.0.1:8787; port 0 takes any that is free\n"
        "  --run-dir DIR       where `waybill tap` joins; default\n"
        "                      $XDG_RUNTIME_DIR/waybill-server, else /tmp/waybill-UID-server\n"
        "  --log-level L       error, warning, info or debug\n\n"
        "The verbs look at a database in PostgreSQL, each told of by `waybill help server "
        "VERB`:\n\n"
        "  check               tell whether it can be served, and what to do if not\n"
        "  slots               list, and drop, what it keeps for servers\n\n"
        "Exit status 0: stopped as asked. 1: an actor failed for good, or did not stop.\n"
        "2: wrong usage or configuration, among it: a port that is taken, a database that is\n"
        "locked, read-only or not one, and a run directory that another server has.\n\n"
        "example: waybill server --db hub.db --schema tables.sql --listen 0.0.0.0:8787\n"
        "         waybill server --db postgres://waybill@db.example.org/team --cache team.db\n",
    .run = server,
    .verbs = server_verbs,
};
