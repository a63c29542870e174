/*  Bad luck: servers out of reach, ports taken, databases and disks that refuse.  */

#include "tests/integration/world.h"

#include <linux/capability.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

static void
records_while_the_server_is_out_of_reach(void **state)
{
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run"), *db = path_in(dir, "agent.db");
    make_notes(db);
    process_t *agent = start_agent(dir, "ws://127.0.0.1:1/api/sync", NULL);
    assert_true(process_await_ready(agent));

    outcome_t upsert = RUN("upsert", "notes", "1", "{\"title\":\"Tea\"}", "--run-dir", run);
    assert_int_equal(upsert.status, 0);
    outcome_t offline = RUN("status", "--wait", "offline", "--run-dir", run);
    assert_int_equal(offline.status, 0);
    assert_contains(offline.out, "offline");
    assert_contains(offline.out, "because");
    assert_contains(offline.out, "pending   1");
    outcome_release(&upsert);
    outcome_release(&offline);
    assert_refused(RUN("status", "--wait", "synced", "--timeout", "1", "--run-dir", run), 1,
                   "not synced in time");

    assert_int_equal(process_end(agent, SIGTERM), 0);
    process_destroy(&agent);
    free(run);
    free(db);
    directory_destroy(&dir);
}

/*  An agent that must not start, with that database.  */
static outcome_t
run_agent(const char *db, const char *dir)
{
    char *run = path_in(dir, "run");
    outcome_t outcome = RUN("agent", "--db", db, "--server", world.url, "--run-dir", run);
    free(run);
    return outcome;
}

static void
refuses_a_port_that_is_taken(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "server.db");
    assert_refused(RUN("server", "--db", db, "--listen", world.address, "--run-dir", dir), 2,
                   world.address);
    free(db);
    directory_destroy(&dir);
}

static void
refuses_a_second_agent_on_a_run_directory(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "other.db");
    assert_refused(
        RUN("agent", "--db", db, "--server", world.url, "--run-dir", world.agent_dir), 2,
        world.agent_dir);
    free(db);
    directory_destroy(&dir);
}

static void
refuses_a_file_that_is_no_database(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "letter.txt");
    write_file(db,
               "Dear database, I am not one of you, and I am long enough to be looked at.\n"
               "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789");
    assert_refused(run_agent(db, dir), 2, "letter.txt");
    free(db);
    directory_destroy(&dir);
}

static void
refuses_a_locked_database(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "busy.db");
    sqlite3 *holder;
    assert_int_equal(sqlite3_open(db, &holder), SQLITE_OK);
    sqlite3_exec(holder, "PRAGMA journal_mode = WAL; CREATE TABLE t (id); BEGIN IMMEDIATE",
                 NULL, NULL, NULL);
    assert_refused(run_agent(db, dir), 2, "busy.db");
    sqlite3_close(holder);
    free(db);
    directory_destroy(&dir);
}

/*  Even root cannot write to a read-only file without this.  */
static void
drop_override(void)
{
    prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
}

static void
refuses_a_read_only_database(void **state)
{
    (void) state;
    char *dir = directory_new(), *db = path_in(dir, "agent.db"), *log = path_in(dir, "log");
    write_file(db, "");
    write_file(log, "");
    chmod(db, 0444);
    process_t *agent = start_agent(dir, world.url, drop_override);
    assert_false(process_await_ready(agent));
    assert_int_equal(process_end(agent, 0), 2);

    char line[1024] = "";
    FILE *in = fopen(log, "r");
    assert_non_null(fgets(line, sizeof line, in));
    assert_contains(line, "agent.db");
    fclose(in);
    process_destroy(&agent);
    free(db);
    free(log);
    directory_destroy(&dir);
}

/*  Files of that process cannot grow beyond 1 MB: a disk that fills up.  */
static void
limit_files(void)
{
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20});
}

/*  Writes rows of 64 KB until one is refused; gives how many were acknowledged.  */
static size_t
fill_up(const char *run_dir)
{
    char *json = mem_new(70000);
    strcpy(json, "{\"title\":\"");
    memset(json + strlen(json), 'x', 65536);
    strcat(json, "\"}");
    size_t n = 0;
    for (int status = 0; status == 0 && n < 100; n++) {
        char id[16];
        snprintf(id, sizeof id, "%zu", n);
        outcome_t upsert = run_verb(json, (const char *const[]){"upsert", "notes", id, "-",
                                                                "--run-dir", run_dir, NULL});
        status = upsert.status;
        if (status != 0)
            assert_refused(upsert, 1, "");
        else
            outcome_release(&upsert);
        if (status != 0)
            break;
    }
    free(json);
    return n;
}

static void
lives_on_when_the_disk_is_full(void **state)
{
    (void) state;
    char *dir = directory_new(), *run = path_in(dir, "run"), *db = path_in(dir, "agent.db");
    make_notes(db);
    process_t *agent = start_agent(dir, "ws://127.0.0.1:1/api/sync", limit_files);
    assert_true(process_await_ready(agent));

    size_t written = fill_up(run);
    assert_in_range(written, 1, 99);
    assert_int_equal(count_changes(run), written);
    outcome_t status = RUN("status", "--run-dir", run);
    assert_int_equal(status.status, 0);
    outcome_release(&status);

    process_destroy(&agent);
    free(run);
    free(db);
    directory_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_while_the_server_is_out_of_reach),
        cmocka_unit_test(refuses_a_port_that_is_taken),
        cmocka_unit_test(refuses_a_second_agent_on_a_run_directory),
        cmocka_unit_test(refuses_a_file_that_is_no_database),
        cmocka_unit_test(refuses_a_locked_database),
        cmocka_unit_test(refuses_a_read_only_database),
        cmocka_unit_test(lives_on_when_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
