/*  house_visit - for a test of the ipc gateway: a house around it, a client that joins, and
    waiting for what the house does.  */

#pragma once

#include "bus/ipc_client.h"
#include "bus/ipc_session.h"
#include "tests/unit/house.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static house_t *house;

static inline int
set_up(void **state)
{
    (void) state;
    house = house_new();
    return 0;
}

static inline int
tear_down(void **state)
{
    (void) state;
    house_destroy(&house);
    return 0;
}

static inline uint64_t
soon(void)
{
    return ipc_session_now_ns() + (uint64_t) PATIENCE_MS * 1000000u;
}

/*  Looks again after each round of an actor, until it holds or patience ends.  */
#define WAIT_FOR(condition)                                                                    \
    for (uint64_t until_ = soon(); !(condition); house_await_round(house)) {                   \
        assert_true(ipc_session_now_ns() < until_);                                            \
    }

static inline ipc_client_t *
join(const char *name)
{
    ipc_client_t *client = NULL;
    fault_t fault = {0};
    if (ipc_client_open(house->run_dir, name, PATIENCE_MS, &client, &fault) != OK)
        fail_msg("%s", fault.text);
    return client;
}

static inline void
assert_served(ipc_client_t *client, uint64_t number)
{
    message_id_t answer = MSG_COUNT;
    const void *body = NULL;
    fault_t fault = {0};
    const ping_t ping = {.number = number};
    if (ipc_client_request(client, "echo", MSG_ping, &ping, PATIENCE_MS, &answer, &body, &fault)
        != OK)
        fail_msg("%s", fault.text);
    assert_int_equal(answer, MSG_pong);
    assert_int_equal(((const pong_t *) body)->number, number);
}
