/*  The plug-ins that are shipped, in a real agent with a real server: as threads, and in
   processes of their own.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"
#include "tests/orphan.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { LOOKS = 1200, LOOK_US = 50000, CHANGES = 20 };

typedef struct place {
    char *dir, *db, *run, *config, *log, *taken;
    const char *isolation;
    process_t *agent;
    pid_t web; /* takes what the webhook sends; 0: not there */
    int port;
    sqlite3 *server; /* another program, at the server's database */
} place_t;

/*  --------------------------------------------------------------------------- waiting  */

/*  What the file holds, to be freed; empty if there is none.  */
static char *
contents(const char *path)
{
    buffer_t text = {0};
    char part[4096];
    FILE *file = fopen(path, "r");
    for (size_t n; file && (n = fread(part, 1, sizeof part, file)) > 0;)
        buffer_add(&text, part, n);
    if (file)
        fclose(file);
    char *copy = mem_text(buffer_text(&text));
    buffer_release(&text);
    return copy;
}

/*  The file's text once it has so many lines; fails the test if that never comes.  */
static char *
await_lines(const char *path, size_t n)
{
    for (int look = 0; look < LOOKS; look++) {
        char *text = contents(path);
        if (count_lines(text) >= n)
            return text;
        free(text);
        usleep(LOOK_US);
    }
    fail_msg("%s: it never had %zu lines", path, n);
    return NULL;
}

static void
await_number(sqlite3 *db, const char *sql, int64_t expected)
{
    for (int look = 0; look < LOOKS; look++) {
        if (query_number(db, sql) == expected)
            return;
        usleep(LOOK_US);
    }
    fail_msg("never %d: %s", (int) expected, sql);
}

/*  --------------------------------------------------------------------------- a place  */

