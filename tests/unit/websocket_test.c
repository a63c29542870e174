#include "actors/net/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, BRIEFLY_MS = 5, DEADLINE_S = 60, TOKEN = 77 };

/*  What one side has seen.  */
typedef struct side {
    net_t *net;
    bool echo;
    bool pause_at_first;
    conn_t conn;
    uint64_t token;
    int opened;
    int closed;
    int upgrades;
    int status;
    char reason[128];
    char asked[512]; /* the last request, as a line */
    size_t frames;
    size_t bytes;
    size_t misplaced; /* frames that did not come in order */
    size_t drained;
    bool binary;
    buffer_t last;
} side_t;

static const net_limits_t limits = {.max_frame = MIB, .max_fragments = 8};

/*  -------------------------------------------------------------------------- sink  */

static void
on_upgrade(void *host, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    side_t *side = host;
    side->upgrades++;
    snprintf(side->asked, sizeof(side->asked), "%d %s %s?%s %s", upgrade->upgrade,
             upgrade->method, upgrade->path, upgrade->query, upgrade->protocol);
    if (strcmp(upgrade->path, "/forbidden") == 0)
        *answer = (net_answer_t){.status = 401, .body = "who are you\n"};
    else if (!upgrade->upgrade)
        *answer =
            (net_answer_t){.status = 200, .type = "application/json", .body = "{\"ok\":true}"};
    else
        *answer = (net_answer_t){.status = 101, .token = TOKEN};
}

static void
on_open(void *host, conn_t conn, uint64_t token)
{
    side_t *side = host;
    side->opened++;
    side->conn = conn;
    side->token = token;
    if (side->pause_at_first)
        websocket_driver.pause(side->net, conn, true);
}

static void
on_frame(void *host, conn_t conn, bytes_t frame, bool binary)
{
    side_t *side = host;
    uint32_t number = 0;
    if (frame.size >= sizeof(number))
        memcpy(&number, frame.data, sizeof(number));
    side->misplaced += number != side->frames;
    side->frames++;
    side->bytes += frame.size;
    side->binary = binary;
    buffer_clear(&side->last);
    buffer_add(&side->last, frame.data, frame.size);
    if (side->echo)
        websocket_driver.send(side->net, conn, frame, binary);
}

static void
on_drained(void *host, conn_t conn)
{
    (void) conn;
    ((side_t *) host)->drained++;
}

static void
on_close(void *host, conn_t conn, int status, const char *reason)
{
    side_t *side = host;
    side->closed++;
    side->conn = conn;
    side->status = status;
    snprintf(side->reason, sizeof(side->reason), "%s", reason);
}

/*  ------------------------------------------------------------------------ fixture  */

/*  A listening and a dialling side, served in turn by this thread.  */
typedef struct pair {
    side_t server;
    side_t client;
    int port;
} pair_t;

static void
open_side(side_t *side)
{
    net_sink_t sink = {
        .host = side,
        .upgrade = on_upgrade,
        .open = on_open,
        .frame = on_frame,
        .drained = on_drained,
        .close = on_close,
    };
    side->net = websocket_driver.open(&sink, NULL, 0);
    assert_non_null(side->net);
}

static int
set_up(void **state)
{
    pair_t *pair = mem_new(sizeof(*pair));
    open_side(&pair->server);
    open_side(&pair->client);
    fault_t fault = {0};
    err_t err =
        websocket_driver.listen(pair->server.net, "127.0.0.1:0", &limits, &pair->port, &fault);
    assert_string_equal(fault.text, "");
    assert_int_equal(err, OK);
    *state = pair;
    return 0;
}

static int
tear_down(void **state)
{
    pair_t *pair = *state;
    websocket_driver.close(&pair->client.net);
    websocket_driver.close(&pair->server.net);
    buffer_release(&pair->client.last);
    buffer_release(&pair->server.last);
    free(pair);
    return 0;
}

static void
serve_both(pair_t *pair)
{
    websocket_driver.wait(pair->server.net, BRIEFLY_MS);
    websocket_driver.wait(pair->client.net, BRIEFLY_MS);
}

