#include "tests/unit/websocket_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  -------------------------------------------------------------------------- sink  */

static void
on_upgrade(void *host, const net_upgrade_t *upgrade, net_answer_t *answer)
{
    side_t *side = host;
    side->upgrades++;
    snprintf(side->authorization, sizeof(side->authorization), "%s", upgrade->authorization);
    snprintf(side->asked, sizeof(side->asked), "%d %s %s?%s %s", upgrade->upgrade,
             upgrade->method, upgrade->path, upgrade->query, upgrade->protocol);
    snprintf(side->host, sizeof(side->host), "%s", upgrade->host);
    side->asked_conn = upgrade->conn;
    if (strcmp(upgrade->path, "/later") == 0)
        *answer = (net_answer_t){.status = NET_LATER};
    else if (strcmp(upgrade->path, "/forbidden") == 0)
        *answer = (net_answer_t){.status = 401, .body = "who are you\n"};
    else if (!upgrade->upgrade)
        *answer = (net_answer_t){.status = 200,
                                 .type = "application/json",
                                 .headers = "Cache-Control: no-store\r\n",
                                 .body = "{\"ok\":true}"};
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

int
set_up(void **state)
{
    pair_t *pair = mem_new(sizeof(*pair));
    open_side(&pair->server);
    open_side(&pair->client);
    fault_t fault = {0};
    err_t err =
        websocket_driver.listen(pair->server.net, &(net_listen_t){.address = "127.0.0.1:0"},
                                &limits, &pair->port, &fault);
    assert_string_equal(fault.text, "");
    assert_int_equal(err, OK);
    *state = pair;
    return 0;
}

int
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

void
serve_both(pair_t *pair)
{
    websocket_driver.wait(pair->server.net, BRIEFLY_MS);
    websocket_driver.wait(pair->client.net, BRIEFLY_MS);
}

conn_t
dial_with(pair_t *pair, const char *target, const char *protocol, const net_limits_t *with)
{
    char url[300];
    fault_t fault = {0};
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d%s", pair->port, target);
    conn_t conn = websocket_driver.dial(
        pair->client.net, &(net_dial_t){.url = url, .protocol = protocol}, with, &fault);
    assert_true(conn != 0);
    return conn;
}

conn_t
connect_pair(pair_t *pair)
{
    conn_t conn = dial_with(pair, "/api/sync", "waybill.v1", &limits);
    UNTIL(pair, pair->client.opened && pair->server.opened);
    return conn;
}

uint8_t *
make_frame(uint32_t number, size_t size)
{
    uint8_t *data = mem_new(size + sizeof(number));
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t) (i * 7 + number);
    if (size >= sizeof(number))
        memcpy(data, &number, sizeof(number));
    return data;
}

void
send_numbered(side_t *side, uint32_t number, size_t size)
{
    uint8_t *data = make_frame(number, size);
    websocket_driver.send(side->net, side->conn, (bytes_t){data, size}, true);
    free(data);
}
