/*  websocket_pair - a listening and a dialling side of the WebSocket driver in one thread.  */

#pragma once

#include "actors/net/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

enum { MIB = 1024 * 1024, BRIEFLY_MS = 5, DEADLINE_S = 60, TOKEN = 77 };

/*  What the listening side accepts.  */
static const net_limits_t limits = {
    .max_frame = MIB, .max_fragments = 8, .max_peers = 20, .handshake_ms = 20000};

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
    char authorization[64];
    char host[64];
    conn_t asked_conn; /* of a plain request for /later */
    size_t frames;
    size_t bytes;
    size_t misplaced; /* frames that did not come in order */
    size_t drained;
    bool binary;
    buffer_t last;
} side_t;

/*  A listening and a dialling side, served in turn by this thread.  */
typedef struct pair {
    side_t server;
    side_t client;
    int port;
} pair_t;

/*  Fixture: *state is a pair_t.  */
int set_up(void **state);
int tear_down(void **state);
/*  A test with that fixture.  */
#define PAIRED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

void serve_both(pair_t *pair);
/*  Serves both sides until condition holds; fails after a generous while.  */
#define UNTIL(pair, condition)                                                                 \
    for (time_t until = time(NULL) + DEADLINE_S; !(condition);) {                              \
        assert_true(time(NULL) < until);                                                       \
        serve_both(pair);                                                                      \
    }

conn_t dial_with(pair_t *pair, const char *target, const char *protocol,
                 const net_limits_t *with);
/*  Dials and waits until both sides know.  */
conn_t connect_pair(pair_t *pair);
/*  A recognisable frame that begins with its number; free() it.  */
uint8_t *make_frame(uint32_t number, size_t size);
void send_numbered(side_t *side, uint32_t number, size_t size);
