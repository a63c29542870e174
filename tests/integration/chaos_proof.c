#include "tests/integration/chaos.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/*  Servers of one database give the same positions; one of them must be as far as the agent. */
static void
check_against(sqlite3 *corpse, const node_t *server, bool *reached)
{
    query_attach(corpse, server->db, "server");
    if (query_number(corpse, "SELECT (SELECT lsn FROM sync_state) <= max(lsn, captured)"
                             " FROM server.waybill_head")
        == 1)
        *reached = true;
    assert_int_equal(
        query_number(corpse, "SELECT count(*) FROM server.change_log WHERE tbl = 'events'"
                             " AND lsn <= (SELECT lsn FROM sync_state)"
                             " AND json_extract(data, '$.id') NOT IN (SELECT id FROM events)"),
        0);
    query_run(corpse, "DETACH server");
}

void
chaos_check_position(chaos_t *self, const node_t *agent)
{
    bool reached = false;
    sqlite3 *db = NULL;
    char *copy = path_in(self->dir, "corpse.db");
    copy_database(agent->db, copy);
    assert_int_equal(sqlite3_open_v2(copy, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    for (size_t i = 0; i < self->n_servers; i++)
        check_against(db, &self->nodes[i], &reached);
    assert_true(reached);
    sqlite3_close(db);
    free(copy);
}

/*  Every acknowledged change is decided, and once in the server's log.  */
static void
check_acknowledged(const chaos_t *self, const node_t *agent, const node_t *server)
{
    query_attach(self->notes, agent->db, "agent");
    query_attach(self->notes, server->db, "server");
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
check_log(const chaos_t *self, const node_t *server)
{
    query_attach(self->notes, server->db, "server");
    assert_int_equal(query_number(self->notes, "SELECT count(change_id)"
                                               " - count(DISTINCT change_id)"
                                               " FROM server.change_log"),
                     0);
    assert_int_equal(query_number(self->notes, "SELECT (SELECT count(*) FROM server.change_log)"
                                               " - (SELECT count(*) FROM server.events)"),
                     0);
    query_run(self->notes, "DETACH server");
}

void
chaos_check(chaos_t *self, int acks)
{
    const int64_t acknowledged = query_number(self->notes, "SELECT count(*) FROM acks");
    print_message("%" PRId64 " acknowledged changes\n", acknowledged);
    assert_true(acknowledged > acks);
    for (size_t i = 0; i < self->n_servers; i++) {
        for (size_t agent = 0; agent < CHAOS_AGENTS; agent++)
            check_acknowledged(self, chaos_agent(self, agent), &self->nodes[i]);
        check_log(self, &self->nodes[i]);
    }
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

void
chaos_await_synced(chaos_t *self)
{
    for (int twice = 0; twice < 2; twice++) /* what the second sent, the first must get */
        for (size_t i = 0; i < CHAOS_AGENTS; i++)
            check_synced(chaos_agent(self, i));
}

static bool
stands_in(const char *path, const char *text)
{
    char line[1024];
    bool found = false;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (!found && fgets(line, sizeof line, in))
        found = strstr(line, text) != NULL;
    fclose(in);
    return found;
}

void
chaos_await_logged(const node_t *node, const char *text)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    const time_t end = time(NULL) + 120;
    while (!stands_in(node->log, text)) {
        if (time(NULL) > end)
            fail_msg("no \"%s\" in %s", text, node->log);
        (void) nanosleep(&pause, NULL);
    }
}

void
chaos_rest(chaos_t *self)
{
    const char *arguments[CHAOS_NODES + 3] = {"compare"};
    size_t n = 1;
    chaos_await_synced(self);
    if (self->database)
        arguments[n++] = self->database;
    for (size_t i = 0; i < self->n; i++)
        arguments[n++] = self->nodes[i].db;
    outcome_t outcome = run_verb(NULL, arguments);
    if (outcome.status != 0)
        fail_msg("%s%s", outcome.out, outcome.err);
    print_message("%s", outcome.out);
    outcome_release(&outcome);
    for (size_t i = self->n; i-- > 0;)
        chaos_stop(&self->nodes[i], SIGTERM, 0);
}
