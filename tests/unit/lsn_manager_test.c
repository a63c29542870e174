/*  The lsn-manager: who we are, where we stand, and what may pass.  */

#include "tests/unit/agent_sim.h"

static const sync_response_t *
where(world_t *world)
{
    return ASK(world, "lsn-manager", sync_request, sync_response);
}

static const changes_applied_t *
pass(world_t *world, const char *phase, const char *epoch, uint64_t prev, uint64_t lsn)
{
    return ASK(world, "lsn-manager", server_changes, changes_applied, .phase = phase,
               .epoch = epoch, .prev = prev, .lsn = lsn, .last = true);
}

static void
keeps_its_identity(void **state)
{
    world_t *world = *state;
    start_agent(world);
    const char *id = arena_text(&world->arena, where(world)->client_id);
    assert_int_equal(strlen(id), 36);
    sim_crash(world->sim, world->node);
    start_agent(world);
    assert_string_equal(where(world)->client_id, id);
}

static void
is_who_the_settings_say(void **state)
{
    world_t *world = *state;
    world->settings.agent_client_id = "tablet";
    start_agent(world);
    assert_string_equal(where(world)->client_id, "tablet");
}

static void
stands_nowhere_before_the_first_snapshot(void **state)
{
    world_t *world = *state;
    start_agent(world);
    assert_int_equal(where(world)->lsn, 0);
    assert_string_equal(where(world)->epoch, "");
    assert_string_equal(pass(world, "moved", "e", 0, 11)->outcome, "refused");
}

static void
follows_a_history_from_its_snapshot_on(void **state)
{
    world_t *world = *state;
    start_agent(world);
    begin_history(world);
    assert_string_equal(pass(world, "moved", "e", 10, 12)->outcome, "applied");
    assert_int_equal(where(world)->lsn, 12);
    assert_string_equal(where(world)->epoch, "e");
}

static void
answers_a_duplicate_with_the_position(void **state)
{
    world_t *world = *state;
    start_agent(world);
    begin_history(world);
    (void) pass(world, "moved", "e", 10, 12);
    const changes_applied_t *applied = pass(world, "moved", "e", 10, 11);
    assert_string_equal(applied->outcome, "duplicate");
    assert_int_equal(applied->lsn, 12);
    assert_string_equal(pass(world, "snapshot_end", "e", 0, 10)->outcome, "duplicate");
}

static void
finds_a_gap(void **state)
{
    world_t *world = *state;
    start_agent(world);
    begin_history(world);
    assert_string_equal(pass(world, "moved", "e", 11, 12)->outcome, "gap");
    assert_int_equal(where(world)->lsn, 10);
}

static void
refuses_another_history_but_for_a_snapshot(void **state)
{
    world_t *world = *state;
    start_agent(world);
    begin_history(world);
    assert_string_equal(pass(world, "moved", "other", 10, 11)->outcome, "refused");
    assert_string_equal(pass(world, "snapshot_begin", "other", 0, 5)->outcome, "applied");
    assert_string_equal(pass(world, "moved", "other", 10, 11)->outcome, "refused");
    assert_string_equal(pass(world, "snapshot_end", "other", 0, 5)->outcome, "applied");
    assert_int_equal(where(world)->lsn, 5);
    assert_string_equal(where(world)->epoch, "other");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(keeps_its_identity),
        IN_WORLD(is_who_the_settings_say),
        IN_WORLD(stands_nowhere_before_the_first_snapshot),
        IN_WORLD(follows_a_history_from_its_snapshot_on),
        IN_WORLD(answers_a_duplicate_with_the_position),
        IN_WORLD(finds_a_gap),
        IN_WORLD(refuses_another_history_but_for_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
