/*  A program that knows nothing of us writes plain SQL into the database of an agent that
    captures with triggers: with the agent up, down and killed, and the writer killed as well.
    What it committed is synchronised, each change once; what it did not is not.

    WAYBILL_SEED=NUMBER repeats a run's choices.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"
#include "tests/orphan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { PATIENCE_MS = 120000, KILLS = 20, PAIRS = 30 };

typedef struct place {
    char *dir, *db, *run, *log;
    process_t *agent;
} place_t;

/*  ------------------------------------------------------------------------------ the agent  */

static void
start(place_t *self)
{
    self->agent = process_new(self->log, NULL,
                              (const char *const[]){"agent", "--db", self->db, "--server",
                                                    world.url, "--run-dir", self->run,
                                                    "--capture", "triggers", NULL});
    if (!process_await_ready(self->agent))
        fail_msg("the agent did not start: see %s", self->log);
}

static void
end(place_t *self, int signal)
{
    const int status = process_end(self->agent, signal);
    process_destroy(&self->agent);
    assert_int_equal(status, signal == SIGKILL ? 128 + SIGKILL : 0);
}

static void
await_synced(const place_t *self)
{
    outcome_t outcome =
        RUN("status", "--wait", "synced", "--timeout", "120", "--run-dir", self->run);
    if (outcome.status != 0)
        fail_msg("%s: see %s", outcome.err, self->log);
    outcome_release(&outcome);
}

/*  With the server's table, and triggers on it.  */
static int
make_place(void **state)
{
    place_t *self = mem_new(sizeof *self);
    self->dir = directory_new();
    self->db = path_in(self->dir, "agent.db");
    self->run = path_in(self->dir, "run");
    self->log = path_in(self->dir, "log");
    start(self);
    await_synced(self);
    *state = self;
    return 0;
}

static int
remove_place(void **state)
{
    place_t *self = *state;
    process_destroy(&self->agent);
    free(self->db);
    free(self->run);
    free(self->log);
    directory_destroy(&self->dir);
    free(self);
    return 0;
}

/*  -------------------------------------------------------------------------- plain programs */

/*  As any program may open it.  */
static sqlite3 *
open_plainly(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, PATIENCE_MS);
    query_run(db, "PRAGMA wal_autocheckpoint = 0");
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return db;
}

static void
run_plainly(const place_t *self, const char *sql)
{
    sqlite3 *db = open_plainly(self->db);
    query_run(db, sql);
    sqlite3_close(db);
}

static int64_t
number_in(const char *path, const char *sql)
{
    sqlite3 *db = open_plainly(path);
    const int64_t number = query_number(db, sql);
    sqlite3_close(db);
    return number;
}

static int64_t
number_on_server(const char *sql)
{
    char *path = path_in(world.dir, "server.db");
    const int64_t number = number_in(path, sql);
    free(path);
    return number;
}

/*  --------------------------------------------------------------------------------- up, down
 */

static void
plain_sql_reaches_the_server_while_the_agent_runs(void **state)
{
    const place_t *self = *state;
    run_plainly(self, "BEGIN; INSERT INTO notes VALUES ('up', 'Tea', NULL);"
                      "INSERT INTO notes VALUES ('up2', 'Milk', x'00ff'); COMMIT");
    await_synced(self);
    run_plainly(self, "UPDATE notes SET title = 'Coffee' WHERE id = 'up'");
    await_synced(self);
    assert_int_equal(number_on_server("SELECT count(*) FROM notes WHERE (id, title) IN"
                                      " (('up', 'Coffee'), ('up2', 'Milk'))"),
                     2);
    assert_int_equal(number_in(self->db, "SELECT count(*) FROM local_changes WHERE NOT"
                                         " from_server AND verdict = 'applied'"),
                     3);
    assert_int_equal(number_in(self->db, "SELECT count(DISTINCT txn) FROM local_changes"
                                         " WHERE NOT from_server"),
                     2);
}

