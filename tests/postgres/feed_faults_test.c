/*  feed_faults_test - the feed, and what can happen to a database under it: slots that are gone
   or lost, older copies, promotions, crashes.  */

#include "tests/postgres/feed_world.h"

static const char todo_sql[] = "CREATE TABLE todo (id TEXT PRIMARY KEY, data TEXT)";

typedef struct before {
    char epoch[UUID_TEXT];
    int64_t floor;
    int64_t captured;
} before_t;

static before_t
remember(world_t *world)
{
    before_t before;
    rows_of(world, "SELECT epoch FROM waybill_head", &world->seen);
    (void) snprintf(before.epoch, sizeof before.epoch, "%s", buffer_text(&world->seen));
    before.floor = cached_number(world, "SELECT floor FROM waybill_head");
    before.captured = cached_number(world, "SELECT captured FROM waybill_head");
    return before;
}

/*  Clients of before get a snapshot, and keep what they have not sent yet.  */
static void
assert_same_epoch_filled_again(world_t *world, const before_t *before)
{
    const before_t now = remember(world);
    assert_string_equal(now.epoch, before->epoch);
    assert_true(now.floor > before->captured);
}

static void
assert_another_epoch(world_t *world, const before_t *before)
{
    const before_t now = remember(world);
    assert_string_not_equal(now.epoch, before->epoch);
    expect(world, "SELECT floor > 0 FROM waybill_head", "1");
}

/*  SQL with the name of the slot in place of SLOT.  */
static char *
of_slot(const world_t *world, const char *sql)
{
    buffer_t text = {0};
    for (const char *at = sql; *at != '\0';) {
        const char *place = strstr(at, "SLOT");
        const size_t size = place != NULL ? (size_t) (place - at) : strlen(at);
        buffer_add(&text, at, size);
        if (place != NULL)
            buffer_add_format(&text, "'waybill_%s'", world->name);
        at += size + (place != NULL ? strlen("SLOT") : 0);
    }
    char *made = mem_text(buffer_text(&text));
    buffer_release(&text);
    return made;
}

static void
run_on_slot(world_t *world, const char *sql)
{
    char *text = of_slot(world, sql);
    run(world, text);
    free(text);
}

/*  The server is gone, and the database has noticed.  */
static void
kill_server(world_t *world)
{
    sim_crash(world->sim, world->node);
    char *sql = of_slot(world, "SELECT NOT active FROM pg_replication_slots"
                               " WHERE slot_name = SLOT");
    database_await(world->database, sql);
    free(sql);
}

/*  With rows a and b, one copied and one followed.  */
static before_t
follow_two_rows(world_t *world)
{
    run(world, todo_sql);
    start_with(world, "INSERT INTO todo (id) VALUES ('a')");
    run(world, "INSERT INTO todo (id) VALUES ('b')");
    follow(world);
    return remember(world);
}

typedef struct question {
    world_t *world;
    const char *sql;
    const char *expected;
} question_t;

static bool
is_in_cache(void *arg)
{
    const question_t *question = arg;
    sim_run_ms(question->world->sim, LOOK_MS);
    rows_of(question->world, question->sql, &question->world->seen);
    return strcmp(buffer_text(&question->world->seen), question->expected) == 0;
}

static void
await_cache(world_t *world, const char *sql, const char *expected)
{
    question_t question = {world, sql, expected};
    await_true(is_in_cache, &question, sql);
}

static void
rename_history(world_t *world)
{
    run(world, "UPDATE waybill.identity SET epoch = '33333333-3333-7333-8333-333333333333'");
}

/*  ------------------------------------------------------------------ slots  */

static void
a_slot_dropped_on_purpose_keeps_the_epoch(void **state)
{
    world_t *world = *state;
    const before_t before = follow_two_rows(world);
    kill_server(world);
    run_on_slot(world, "UPDATE waybill.servers SET dropped = true;"
                       "SELECT pg_drop_replication_slot(SLOT)");
    run(world, "INSERT INTO todo (id) VALUES ('c'); DELETE FROM todo WHERE id = 'a'");
    start_server(world);
    follow(world);
    expect(world, "SELECT id FROM todo ORDER BY id", "b c");
    assert_same_epoch_filled_again(world, &before);
    assert_int_equal(
        database_number(world->database, "SELECT count(*) FROM waybill.servers WHERE dropped"),
        0);
}

static void
a_slot_that_vanished_is_another_epoch(void **state)
{
    world_t *world = *state;
    const before_t before = follow_two_rows(world);
    kill_server(world);
    run_on_slot(world, "SELECT pg_drop_replication_slot(SLOT)");
    run(world, "DELETE FROM todo WHERE id = 'a'");
    start_server(world);
    follow(world);
    expect(world, "SELECT id FROM todo", "b");
    assert_another_epoch(world, &before);
}