/*  Serves both sides until condition holds; fails after a generous while.  */
#define UNTIL(pair, condition)                                                                 \
    for (time_t until = time(NULL) + DEADLINE_S; !(condition);) {                              \
        assert_true(time(NULL) < until);                                                       \
        serve_both(pair);                                                                      \
    }

static conn_t
dial_with(pair_t *pair, const char *target, const char *protocol, const net_limits_t *with)
{
    char url[300];
    fault_t fault = {0};
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d%s", pair->port, target);
    conn_t conn = websocket_driver.dial(pair->client.net, url, protocol, with, &fault);
    assert_true(conn != 0);
    return conn;
}

static conn_t
connect_pair(pair_t *pair)
{
    conn_t conn = dial_with(pair, "/api/sync", "waybill.v1", &limits);
    UNTIL(pair, pair->client.opened && pair->server.opened);
    return conn;
}

static uint8_t *
make_frame(uint32_t number, size_t size)
{
    uint8_t *data = mem_new(size + sizeof(number));
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) (i * 7 + number);
    if (size >= sizeof(number))
        memcpy(data, &number, sizeof(number));
    return data;
}

static void
send_numbered(side_t *side, uint32_t number, size_t size)
{
    uint8_t *data = make_frame(number, size);
    websocket_driver.send(side->net, side->conn, (bytes_t){data, size}, true);
    free(data);
}

/*  -------------------------------------------------------------------- connections  */

static void
tells_both_sides_of_a_connection(void **state)
{
    pair_t *pair = *state;
    conn_t conn = connect_pair(pair);
    assert_true(pair->client.conn == conn);
    assert_int_equal(pair->client.token, 0);
    assert_int_equal(pair->server.token, TOKEN);
}

static void
shows_the_whole_request_to_the_listener(void **state)
{
    pair_t *pair = *state;
    dial_with(pair, "/api/sync?clientId=a%20b%26c&lsn=0/1F", "waybill.v1.json", &limits);
    UNTIL(pair, pair->server.opened);
    assert_string_equal(pair->server.asked,
                        "1 GET /api/sync?clientId=a%20b%26c&lsn=0/1F waybill.v1.json");
}

static void
connects_without_a_sub_protocol(void **state)
{
    pair_t *pair = *state;
    dial_with(pair, "/api/sync", NULL, &limits);
    UNTIL(pair, pair->client.opened && pair->server.opened);
    assert_string_equal(pair->server.asked, "1 GET /api/sync? ");
}

static void
echoes_frames_of_every_size(void **state)
{
    static const size_t sizes[] = {1, 2, 125, 126, 127, 4096, 65535, 65536, 262144, MIB};
    pair_t *pair = *state;
    pair->server.echo = true;
    connect_pair(pair);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t *data = make_frame((uint32_t) i, sizes[i]);
        websocket_driver.send(pair->client.net, pair->client.conn, (bytes_t){data, sizes[i]},
                              i % 2 == 0);
        UNTIL(pair, pair->client.frames == i + 1);
        assert_int_equal(pair->client.last.size, sizes[i]);
        assert_memory_equal(pair->client.last.data, data, sizes[i]);
        assert_int_equal(pair->client.binary, i % 2 == 0);
        free(data);
    }
}

static void
keeps_ten_thousand_frames_in_order(void **state)
{
    enum { FRAMES = 10000 };
    pair_t *pair = *state;
    connect_pair(pair);
    for (uint32_t i = 0; i < FRAMES; i++)
        send_numbered(&pair->client, i, 4 + i % 500);
    UNTIL(pair, pair->server.frames == FRAMES);
    assert_int_equal(pair->server.misplaced, 0);
    assert_int_equal(websocket_driver.queued(pair->client.net, pair->client.conn), 0);
}

