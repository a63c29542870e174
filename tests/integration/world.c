#include "tests/integration/world.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

world_t world;

process_t *
start_agent(const char *dir, const char *url, prepare_fn *prepare)
{
    char *db = path_in(dir, "agent.db"), *run = path_in(dir, "run"), *log = path_in(dir, "log");
    process_t *agent = process_new(
        log, prepare,
        (const char *const[]){"agent", "--db", db, "--server", url, "--run-dir", run, NULL});
    free(db);
    free(run);
    free(log);
    return agent;
}

int
start_world(void **state)
{
    (void) state;
    world.dir = directory_new();
    world.agent_dir = path_in(world.dir, "run");
    world.server_dir = path_in(world.dir, "server");
    world.log = path_in(world.dir, "server.log");
    char *schema = path_in(world.dir, "schema.sql"), *db = path_in(world.dir, "server.db");
    write_file(schema, "CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY NOT NULL, "
                       "title TEXT NOT NULL, body TEXT);");
    world.server =
        process_new(world.log, NULL,
                    (const char *const[]){"server", "--db", db, "--schema", schema, "--listen",
                                          "127.0.0.1:0", "--run-dir", world.server_dir, NULL});
    free(schema);
    free(db);
    if (!process_await_ready(world.server))
        return -1;
    world.address = strrchr(world.server->ready, ' ') + 1;
    world.url = mem_format("ws://%s/api/sync", world.address);
    world.agent = start_agent(world.dir, world.url, NULL);
    if (!process_await_ready(world.agent))
        return -1;
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", world.agent_dir);
    int status = synced.status;
    if (status != 0)
        fputs(synced.err, stderr);
    outcome_release(&synced);
    return status;
}

int
stop_world(void **state)
{
    (void) state;
    int agent = world.agent ? process_end(world.agent, SIGTERM) : 0;
    int server = world.server ? process_end(world.server, SIGTERM) : 0;
    process_destroy(&world.agent);
    process_destroy(&world.server);
    free(world.agent_dir);
    free(world.server_dir);
    free(world.log);
    free(world.url);
    directory_destroy(&world.dir);
    return agent + server;
}

void
make_notes(const char *path)
{
    sqlite3 *file = NULL;
    sqlite3_open(path, &file);
    sqlite3_exec(file, "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT)", NULL,
                 NULL, NULL);
    sqlite3_close(file);
}

void
assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

size_t
count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

void
assert_refused(outcome_t outcome, int status, const char *part)
{
    if (outcome.status != status)
        fail_msg("status %d, not %d: %s%s", outcome.status, status, outcome.out, outcome.err);
    assert_contains(outcome.err, part);
    assert_int_equal(strncmp(outcome.err, "waybill: ", 9), 0);
    assert_int_equal(count_lines(outcome.err), 1);
    outcome_release(&outcome);
}

size_t
count_changes(const char *run_dir)
{
    outcome_t list = RUN("changes", "--all", "--json", "--run-dir", run_dir);
    assert_int_equal(list.status, 0);
    size_t n = count_lines(list.out);
    outcome_release(&list);
    return n;
}
