/*  A server and two agents as real processes, killed with SIGKILL at random points while
    changes flow: nothing that was acknowledged is lost, nothing is applied twice, and a
    position never stands before its data.

    WAYBILL_SEED=NUMBER repeats a run's choices, WAYBILL_KILLS=NUMBER kills as often.  */

#include "tests/integration/process.h"
#include "tests/integration/query.h"

#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { KILLS = 50, TRANSACTIONS = 60, SERVER = 0, NODES = 3, AGENTS = 2 };

typedef struct node {
    const char *name;
    char *run_dir, *db, *log, *config;
    process_t *process;
} node_t;

typedef struct chaos {
    char *dir, *address;
    node_t nodes[NODES]; /* the server, then the agents */
    sqlite3 *notes;      /* table acks: every id that was acknowledged, and by whom */
    int64_t written;     /* numbers the rows */
    int round;
} chaos_t;

static int
below(int limit)
{
    return (int) (drand48() * limit);
}

/*  ------------------------------------------------------------------ starting, killing  */

static void
write_config(const chaos_t *self, const node_t *node)
{
    char *text = mem_format("agent\n    db = \"%s\"\n    server = \"ws://%s/api/sync\"\n"
                            "    client_id = \"%s\"\n"
                            "process\n    run_dir = \"%s\"\n"
                            "connection\n    base_ms = 20\n    cap_ms = 200\n",
                            node->db, self->address, node->name, node->run_dir);
    write_file(node->config, text);
    free(text);
}

static void
start_server(chaos_t *self)
{
    node_t *server = &self->nodes[SERVER];
    server->process = process_new(
        server->log, NULL,
        (const char *const[]){"server", "--db", server->db, "--schema", server->config,
                              "--listen", self->address, "--run-dir", server->run_dir, NULL});
    if (!process_await_ready(server->process))
        fail_msg("the server did not start: see %s", server->log);
}

static void
start(chaos_t *self, node_t *node)
{
    if (node == &self->nodes[SERVER]) {
        start_server(self);
        return;
    }
    node->process = process_new(node->log, NULL,
                                (const char *const[]){"agent", "--config", node->config, NULL});
    if (!process_await_ready(node->process))
        fail_msg("%s did not start: see %s", node->name, node->log);
}

static void
end(node_t *node, int signal, int expected)
{
    int status = process_end(node->process, signal);
    process_destroy(&node->process);
    if (status != expected)
        fail_msg("%s ended with %d, not %d: see %s", node->name, status, expected, node->log);
}

static void
name_node(chaos_t *self, node_t *node, const char *name)
{
    char *part = mem_format("%s/%s", self->dir, name);
    *node = (node_t){
        .name = name,
        .run_dir = mem_text(part),
        .db = mem_format("%s.db", part),
        .log = mem_format("%s.log", part),
        .config = mem_format("%s.conf", part),
    };
    free(part);
}

static void
set_up(chaos_t *self)
{
    static const char *const names[NODES] = {"server", "a", "b"};
    self->dir = directory_new();
    for (size_t i = 0; i < NODES; i++)
        name_node(self, &self->nodes[i], names[i]);
    write_file(self->nodes[SERVER].config,
               "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY NOT NULL,"
               " agent TEXT NOT NULL, number INTEGER NOT NULL);");

    /* Later the same port again, as agents know it. */
    self->address = mem_text("127.0.0.1:0");
    start_server(self);
    const char *ready = self->nodes[SERVER].process->ready;
    free(self->address);
    self->address = mem_text(strrchr(ready, ' ') + 1);

    for (size_t i = 1; i < NODES; i++) {
        write_config(self, &self->nodes[i]);
        start(self, &self->nodes[i]);
    }
    assert_int_equal(sqlite3_open(":memory:", &self->notes), SQLITE_OK);
    query_run(self->notes, "CREATE TABLE acks (id TEXT PRIMARY KEY, agent TEXT)");
}