static void
queues_for_a_paused_reader_and_loses_nothing(void **state)
{
    enum { FRAMES = 200, SIZE = 100 * 1024, SOME = 512 * 1024 };
    pair_t *pair = *state;
    pair->server.pause_at_first = true;
    connect_pair(pair);
    for (uint32_t i = 0; i < FRAMES; i++)
        send_numbered(&pair->client, i, SIZE);
    for (int i = 0; i < 100; i++)
        serve_both(pair);
    assert_int_equal(pair->server.frames, 0);
    assert_true(websocket_driver.queued(pair->client.net, pair->client.conn) > SOME);
    assert_int_equal(pair->client.drained, 0);

    websocket_driver.pause(pair->server.net, pair->server.conn, false);
    UNTIL(pair, pair->server.frames == FRAMES);
    assert_int_equal(pair->server.misplaced, 0);
    assert_int_equal(pair->server.bytes, (size_t) FRAMES * SIZE);
    UNTIL(pair, pair->client.drained > 0);
    assert_int_equal(pair->client.drained, 1);
}

/*  ------------------------------------------------------------------------ closing  */

static void
closes_a_frame_that_is_too_large_with_1009(void **state)
{
    pair_t *pair = *state;
    connect_pair(pair);
    send_numbered(&pair->client, 0, MIB + 1);
    UNTIL(pair, pair->client.closed && pair->server.closed);
    assert_int_equal(pair->client.status, 1009);
    assert_int_equal(pair->server.status, 1009);
    assert_int_equal(pair->server.frames, 0);
}

static void
sends_what_is_queued_before_the_close_code(void **state)
{
    enum { FRAMES = 50 };
    pair_t *pair = *state;
    connect_pair(pair);
    for (uint32_t i = 0; i < FRAMES; i++)
        send_numbered(&pair->server, i, 10000);
    websocket_driver.hang_up(pair->server.net, pair->server.conn, 4001, "replaced");
    UNTIL(pair, pair->client.closed && pair->server.closed);
    assert_int_equal(pair->client.frames, FRAMES);
    assert_int_equal(pair->client.status, 4001);
    assert_string_equal(pair->client.reason, "replaced");
    assert_int_equal(pair->server.status, 4001);
    assert_int_equal(pair->client.closed, 1);
    assert_int_equal(pair->server.closed, 1);
}

static void
says_that_a_connection_broke(void **state)
{
    pair_t *pair = *state;
    connect_pair(pair);
    websocket_driver.close(&pair->client.net);
    for (time_t until = time(NULL) + DEADLINE_S; !pair->server.closed;) {
        assert_true(time(NULL) < until);
        websocket_driver.wait(pair->server.net, BRIEFLY_MS);
    }
    assert_int_equal(pair->server.closed, 1);
    assert_true(pair->server.status == 1006 || pair->server.status == 1001);
}

static void
ignores_a_connection_that_is_gone(void **state)
{
    pair_t *pair = *state;
    conn_t conn = connect_pair(pair);
    websocket_driver.hang_up(pair->client.net, conn, 1000, "");
    UNTIL(pair, pair->client.closed);
    send_numbered(&pair->client, 0, 10);
    websocket_driver.pause(pair->client.net, conn, true);
    websocket_driver.hang_up(pair->client.net, conn, 1000, "again");
    assert_int_equal(websocket_driver.queued(pair->client.net, conn), 0);
    serve_both(pair);
    assert_int_equal(pair->client.closed, 1);
}

static void
hangs_up_while_still_dialling(void **state)
{
    pair_t *pair = *state;
    conn_t conn = dial_with(pair, "/api/sync", "waybill.v1", &limits);
    websocket_driver.hang_up(pair->client.net, conn, 1000, "never mind");
    UNTIL(pair, pair->client.closed);
    assert_int_equal(pair->client.opened, 0);
    assert_true(pair->client.conn == conn);
}

/*  -------------------------------------------------------------------- failed dials  */

