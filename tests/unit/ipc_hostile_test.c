/*  What a hostile, a broken or a slow process cannot do to the bus and to others.  */

#include "bus/peer.h"
#include "tests/unit/house_visit.h"
#include "tests/unit/raw_peer.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

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
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
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
        raw_send_frames(raw, header, cut, "\x80", 1);
    assert_refused(raw, "MALFORMED");
    for (size_t at = 0; at < size; at++) {
        uint8_t wrong[ENVELOPE_ROOM];
        memcpy(wrong, header, size);
        wrong[at] ^= 0xff;
        raw_send_frames(raw, wrong, size, "\x80", 1);
    }
    raw_send_frames(raw, "\xdd\x7f\xff\xff\xff", 5, "",
                    0); /* an array of two thousand million */
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
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
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
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    const struct {
        envelope_kind_t kind;
        const char *code;
    } cases[] = {{ENVELOPE_EVT, "UNDECLARED"},
                 {ENVELOPE_REP, "NOT_FOUND"},
                 {ENVELOPE_ERR, "NOT_FOUND"},
                 {ENVELOPE_CONTROL, "REFUSED"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        raw_say(
            raw,
            (envelope_t){
                .kind = cases[i].kind, .type = "stop", .to = "echo", .seq = (uint64_t) i + 1},
            "", 0);
        assert_refused(raw, cases[i].code);
    }
    raw_destroy(&raw);
}

static void
refuses_a_name_that_is_none(void **state)
{
    (void) state;
    raw_t *raw = raw_connect(house->run_dir, "raw", 1);
    raw_hello(raw, "other", 1, 1);
    raw_receive(raw, ENVELOPE_BYE);
    raw_destroy(&raw);
    raw = raw_connect(house->run_dir, "b/../ad name", 1);
    raw_hello(raw, "b/../ad name", 1, 1);
    ipc_client_t *honest = join("honest");
    assert_served(honest, 1);
    ipc_client_close(&honest);
    raw_destroy(&raw);
}

static void
is_not_made_to_log_a_flood(void **state)
{
    (void) state;
    enum { FLOOD = 1000 };
    raw_t *stranger = raw_connect(house->run_dir, "stranger", 1);
    for (int i = 0; i < FLOOD; i++)
        raw_send_frames(stranger, "rubbish", 7, "", 0);
    for (int i = 0; i < FLOOD; i++)
        raw_receive(stranger, ENVELOPE_BYE);
    assert_in_range(atomic_load(&house->lines), 1, 20);
    raw_destroy(&stranger);
}

/*  ------------------------------------------------------------------------- slow  */

static void
serves_others_while_one_never_reads(void **state)
{
    (void) state;
    raw_t *stuck = raw_join(house->run_dir, "stuck", 1);
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
    raw_t *keen = raw_join(house->run_dir, "keen", 1);
    raw_t *eager = raw_join(house->run_dir, "eager", 1);
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
        CASE(lives_through_garbage),
        CASE(lives_through_bad_payloads),
        CASE(refuses_kinds_that_are_not_for_peers),
        CASE(refuses_a_name_that_is_none),
        CASE(is_not_made_to_log_a_flood),
        CASE(serves_others_while_one_never_reads),
        CASE(serves_others_while_an_actor_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
