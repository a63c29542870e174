/*  The clock that changes are stamped with: it never falls, and is after all it has seen.  */

#include "tests/unit/agent_sim.h"

static int64_t
stamp_of(world_t *world, const char *id)
{
    char sql[120];
    (void) snprintf(sql, sizeof sql, "SELECT timestamp FROM local_changes WHERE id = '%s'", id);
    return atoll(text_of(world, sql));
}

static void
apply_version(world_t *world, uint64_t lsn, int64_t updated_at)
{
    server_change_t change =
        server_change(world, "insert", lsn, "{\"id\": \"a\", \"title\": \"Tea\"}");
    change.updated_at = updated_at;
    const changes_applied_t *applied = ASK(
        world, "lsn-manager", server_changes, changes_applied, .phase = "live", .epoch = "e",
        .prev = lsn - 1, .lsn = lsn, .last = true, .changes = &change, .n_changes = 1);
    assert_string_equal(applied->outcome, "applied");
}

static void
is_after_every_version_that_was_seen(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    const int64_t wall = stamp_of(world, write_one(world, "insert", "b", "{}"));
    apply_version(world, 11, wall + 30000);
    const char *id = write_one(world, "update", "a", "{\"title\": \"Milk\"}");
    assert_int_equal(stamp_of(world, id), wall + 30001);
}

static void
remembers_what_it_saw_over_a_restart(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    begin_history(world);
    const int64_t wall = stamp_of(world, write_one(world, "insert", "b", "{}"));
    apply_version(world, 11, wall + 30000);
    sim_crash(world->sim, world->node);
    start_agent(world);
    const char *id = write_one(world, "update", "a", "{\"title\": \"Milk\"}");
    assert_int_equal(stamp_of(world, id), wall + 30001);
}

static void
learns_the_newest_version_from_a_snapshot(void **state)
{
    world_t *world = *state;
    start_with_todo(world);
    const int64_t wall = stamp_of(world, write_one(world, "insert", "b", "{}"));
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_begin",
               .epoch = "e", .lsn = 10, .last = true);
    (void) ASK(world, "lsn-manager", server_changes, changes_applied, .phase = "snapshot_end",
               .epoch = "e", .lsn = 10, .last = true, .clock = wall + 45000);
    assert_int_equal(stamp_of(world, write_one(world, "insert", "c", "{}")), wall + 45001);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(is_after_every_version_that_was_seen),
        IN_WORLD(remembers_what_it_saw_over_a_restart),
        IN_WORLD(learns_the_newest_version_from_a_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
