/*  A client's connection, seen from a gateway made by hand.  */

#include "bus/ipc_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static struct gateway {
    char run_dir[64];
    void *zmq, *router;
    ipc_session_t *session;
    envelope_t envelope; /* last one received */
    envelope_names_t names;
} gateway;

static uint64_t
soon(void)
{
    return ipc_session_now_ns() + (uint64_t) PATIENCE_MS * 1000000u;
}

static int
set_up(void **state)
{
    (void) state;
    const int patience = PATIENCE_MS;
    const int none = 0;
    char endpoint[128];
    strcpy(gateway.run_dir, "/tmp/ipc_session.XXXXXX");
    if (mkdtemp(gateway.run_dir) == NULL)
        return -1;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/bus.sock", gateway.run_dir);
    gateway.zmq = zmq_ctx_new();
    gateway.router = zmq_socket(gateway.zmq, ZMQ_ROUTER);
    zmq_setsockopt(gateway.router, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(gateway.router, ZMQ_LINGER, &none, sizeof none);
    if (zmq_bind(gateway.router, endpoint) != 0)
        return -1;
    gateway.session = ipc_session_new(endpoint, "one");
    return gateway.session == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void) state;
    ipc_session_destroy(&gateway.session);
    zmq_close(gateway.router);
    zmq_ctx_term(gateway.zmq);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", gateway.run_dir);
    return system(command); /* NOLINT: a path of our own making */
}

/*  The next message of that kind; others are passed over.  */
static void
receive(envelope_kind_t kind)
{
    do {
        uint8_t frame[ENVELOPE_ROOM];
        assert_true(zmq_recv(gateway.router, frame, sizeof frame, 0) > 0); /* its name */
        int size = zmq_recv(gateway.router, frame, sizeof frame, 0);
        assert_true(size > 0);
        assert_int_equal(
            envelope_unpack((bytes_t){frame, (size_t) size}, &gateway.envelope, &gateway.names),
            OK);
        assert_true(zmq_recv(gateway.router, frame, sizeof frame, 0) >= 0); /* the payload */
    } while (gateway.envelope.kind != kind);
}

static void
say(envelope_t envelope, blob_t *payload)
{
    uint8_t header[ENVELOPE_ROOM];
    envelope.from = "ipc";
    envelope.to = "ipc/one";
    size_t size = envelope_pack(&envelope, header);
    assert_true(zmq_send(gateway.router, "one", 3, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(gateway.router, header, size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(gateway.router, payload->data, payload->size, 0) >= 0);
    blob_unref(&payload);
}

static void
welcome(uint64_t epoch, uint64_t lowest)
{
    hello_t hello = {.name = "ipc", .epoch = epoch, .next_seq = 1, .pid = 1};
    say((envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .epoch = epoch, .seq = lowest},
        hello_pack(&hello));
}

static void
tell(uint64_t epoch, uint64_t seq)
{
    say((envelope_t){.kind = ENVELOPE_EVT, .type = "pong", .epoch = epoch, .seq = seq},
        blob_new((bytes_t){0}));
}

static void
pump(void)
{
    assert_int_equal(ipc_session_pump(gateway.session, soon()), OK);
}

static size_t
count_mail(void)
{
    size_t n = 0;
    for (const mail_t *mail = ipc_session_mail(gateway.session); mail; mail = mail->next)
        n++;
    return n;
}

static void
take_one(void)
{
    while (count_mail() == 0)
        pump();
    mail_t *mail = ipc_session_mail(gateway.session);
    ipc_session_take(gateway.session, mail);
    mail_destroy(&mail);
}

static void
acknowledges_again_when_it_joins_again(void **state)
{
    (void) state;
    receive(ENVELOPE_HELLO);
    welcome(5, 1);
    tell(5, 1);
    take_one();
    do
        receive(ENVELOPE_CREDIT);
    while (gateway.envelope.seq != 1); /* lost, let us say */
    welcome(5, 2);
    pump();
    receive(ENVELOPE_CREDIT);
    assert_int_equal(gateway.envelope.seq, 1);
}

static void
acknowledges_to_a_new_gateway_only_what_came_from_it(void **state)
{
    (void) state;
    enum { MANY = 40 };
    receive(ENVELOPE_HELLO);
    welcome(5, 1);
    for (uint64_t seq = 1; seq <= MANY; seq++)
        tell(5, seq);
    welcome(6, 1);
    tell(6, 1);
    while (count_mail() < MANY + 1)
        pump();
    for (int i = 0; i < MANY + 1; i++)
        take_one();
    do {
        receive(ENVELOPE_CREDIT);
        assert_in_range(gateway.envelope.seq, 0, 1);
    } while (gateway.envelope.seq != 1);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(acknowledges_again_when_it_joins_again),
        CASE(acknowledges_to_a_new_gateway_only_what_came_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
