/*  The server beside a program that knows nothing of it: what another process commits is
    noticed through the write-ahead log, with nobody of ours writing.  */

#include "actors/common/actors.h"
#include "actors/server/actors.h"
#include "actors/settings.h"
#include "runtime/host.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/*  After a start the replicator looks once by itself: one commit more would prove nothing.  */
enum { COMMITS = 4, DEADLINE_S = 120 };

static host_t *host;
static int orders; /* a byte asks the other process for a commit */
static int n_announced;

static void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody;
    (void) line;
}

/*  ------------------------------------------------------------------ the other process  */

static void
commit_one(const char *path, int number)
{
    char sql[80];
    sqlite3 *db = NULL;
    (void) snprintf(sql, sizeof sql, "INSERT INTO todo VALUES (%d)", number);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        _exit(1);
    sqlite3_busy_timeout(db, DEADLINE_S * 1000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        _exit(2);
    sqlite3_close(db);
}

static pid_t
start_writer(const char *path)
{
    int pipes[2];
    char order = 0;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
        (void) close(pipes[1]);
        for (int i = 0; read(pipes[0], &order, 1) == 1; i++)
            commit_one(path, i);
        _exit(0);
    }
    (void) close(pipes[0]);
    orders = pipes[1];
    return child;
}

/*  -------------------------------------------------------------- instead of distributor  */

static void
order_commit(void)
{
    if (write(orders, "x", 1) != 1)
        host_stop(host);
}

static err_t
begin(void *state, ctx_t *ctx)
{
    (void) state;
    (void) ctx;
    order_commit();
    return OK;
}

static err_t
on_log_advanced(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) ctx;
    (void) body;
    if (++n_announced == COMMITS)
        host_stop(host);
    else
        order_commit();
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {[MSG_log_advanced] = on_log_advanced};

static const actor_class_t audience = {
    .name = "distributor",
    .summary = "asks for a commit after each announcement",
    .state_size = 1,
    .start = begin,
    .handlers = handlers,
};

/*  -------------------------------------------------------------------------- the test  */

static void
write_schema(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void) fputs("CREATE TABLE IF NOT EXISTS todo (id INTEGER PRIMARY KEY);", file);
    (void) fclose(file);
}

static void
run_server(const settings_t *settings)
{
    const host_options_t options = {.name = "server", .settings = settings, .log = quiet};
    fault_t fault = {0};
    host = host_new(&options);
    host_add(host, &checkpointer);
    host_add(host, &client_changes);
    host_add(host, &replicator);
    host_add(host, &audience);
    if (host_start(host, &fault) != OK || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
}

static void
announces_each_commit_of_another_process(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-mark"};
    char path[] = "/tmp/waybill-foreign-XXXXXX";
    char schema[sizeof path + 4];
    int status = -1;
    (void) state;
    (void) close(mkstemp(path));
    (void) snprintf(schema, sizeof schema, "%s.sql", path);
    write_schema(schema);
    const settings_t settings = {
        .agent_db = "",
        .server_db = path,
        .server_schema = schema,
        .stream_history = 1000,
    };
    const pid_t child = start_writer(path);
    (void) alarm(DEADLINE_S);
    run_server(&settings);
    (void) close(orders);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(n_announced, COMMITS);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char *file = mem_format("%s%s", path, suffixes[i]);
        (void) unlink(file);
        free(file);
    }
    (void) unlink(schema);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announces_each_commit_of_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
