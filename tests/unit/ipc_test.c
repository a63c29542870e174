/*  What a process that joins may rely on, and what a hostile one cannot do.  */

#include "bus/ipc_client.h"
#include "bus/ipc_session.h"
#include "bus/peer.h"
#include "tests/unit/house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static house_t *house;

static int
set_up(void **state)
{
    (void) state;
    house = house_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    house_destroy(&house);
    return 0;
}

static uint64_t
soon(void)
{
    return ipc_session_now_ns() + (uint64_t) PATIENCE_MS * 1000000u;
}

/*  Looks again and again, until it holds or patience ends.  */
#define WAIT_FOR(condition)                                                                    \
    for (uint64_t until_ = soon(); !(condition);) {                                            \
        assert_true(ipc_session_now_ns() < until_);                                            \
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
    }

static ipc_client_t *
join(const char *name)
{
    ipc_client_t *client = NULL;
    fault_t fault = {0};
    if (ipc_client_open(house->run_dir, name, PATIENCE_MS, &client, &fault) != OK)
        fail_msg("%s", fault.text);
    return client;
}

static void
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

/*  ---------------------------------------------------------------- a peer by hand  */

typedef struct raw {
    void *zmq, *dealer;
    uint64_t epoch;
    envelope_t envelope; /* last one received */
    envelope_names_t names;
    uint8_t payload[4096];
    size_t size;
} raw_t;

static void
raw_send(raw_t *self, const void *header, size_t header_size, const void *payload, size_t size)
{
    assert_true(zmq_send(self->dealer, header, header_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(self->dealer, payload, size, 0) >= 0);
}

static void
raw_say(raw_t *self, envelope_t envelope, const void *payload, size_t size)
{
    uint8_t header[ENVELOPE_ROOM];
    envelope.from = envelope.from != NULL ? envelope.from : "ipc/raw";
    envelope.to = envelope.to != NULL ? envelope.to : "ipc";
    envelope.epoch = self->epoch;
    raw_send(self, header, envelope_pack(&envelope, header), payload, size);
}

/*  The next message of that kind; others are passed over.  */
static void
raw_receive(raw_t *self, envelope_kind_t kind)
{
    do {
        uint8_t header[ENVELOPE_ROOM];
        int size = zmq_recv(self->dealer, header, sizeof header, 0);
        assert_true(size > 0);
        int rest = zmq_recv(self->dealer, self->payload, sizeof self->payload, 0);
        assert_true(rest >= 0);
        self->size = (size_t) rest;
        assert_int_equal(
            envelope_unpack((bytes_t){header, (size_t) size}, &self->envelope, &self->names),
            OK);
    } while (self->envelope.kind != kind);
}

static void
raw_hello(raw_t *self, const char *name, uint64_t lowest, uint64_t next_seq)
{
    hello_t hello = {.epoch = self->epoch, .next_seq = next_seq, .pid = 1};
    strcpy(hello.name, name);
    blob_t *payload = hello_pack(&hello);
    raw_say(self, (envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .seq = lowest},
            payload->data, payload->size);
    blob_unref(&payload);
}

static raw_t *
raw_connect(const char *name, uint64_t epoch)
{
    raw_t *self = mem_new(sizeof *self);
    const int patience = PATIENCE_MS;
    const int none = 0;
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/bus.sock", house->run_dir);
    self->epoch = epoch;
    self->zmq = zmq_ctx_new();
    self->dealer = zmq_socket(self->zmq, ZMQ_DEALER);
    zmq_setsockopt(self->dealer, ZMQ_ROUTING_ID, name, strlen(name));
    zmq_setsockopt(self->dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(self->dealer, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(self->dealer, endpoint), 0);
    return self;
}

static void
raw_destroy(raw_t **self)
{
    zmq_close((*self)->dealer);
    zmq_ctx_term((*self)->zmq);
    free(*self);
    *self = NULL;
}

static raw_t *
raw_join(const char *name, uint64_t epoch)
{
    raw_t *self = raw_connect(name, epoch);
    raw_hello(self, name, 1, 1);
    raw_receive(self, ENVELOPE_HELLO);
    raw_receive(self, ENVELOPE_CREDIT);
    return self;
}

static void
raw_message(raw_t *self, message_id_t id, const char *to, uint64_t seq, const void *body)
{
    buffer_t packed = {0};
    message_pack(id, body, &packed);
    envelope_t envelope = {.kind = schema_of(id)->class == CLASS_REQUEST ? ENVELOPE_REQ
                                                                         : ENVELOPE_CAST,
                           .type = schema_of(id)->name,
                           .to = to,
                           .id = {1},
                           .seq = seq};
    envelope.id[15] = (uint8_t) seq;
    raw_say(self, envelope, packed.data, packed.size);
    buffer_release(&packed);
}

static void
raw_parcel(raw_t *self, uint64_t seq)
{
    raw_message(self, MSG_parcel, "echo", seq, &(parcel_t){.number = seq});
}

/*  ------------------------------------------------------------------------- tests  */

static void
says_so_when_nobody_is_there(void **state)
{
    (void) state;
    ipc_client_t *client = NULL;
    fault_t fault;
    assert_int_equal(ipc_client_open("/tmp/nobody-is-here", "one", 50, &client, &fault),
                     ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "start"));
}

static void
answers_a_request(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    assert_served(client, 7);
    assert_served(client, 8);
    ipc_client_close(&client);
    assert_null(client);
}

static void
keeps_many_questions_under_way(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    uint64_t asks[100];
    for (uint64_t i = 0; i < COUNT_OF(asks); i++)
        assert_int_equal(ipc_client_ask(client, "echo", MSG_ping, &(ping_t){.number = i},
                                        PATIENCE_MS, &asks[i]),
                         OK);
    for (uint64_t i = 0; i < COUNT_OF(asks); i++) {
        ipc_heard_t heard;
        assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), OK);
        assert_int_equal(heard.ask, asks[i]);
        assert_int_equal(((const pong_t *) heard.body)->number, i);
    }
    ipc_client_close(&client);
}