static void
start_web(place_t *place)
{
    int ends[2];
    char line[20] = "";
    assert_int_equal(pipe(ends), 0);
    place->web = fork_bound();
    if (place->web == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(WEBHOOK_SERVER, "webhook_server", place->taken, path_in(place->dir, "secret"),
              "2", NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *out = fdopen(ends[0], "r");
    assert_non_null(fgets(line, sizeof line, out));
    fclose(out);
    place->port = atoi(line);
}

static void
write_config(const place_t *place)
{
    FILE *file = fopen(place->config, "w");
    assert_non_null(file);
    (void) fprintf(
        file,
        "agent\n    db = \"%s\"\n    server = \"%s\"\n"
        "process\n    run_dir = \"%s\"\n    restart_limit = 30\n"
        "tables\n    person\n        plugin = \"people\"\n"
        "plugins\n"
        "    people\n        file = \"%s/people.so\"\n        isolation = \"%s\"\n"
        "    audit\n        file = \"%s/audit.so\"\n        isolation = \"%s\"\n"
        "        path = \"%s/audit.jsonl\"\n"
        "    small\n        file = \"%s/audit.so\"\n        isolation = \"%s\"\n"
        "        path = \"%s/small.jsonl\"\n        max_bytes = \"300\"\n        keep = \"3\"\n"
        "    webhook\n        file = \"%s/webhook.so\"\n        isolation = \"%s\"\n"
        "        url = \"http://127.0.0.1:%d/hook\"\n        queue = \"%s/queue.db\"\n"
        "        secret_file = \"%s/secret\"\n        retry_ms = \"10\"\n"
        "        retry_cap_ms = \"100\"\n",
        place->db, world.url, place->run, PLUGINS, place->isolation, PLUGINS, place->isolation,
        place->dir, PLUGINS, place->isolation, place->dir, PLUGINS, place->isolation,
        place->port, place->dir, place->dir);
    fclose(file);
}

static void
start(place_t *place)
{
    place->agent = process_new(place->log, NULL,
                               (const char *const[]){"agent", "--config", place->config, NULL});
    if (!process_await_ready(place->agent)) {
        char *log = contents(place->log);
        fail_msg("the agent does not start: %s", log);
    }
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", place->run);
    assert_int_equal(synced.status, 0);
    outcome_release(&synced);
}

static int
make_place(void **state, const char *isolation)
{
    place_t *place = mem_new(sizeof *place);
    place->dir = directory_new();
    place->db = path_in(place->dir, "agent.db");
    place->run = path_in(place->dir, "run");
    place->config = path_in(place->dir, "waybill.conf");
    place->log = path_in(place->dir, "log");
    place->taken = path_in(place->dir, "taken");
    place->isolation = isolation;
    char *secret = path_in(place->dir, "secret"), *server = path_in(world.dir, "server.db");
    write_file(secret, "a secret");
    chmod(secret, 0600);
    sqlite3_open(server, &place->server);
    sqlite3_busy_timeout(place->server, 60000);
    sqlite3 *db = NULL;
    sqlite3_open(place->db, &db);
    query_run(db, "CREATE TABLE person (id TEXT PRIMARY KEY NOT NULL, first_name TEXT,"
                  " last_name TEXT, email TEXT, full_name TEXT)");
    sqlite3_close(db);
    start_web(place);
    write_config(place);
    start(place);
    free(secret);
    free(server);
    *state = place;
    return 0;
}

static int
make_place_of_threads(void **state)
{
    return make_place(state, "thread");
}

static int
make_place_of_processes(void **state)
{
    return make_place(state, "process");
}

static int
remove_place(void **state)
{
    place_t *place = *state;
    process_destroy(&place->agent);
    kill(place->web, SIGKILL);
    waitpid(place->web, NULL, 0);
    sqlite3_close(place->server);
    directory_destroy(&place->dir);
    free(place->db);
    free(place->run);
    free(place->config);
    free(place->log);
    free(place->taken);
    free(place);
    return 0;
}

static void
record(const place_t *place, int first, int n)
{
    char key[20];
    for (int i = first; i < first + n; i++) {
        (void) snprintf(key, sizeof key, "n%s%d", place->isolation, i);
        outcome_t outcome = RUN("upsert", "--wait", "--timeout", "60000", "--run-dir",
                                place->run, "notes", key, "{\"title\": \"Tea\"}");
        if (outcome.status != 0)
            fail_msg("%s%s", outcome.out, outcome.err);
        outcome_release(&outcome);
    }
}

static size_t
occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        n++;
    return n;
}

/*  --------------------------------------------------------------------------- the tests  */

static void
audit_writes_each_verdict_once_even_over_a_crash(void **state)
{
    place_t *place = *state;
    char *path = path_in(place->dir, "audit.jsonl");
    struct stat about;
    record(place, 0, 5);
    free(await_lines(path, 5));
    (void) process_end(place->agent, SIGKILL);
    process_destroy(&place->agent);
    start(place);
    record(place, 5, 5);
    char *text = await_lines(path, 10);
    assert_int_equal(occurrences(text, "\"result\": \"applied\""), 10);
    assert_int_equal(count_lines(text), 10);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    free(text);
    free(path);
}

static void
audit_keeps_so_many_files(void **state)
{
    place_t *place = *state;
    char *second = path_in(place->dir, "small.jsonl.2"),
         *third = path_in(place->dir, "small.jsonl.3");
    record(place, 100, CHANGES);
    char *text = await_lines(second, 1);
    assert_contains(text, "\"change\"");
    assert_int_equal(access(third, F_OK), -1);
    free(text);
    free(second);
    free(third);
}

static void
webhook_sends_each_event_signed_and_in_order(void **state)
{
    place_t *place = *state;
    record(place, 200, CHANGES);
    char *text = await_lines(place->taken, CHANGES);
    assert_int_equal(occurrences(text, " signed "), count_lines(text));
    const char *at = text;
    char key[40];
    for (int i = 200; i < 200 + CHANGES; i++) {
        (void) snprintf(key, sizeof key, "\"entity_id\":\"n%s%d\"", place->isolation, i);
        at = strstr(at, key);
        if (at == NULL)
            fail_msg("%s is missing, or not in order: %s", key, text);
    }
    free(text);
}

static void
webhook_keeps_what_it_could_not_send_over_a_crash(void **state)
{
    place_t *place = *state;
    char *queue = path_in(place->dir, "queue.db");
    sqlite3 *db = NULL;
    kill(place->web, SIGKILL);
    waitpid(place->web, NULL, 0);
    record(place, 300, 3);
    sqlite3_open(queue, &db);
    sqlite3_busy_timeout(db, 60000);
    await_number(db, "SELECT count(*) FROM queue", 3);
    (void) process_end(place->agent, SIGKILL);
    process_destroy(&place->agent);
    start_web(place);
    write_config(place);
    start(place);
    char *text = await_lines(place->taken, 3);
    assert_int_equal(count_lines(text), 3);
    await_number(db, "SELECT count(*) FROM queue", 0);
    sqlite3_close(db);
    free(text);
    free(queue);
}

static void
people_skips_bad_rows_and_derives_a_column(void **state)
{
    place_t *place = *state;
    char sql[600];
    sqlite3 *db = NULL;
    (void) snprintf(sql, sizeof sql,
                    "INSERT INTO person VALUES ('%s1', 'Ann', 'Lee', 'ann@lee.example'),"
                    " ('%s2', 'Bad', 'Row', 'nowhere'), ('%s3', NULL, 'Solo', NULL)",
                    place->isolation, place->isolation, place->isolation);
    query_run(place->server, sql);
    sqlite3_open_v2(place->db, &db, SQLITE_OPEN_READONLY, NULL);
    sqlite3_busy_timeout(db, 60000);
    (void) snprintf(sql, sizeof sql,
                    "SELECT count(*) FROM person WHERE (id = '%s1' AND full_name = 'Ann Lee')"
                    " OR (id = '%s3' AND full_name = 'Solo')",
                    place->isolation, place->isolation);
    await_number(db, sql, 2);
    (void) snprintf(sql, sizeof sql, "SELECT count(*) FROM person WHERE id = '%s2'",
                    place->isolation);
    assert_int_equal(query_number(db, sql), 0);
    (void) snprintf(sql, sizeof sql,
                    "SELECT count(*) FROM local_changes WHERE entity_id = '%s2'"
                    " AND skip_reason = 'email is not an address'",
                    place->isolation);
    assert_int_equal(query_number(db, sql), 1);
    sqlite3_close(db);
}

static int
start_world_with_people(void **state)
{
    const int status = start_world(state);
    char *path = path_in(world.dir, "server.db");
    char *address = mem_text(world.address); /* stands in what the server has said */
    (void) process_end(world.server, SIGTERM);
    process_destroy(&world.server);
    (void) process_end(world.agent, SIGTERM);
    process_destroy(&world.agent);
    sqlite3 *db = NULL;
    sqlite3_open(path, &db);
    query_run(db, "CREATE TABLE person (id TEXT PRIMARY KEY NOT NULL, first_name TEXT,"
                  " last_name TEXT, email TEXT)");
    sqlite3_close(db);
    world.server =
        process_new(world.log, NULL,
                    (const char *const[]){"server", "--db", path, "--listen", address,
                                          "--run-dir", world.server_dir, NULL});
    free(path);
    free(address);
    return status != 0 || !process_await_ready(world.server);
}

#define IN_BOTH(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, make_place_of_threads, remove_place),                \
        cmocka_unit_test_setup_teardown(test, make_place_of_processes, remove_place)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BOTH(audit_writes_each_verdict_once_even_over_a_crash),
        IN_BOTH(audit_keeps_so_many_files),
        IN_BOTH(webhook_sends_each_event_signed_and_in_order),
        IN_BOTH(webhook_keeps_what_it_could_not_send_over_a_crash),
        IN_BOTH(people_skips_bad_rows_and_derives_a_column),
    };
    return cmocka_run_group_tests(tests, start_world_with_people, stop_world);
}
