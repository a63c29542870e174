/*  Programs that joined as actors that others write to: what they are sent, and what becomes of
    it when they are slow, die, come back or lie.  */

#include "bus/peer.h"
#include "tests/unit/house_visit.h"
#include "tests/unit/raw_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t wish[16] = {9, 9};

/*  Takes `ping`, `parcel` and `tea_wanted`, says `tea_ready`.  */
static raw_t *
join_worker(uint64_t epoch)
{
    const hello_t hello = {
        .name = "worker",
        .epoch = epoch,
        .next_seq = 1,
        .pid = 1,
        .takes = {.n = 3, .names = {"ping", "parcel", "tea_wanted"}},
        .says = {.n = 1, .names = {"tea_ready"}},
    };
    return raw_join_as(house->run_dir, &hello);
}

static void
assert_error(raw_t *raw, const char *code)
{
    raw_receive(raw, ENVELOPE_ERR);
    arena_t arena = {0};
    problem_t problem;
    bytes_t payload = {raw->payload, raw->size};
    assert_int_equal(message_unpack(MSG_problem, payload, &arena, &problem, NULL), OK);
    assert_string_equal(problem.code, code);
    arena_release(&arena);
}

static void
wish_tea(raw_t *raw, uint64_t seq)
{
    envelope_t envelope = {
        .kind = ENVELOPE_REQ, .type = "tea_wanted", .to = "ipc/worker", .seq = seq};
    memcpy(envelope.id, wish, sizeof envelope.id);
    raw_say_own(raw, envelope);
}

static void
answer(raw_t *raw, uint64_t seq)
{
    envelope_t envelope = {.kind = ENVELOPE_REP, .type = "tea", .seq = seq};
    memcpy(envelope.corr, wish, sizeof envelope.corr);
    raw_say_own(raw, envelope);
}

/*  -------------------------------------------------------------------------- asked  */

