/*  The watch on the write-ahead log: it wakes when any program has written to the log.  */

#include "actors/common/wal_watch.h"
#include "tests/unit/server_world.h"

#include <poll.h>

enum { GENEROUS_MS = 10000 };

static bool
wakes(int fd, int timeout_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, timeout_ms) == 1;
}

static void
wakes_when_a_foreign_program_commits(void **state)
{
    world_t *world = *state;
    int fd = -1;
    must(world, wal_watch_open(world->path, &fd, &world->fault));
    assert_false(wakes(fd, 0));
    plain_sql(world, "INSERT INTO todo (id) VALUES ('a')");
    assert_true(wakes(fd, GENEROUS_MS));
    wal_watch_clear(fd);
    assert_false(wakes(fd, 0));
    (void) close(fd);
}

static void
does_not_wake_for_a_reader(void **state)
{
    world_t *world = *state;
    int fd = -1;
    must(world, wal_watch_open(world->path, &fd, &world->fault));
    plain_sql(world, "SELECT * FROM todo");
    assert_false(wakes(fd, 0));
    (void) close(fd);
}

static void
says_what_cannot_be_watched(void **state)
{
    fault_t fault = {0};
    int fd = 0;
    (void) state;
    assert_int_equal(wal_watch_open("/nowhere/at-all", &fd, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, "/nowhere/at-all-wal"));
    assert_int_equal(fd, -1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(wakes_when_a_foreign_program_commits),
        WITH_WORLD(does_not_wake_for_a_reader),
        cmocka_unit_test(says_what_cannot_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