static void
tear_down(chaos_t *self)
{
    sqlite3_close(self->notes);
    for (size_t i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        process_destroy(&node->process);
        free(node->run_dir);
        free(node->db);
        free(node->log);
        free(node->config);
    }
    free(self->address);
    directory_destroy(&self->dir);
}

/*  ------------------------------------------------------------------------- writing  */

/*  One to three rows a transaction, each of them new: applied twice, it would show.  */
static void
write_changes(chaos_t *self, const node_t *agent, const char *path)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    for (int i = 0; i < TRANSACTIONS; i++) {
        fputs("{\"changes\":[", out);
        for (int n = 1 + below(3); n > 0; n--) {
            int64_t row = self->written++;
            fprintf(out,
                    "{\"table\":\"events\",\"operation\":\"insert\",\"id\":\"%s-%" PRId64
                    "\",\"data\":{\"agent\":\"%s\",\"number\":%" PRId64 "}}%s",
                    agent->name, row, agent->name, row, n > 1 ? "," : "");
        }
        fputs("]}\n", out);
    }
    fclose(out);
}

static process_t *
start_writer(chaos_t *self, const node_t *agent)
{
    char *path = mem_format("%s/%s.changes", self->dir, agent->name);
    char *log = mem_format("%s/%s.writer.log", self->dir, agent->name);
    write_changes(self, agent, path);
    process_t *writer = process_new(
        log, NULL,
        (const char *const[]){"apply", "--ids", "--run-dir", agent->run_dir, path, NULL});
    free(path);
    free(log);
    return writer;
}

