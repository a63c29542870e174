/*  A hostile server and a real agent: every row of server_rows.h, one connection each. The
    agent leaves the server or lets it talk; it keeps running, what the application has stays
    as it is, and the token goes nowhere else.  */

#include "tests/hostile/server_rows.h"

#include "tests/hostile/bad_server.h"
#include "tests/hostile/stranger.h"
#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum {
    PATIENCE_S = 60,
    BEATS = 4,
    GROWTH_KB = 64 * 1024,
    PAGES = 2000,
    STALLED_S = 3,
    PAGE = 100 * 1024
};

static struct {
    char *dir, *run_dir, *log, *db;
    process_t *agent;
    int listener, elsewhere; /* where it should connect to, and where it should not */
    int port, other_port;
    long log_read; /* what is before was looked at */
} place;

/*  ------------------------------------------------------------------------- the agent  */

/*  Freed memory that a sanitizer keeps is none that the agent has.  */
static void
keep_little(void)
{
    (void) setenv("ASAN_OPTIONS", "quarantine_size_mb=4", 1);
}

static void
start(void)
{
    place.dir = directory_new();
    place.run_dir = path_in(place.dir, "run");
    place.log = path_in(place.dir, "log");
    place.db = path_in(place.dir, "agent.db");
    place.listener = bad_server_listen(&place.port);
    place.elsewhere = bad_server_listen(&place.other_port);
    char *config = path_in(place.dir, "agent.conf"), *token = path_in(place.dir, "token");
    char *text = mem_format("agent\n    db = \"%s\"\n    server = \"ws://127.0.0.1:%d/api\"\n"
                            "    token_file = \"%s\"\nprocess\n    run_dir = \"%s\"\n"
                            "connection\n    base_ms = 10\n    cap_ms = 50\n"
                            "    heartbeat_ms = 100\n",
                            place.db, place.port, token, place.run_dir);
    make_notes(place.db);
    write_file(config, text);
    write_file(token, "token-that-nobody-may-see\n");
    assert_int_equal(chmod(token, 0600), 0);
    place.agent = process_new(place.log, keep_little,
                              (const char *const[]){"agent", "--config", config, NULL});
    assert_true(process_await_ready(place.agent));
    free(config);
    free(token);
    free(text);
}

static char *
read_log(long from)
{
    char *text = NULL;
    size_t room = 0;
    FILE *in = fopen(place.log, "r");
    assert_non_null(in);
    assert_int_equal(fseek(in, from, SEEK_SET), 0);
    if (getdelim(&text, &room, '\0', in) < 0) {
        free(text);
        text = mem_text("");
    }
    (void) fclose(in);
    return text;
}

static bool
log_tells(const char *reason)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const time_t until = time(NULL) + PATIENCE_S;
    bool told = false;
    while (!told && time(NULL) < until) {
        char *text = read_log(place.log_read);
        told = strstr(text, reason) != NULL;
        free(text);
        if (!told)
            (void) nanosleep(&pause, NULL);
    }
    return told;
}

/*  Whether it says that it is alive, so many times; false when it hangs up.  */
static bool
stays(int fd)
{
    char bytes[4096];
    size_t beats = 0;
    while (beats < BEATS) {
        const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return false;
        beats++;
    }
    return true;
}

/*  --------------------------------------------------------------------------- the rows  */

static void
add_filled(const server_row_t *row, buffer_t *out)
{
    static const char elsewhere[] = "ELSEWHERE";
    const char *mark = row->fill ? memchr(row->bytes, '@', row->size) : NULL;
    const char *port = memmem(row->bytes, row->size, elsewhere, sizeof elsewhere - 1);
    const char *cut = mark ? mark : port;
    const size_t before = cut ? (size_t) (cut - row->bytes) : row->size;
    const size_t skipped = mark ? 1 : sizeof elsewhere - 1;
    buffer_add(out, row->bytes, before);
    for (size_t i = 0; mark && i < row->times; i++)
        buffer_add_text(out, row->fill);
    if (port)
        buffer_add_format(out, "%d", place.other_port);
    if (cut)
        buffer_add(out, cut + skipped, row->size - before - skipped);
}