static void
reports_the_status_of_a_refused_upgrade(void **state)
{
    pair_t *pair = *state;
    conn_t conn = dial_with(pair, "/forbidden", "waybill.v1", &limits);
    UNTIL(pair, pair->client.closed);
    assert_int_equal(pair->client.status, 401);
    assert_true(pair->client.conn == conn);
    assert_int_equal(pair->client.opened, 0);
    serve_both(pair);
    assert_int_equal(pair->server.opened, 0);
    assert_int_equal(pair->server.closed, 0);
}

static void
expect_dial_to_fail_later(pair_t *pair, const char *url)
{
    fault_t fault = {0};
    conn_t conn = websocket_driver.dial(pair->client.net, url, "waybill.v1", &limits, &fault);
    assert_true(conn != 0);
    assert_int_equal(pair->client.closed, 0);
    UNTIL(pair, pair->client.closed);
    assert_true(pair->client.conn == conn);
    assert_int_equal(pair->client.status, 0);
    assert_true(pair->client.reason[0] != '\0');
    serve_both(pair);
    assert_int_equal(pair->client.closed, 1);
    assert_int_equal(pair->client.opened, 0);
}

static void
reports_a_dial_that_nobody_answers(void **state)
{
    expect_dial_to_fail_later(*state, "ws://127.0.0.1:1/api/sync");
}

static void
reports_a_host_that_does_not_exist(void **state)
{
    expect_dial_to_fail_later(*state, "ws://no-such-host.invalid:80/api/sync");
}

static void
refuses_urls_that_make_no_sense(void **state)
{
    static const char *const urls[] = {
        "",          "http://a:1/",    "wss://a:1/",  "ws://",           "ws://:80/",
        "ws://a:x/", "ws://a:70000/",  "ws://a:0/",   "ws://a:1/ b c",   "ws://a:1/\r\nX: y",
        "ws://[::1", "ws://a:1/x#top", "ws://a b:1/", "ws://a:1234567/",
    };
    pair_t *pair = *state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        fault_t fault = {0};
        assert_true(websocket_driver.dial(pair->client.net, urls[i], NULL, &limits, &fault)
                    == 0);
        assert_int_equal(fault.err, ERR_CONFIG);
        assert_non_null(strstr(fault.text, "ws://HOST:PORT"));
    }
    serve_both(pair);
    assert_int_equal(pair->client.closed, 0);
}

/*  ---------------------------------------------------------------------- listening  */

static void
says_that_a_port_is_taken(void **state)
{
    pair_t *pair = *state;
    char address[32];
    int port = 0;
    fault_t fault = {0};
    snprintf(address, sizeof(address), "127.0.0.1:%d", pair->port);
    assert_int_equal(websocket_driver.listen(pair->client.net, address, &limits, &port, &fault),
                     ERR_EXISTS);
    assert_non_null(strstr(fault.text, "the port is taken"));
}

static void
refuses_addresses_that_make_no_sense(void **state)
{
    static const char *const addresses[] = {
        "", "8787", ":8787", "localhost", "127.0.0.1:99999", "127.0.0.1:80x", "198.51.100.7:0"};
    pair_t *pair = *state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        int port = 0;
        fault_t fault = {0};
        err_t err =
            websocket_driver.listen(pair->client.net, addresses[i], &limits, &port, &fault);
        assert_true(err != OK);
        assert_int_equal(fault.err, err);
    }
}

/*  ------------------------------------------------------------------------- wake-up  */

static void
wakes_when_a_foreign_descriptor_can_be_read(void **state)
{
    (void) state;
    side_t side = {0};
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    net_sink_t sink = {.host = &side, .open = on_open, .close = on_close};
    net_t *net = websocket_driver.open(&sink, &fd, 1);
    assert_non_null(net);
    assert_int_equal(eventfd_write(fd, 1), 0);
    websocket_driver.wait(net, -1); /* would sleep for ever */
    eventfd_t value = 0;
    assert_int_equal(eventfd_read(fd, &value), 0);
    websocket_driver.wait(net, 20); /* nothing: the timeout ends it */
    websocket_driver.wait(net, 0);
    websocket_driver.close(&net);
    assert_int_equal(eventfd_write(fd, 1), 0); /* still ours */
    close(fd);
}