/*  What the agent has acknowledged: at most so many; false when there is no more.  */
static bool
take_acks(chaos_t *self, const node_t *agent, process_t *writer, int most)
{
    sqlite3_stmt *insert = NULL;
    char id[64];
    bool more = true;
    sqlite3_prepare_v2(self->notes, "INSERT INTO acks VALUES (?1, ?2)", -1, &insert, NULL);
    for (int i = 0; i < most && (more = fgets(id, sizeof id, writer->out) != NULL); i++) {
        id[strcspn(id, "\n")] = '\0';
        sqlite3_bind_text(insert, 1, id, -1, SQLITE_STATIC);
        sqlite3_bind_text(insert, 2, agent->name, -1, SQLITE_STATIC);
        if (sqlite3_step(insert) != SQLITE_DONE)
            fail_msg("%s was acknowledged twice", id);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return more;
}

/*  ------------------------------------------------------------------------- proving  */

/*  Everything the server has up to the agent's position is in the agent's table.  */
static void
check_position(const chaos_t *self, const node_t *agent)
{
    char *copy = path_in(self->dir, "corpse.db");
    copy_database(agent->db, copy);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(copy, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    query_attach(db, self->nodes[SERVER].db, "server");
    assert_int_equal(query_number(db, "SELECT lsn > (SELECT lsn FROM server.waybill_head)"
                                      " FROM sync_state"),
                     0);
    assert_int_equal(
        query_number(db, "SELECT count(*) FROM server.change_log WHERE tbl = 'events'"
                         " AND lsn <= (SELECT lsn FROM sync_state)"
                         " AND json_extract(data, '$.id') NOT IN (SELECT id FROM events)"),
        0);
    sqlite3_close(db);
    free(copy);
}

/*  Every acknowledged change is in the agent's journal, decided, and in the server's log
    once.  */
static void
check_acknowledged(const chaos_t *self, const node_t *agent)
{
    query_attach(self->notes, agent->db, "agent");
    query_attach(self->notes, self->nodes[SERVER].db, "server");
    char *lost = mem_format("SELECT count(*) FROM acks WHERE agent = '%s' AND NOT EXISTS"
                            " (SELECT 1 FROM agent.local_changes AS l WHERE l.id = acks.id"
                            " AND l.state = 'done' AND l.verdict = 'applied')",
                            agent->name);
    char *absent = mem_format("SELECT count(*) FROM acks WHERE agent = '%s' AND 1 <>"
                              " (SELECT count(*) FROM server.change_log AS l"
                              " WHERE l.change_id = acks.id)",
                              agent->name);
    assert_int_equal(query_number(self->notes, lost), 0);
    assert_int_equal(query_number(self->notes, absent), 0);
    free(lost);
    free(absent);
    query_run(self->notes, "DETACH agent");
    query_run(self->notes, "DETACH server");
}

static void
check_server(const chaos_t *self)
{
    query_attach(self->notes, self->nodes[SERVER].db, "server");
    assert_int_equal(query_number(self->notes, "SELECT count(*) - count(DISTINCT change_id)"
                                               " FROM server.change_log"),
                     0);
    assert_int_equal(query_number(self->notes, "SELECT (SELECT count(*) FROM server.change_log)"
                                               " - (SELECT count(*) FROM server.events)"),
                     0);
    query_run(self->notes, "DETACH server");
}

static void
check_synced(const node_t *agent)
{
    outcome_t outcome =
        RUN("status", "--wait", "synced", "--timeout", "120", "--run-dir", agent->run_dir);
    if (outcome.status != 0)
        fail_msg("%s: %s: see %s", agent->name, outcome.err, agent->log);
    outcome_release(&outcome);
}

/*  Equal, and each agent ends as it should.  */
static void
come_to_rest(chaos_t *self)
{
    for (int twice = 0; twice < 2; twice++) /* what the second sent, the first must get */
        for (size_t i = 1; i < NODES; i++)
            check_synced(&self->nodes[i]);
    outcome_t outcome =
        RUN("compare", self->nodes[SERVER].db, self->nodes[1].db, self->nodes[2].db);
    if (outcome.status != 0)
        fail_msg("%s%s", outcome.out, outcome.err);
    print_message("%s", outcome.out);
    outcome_release(&outcome);
    for (size_t i = NODES; i-- > 0;)
        end(&self->nodes[i], SIGTERM, 0);
}

/*  ------------------------------------------------------------------------- the test  */

/*  Both agents write; somebody dies after a random number of acknowledgements.  */
static void
kill_one(chaos_t *self)
{
    node_t *agents = &self->nodes[1], *victim = &self->nodes[below(NODES)];
    process_t *writers[AGENTS] = {start_writer(self, &agents[0]),
                                  start_writer(self, &agents[1])};
    int watched = below(AGENTS);
    take_acks(self, &agents[watched], writers[watched], 1 + below(2 * TRANSACTIONS));

    end(victim, SIGKILL, 128 + SIGKILL);
    for (size_t i = 0; i < AGENTS; i++) {
        take_acks(self, &agents[i], writers[i], INT32_MAX);
        process_end(writers[i], 0); /* 1 if its agent died: what it printed is what counts */
        process_destroy(&writers[i]);
    }
    if (victim != &self->nodes[SERVER])
        check_position(self, victim);
    start(self, victim);
}

static void
loses_nothing_and_applies_nothing_twice(void **state)
{
    chaos_t *self = *state;
    const char *given = getenv("WAYBILL_SEED");
    const char *wanted = getenv("WAYBILL_KILLS");
    long seed = given ? atol(given) : (long) time(NULL);
    const int kills = wanted ? atoi(wanted) : KILLS;
    print_message("WAYBILL_SEED=%ld\n", seed);
    srand48(seed);

    set_up(self);
    for (self->round = 0; self->round < kills; self->round++)
        kill_one(self);
    come_to_rest(self);

    int64_t acks = query_number(self->notes, "SELECT count(*) FROM acks");
    print_message("%d kills, %" PRId64 " acknowledged changes\n", kills, acks);
    assert_true(acks > kills);
    for (size_t i = 1; i < NODES; i++)
        check_acknowledged(self, &self->nodes[i]);
    check_server(self);
    tear_down(self);
}

int
main(void)
{
    chaos_t chaos = {0};
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(loses_nothing_and_applies_nothing_twice, &chaos),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < NODES; i++) /* after a failure they still run */
        process_destroy(&chaos.nodes[i].process);
    return failed;
}