static void
add_script(const server_row_t *row, const buffer_t *filled, buffer_t *out)
{
    static const char prelude[] = SCHEMA(TABLE(
        "notes", ID
        ",{\"name\":\"title\",\"type\":\"TEXT\"}")) "\n"
                                                    "{\"type\":\"srv_init_start\","
                                                    "\"serverLSN\":10,\"epoch\":\"e\"}\n"
                                                    "{\"type\":\"srv_init_complete\","
                                                    "\"serverLSN\":10}\n"
                                                    "{\"type\":\"srv_live_start\",\"startLSN\":"
                                                    "10,\"finalLSN\":10,\"changeCount\":0,"
                                                    "\"success\":true}";
    if (row->kind == STREAM)
        bad_server_add(out, prelude, sizeof prelude - 1);
    if (row->kind == HEAD || row->kind == BYTES)
        buffer_add(out, filled->data, filled->size);
    else
        bad_server_add(out, (const char *) filled->data, filled->size);
}

/*  The newest connection: it may have given up older ones meanwhile.  */
static int
accept_newest(void)
{
    struct pollfd waiting = {.fd = place.listener, .events = POLLIN};
    int fd = accept(place.listener, NULL, NULL);
    while (poll(&waiting, 1, 0) > 0) {
        (void) close(fd);
        fd = accept(place.listener, NULL, NULL);
    }
    assert_true(fd >= 0);
    return fd;
}

static bool
meet(const server_row_t *row)
{
    char request[16384];
    buffer_t filled = {0}, script = {0};
    char *log = read_log(place.log_read);
    place.log_read += (long) strlen(log);
    free(log);
    const int fd = accept_newest();
    bad_server_read(fd, request, sizeof request);
    assert_non_null(strstr(request, "token-that-nobody-may-see"));
    add_filled(row, &filled);
    add_script(row, &filled, &script);
    if (row->kind != HEAD)
        bad_server_accept(fd, request);
    stranger_send(fd, buffer_bytes(&script));
    if (row->kind == HEAD)
        (void) shutdown(fd, SHUT_WR);
    const bool good = row->reason ? log_tells(row->reason) : stays(fd);
    if (!good) {
        log = read_log(place.log_read);
        print_error("%s: it should be %s\n%s\n", row->name,
                    row->reason ? row->reason : "let be", log);
        free(log);
    }
    (void) close(fd);
    buffer_release(&script);
    buffer_release(&filled);
    return good;
}

