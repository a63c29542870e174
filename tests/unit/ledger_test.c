/*  The ledger: a change takes effect once, whatever id its database has by now, and nobody
    takes the place of another user's.  */

#include "tests/unit/judge_world.h"

static int
make_clients(void **state)
{
    const int result = make_judge(state);
    foreign_sql(*state,
                "INSERT INTO waybill_clients (client_id, lsn, seen, user_id) VALUES"
                " ('phone', 0, 0, 'ann'), ('phone-2', 0, 0, 'ann'), ('other', 0, 0, 'bob')");
    return result;
}

static client_change_t
insert_a(const char *origin)
{
    client_change_t made = change("c1 todo insert", "{\"id\":\"a\"}", 10);
    made.origin = origin;
    return made;
}

static void
knows_a_change_that_was_made_under_an_earlier_id(void **state)
{
    world_t *world = *state;
    submit_one(world, "phone", insert_a(NULL));
    expect_verdict(0, "applied");
    submit_one(world, "phone-2", insert_a("phone"));
    expect_verdict(0, "duplicate of applied");
}

static void
knows_a_change_that_was_sent_under_a_later_id_first(void **state)
{
    world_t *world = *state;
    submit_one(world, "phone-2", insert_a("phone"));
    expect_verdict(0, "applied");
    submit_one(world, "phone", insert_a(NULL));
    expect_verdict(0, "duplicate of applied");
}

static void
lets_nobody_take_the_place_of_another_users_change(void **state)
{
    world_t *world = *state;
    submit_one(world, "other", insert_a("phone"));
    expect_verdict(0, "applied");
    submit_one(world, "phone", insert_a(NULL));
    expect_verdict(0, "applied");
    expect(world, "SELECT client_id FROM client_changes ORDER BY client_id", "other phone");
}

static void
lets_nobody_ask_for_the_verdict_of_another_users_change(void **state)
{
    world_t *world = *state;
    submit_one(world, "phone", insert_a(NULL));
    submit_one(world, "other", insert_a("phone"));
    expect_verdict(0, "applied");
}

#define WITH_CLIENTS(test) cmocka_unit_test_setup_teardown(test, make_clients, remove_judge)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLIENTS(knows_a_change_that_was_made_under_an_earlier_id),
        WITH_CLIENTS(knows_a_change_that_was_sent_under_a_later_id_first),
        WITH_CLIENTS(lets_nobody_take_the_place_of_another_users_change),
        WITH_CLIENTS(lets_nobody_ask_for_the_verdict_of_another_users_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
