/*  Programs that joined and say events of their own: who hears them, what they may not say, and
    how much of it is kept for somebody slow.  */

#include "bus/peer.h"
#include "tests/unit/house_visit.h"
#include "tests/unit/raw_peer.h"

#include <string.h>

/*  Says `tea_ready`.  */
static raw_t *
join_worker(void)
{
    const hello_t hello = {.name = "worker",
                           .epoch = 1,
                           .next_seq = 1,
                           .pid = 1,
                           .says = {.n = 1, .names = {"tea_ready"}}};
    return raw_join_as(house->run_dir, &hello);
}

/*  Joins, and hears of tea.  */
static raw_t *
join_guest(void)
{
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    blob_t *pattern = text_pack("tea_*");
    raw_say(guest, (envelope_t){.kind = ENVELOPE_CONTROL, .type = "subscribe"}, pattern->data,
            pattern->size);
    blob_unref(&pattern);
    raw_message(guest, MSG_ping, "echo", 1, &(ping_t){.number = 1});
    raw_receive(guest, ENVELOPE_REP); /* so the pattern is known, too */
    return guest;
}

static void
is_heard_inside_and_outside(void **state)
{
    (void) state;
    raw_t *worker = join_worker();
    raw_t *guest = join_guest();
    envelope_t event = {.kind = ENVELOPE_EVT, .type = "tea_ready", .id = {1}, .seq = 1};
    raw_say_own(worker, event);
    raw_receive(guest, ENVELOPE_EVT);
    assert_string_equal(guest->envelope.type, "tea_ready");
    assert_string_equal(guest->envelope.from, "ipc/worker");
    WAIT_FOR(house_heard(house, ECHO) == 1);
    event.type = "cake_ready";
    event.seq++;
    raw_say_own(worker, event);
    raw_receive(worker, ENVELOPE_ERR);
    problem_t problem;
    arena_t arena = {0};
    const bytes_t refusal = {worker->payload, worker->size};
    assert_int_equal(message_unpack(MSG_problem, refusal, &arena, &problem, NULL), OK);
    assert_string_equal(problem.code, "UNDECLARED");
    arena_release(&arena);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

/*  A program that does not stop saying the same: it waits for nobody, what others cannot take
   is counted, and a program that joined is told how much that was.  */
static void
a_flood_of_events_is_dropped_and_counted_beyond_its_bound(void **state)
{
    enum { LOST = 50, EVENTS = PEER_EVENTS + LOST, SIGN_OF_LIFE = 500 };
    (void) state;
    raw_t *worker = join_worker();
    raw_t *guest = join_guest(); /* and does not look */
    uint64_t dead = gateway_dead(house->gateway);
    for (uint64_t i = 1; i <= EVENTS; i++) {
        raw_say_own(
            worker,
            (envelope_t){.kind = ENVELOPE_EVT, .type = "tea_ready", .id = {1}, .seq = i});
        while (worker->credited + PEER_WINDOW <= i)
            raw_receive(worker, ENVELOPE_CREDIT);
        if (i % SIGN_OF_LIFE == 0)
            raw_say(guest, (envelope_t){.kind = ENVELOPE_PONG, .type = "pong"}, "", 0);
    }
    /* what the actor did not hear for want of credit is counted as well */
    WAIT_FOR(house_heard(house, ECHO) + gateway_dead(house->gateway) == dead + EVENTS + LOST);
    assert_true(house_heard(house, ECHO) > 0);
    raw_acknowledge(guest, PEER_EVENTS);
    do
        raw_receive(guest, ENVELOPE_EVT);
    while (strcmp(guest->envelope.type, "events_lost") != 0);
    arena_t arena = {0};
    events_lost_t lost;
    const bytes_t payload = {guest->payload, guest->size};
    assert_int_equal(message_unpack(MSG_events_lost, payload, &arena, &lost, NULL), OK);
    assert_int_equal(lost.count, LOST);
    arena_release(&arena);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(is_heard_inside_and_outside),
        CASE(a_flood_of_events_is_dropped_and_counted_beyond_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