static void
is_asked_and_answers(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    wish_tea(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    assert_string_equal(worker->envelope.type, "tea_wanted");
    assert_string_equal(worker->envelope.from, "ipc/guest");
    assert_int_equal(worker->envelope.seq, 1);
    assert_memory_equal(worker->payload, "\x81\xa1n\x07", 4);
    answer(worker, 1);
    raw_receive(guest, ENVELOPE_REP);
    assert_string_equal(guest->envelope.type, "tea");
    assert_string_equal(guest->envelope.from, "ipc/worker");
    assert_memory_equal(guest->envelope.corr, wish, sizeof wish);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
acknowledges_to_the_sender_what_the_receiver_has_handled(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    raw_message(guest, MSG_parcel, "ipc/worker", 1, &(parcel_t){.number = 1});
    raw_message(guest, MSG_ping, "echo", 2, &(ping_t){.number = 1});
    raw_receive(worker, ENVELOPE_CAST);
    raw_receive(guest, ENVELOPE_REP); /* the later one is done, and no credit has come */
    assert_int_equal(guest->credited, 0);
    raw_acknowledge(worker, 1);
    while (guest->credited < 2)
        raw_receive(guest, ENVELOPE_CREDIT);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
is_sent_only_what_it_takes(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    raw_message(guest, MSG_status_get, "ipc/worker", 1, &(status_get_t){0});
    assert_error(guest, "REFUSED");
    envelope_t own = {
        .kind = ENVELOPE_REQ, .type = "cake_wanted", .to = "ipc/worker", .id = {1}, .seq = 2};
    raw_say_own(guest, own);
    assert_error(guest, "UNKNOWN");
    own.to = "echo";
    own.seq++;
    raw_say_own(guest, own);
    assert_error(guest, "UNKNOWN");
    own.to = "ipc/nobody";
    own.seq++;
    raw_say_own(guest, own);
    assert_error(guest, "NO_ROUTE");
    raw_destroy(&worker);
    raw_destroy(&guest);
}

/*  --------------------------------------------------------------------------- lies  */

static void
cannot_answer_for_another(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    raw_t *forger = raw_join(house->run_dir, "forger", 1);
    wish_tea(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    answer(forger, 1);
    assert_error(forger, "NOT_FOUND");
    answer(worker, 1);
    raw_receive(guest, ENVELOPE_REP);
    assert_string_equal(guest->envelope.from, "ipc/worker");
    answer(worker, 2); /* twice */
    assert_error(worker, "NOT_FOUND");
    raw_destroy(&worker);
    raw_destroy(&guest);
    raw_destroy(&forger);
}

static void
an_answer_that_is_none_is_an_error_for_both(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    wish_tea(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    envelope_t lie = {.kind = ENVELOPE_REP, .type = "ping", .seq = 1};
    memcpy(lie.corr, wish, sizeof lie.corr);
    raw_say_own(worker, lie);
    assert_error(worker, "MALFORMED");
    assert_error(guest, "MALFORMED");
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
a_hello_must_declare_what_can_be(void **state)
{
    (void) state;
    const struct {
        hello_t hello;
        const char *why;
    } cases[] = {
        {{.takes = {1, {"pong"}}}, "class REPLY"},
        {{.says = {1, {"changes_processed"}}}, "Waybill's own"},
        {{.says = {1, {"no good"}}}, "field says"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        hello_t hello = cases[i].hello;
        strcpy(hello.name, "raw");
        hello.epoch = hello.next_seq = 1;
        raw_t *raw = raw_connect(house->run_dir, "raw", 1);
        blob_t *payload = hello_pack(&hello);
        raw_say(raw, (envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .seq = 1},
                payload->data, payload->size);
        blob_unref(&payload);
        raw_receive(raw, ENVELOPE_BYE);
        char text[256];
        assert_int_equal(text_unpack((bytes_t){raw->payload, raw->size}, text, sizeof text),
                         OK);
        assert_non_null(strstr(text, cases[i].why));
        raw_destroy(&raw);
    }
}

/*  takes: an array of so many times "x".  */
static void
say_long_hello(raw_t *raw, size_t n)
{
    buffer_t hello = {0};
    static const char start[] = "\x85\xa4name\xa3raw\xa5"
                                "epoch\x01\xa8next_seq\x01\xa3pid\x01\xa5takes\xdc";
    buffer_add(&hello, start, sizeof start - 1);
    buffer_add(&hello, (uint8_t[]){(uint8_t) (n >> 8), (uint8_t) n}, 2);
    for (size_t i = 0; i < n; i++)
        buffer_add(&hello, "\xa1x", 2);
    raw_say(raw, (envelope_t){.kind = ENVELOPE_HELLO, .type = "hello", .seq = 1}, hello.data,
            hello.size);
    buffer_release(&hello);
}

static void
a_hello_cannot_declare_without_end(void **state)
{
    (void) state;
    raw_t *raw = raw_connect(house->run_dir, "raw", 1);
    say_long_hello(raw, 60000);
    raw_receive(raw, ENVELOPE_BYE);
    say_long_hello(raw, IPC_TYPES + 1);
    raw_receive(raw, ENVELOPE_BYE);
    say_long_hello(raw, IPC_TYPES);
    raw_receive(raw, ENVELOPE_HELLO);
    raw_destroy(&raw);
}

/*  -------------------------------------------------------------- slow, dead, back  */

static void
works_ahead_only_a_little(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    for (uint64_t i = 1; i <= TASKS_AHEAD + 8; i++)
        raw_message(guest, MSG_parcel, "ipc/worker", i, &(parcel_t){.number = i});
    for (uint64_t i = 1; i <= TASKS_AHEAD; i++) {
        raw_receive(worker, ENVELOPE_CAST);
        assert_int_equal(worker->envelope.seq, i);
    }
    raw_say(worker, (envelope_t){.kind = ENVELOPE_PING, .type = "ping"}, "", 0);
    raw_receive(worker, ENVELOPE_PONG);
    assert_int_equal(worker->envelope.seq, TASKS_AHEAD);
    raw_acknowledge(worker, 8);
    for (uint64_t i = TASKS_AHEAD + 1; i <= TASKS_AHEAD + 8; i++) {
        raw_receive(worker, ENVELOPE_CAST);
        assert_int_equal(worker->envelope.seq, i);
    }
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
costs_nobody_else_anything_when_its_queue_is_full(void **state)
{
    (void) state;
    enum { FLOODERS = TASKS_AT_MOST / PEER_WINDOW + 1 };
    raw_t *worker = join_worker(1); /* and never looks */
    raw_t *flooders[FLOODERS];
    ipc_client_t *honest = join("honest");
    for (int i = 0; i < FLOODERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "flooder-%d", i);
        flooders[i] = raw_join(house->run_dir, name, 1);
        for (uint64_t seq = 1; seq <= PEER_WINDOW; seq++)
            raw_message(flooders[i], MSG_ping, "ipc/worker", seq, &(ping_t){.number = seq});
        assert_served(honest, (uint64_t) i);
    }
    assert_error(flooders[FLOODERS - 1], "OVERFLOW");
    raw_say(worker, (envelope_t){.kind = ENVELOPE_BYE, .type = "bye"}, "", 0);
    assert_error(flooders[0], "STOPPED");
    for (int i = 0; i < FLOODERS; i++)
        raw_destroy(&flooders[i]);
    ipc_client_close(&honest);
    raw_destroy(&worker);
}

static void
gets_again_what_the_process_before_it_did_not_finish(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    raw_message(guest, MSG_parcel, "ipc/worker", 1, &(parcel_t){.number = 1});
    wish_tea(guest, 2);
    raw_receive(worker, ENVELOPE_CAST);
    assert_int_equal(worker->envelope.attempt, 0);
    raw_acknowledge(worker, 1);
    raw_receive(worker, ENVELOPE_REQ);
    raw_receive(guest, ENVELOPE_CREDIT);
    raw_destroy(&worker); /* killed */
    worker = join_worker(2);
    raw_receive(worker, ENVELOPE_REQ);
    assert_int_equal(worker->envelope.seq, 1);
    assert_int_equal(worker->envelope.attempt, 1);
    assert_true(worker->envelope.flags & FLAG_REDELIVERED);
    assert_memory_equal(worker->envelope.id, wish, sizeof wish);
    answer(worker, 1);
    raw_receive(guest, ENVELOPE_REP);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
is_spared_what_three_have_died_of(void **state)
{
    (void) state;
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    for (uint64_t epoch = 1; epoch <= TASKS_ATTEMPTS; epoch++) {
        raw_t *worker = join_worker(epoch);
        if (epoch == 1)
            wish_tea(guest, 1);
        raw_receive(worker, ENVELOPE_REQ);
        assert_int_equal(worker->envelope.attempt, epoch - 1);
        raw_destroy(&worker);
    }
    raw_t *worker = join_worker(TASKS_ATTEMPTS + 1);
    assert_error(guest, "POISON");
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
fails_who_waits_for_an_answer_that_died_with_it(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    wish_tea(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    raw_acknowledge(worker, 1);
    raw_receive(guest, ENVELOPE_CREDIT);
    raw_destroy(&worker);
    worker = join_worker(2);
    assert_error(guest, "OFFLINE");
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
fails_who_waits_for_it_when_all_ends(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    wish_tea(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    gateway_stop(house->gateway);
    assert_error(guest, "STOPPED");
    raw_destroy(&worker);
    raw_destroy(&guest);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(is_asked_and_answers),
        CASE(acknowledges_to_the_sender_what_the_receiver_has_handled),
        CASE(is_sent_only_what_it_takes),
        CASE(cannot_answer_for_another),
        CASE(an_answer_that_is_none_is_an_error_for_both),
        CASE(a_hello_must_declare_what_can_be),
        CASE(a_hello_cannot_declare_without_end),
        CASE(works_ahead_only_a_little),
        CASE(costs_nobody_else_anything_when_its_queue_is_full),
        CASE(gets_again_what_the_process_before_it_did_not_finish),
        CASE(is_spared_what_three_have_died_of),
        CASE(fails_who_waits_for_an_answer_that_died_with_it),
        CASE(fails_who_waits_for_it_when_all_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