static void
brings_events_to_whoever_asked(void **state)
{
    (void) state;
    ipc_client_t *hearer = join("hearer");
    ipc_client_t *sender = join("sender");
    assert_int_equal(ipc_client_subscribe(hearer, "actor_*"), OK);
    WAIT_FOR(house_subscribed(house, ECHO));
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(
            ipc_client_send(sender, "echo", MSG_parcel, &(parcel_t){.number = i}, PATIENCE_MS),
            OK);
    for (uint64_t i = 1; i <= 5; i++) {
        ipc_heard_t heard;
        assert_int_equal(ipc_client_next(hearer, PATIENCE_MS, &heard), OK);
        assert_int_equal(heard.id, MSG_actor_state);
        assert_string_equal(heard.from, "echo");
        assert_int_equal(((const actor_state_t *) heard.body)->restarts, i);
    }
    ipc_client_close(&hearer);
    WAIT_FOR(!house_subscribed(house, ECHO));
    ipc_client_close(&sender);
}

static void
acknowledges_only_what_was_handled(void **state)
{
    (void) state;
    atomic_store(&house->asleep, true);
    raw_t *raw = raw_join("raw", 1);
    raw_message(raw, MSG_parcel, "sleeper", 1, &(parcel_t){.number = 1});
    raw_message(raw, MSG_parcel, "echo", 2, &(parcel_t){.number = 2});
    WAIT_FOR(house_parcels(house, ECHO) == 1);
    raw_message(raw, MSG_ping, "echo", 3, &(ping_t){.number = 3});
    raw_receive(raw,
                ENVELOPE_REP); /* the later ones are finished: no credit has come for them */
    atomic_store(&house->asleep, false);
    raw_receive(raw, ENVELOPE_CREDIT);
    assert_int_equal(raw->envelope.seq, 3);
    assert_int_equal(house_parcels(house, SLEEPER), 1);
    raw_destroy(&raw);
}