static void
plain_sql_from_while_the_agent_was_down_reaches_the_server(void **state)
{
    place_t *self = *state;
    end(self, SIGTERM);
    run_plainly(self, "INSERT INTO notes VALUES ('down', 'Tea', NULL)");
    run_plainly(self, "DELETE FROM notes WHERE id = 'down';"
                      "INSERT INTO notes VALUES ('down2', 'Tea', NULL)");
    start(self);
    await_synced(self);
    assert_int_equal(number_on_server("SELECT count(*) FROM notes WHERE id = 'down'"), 0);
    assert_int_equal(number_on_server("SELECT count(*) FROM notes WHERE id = 'down2'"), 1);
}

/*  ------------------------------------------------------------------------------------ killed
 */

/*  Pairs of rows, each pair a transaction, numbered from first on; a byte for each commit. It
    never ends by itself: it is killed.  */
static void
write_pairs(const char *path, int64_t first, int told)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        _exit(1);
    sqlite3_busy_timeout(db, PATIENCE_MS);
    sqlite3_exec(db, "PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
    for (int64_t i = first; i < first + PAIRS; i++) {
        char *sql = mem_format("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('%" PRId64
                               "-a', 'Tea', NULL); INSERT INTO notes VALUES ('%" PRId64
                               "-b', 'Tea', NULL); COMMIT",
                               i, i);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK || write(told, "x", 1) != 1)
            _exit(2);
        free(sql);
    }
    pause();
}

/*  Kills one of the two after so many commits; then both are down.  */
static void
kill_in_the_middle(place_t *self, int64_t first, int after, bool agent_first)
{
    int pipes[2];
    char byte = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    const pid_t writer = fork_bound();
    if (writer == 0)
        write_pairs(self->db, first, pipes[1]);
    (void) close(pipes[1]);
    for (int i = 0; i < after; i++)
        assert_int_equal(read(pipes[0], &byte, 1), 1);
    if (agent_first)
        end(self, SIGKILL);
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    (void) close(pipes[0]);
    if (!agent_first)
        end(self, SIGKILL);
}

/*  A row and its change, both or neither; and the rows of a pair together.  */
static void
check_whole(const place_t *self)
{
    assert_int_equal(number_in(self->db,
                               "SELECT count(*) FROM notes WHERE id LIKE '%-_' AND 1 <>"
                               " (SELECT count(*) FROM local_changes WHERE entity_id ="
                               " notes.id)"),
                     0);
    assert_int_equal(number_in(self->db,
                               "SELECT count(*) FROM local_changes WHERE entity_id LIKE"
                               " '%-_' AND entity_id NOT IN (SELECT id FROM notes)"),
                     0);
    assert_int_equal(number_in(self->db,
                               "SELECT count(*) FROM (SELECT 1 FROM notes WHERE id LIKE"
                               " '%-_' GROUP BY CAST(id AS INTEGER) HAVING count(*) <>"
                               " 2)"),
                     0);
}

static void
what_was_committed_survives_the_death_of_agent_and_writer(void **state)
{
    place_t *self = *state;
    const char *given = getenv("WAYBILL_SEED");
    const long seed = given ? atol(given) : (long) time(NULL);
    print_message("WAYBILL_SEED=%ld\n", seed);
    srand48(seed);
    for (int i = 0; i < KILLS; i++) {
        kill_in_the_middle(self, (int64_t) i * PAIRS, 1 + (int) (drand48() * PAIRS),
                           drand48() < 0.5);
        check_whole(self);
        start(self);
    }
    await_synced(self);
    check_whole(self);
    assert_true(number_in(self->db, "SELECT count(*) FROM notes") >= 2 * KILLS);
    assert_int_equal(number_in(self->db,
                               "SELECT count(*) FROM local_changes WHERE NOT from_server"
                               " AND verdict IS NOT 'applied'"),
                     0);
    assert_int_equal(
        number_on_server("SELECT count(*) - count(DISTINCT change_id) FROM change_log"
                         " WHERE change_id IS NOT NULL"),
        0);
    char *server = path_in(world.dir, "server.db");
    outcome_t outcome = RUN("compare", server, self->db);
    if (outcome.status != 0)
        fail_msg("%s%s", outcome.out, outcome.err);
    outcome_release(&outcome);
    free(server);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(plain_sql_reaches_the_server_while_the_agent_runs),
        IN_PLACE(plain_sql_from_while_the_agent_was_down_reaches_the_server),
        IN_PLACE(what_was_committed_survives_the_death_of_agent_and_writer),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
