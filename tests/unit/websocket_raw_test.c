/*  What the WebSocket driver does with peers that are no library: requests and frames written
    by hand, and garbage.  */

#include "tests/unit/websocket_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
gives_the_headers_of_an_answer(void **state)
{
    pair_t *pair = *state;
    buffer_t answer = {0};
    static const char request[] = "GET /status HTTP/1.1\r\nHost: here:1\r\n\r\n";
    talk_raw(pair, request, sizeof(request) - 1, &answer);
    assert_non_null(strstr(buffer_text(&answer), "\r\nCache-Control: no-store\r\n"));
    assert_string_equal(pair->server.host, "here:1");
    buffer_release(&answer);
}

/*  -------------------------------------------------------------- answers that come later  */

static int
ask_for_later(pair_t *pair, const char *request)
{
    int fd = connect_raw(pair);
    pair->server.asked_conn = 0;
    write_raw(pair, fd, request, strlen(request));
    UNTIL(pair, pair->server.asked_conn != 0);
    return fd;
}

#define LATER "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"

static void
answers_later_with_a_large_body(void **state)
{
    pair_t *pair = *state;
    char *body = mem_new(MIB + 1);
    buffer_t answer = {0};
    memset(body, 'b', MIB);
    int fd = ask_for_later(pair, LATER);
    for (int i = 0; i < 10; i++)
        serve_both(pair);
    assert_true(read_raw(fd, &answer) && answer.size == 0);
    websocket_driver.reply(pair->server.net, pair->server.asked_conn,
                           &(net_answer_t){.status = 200, .body = body});
    UNTIL(pair, !read_raw(fd, &answer));
    const char *end = strstr(buffer_text(&answer), "\r\n\r\n");
    assert_non_null(end);
    assert_string_equal(end + 4, body);
    assert_int_equal(pair->server.closed, 0);
    buffer_release(&answer);
    free(body);
    close(fd);
}

/*  The library would hang up after ten seconds.  */
static void
waits_for_an_answer_as_long_as_the_limits_say(void **state)
{
    enum { LONG_S = 12 };
    pair_t *pair = *state;
    buffer_t answer = {0};
    int fd = ask_for_later(pair, LATER);
    for (time_t until = time(NULL) + LONG_S; time(NULL) < until;)
        serve_both(pair);
    websocket_driver.reply(pair->server.net, pair->server.asked_conn,
                           &(net_answer_t){.status = 200, .body = "at last"});
    UNTIL(pair, !read_raw(fd, &answer));
    assert_non_null(strstr(buffer_text(&answer), "\r\n\r\nat last"));
    buffer_release(&answer);
    close(fd);
}

static void
does_not_answer_a_peer_that_is_gone(void **state)
{
    pair_t *pair = *state;
    int fd = ask_for_later(pair, LATER);
    const conn_t conn = pair->server.asked_conn;
    close(fd);
    for (int i = 0; i < 10; i++)
        serve_both(pair);
    websocket_driver.reply(pair->server.net, conn, &(net_answer_t){.status = 200});
    expect_answer(pair, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
                  "{\"ok\":true}");
    assert_int_equal(pair->server.closed, 0);
}

/*  Whatever else it sends meanwhile.  */
static void
answers_one_request_a_connection(void **state)
{
    pair_t *pair = *state;
    buffer_t answer = {0};
    int fd = ask_for_later(pair, "GET /later HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
                                 "bodyGET /status HTTP/1.1\r\nHost: x\r\n\r\n");
    const conn_t conn = pair->server.asked_conn;
    for (int i = 0; i < 10; i++)
        serve_both(pair);
    websocket_driver.reply(pair->server.net, conn,
                           &(net_answer_t){.status = 200, .body = "it"});
    UNTIL(pair, !read_raw(fd, &answer));
    const char *text = buffer_text(&answer);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\nit");
    buffer_release(&answer);
    close(fd);
}

/*  --------------------------------------------------------------------- how many they are  */

static void
hangs_up_on_peers_past_the_limit(void **state)
{
    pair_t *pair = *state;
    int fds[30];
    size_t open = 0;
    buffer_t none = {0};
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = connect_raw(pair);
        for (int j = 0; j < 4; j++)
            serve_both(pair);
    }
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        open += read_raw(fds[i], &none);
    assert_int_equal(open, limits.max_peers);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    for (int j = 0; j < 10; j++)
        serve_both(pair);
    for (size_t i = 0; i < 2 * (size_t) limits.max_peers; i++)
        expect_answer(pair, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
                      "{\"ok\":true}");
    int fd = ask_for_later(pair, LATER);
    close(fd);
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
    static const char unheard_of[] =
        "GET /api/sync HTTP/1.1\r\nSec-WebSocket-Protocol: unheard-of\r\n" UPGRADE "\xff\xff";
    const char *const beginnings[] = {
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
        unheard_of,
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PAIRED(answers_a_plain_request),
        PAIRED(gives_the_headers_of_an_answer),
        PAIRED(answers_later_with_a_large_body),
        PAIRED(waits_for_an_answer_as_long_as_the_limits_say),
        PAIRED(does_not_answer_a_peer_that_is_gone),
        PAIRED(answers_one_request_a_connection),
        PAIRED(hangs_up_on_peers_past_the_limit),
        PAIRED(answers_a_refused_upgrade_with_its_body),
        PAIRED(does_not_speak_http_2),
        PAIRED(refuses_a_size_before_the_bytes_come),
        PAIRED(refuses_a_message_in_too_many_pieces),
        PAIRED(assembles_a_message_from_its_pieces),
        PAIRED(serves_others_whatever_a_stranger_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