static void
drops_what_is_sent_again_after_a_reconnect(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    raw_parcel(raw, 1);
    raw_parcel(raw, 2);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    raw_destroy(&raw);
    raw = raw_connect("raw", 1);
    raw_hello(raw, "raw", 1, 1);
    raw_receive(raw, ENVELOPE_HELLO);
    hello_t hello;
    assert_int_equal(hello_unpack((bytes_t){raw->payload, raw->size}, &hello, NULL), OK);
    assert_int_equal(hello.next_seq, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        raw_parcel(raw, seq);
    WAIT_FOR(house_parcels(house, ECHO) == 3);
    assert_int_equal(house_disorder(house, ECHO), 0);
    raw_destroy(&raw);
}

static void
sends_an_answer_again_until_it_is_acknowledged(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    raw_message(raw, MSG_ping, "echo", 1, &(ping_t){.number = 4});
    raw_receive(raw, ENVELOPE_REP);
    raw_destroy(&raw);
    raw = raw_connect("raw", 1);
    raw_hello(raw, "raw", 1, 1);
    raw_receive(raw, ENVELOPE_REP);
    assert_int_equal(raw->envelope.seq, 1);
    assert_true(raw->envelope.flags & FLAG_REDELIVERED);
    assert_int_equal(raw->envelope.corr[15], 1);
    raw_destroy(&raw);
}

static void
asks_for_what_is_missing(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    raw_parcel(raw, 2);
    raw_receive(raw, ENVELOPE_NAK);
    assert_int_equal(raw->envelope.seq, 1);
    raw_parcel(raw, 1);
    raw_parcel(raw, 2);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    assert_int_equal(house_disorder(house, ECHO), 0);
    raw_destroy(&raw);
}

static void
lets_a_newer_process_take_the_name(void **state)
{
    (void) state;
    raw_t *old = raw_join("raw", 1);
    raw_parcel(old, 1);
    WAIT_FOR(house_parcels(house, ECHO) == 1);
    raw_t *young = raw_join("raw", 2);
    raw_parcel(young, 1);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    raw_destroy(&old);
    raw_destroy(&young);
}

static void
survives_a_restart_of_the_process_behind_it(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    assert_served(client, 1);
    assert_int_equal(ipc_client_subscribe(client, "actor_state"), OK);
    house_replace_gateway(house);
    ipc_heard_t heard;
    assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), ERR_OFFLINE);
    assert_int_equal(
        ipc_client_send(client, "echo", MSG_parcel, &(parcel_t){.number = 1}, PATIENCE_MS), OK);
    assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), OK);
    assert_int_equal(heard.id, MSG_actor_state);
    ipc_client_close(&client);
}