static void
expect_unharmed(void)
{
    sqlite3 *db = NULL;
    outcome_t upsert =
        RUN("upsert", "notes", "mine", "{\"title\":\"Tea\"}", "--run-dir", place.run_dir);
    assert_int_equal(upsert.status, 0);
    outcome_release(&upsert);
    assert_int_equal(sqlite3_open_v2(place.db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(query_number(db, "SELECT count(*) FROM notes WHERE id = 'mine'"), 1);
    assert_int_equal(query_number(db, "SELECT count(*) FROM local_changes WHERE id = '1'"), 0);
    assert_int_equal(query_number(db, "SELECT count(*) FROM pragma_table_info('notes')"), 2);
    assert_int_equal(
        query_number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    sqlite3_close(db);
}

static void
expect_nobody_elsewhere(void)
{
    assert_int_equal(accept(place.elsewhere, NULL, NULL), -1);
}

static void
stop(void)
{
    static const char *const secrets[] = {"nobody-may-see", "runtime error", "Sanitizer"};
    assert_int_equal(process_end(place.agent, SIGTERM), 0);
    char *log = read_log(0);
    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        if (strstr(log, secrets[i]))
            fail_msg("\"%s\" is in the log: %s", secrets[i], log);
    free(log);
    process_destroy(&place.agent);
    (void) close(place.listener);
    (void) close(place.elsewhere);
    free(place.run_dir);
    free(place.log);
    free(place.db);
    directory_destroy(&place.dir);
}

static void
survives_every_bad_server(void **state)
{
    size_t wrong = 0;
    (void) state;
    start();
    const long before = process_resident_kb(place.agent);
    for (size_t i = 0; i < COUNT_OF(server_rows); i++)
        wrong += !meet(&server_rows[i]);
    assert_int_equal(wrong, 0);
    assert_true(process_resident_kb(place.agent) < before + GROWTH_KB);
    expect_unharmed();
    assert_int_equal(fcntl(place.elsewhere, F_SETFL, O_NONBLOCK), 0);
    expect_nobody_elsewhere();
    stop();
}

/*  ---------------------------------------------------------------- without an end  */

/*  A page with one large row, as a frame.  */
static void
make_page(buffer_t *out)
{
    char *title = mem_new(PAGE + 1);
    memset(title, 'a', PAGE);
    char *page =
        mem_format("{\"type\":\"srv_init_changes\",\"serverLSN\":10,\"sequence\":{\"chunk\":1,"
                   "\"table\":\"notes\"},\"changes\":[" CHANGE(
                       "notes", "{\"id\":\"large\",\"title\":\"%s\"}") "]}",
                   title);
    bad_server_add(out, page, strlen(page));
    free(page);
    free(title);
}

/*  Sends it so often, or until nobody takes it any more; gives the most memory that the agent
    had. What the agent says meanwhile is read, or it could say no more.  */
static long
pour(int fd, const buffer_t *page)
{
    char answers[4096];
    long most = 0;
    ssize_t sent = (ssize_t) page->size;
    for (int i = 0; i < PAGES && sent == (ssize_t) page->size; i++) {
        sent = send(fd, page->data, page->size, MSG_NOSIGNAL);
        while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) == sizeof answers)
            continue;
        const long now = process_resident_kb(place.agent);
        most = now > most ? now : most;
    }
    return most;
}

/*  Gives a connection on which a snapshot has begun.  */
static int
begin_snapshot(void)
{
    static const char prelude[] = SCHEMA(
        TABLE("notes", ID
              ",{\"name\":\"title\",\"type\":\"TEXT\"}")) "\n"
                                                          "{\"type\":\"srv_init_start\","
                                                          "\"serverLSN\":10,\"epoch\":\"e\"}";
    char request[16384];
    buffer_t frames = {0};
    const int fd = accept_newest();
    bad_server_read(fd, request, sizeof request);
    bad_server_accept(fd, request);
    bad_server_add(&frames, prelude, sizeof prelude - 1);
    stranger_send(fd, buffer_bytes(&frames));
    buffer_release(&frames);
    return fd;
}

static void
pour_in_little_memory(int fd)
{
    buffer_t page = {0};
    make_page(&page);
    const long before = process_resident_kb(place.agent), most = pour(fd, &page);
    if (most > before + GROWTH_KB)
        fail_msg("it had %ld KB of memory, then %ld", before, most);
    buffer_release(&page);
}

/*  It does not keep what it has seen.  */
static void
takes_a_snapshot_without_an_end_in_little_memory(void **state)
{
    (void) state;
    start();
    const int fd = begin_snapshot();
    pour_in_little_memory(fd);
    assert_true(stays(fd));
    expect_unharmed();
    (void) close(fd);
    stop();
}

/*  Nor does it read what it cannot write, as while another program keeps the database.  */
static void
does_not_read_ahead_of_what_it_can_write(void **state)
{
    const struct timeval patience = {.tv_sec = STALLED_S};
    sqlite3 *other = NULL;
    (void) state;
    start();
    const int fd = begin_snapshot();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(sqlite3_open(place.db, &other), SQLITE_OK);
    sqlite3_busy_timeout(other, PATIENCE_S * 1000);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    pour_in_little_memory(fd);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    (void) close(fd);
    expect_unharmed();
    stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_every_bad_server),
        cmocka_unit_test(takes_a_snapshot_without_an_end_in_little_memory),
        cmocka_unit_test(does_not_read_ahead_of_what_it_can_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
