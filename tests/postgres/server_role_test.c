/*  A server and an agent as processes, where the server's role has no rights but those that
    packaging/postgres/roles.sql gives it.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"
#include "tests/postgres/pg_role.h"

#include <signal.h>

typedef struct site {
    role_place_t place;
    char *dir, *run, *config, *log, *url, *listen;
    process_t *server, *agent;
} site_t;

static void
start_server(site_t *self)
{
    char *run = path_in(self->dir, "server");
    self->server =
        process_new(self->log, NULL,
                    (const char *const[]){"server", "--config", self->config, "--listen",
                                          self->listen, "--run-dir", run, NULL});
    assert_true(process_await_ready(self->server));
    free(run);
}

static void
stop_server(site_t *self)
{
    assert_int_equal(process_end(self->server, SIGTERM), 0);
    process_destroy(&self->server);
}

/*  Slots are the whole cluster's, so the server is named for its database.  */
static char *
make_config(const site_t *self)
{
    char *path = path_in(self->dir, "server.conf");
    char *text = mem_format("server\n    db = \"%s\"\n    cache = \"%s/cache.db\"\n"
                            "postgres\n    name = %s\n",
                            self->place.address, self->dir, self->place.place.database->name);
    write_file(path, text);
    free(text);
    return path;
}

static void
open_site(site_t *self)
{
    *self = (site_t){.dir = directory_new(), .listen = mem_text("127.0.0.1:0")};
    open_role_place(&self->place, "CREATE TABLE todo (id text PRIMARY KEY, title text)");
    self->run = path_in(self->dir, "run");
    self->config = make_config(self);
    self->log = path_in(self->dir, "server.log");
    start_server(self);
    free(self->listen);
    self->listen = mem_text(strrchr(self->server->ready, ' ') + 1);
    self->listen[strcspn(self->listen, "\n")] = '\0';
    self->url = mem_format("ws://%s/api/sync", self->listen);
    self->agent = start_agent(self->dir, self->url, NULL);
    assert_true(process_await_ready(self->agent));
}

static void
close_site(site_t *self)
{
    assert_int_equal(process_end(self->agent, SIGTERM), 0);
    process_destroy(&self->agent);
    stop_server(self);
    char *texts[] = {self->run, self->config, self->log, self->url, self->listen};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(texts[i]);
    directory_destroy(&self->dir);
    char *slot = mem_format("SELECT pg_drop_replication_slot(slot_name) FROM "
                            "pg_replication_slots WHERE database = '%s'",
                            self->place.place.database->name);
    database_run(self->place.place.database, slot);
    free(slot);
    close_role_place(&self->place);
}

static void
await_synced(const site_t *self)
{
    outcome_t synced =
        RUN("status", "--wait", "synced", "--timeout", "120", "--run-dir", self->run);
    if (synced.status != 0)
        fail_msg("%s%s", synced.out, synced.err);
    outcome_release(&synced);
}

static void
upsert(const site_t *self, const char *id, bool wait)
{
    outcome_t outcome =
        wait ? RUN("upsert", "todo", id, "{\"title\":\"mine\"}", "--wait", "--run-dir",
                   self->run)
             : RUN("upsert", "todo", id, "{\"title\":\"mine\"}", "--run-dir", self->run);
    if (outcome.status != 0)
        fail_msg("%s%s", outcome.out, outcome.err);
    outcome_release(&outcome);
}

/*  The agent's rows, as often as it takes.  */
typedef struct wanted {
    char *path;
    int64_t rows;
} wanted_t;

static bool
has_rows(void *arg)
{
    const wanted_t *wanted = arg;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(wanted->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    const int64_t rows = query_number(db, "SELECT count(*) FROM todo");
    sqlite3_close(db);
    return rows == wanted->rows;
}

static void
await_rows(const site_t *self, int64_t rows)
{
    wanted_t wanted = {.path = path_in(self->dir, "agent.db"), .rows = rows};
    await_true(has_rows, &wanted, "the rows of the agent");
    free(wanted.path);
}

static void
serves_with_the_least_rights(void **state)
{
    (void) state;
    site_t site;
    open_site(&site);
    await_synced(&site);
    upsert(&site, "a", true);
    database_t *database = site.place.place.database;
    assert_int_equal(database_number(database, "SELECT count(*) FROM todo"), 1);
    database_run(database, "INSERT INTO todo VALUES ('b', 'theirs')");
    await_rows(&site, 2);
    outcome_t check = RUN("server", "check", "--config", site.config);
    if (check.status != 0)
        fail_msg("%s", check.out);
    assert_contains(check.out, "and this server has its own");
    outcome_release(&check);
    close_site(&site);
}

/*  Same epoch, nothing lost: neither what the agent wrote meanwhile nor what others did.  */
static void
a_server_whose_slot_was_dropped_reads_the_database_anew(void **state)
{
    (void) state;
    site_t site;
    open_site(&site);
    await_synced(&site);
    upsert(&site, "a", true);
    stop_server(&site);
    database_t *database = site.place.place.database;
    char *epoch = database_text(database, "SELECT epoch FROM waybill.identity");
    upsert(&site, "b", false);
    database_run(database, "INSERT INTO todo VALUES ('c', 'theirs')");
    outcome_t dropped = RUN("server", "slots", "--drop-inactive", "--config", site.config);
    assert_int_equal(dropped.status, 0);
    assert_contains(dropped.out, ": dropped, ");
    outcome_release(&dropped);
    database_run(database, "INSERT INTO todo VALUES ('d', 'theirs')");

    start_server(&site);
    database_await(database, "SELECT count(*) = 4 FROM todo");
    await_rows(&site, 4);
    char *after = database_text(database, "SELECT epoch FROM waybill.identity");
    assert_string_equal(after, epoch);
    assert_int_equal(
        database_number(database, "SELECT count(*) FROM waybill.servers WHERE dropped"), 0);
    free(after);
    free(epoch);
    close_site(&site);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_with_the_least_rights),
        cmocka_unit_test(a_server_whose_slot_was_dropped_reads_the_database_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