static void
refuses_by_name_of_the_field(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    message_id_t answer;
    const void *body;
    fault_t fault;
    assert_int_equal(ipc_client_request(client, "nobody", MSG_ping, &(ping_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_NO_ROUTE);
    assert_non_null(strstr(fault.text, "field to"));
    assert_int_equal(ipc_client_request(client, "echo", MSG_pong, &(pong_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_REFUSED);
    assert_non_null(strstr(fault.text, "field type"));
    assert_served(client, 1);
    ipc_client_close(&client);
}

static void
refuses_new_work_while_stopping(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    message_id_t answer;
    const void *body;
    fault_t fault;
    gateway_refuse(house->gateway);
    assert_int_equal(ipc_client_request(client, "echo", MSG_ping, &(ping_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_STOPPED);
    ipc_client_close(&client);
}

/*  ----------------------------------------------------------------------- hostile  */

static void
assert_refused(raw_t *raw, const char *code)
{
    raw_receive(raw, ENVELOPE_ERR);
    arena_t arena = {0};
    problem_t problem;
    assert_int_equal(
        message_unpack(MSG_problem, (bytes_t){raw->payload, raw->size}, &arena, &problem, NULL),
        OK);
    assert_string_equal(problem.code, code);
    arena_release(&arena);
}

static void
lives_through_garbage(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    ipc_client_t *honest = join("honest");
    uint8_t header[ENVELOPE_ROOM];
    const envelope_t good = {.kind = ENVELOPE_REQ,
                             .type = "ping",
                             .from = "x",
                             .to = "echo",
                             .id = {1},
                             .epoch = 1,
                             .seq = 1};
    size_t size = envelope_pack(&good, header);
    for (size_t cut = 0; cut < size; cut++)
        raw_send(raw, header, cut, "\x80", 1);
    assert_refused(raw, "MALFORMED");
    for (size_t at = 0; at < size; at++) {
        uint8_t wrong[ENVELOPE_ROOM];
        memcpy(wrong, header, size);
        wrong[at] ^= 0xff;
        raw_send(raw, wrong, size, "\x80", 1);
    }
    raw_send(raw, "\xdd\x7f\xff\xff\xff", 5, "", 0); /* an array of two thousand million */
    zmq_send(raw->dealer, "alone", 5, 0);
    for (int i = 0; i < 9; i++)
        zmq_send(raw->dealer, "many", 4, i < 8 ? ZMQ_SNDMORE : 0);
    assert_served(honest, 1);
    ipc_client_close(&honest);
    raw_destroy(&raw);
}

static void
lives_through_bad_payloads(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    envelope_t ping = {.kind = ENVELOPE_REQ, .type = "ping", .to = "echo", .id = {1}, .seq = 1};
    raw_say(raw, ping, "\x81\xa6number\xa3txt", 12);
    assert_refused(raw, "MALFORMED");
    ping.seq++;
    uint8_t deep[4096];
    memset(deep, 0x91, sizeof deep);
    raw_say(raw, ping, deep, sizeof deep);
    assert_refused(raw, "MALFORMED");
    ping.seq++;
    raw_say(raw, ping, "\xdf\x7f\xff\xff\xff", 5);
    assert_refused(raw, "MALFORMED");
    ping.seq++;
    uint8_t *huge = mem_new(2 << 20);
    raw_say(raw, ping, huge, 2 << 20);
    free(huge);
    assert_refused(raw, "TOO_LARGE");
    ping.seq++;
    ping.hash = 1;
    raw_say(raw, ping, "\x81\xa6number\x01", 9);
    assert_refused(raw, "MALFORMED");
    ping.seq++;
    raw_message(raw, MSG_ping, "echo", ping.seq, &(ping_t){.number = 9});
    raw_receive(raw, ENVELOPE_REP);
    raw_destroy(&raw);
}

static void
refuses_kinds_that_are_not_for_peers(void **state)
{
    (void) state;
    raw_t *raw = raw_join("raw", 1);
    const envelope_kind_t kinds[] = {ENVELOPE_EVT, ENVELOPE_REP, ENVELOPE_ERR,
                                     ENVELOPE_CONTROL};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        raw_say(raw, (envelope_t){.kind = kinds[i], .type = "stop", .to = "echo", .seq = 1}, "",
                0);
        assert_refused(raw, "REFUSED");
    }
    raw_destroy(&raw);
}

static void
refuses_a_name_that_is_none(void **state)
{
    (void) state;
    raw_t *raw = raw_connect("raw", 1);
    raw_hello(raw, "other", 1, 1);
    raw_receive(raw, ENVELOPE_BYE);
    raw_destroy(&raw);
    raw = raw_connect("b/../ad name", 1);
    raw_hello(raw, "b/../ad name", 1, 1);
    ipc_client_t *honest = join("honest");
    assert_served(honest, 1);
    ipc_client_close(&honest);
    raw_destroy(&raw);
}

/*  ------------------------------------------------------------------------- slow  */

static void
serves_others_while_one_never_reads(void **state)
{
    (void) state;
    raw_t *stuck = raw_join("stuck", 1);
    ipc_client_t *honest = join("honest");
    blob_t *pattern = text_pack("actor_state");
    raw_say(stuck, (envelope_t){.kind = ENVELOPE_CONTROL, .type = "subscribe"}, pattern->data,
            pattern->size);
    blob_unref(&pattern);
    WAIT_FOR(house_subscribed(house, ECHO));
    for (uint64_t i = 1; i <= PEER_EVENTS + 100; i++)
        assert_int_equal(
            ipc_client_send(honest, "echo", MSG_parcel, &(parcel_t){.number = i}, PATIENCE_MS),
            OK);
    WAIT_FOR(gateway_dead(house->gateway) == 100);
    assert_served(honest, 1);
    ipc_client_close(&honest);
    raw_destroy(&stuck);
}

static void
serves_others_while_an_actor_stands_still(void **state)
{
    (void) state;
    atomic_store(&house->asleep, true);
    raw_t *keen = raw_join("keen", 1);
    raw_t *eager = raw_join("eager", 1);
    ipc_client_t *honest = join("honest");
    for (uint64_t i = 1; i <= 2 * PEER_WINDOW; i++) {
        raw_message(keen, MSG_parcel, "sleeper", i, &(parcel_t){.number = i});
        raw_message(eager, MSG_ping, "sleeper", i, &(ping_t){.number = i});
    }
    assert_served(honest, 1);
    assert_int_equal(ipc_client_send(honest, "sleeper", MSG_parcel, &(parcel_t){.number = 9999},
                                     PATIENCE_MS),
                     OK);
    assert_served(honest, 2);
    assert_int_equal(house_parcels(house, SLEEPER), 0);
    atomic_store(&house->asleep, false);
    WAIT_FOR(house_parcels(house, SLEEPER) > PEER_WINDOW);
    ipc_client_close(&honest);
    raw_destroy(&keen);
    raw_destroy(&eager);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(says_so_when_nobody_is_there),
        CASE(answers_a_request),
        CASE(keeps_many_questions_under_way),
        CASE(brings_events_to_whoever_asked),
        CASE(acknowledges_only_what_was_handled),
        CASE(drops_what_is_sent_again_after_a_reconnect),
        CASE(sends_an_answer_again_until_it_is_acknowledged),
        CASE(asks_for_what_is_missing),
        CASE(lets_a_newer_process_take_the_name),
        CASE(survives_a_restart_of_the_process_behind_it),
        CASE(refuses_by_name_of_the_field),
        CASE(refuses_new_work_while_stopping),
        CASE(lives_through_garbage),
        CASE(lives_through_bad_payloads),
        CASE(refuses_kinds_that_are_not_for_peers),
        CASE(refuses_a_name_that_is_none),
        CASE(serves_others_while_one_never_reads),
        CASE(serves_others_while_an_actor_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