static void
a_lost_slot_keeps_the_epoch(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER("--set", "max_slot_wal_keep_size=1MB");
    world_t *world = world_in(cluster);
    const before_t before = follow_two_rows(world);
    kill_server(world);
    for (int i = 0; i < 4; i++)
        run(world, "INSERT INTO todo SELECT 'x' || clock_timestamp(); SELECT pg_switch_wal()");
    run(world, "CHECKPOINT");
    char *sql = of_slot(world, "SELECT count(*) FROM pg_replication_slots"
                               " WHERE slot_name = SLOT AND wal_status = 'lost'");
    assert_int_equal(database_number(world->database, sql), 1);
    start_server(world);
    follow(world);
    expect(world, "SELECT count(*) FROM todo", "6");
    assert_same_epoch_filled_again(world, &before);
    free(sql);
    world_destroy(world);
    cluster_destroy(&cluster);
}

/*  -------------------------------------------------------------- databases  */

static void
goes_on_after_the_database_crashed(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER(NULL);
    world_t *world = world_in(cluster);
    const before_t before = follow_two_rows(world);
    cluster_stop(cluster, true);
    sim_run_ms(world->sim, 1000);
    expect(world, "SELECT id FROM todo ORDER BY id", "a b");
    cluster_start(cluster);
    database_await(world->database, "SELECT true");
    run(world, "INSERT INTO todo (id) VALUES ('c')");
    await_cache(world, "SELECT id FROM todo ORDER BY id", "a b c");
    expect(world, "SELECT count(*) FROM change_log", "2");
    assert_string_equal(remember(world).epoch, before.epoch);
    world_destroy(world);
    cluster_destroy(&cluster);
}

/*  The address is the other cluster's from now on, as if that had taken its place.  */
static void
put_in_place(world_t *world, cluster_t *cluster, database_t **place)
{
    *place = database_open(cluster, world->database->name);
    world->settings.server_db = (*place)->address;
}

/*  Until the cache has what the other database has.  */
static void
follow_other(world_t *world, database_t *place, const char *rows)
{
    database_run(place, "INSERT INTO todo (id) VALUES ('new')");
    await_cache(world, "SELECT id FROM todo ORDER BY id", rows);
}

static void
a_base_backup_is_another_epoch(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER(NULL);
    world_t *world = world_in(cluster);
    database_t *place = NULL;
    const before_t before = follow_two_rows(world);
    cluster_t *backup = CLUSTER("--copy-of", cluster->dir);
    run(world, "INSERT INTO todo (id) VALUES ('lost')");
    follow(world);
    sim_crash(world->sim, world->node);
    put_in_place(world, backup, &place);
    start_server(world);
    follow_other(world, place, "a b new");
    assert_another_epoch(world, &before);
    database_destroy(&place);
    world_destroy(world);
    cluster_destroy(&backup);
    cluster_destroy(&cluster);
}

static void
a_promoted_standby_is_another_epoch(void **state)
{
    (void) state;
    cluster_t *cluster = CLUSTER(NULL);
    world_t *world = world_in(cluster);
    database_t *place = NULL;
    cluster_t *standby = CLUSTER("--copy-of", cluster->dir, "--standby");
    const before_t before = follow_two_rows(world);
    put_in_place(world, standby, &place);
    database_await(place, "SELECT count(*) = 2 FROM todo");
    sim_crash(world->sim, world->node);
    cluster_stop(cluster, true);
    cluster_promote(standby);
    database_await(place, "SELECT NOT pg_is_in_recovery()");
    start_server(world);
    follow_other(world, place, "a b new");
    assert_another_epoch(world, &before);
    cluster_start(cluster);
    database_destroy(&place);
    world_destroy(world);
    cluster_destroy(&standby);
    cluster_destroy(&cluster);
}

static void
a_schema_that_was_dropped_is_another_epoch(void **state)
{
    world_t *world = *state;
    const before_t before = follow_two_rows(world);
    kill_server(world);
    run(world, "DROP SCHEMA waybill CASCADE; DELETE FROM todo WHERE id = 'a'");
    start_server(world);
    follow(world);
    expect(world, "SELECT id FROM todo", "b");
    assert_another_epoch(world, &before);
}

static void
follows_where_another_server_began_a_new_history(void **state)
{
    world_t *world = *state;
    const before_t before = follow_two_rows(world);
    rename_history(world);
    await_cache(world, "SELECT epoch FROM waybill_head",
                "33333333-3333-7333-8333-333333333333");
    assert_another_epoch(world, &before);
    run(world, "INSERT INTO todo (id) VALUES ('c')");
    follow(world);
    expect(world, "SELECT id FROM todo ORDER BY id", "a b c");
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_slot_dropped_on_purpose_keeps_the_epoch),
        IN_WORLD(a_slot_that_vanished_is_another_epoch),
        cmocka_unit_test(a_lost_slot_keeps_the_epoch),
        cmocka_unit_test(goes_on_after_the_database_crashed),
        cmocka_unit_test(a_base_backup_is_another_epoch),
        cmocka_unit_test(a_promoted_standby_is_another_epoch),
        IN_WORLD(a_schema_that_was_dropped_is_another_epoch),
        IN_WORLD(follows_where_another_server_began_a_new_history),
    };
#undef IN_WORLD
    return cmocka_run_group_tests(tests, NULL, NULL);
}