/*  ------------------------------------------------------------------- other people  */

static int
connect_raw(const pair_t *pair)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) pair->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    (void) connect(fd, (struct sockaddr *) &address, sizeof(address));
    return fd;
}

/*  True while there is more to come; what came is added to answer.  */
static bool
read_raw(int fd, buffer_t *answer)
{
    char piece[4096];
    ssize_t size = recv(fd, piece, sizeof(piece), 0);
    if (size > 0)
        buffer_add(answer, piece, (size_t) size);
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == ENOTCONN));
}

/*  Sends all of it unless hung up on.  */
static void
write_raw(pair_t *pair, int fd, const void *data, size_t size)
{
    size_t done = 0;
    for (bool open = true; open && done < size;) {
        ssize_t written = send(fd, (const char *) data + done, size - done, MSG_NOSIGNAL);
        if (written > 0)
            done += (size_t) written;
        open = written >= 0 || errno == EAGAIN || errno == ENOTCONN;
        serve_both(pair);
    }
}

/*  Says that, and reads until hung up on.  */
static void
talk_raw(pair_t *pair, const void *data, size_t size, buffer_t *answer)
{
    int fd = connect_raw(pair);
    write_raw(pair, fd, data, size);
    UNTIL(pair, !read_raw(fd, answer));
    close(fd);
}

static void
expect_answer(pair_t *pair, const char *request, const char *head, const char *end)
{
    buffer_t answer = {0};
    talk_raw(pair, request, strlen(request), &answer);
    const char *text = buffer_text(&answer);
    assert_memory_equal(text, head, strlen(head));
    assert_true(answer.size >= strlen(end));
    assert_string_equal(text + answer.size - strlen(end), end);
    buffer_release(&answer);
}

#define UPGRADE                                                                                \
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void
answers_a_plain_request(void **state)
{
    pair_t *pair = *state;
    expect_answer(pair, "GET /status?a=1 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
                  "\r\n\r\n{\"ok\":true}");
    assert_string_equal(pair->server.asked, "0 GET /status?a=1 ");
    assert_int_equal(pair->server.opened, 0);
}

static void
answers_a_refused_upgrade_with_its_body(void **state)
{
    expect_answer(*state, "GET /forbidden HTTP/1.1\r\n" UPGRADE,
                  "HTTP/1.1 401 Unauthorized\r\n", "\r\n\r\nwho are you\n");
}

static void
does_not_speak_http_2(void **state)
{
    static const char request[] = "GET /api/sync HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n"
                                  "Connection: Upgrade, HTTP2-Settings\r\n"
                                  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    pair_t *pair = *state;
    buffer_t answer = {0};
    talk_raw(pair, request, sizeof(request) - 1, &answer);
    assert_null(strstr(buffer_text(&answer), "101"));
    buffer_release(&answer);
}

/*  A connection made by hand, to send what no library would.  */
static int
shake_hands_raw(pair_t *pair)
{
    static const char request[] = "GET /api/sync HTTP/1.1\r\n" UPGRADE;
    int fd = connect_raw(pair);
    buffer_t answer = {0};
    write_raw(pair, fd, request, sizeof(request) - 1);
    UNTIL(pair, pair->server.opened);
    UNTIL(pair, read_raw(fd, &answer) && answer.size > 0);
    assert_memory_equal(buffer_text(&answer), "HTTP/1.1 101", 12);
    assert_null(strstr(buffer_text(&answer), "xtensions"));
    buffer_release(&answer);
    return fd;
}

static void
refuses_a_size_before_the_bytes_come(void **state)
{
    static const uint8_t header[] = {0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 'a'};
    pair_t *pair = *state;
    int fd = shake_hands_raw(pair);
    write_raw(pair, fd, header, sizeof(header));
    UNTIL(pair, pair->server.closed);
    assert_int_equal(pair->server.status, 1009);
    close(fd);
}

