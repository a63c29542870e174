/*  Requests to programs that joined whose time is over: they are forgotten, wherever they are.
 */

#include "bus/peer.h"
#include "tests/unit/house_visit.h"
#include "tests/unit/raw_peer.h"

#include <string.h>

static const uint8_t wish[16] = {9, 9};

/*  Takes `parcel` and `tea_wanted`.  */
static raw_t *
join_worker(void)
{
    const hello_t hello = {.name = "worker",
                           .epoch = 1,
                           .next_seq = 1,
                           .pid = 1,
                           .takes = {.n = 2, .names = {"parcel", "tea_wanted"}}};
    return raw_join_as(house->run_dir, &hello);
}

/*  Long enough for it to arrive, and no longer.  */
static void
wish_tea_soon(raw_t *raw, uint64_t seq)
{
    const uint64_t soon_ns = 2000000000;
    envelope_t envelope = {.kind = ENVELOPE_REQ,
                           .type = "tea_wanted",
                           .to = "ipc/worker",
                           .deadline_ns = ipc_session_now_ns() + soon_ns,
                           .seq = seq};
    memcpy(envelope.id, wish, sizeof envelope.id);
    raw_say_own(raw, envelope);
}

static void
assert_not_found(raw_t *raw)
{
    arena_t arena = {0};
    problem_t problem;
    raw_receive(raw, ENVELOPE_ERR);
    const bytes_t payload = {raw->payload, raw->size};
    assert_int_equal(message_unpack(MSG_problem, payload, &arena, &problem, NULL), OK);
    assert_string_equal(problem.code, "NOT_FOUND");
    arena_release(&arena);
}

static void
one_that_is_acknowledged_and_never_answered_is_forgotten(void **state)
{
    (void) state;
    raw_t *worker = join_worker();
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    wish_tea_soon(guest, 1);
    raw_receive(worker, ENVELOPE_REQ);
    raw_acknowledge(worker, 1);
    WAIT_FOR(gateway_dead(house->gateway) == 1);
    envelope_t answer = {.kind = ENVELOPE_REP, .type = "tea", .seq = 1};
    memcpy(answer.corr, wish, sizeof answer.corr);
    raw_say_own(worker, answer);
    assert_not_found(worker);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

static void
one_that_waits_is_not_even_handed_over(void **state)
{
    (void) state;
    raw_t *worker = join_worker();
    raw_t *guest = raw_join(house->run_dir, "guest", 1);
    for (uint64_t i = 1; i <= TASKS_AHEAD; i++)
        raw_message(guest, MSG_parcel, "ipc/worker", i, &(parcel_t){.number = i});
    wish_tea_soon(guest, TASKS_AHEAD + 1);
    raw_message(guest, MSG_parcel, "ipc/worker", TASKS_AHEAD + 2, &(parcel_t){.number = 0});
    WAIT_FOR(gateway_dead(house->gateway) == 1);
    for (uint64_t i = 1; i <= TASKS_AHEAD; i++)
        raw_receive(worker, ENVELOPE_CAST);
    raw_acknowledge(worker, TASKS_AHEAD);
    raw_receive(worker, ENVELOPE_CAST);
    assert_int_equal(worker->envelope.seq, TASKS_AHEAD + 1);
    raw_destroy(&worker);
    raw_destroy(&guest);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(one_that_is_acknowledged_and_never_answered_is_forgotten),
        CASE(one_that_waits_is_not_even_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
