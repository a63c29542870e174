/*  Programs on PostgreSQL: an agent between two servers, a database that is stopped, and what
    nobody is shown.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"
#include "tests/postgres/cluster.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct server {
    char *dir, *run, *log, *config, *url;
    process_t *process;
} server_t;

static char *dir;
static database_t *database;

/*  ------------------------------------------------------------------------- programs  */

static process_t *
launch(const server_t *self)
{
    return process_new(self->log, NULL,
                       (const char *const[]){"server", "--config", self->config, NULL});
}

static server_t
server_new(const char *name, const char *address)
{
    server_t self = {.dir = path_in(dir, name)};
    self.run = mem_format("%s.run", self.dir);
    self.log = mem_format("%s.log", self.dir);
    self.config = mem_format("%s.conf", self.dir);
    char *text = mem_format("server\n    db = \"%s\"\n    cache = \"%s.db\"\n"
                            "    listen = \"127.0.0.1:0\"\n"
                            "process\n    run_dir = \"%s\"\n"
                            "postgres\n    name = \"%s\"\n    heartbeat_ms = \"200\"\n",
                            address, self.dir, self.run, name);
    write_file(self.config, text);
    free(text);
    self.process = launch(&self);
    return self;
}

/*  Whatever is in it, also what is no text.  */
static size_t
count_in_file(const char *path, const char *part)
{
    buffer_t all = {0};
    char block[4096];
    size_t size = 0, n = 0;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        buffer_add(&all, block, size);
    (void) fclose(file);
    const uint8_t *at = all.data, *end = all.data + all.size;
    while (at && (at = memmem(at, (size_t) (end - at), part, strlen(part))) != NULL) {
        n++;
        at += strlen(part);
    }
    buffer_release(&all);
    return n;
}

static void
await_server(server_t *self)
{
    if (!process_await_ready(self->process))
        fail_msg("no server: see %s", self->log);
    self->url = mem_format("ws://%s/api/sync", strrchr(self->process->ready, ' ') + 1);
}

static void
server_release(server_t *self)
{
    process_destroy(&self->process);
    free(self->dir);
    free(self->run);
    free(self->log);
    free(self->config);
    free(self->url);
}

static char *
told_by(const char *run_dir)
{
    outcome_t outcome = RUN("status", "--run-dir", run_dir);
    char *text = mem_format("%s%s", outcome.out, outcome.err);
    outcome_release(&outcome);
    return text;
}

typedef struct wish {
    const char *run_dir, *part;
} wish_t;

static bool
is_told(void *arg)
{
    const wish_t *wish = arg;
    char *text = told_by(wish->run_dir);
    const bool found = strstr(text, wish->part) != NULL;
    free(text);
    return found;
}

static void
await_told(const char *run_dir, const char *part)
{
    wish_t wish = {run_dir, part};
    await_true(is_told, &wish, part);
}

static void
await_synced(const char *run_dir)
{
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", run_dir);
    if (synced.status != 0)
        fail_msg("%s", synced.err);
    outcome_release(&synced);
}

static int64_t
number_in(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const int64_t number = query_number(db, sql);
    sqlite3_close(db);
    return number;
}

typedef struct expected {
    const char *path;
    int64_t rows;
} expected_t;

static bool
has_notes(void *arg)
{
    const expected_t *expected = arg;
    return number_in(expected->path, "SELECT count(*) FROM notes") == expected->rows;
}

static void
await_notes(const char *path, int64_t rows)
{
    expected_t expected = {path, rows};
    await_true(has_notes, &expected, "notes at the agent");
}

/*  --------------------------------------------------------------------------- places  */

static const char tables[] = "CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT);"
                             "INSERT INTO notes VALUES ('a', 'before')";

static void
open_places(cluster_t *cluster)
{
    dir = directory_new();
    database = database_new(cluster);
    database_run(database, tables);
}

static void
close_places(void)
{
    database_destroy(&database);
    directory_destroy(&dir);
}

/*  ---------------------------------------------------------------------------- tests  */

