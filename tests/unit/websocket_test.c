#include "tests/unit/websocket_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    assert_string_equal(pair->server.authorization, "");
}

static void
shows_the_authorization_header_to_the_listener(void **state)
{
    pair_t *pair = *state;
    char url[64];
    fault_t fault = {0};
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/api/sync", pair->port);
    const net_dial_t request = {.url = url, .authorization = "Bearer a.b-c"};
    assert_true(websocket_driver.dial(pair->client.net, &request, &limits, &fault) != 0);
    UNTIL(pair, pair->server.opened);
    assert_string_equal(pair->server.authorization, "Bearer a.b-c");
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
    enum { FRAMES = 100, SIZE = 100 * 1000 }; /* more than the system takes at once */
    pair_t *pair = *state;
    connect_pair(pair);
    for (uint32_t i = 0; i < FRAMES; i++)
        send_numbered(&pair->server, i, SIZE);
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
    const net_dial_t request = {.url = url, .protocol = "waybill.v1"};
    conn_t conn = websocket_driver.dial(pair->client.net, &request, &limits, &fault);
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
        "",          "http://a:1/",    "wss://[::1]:1/", "ws://",           "ws://:80/",
        "ws://a:x/", "ws://a:70000/",  "ws://a:0/",      "ws://a:1/ b c",   "ws://a:1/\r\nX: y",
        "ws://[::1", "ws://a:1/x#top", "ws://a b:1/",    "ws://a:1234567/",
    };
    pair_t *pair = *state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        fault_t fault = {0};
        const net_dial_t request = {.url = urls[i]};
        assert_true(websocket_driver.dial(pair->client.net, &request, &limits, &fault) == 0);
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
    assert_int_equal(websocket_driver.listen(pair->client.net,
                                             &(net_listen_t){.address = address}, &limits,
                                             &port, &fault),
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
        err_t err = websocket_driver.listen(
            pair->client.net, &(net_listen_t){.address = addresses[i]}, &limits, &port, &fault);
        assert_true(err != OK);
        assert_int_equal(fault.err, err);
    }
}

/*  ------------------------------------------------------------------------- wake-up  */

static void
wakes_when_a_foreign_descriptor_can_be_read(void **state)
{
    (void) state;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    net_sink_t sink = {0}; /* nothing will connect */
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PAIRED(tells_both_sides_of_a_connection),
        PAIRED(shows_the_whole_request_to_the_listener),
        PAIRED(shows_the_authorization_header_to_the_listener),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
