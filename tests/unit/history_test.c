/*  How much history is kept, and how long verdicts are.  */

#include "actors/server/history.h"
#include "tests/unit/server_world.h"

/*  That many transactions of one row, one a millisecond from 1 on.  */
static void
write_history(world_t *world, int n)
{
    char sql[120];
    for (int i = 1; i <= n; i++) {
        (void) snprintf(sql, sizeof sql, "INSERT INTO todo (id, title) VALUES ('%d', 'x')", i);
        plain_sql(world, sql);
        seal(world);
    }
    plain_sql(world, "UPDATE change_log SET time = lsn - 536870912");
}

/*  Until there is nothing to forget any more.  */
static void
forget(world_t *world, history_t *history, int64_t wall_ms)
{
    const history_now_t now = {
        .settings = &world->settings, .head = world->lsn, .wall_ms = wall_ms};
    bool due = true;
    for (int i = 0; due && i < 100; i++) {
        must(world, db_begin(world->db, &world->fault));
        must(world, history_forget(history, world->db, &now, &world->fault));
        must(world, db_commit(world->db, &world->fault));
        must(world, history_look(history, world->db, &now, &due, &world->fault));
    }
    assert_false(due);
}

static void
keeps_everything_without_limits(void **state)
{
    world_t *world = *state;
    history_t history = {0};
    write_history(world, 20);
    forget(world, &history, 1000000);
    expect(world, "SELECT count(*) FROM change_log", "20");
}

static void
forgets_what_is_too_old(void **state)
{
    world_t *world = *state;
    history_t history = {0};
    write_history(world, 20);
    world->settings.stream_history_ms = 5000;
    forget(world, &history, 5011);
    expect(world, "SELECT count(*) FROM change_log", "20"); /* not for so little */
    forget(world, &history, 6012);
    expect(world, "SELECT min(time) FROM change_log", "20"); /* the newest is always kept */
}

static void
forgets_what_takes_too_many_bytes(void **state)
{
    world_t *world = *state;
    history_t history = {0};
    write_history(world, 20);
    world->settings.stream_history_bytes = 1;
    forget(world, &history, 1);
    expect(world, "SELECT count(*) FROM change_log", "1");
    world->settings.stream_history_bytes = 10000;
    write_history(world, 0);
    plain_sql(world, "INSERT INTO todo (id, title) VALUES ('y', 'y')");
    seal(world);
    forget(world, &history, 1);
    expect(world, "SELECT count(*) FROM change_log", "2");
}

static void
forgets_verdicts_after_their_time_and_no_others(void **state)
{
    world_t *world = *state;
    history_t history = {0};
    plain_sql(world,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1700)"
              " INSERT INTO client_changes (client_id, id, verdict, lsn, time)"
              " SELECT 'client' || i % 3, 'change' || i, 'applied', 1, i FROM n");
    world->settings.stream_verdicts_ms = 100000;
    for (int i = 0; i < 4; i++) {
        history.swept_at = 0;
        forget(world, &history, 101001);
    }
    expect(world, "SELECT count(*) || ' ' || min(time) FROM client_changes", "700 1001");
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(keeps_everything_without_limits),
        IN_WORLD(forgets_what_is_too_old),
        IN_WORLD(forgets_what_takes_too_many_bytes),
        IN_WORLD(forgets_verdicts_after_their_time_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