static void
an_agent_goes_to_the_other_server_with_its_position(void **state)
{
    (void) state;
    open_places(NULL);
    server_t one = server_new("one", database->address);
    await_server(&one);
    server_t other = server_new("other", database->address);
    await_server(&other);
    char *both = mem_format("%s, %s", one.url, other.url);
    char *run = path_in(dir, "run"), *db = path_in(dir, "agent.db"), *log = path_in(dir, "log");
    process_t *agent = start_agent(dir, both, NULL);
    assert_true(process_await_ready(agent));
    await_synced(run);
    await_told(run, one.url);
    database_run(database, "INSERT INTO notes VALUES ('b', 'both servers know')");
    await_notes(db, 2);

    (void) process_end(one.process, SIGKILL);
    database_run(database, "INSERT INTO notes VALUES ('d', 'meanwhile')");
    await_told(run, other.url);
    await_notes(db, 3);
    outcome_t written = RUN("upsert", "notes", "c", "{\"title\":\"mine\"}", "--run-dir", run);
    assert_int_equal(written.status, 0);
    outcome_release(&written);
    await_synced(run);
    database_await(database, "SELECT count(*) = 4 FROM notes");
    assert_int_equal(count_in_file(log, "snapshot is coming in"), 1);

    (void) process_end(agent, SIGTERM);
    process_destroy(&agent);
    server_release(&one);
    server_release(&other);
    free(both);
    free(run);
    free(db);
    free(log);
    close_places();
}

static void
a_server_says_that_its_database_is_stopped_and_serves_on(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER(NULL);
    open_places(cluster);
    server_t server = server_new("one", database->address);
    await_server(&server);
    char *run = path_in(dir, "run");
    process_t *agent = start_agent(dir, server.url, NULL);
    assert_true(process_await_ready(agent));
    await_synced(run);
    await_told(server.run, "running: clients are served");

    cluster_stop(cluster, false); /* which waits for whoever follows its log */
    await_told(server.run, "without its database");
    await_told(server.run, "since ");
    outcome_t written = RUN("upsert", "notes", "c", "{\"title\":\"mine\"}", "--run-dir", run);
    assert_int_equal(written.status, 0);
    outcome_release(&written);
    cluster_start(cluster);
    await_told(server.run, "running: clients are served");
    await_synced(run);
    database_await(database, "SELECT count(*) = 2 FROM notes");

    (void) process_end(agent, SIGTERM);
    process_destroy(&agent);
    server_release(&server);
    free(run);
    close_places();
    cluster_destroy(&cluster);
}

static void
a_first_start_without_the_database_says_why(void **state)
{
    (void) state;
    dir = directory_new();
    server_t server = server_new("one", "postgres://ann:hushhush@127.0.0.1:1/team");
    assert_false(process_await_ready(server.process));
    assert_int_equal(process_end(server.process, 0), 2);
    assert_true(count_in_file(server.log, "127.0.0.1") > 0);
    assert_int_equal(count_in_file(server.log, "hushhush"), 0);
    server_release(&server);
    directory_destroy(&dir);
}

/*  The clusters of tests trust whoever comes, with whatever password.  */
static void
nobody_is_shown_the_password(void **state)
{
    (void) state;
    open_places(NULL);
    buffer_t address = {0};
    const char *at = strchr(database->address, '@');
    buffer_add(&address, database->address, (size_t) (at - database->address));
    buffer_add_format(&address, ":hushhush%s", at);
    server_t server = server_new("one", buffer_text(&address));
    await_server(&server);
    char *tape = path_in(dir, "tape");
    outcome_t record = RUN("tap", "record", tape, "--actor", "distributor", "--for", "1",
                           "--run-dir", server.run);
    assert_int_equal(record.status, 0);
    outcome_t status = RUN("status", "--json", "--run-dir", server.run);
    outcome_t tree = RUN("tap", "tree", "--run-dir", server.run);
    assert_int_equal(status.status, 0);
    assert_contains(status.out, "\"db\":\"postgres://postgres@");
    assert_null(strstr(status.out, "hushhush"));
    assert_null(strstr(tree.out, "hushhush"));
    assert_int_equal(count_in_file(server.log, "hushhush"), 0);
    assert_int_equal(count_in_file(tape, "hushhush"), 0);
    assert_int_equal(count_in_file(tape, "postgres://postgres@"), 1);
    outcome_release(&record);
    outcome_release(&status);
    outcome_release(&tree);
    free(tape);
    buffer_release(&address);
    server_release(&server);
    close_places();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_goes_to_the_other_server_with_its_position),
        cmocka_unit_test(a_server_says_that_its_database_is_stopped_and_serves_on),
        cmocka_unit_test(a_first_start_without_the_database_says_why),
        cmocka_unit_test(nobody_is_shown_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