static void
refuses_a_message_in_too_many_pieces(void **state)
{
    static const uint8_t first[] = {0x02, 0x81, 0, 0, 0, 0, 'a'};
    static const uint8_t next[] = {0x00, 0x81, 0, 0, 0, 0, 'a'};
    pair_t *pair = *state;
    int fd = shake_hands_raw(pair);
    write_raw(pair, fd, first, sizeof(first));
    for (size_t i = 0; i < limits.max_fragments; i++)
        write_raw(pair, fd, next, sizeof(next));
    UNTIL(pair, pair->server.closed);
    assert_int_equal(pair->server.status, 1009);
    close(fd);
}

static void
assembles_a_message_from_its_pieces(void **state)
{
    static const uint8_t pieces[] = {0x02, 0x81, 0,   0,    0,    0, 'a', 0x00, 0x81, 0,  0,
                                     0,    0,    'b', 0x80, 0x81, 0, 0,   0,    0,    'c'};
    pair_t *pair = *state;
    int fd = shake_hands_raw(pair);
    write_raw(pair, fd, pieces, sizeof(pieces));
    UNTIL(pair, pair->server.frames == 1);
    assert_int_equal(pair->server.last.size, 3);
    assert_memory_equal(pair->server.last.data, "abc", 3);
    close(fd);
}

static void
serves_others_whatever_a_stranger_sends(void **state)
{
    static const char *const beginnings[] = {
        "",
        "\r\n\r\n",
        "GET",
        "GET /api/sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n",
        "GET /api/sync HTTP/1.1\r\n\r\n\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "GET /api/sync HTTP/1.1\r\nSec-WebSocket-Protocol: unheard-of\r\n" UPGRADE "\xff\xff",
    };
    pair_t *pair = *state;
    int fds[COUNT_OF(beginnings) + 1];
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        fds[i] = connect_raw(pair);
        write_raw(pair, fds[i], beginnings[i], strlen(beginnings[i]));
    }
    uint8_t *garbage = make_frame(3, 100000);
    fds[COUNT_OF(beginnings)] = connect_raw(pair);
    write_raw(pair, fds[COUNT_OF(beginnings)], garbage, 100000);
    free(garbage);

    pair->server.echo = true;
    connect_pair(pair);
    send_numbered(&pair->client, 0, 1000);
    UNTIL(pair, pair->client.frames == 1);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    for (int i = 0; i < 10; i++)
        serve_both(pair);
    send_numbered(&pair->client, 1, 1000);
    UNTIL(pair, pair->client.frames == 2);
}

#define PAIRED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PAIRED(tells_both_sides_of_a_connection),
        PAIRED(shows_the_whole_request_to_the_listener),
        PAIRED(connects_without_a_sub_protocol),
        PAIRED(echoes_frames_of_every_size),
        PAIRED(keeps_ten_thousand_frames_in_order),
        PAIRED(queues_for_a_paused_reader_and_loses_nothing),
        PAIRED(closes_a_frame_that_is_too_large_with_1009),
        PAIRED(sends_what_is_queued_before_the_close_code),
        PAIRED(says_that_a_connection_broke),
        PAIRED(ignores_a_connection_that_is_gone),
        PAIRED(hangs_up_while_still_dialling),
        PAIRED(reports_the_status_of_a_refused_upgrade),
        PAIRED(reports_a_dial_that_nobody_answers),
        PAIRED(reports_a_host_that_does_not_exist),
        PAIRED(refuses_urls_that_make_no_sense),
        PAIRED(says_that_a_port_is_taken),
        PAIRED(refuses_addresses_that_make_no_sense),
        cmocka_unit_test(wakes_when_a_foreign_descriptor_can_be_read),
        PAIRED(answers_a_plain_request),
        PAIRED(answers_a_refused_upgrade_with_its_body),
        PAIRED(does_not_speak_http_2),
        PAIRED(refuses_a_size_before_the_bytes_come),
        PAIRED(refuses_a_message_in_too_many_pieces),
        PAIRED(assembles_a_message_from_its_pieces),
        PAIRED(serves_others_whatever_a_stranger_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
