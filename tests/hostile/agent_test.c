/*  A hostile server and a real agent: every row of server_rows.h, one connection each. The
    agent leaves the server or lets it talk; it keeps running, what the application has stays
    as it is, and the token goes nowhere else.  */

#include "tests/hostile/server_rows.h"

#include "schemas/codec.h"
#include "tests/hostile/stranger.h"
#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
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

enum { PATIENCE_S = 60, BEATS = 4 };

static struct {
    char *dir, *run_dir, *log, *db;
    process_t *agent;
    int listener, elsewhere; /* where it should connect to, and where it should not */
    int port, other_port;
    long log_read; /* what is before was looked at */
} place;

/*  -------------------------------------------------------------------------- a server  */

static int
listen_anywhere(int *port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    socklen_t size = sizeof here;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &here, sizeof here), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &here, &size), 0);
    *port = ntohs(here.sin_port);
    return fd;
}

static void
read_request(int fd, char *head, size_t room)
{
    size_t size = 0;
    head[0] = '\0';
    while (size + 1 < room && strstr(head, "\r\n\r\n") == NULL) {
        assert_int_equal(recv(fd, head + size, 1, 0), 1);
        head[++size] = '\0';
    }
}

static void
accept_upgrade(int fd, const char *request)
{
    static const char name[] = "\r\nSec-WebSocket-Key: ";
    const char *key = strcasestr(request, name);
    assert_non_null(key);
    key += sizeof name - 1;
    char *text =
        mem_format("%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int) strcspn(key, "\r"), key);
    uint8_t hash[SHA_DIGEST_LENGTH], code[64];
    SHA1((const uint8_t *) text, strlen(text), hash);
    EVP_EncodeBlock(code, hash, sizeof hash);
    char *answer = mem_format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Protocol: waybill.v1\r\n"
                              "Sec-WebSocket-Accept: %s\r\n\r\n",
                              (const char *) code);
    stranger_send(fd, (bytes_t){(const uint8_t *) answer, strlen(answer)});
    free(answer);
    free(text);
}

/*  Servers do not mask.  */
static void
add_frame(buffer_t *out, bytes_t payload)
{
    const uint8_t head[] = {0x82, 127};
    buffer_add(out, head, sizeof head);
    for (int shift = 56; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t) ((uint64_t) payload.size >> shift);
        buffer_add(out, &byte, 1);
    }
    buffer_add(out, payload.data, payload.size);
}

static void
add_frames(buffer_t *out, const char *lines, size_t size)
{
    while (size > 0) {
        buffer_t packed = {0};
        const char *end = memchr(lines, '\n', size);
        const size_t length = end ? (size_t) (end - lines) : size;
        assert_int_equal(json_to_msgpack(lines, length, &packed, NULL), OK);
        add_frame(out, buffer_bytes(&packed));
        buffer_release(&packed);
        lines += length + (end != NULL);
        size -= length + (end != NULL);
    }
}

/*  ------------------------------------------------------------------------- the agent  */

static void
start(void)
{
    place.dir = directory_new();
    place.run_dir = path_in(place.dir, "run");
    place.log = path_in(place.dir, "log");
    place.db = path_in(place.dir, "agent.db");
    place.listener = listen_anywhere(&place.port);
    place.elsewhere = listen_anywhere(&place.other_port);
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
    place.agent =
        process_new(place.log, NULL, (const char *const[]){"agent", "--config", config, NULL});
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
        add_frames(out, prelude, sizeof prelude - 1);
    if (row->kind == HEAD || row->kind == BYTES)
        buffer_add(out, filled->data, filled->size);
    else
        add_frames(out, (const char *) filled->data, filled->size);
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
    read_request(fd, request, sizeof request);
    assert_non_null(strstr(request, "token-that-nobody-may-see"));
    add_filled(row, &filled);
    add_script(row, &filled, &script);
    if (row->kind != HEAD)
        accept_upgrade(fd, request);
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
    for (size_t i = 0; i < COUNT_OF(server_rows); i++)
        wrong += !meet(&server_rows[i]);
    assert_int_equal(wrong, 0);
    expect_unharmed();
    assert_int_equal(fcntl(place.elsewhere, F_SETFL, O_NONBLOCK), 0);
    expect_nobody_elsewhere();
    stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(survives_every_bad_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
