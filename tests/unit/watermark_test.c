/*  The watermark: a server knows an older copy of its database before anybody asks.  */

#include "actors/server/watermark.h"
#include "tests/unit/server_sim.h"

static void
write_mark(world_t *world, const char *text)
{
    char *path = mem_format("%s-mark", world->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    free(path);
}

static bool
is_older(world_t *world)
{
    const log_head_t head = {.epoch = "019b76da-a800-7000-a9c9-b34bb1ae2a6a", .lsn = 100};
    bool older = true;
    fault_t fault = {0};
    if (watermark_check(world->path, &head, &older, &fault) != OK)
        fail_msg("%s", fault.text);
    return older;
}

static void
tells_by_the_position_of_the_same_epoch(void **state)
{
    world_t *world = *state;
    assert_false(is_older(world)); /* there is none */
    write_mark(world, "019b76da-a800-7000-a9c9-b34bb1ae2a6a                  100\n");
    assert_false(is_older(world));
    write_mark(world, "019b76da-a800-7000-a9c9-b34bb1ae2a6a                  101\n");
    assert_true(is_older(world));
    write_mark(world, "019b76da-ffff-7000-a9c9-b34bb1ae2a6a                  101\n");
    assert_false(is_older(world));
}

static void
believes_no_nonsense(void **state)
{
    static const char *const nonsense[] = {"",
                                           "\n",
                                           "019b76da",
                                           "1 2",
                                           "x x x x",
                                           "019b76da-a800-7000-a9c9-b34bb1ae2a6a\n",
                                           "019b76da-a800-7000-a9c9-b34bb1ae2a6a -\n"};
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        write_mark(*state, nonsense[i]);
        assert_false(is_older(*state));
    }
}

static void
is_read_as_it_was_written(void **state)
{
    world_t *world = *state;
    int fd = -1;
    fault_t fault = {0};
    const log_head_t head = {.epoch = "019b76da-a800-7000-a9c9-b34bb1ae2a6a", .lsn = 101};
    assert_int_equal(watermark_open(world->path, &fd, &fault), OK);
    assert_int_equal(watermark_raise(fd, &head, &fault), OK);
    assert_true(is_older(world));
    assert_int_equal(watermark_raise(fd, &(log_head_t){.epoch = "other", .lsn = 7}, &fault),
                     OK);
    assert_false(is_older(world));
    (void) close(fd);
}

static void
follows_no_link(void **state)
{
    world_t *world = *state;
    char *path = mem_format("%s-mark", world->path);
    int fd = -1;
    fault_t fault = {0};
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(watermark_open(world->path, &fd, &fault), ERR_IO);
    free(path);
}

static void
copy(const char *from, const char *to)
{
    char *command = mem_format("cp %s %s", from, to);
    assert_int_equal(system(command), 0);
    free(command);
}

static const char *
epoch_of(world_t *world, char epoch[UUID_TEXT])
{
    const head_t *head = ASK(world, "distributor", head_get, head);
    (void) snprintf(epoch, UUID_TEXT, "%s", head->epoch);
    return epoch;
}

/*  Clients that have come no further than the copy would not notice.  */
static void
begins_another_history_for_an_older_copy(void **state)
{
    world_t *world = *state;
    char first[UUID_TEXT];
    char second[UUID_TEXT];
    char *older = mem_format("%s.older", world->path);
    start_server(world);
    (void) insert_todo(world, "one", "a");
    sim_crash(world->sim, world->node);
    foreign_sql(world, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy(world->path, older);
    start_server(world);
    (void) insert_todo(world, "one", "b");
    sim_run_ms(world->sim, 5000);
    (void) epoch_of(world, first);
    sim_crash(world->sim, world->node);
    start_server(world);
    assert_string_equal(epoch_of(world, second), first);
    sim_crash(world->sim, world->node);
    foreign_sql(world, "PRAGMA wal_checkpoint(TRUNCATE)");
    copy(older, world->path);
    start_server(world);
    assert_string_not_equal(epoch_of(world, second), first);
    (void) unlink(older);
    free(older);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(tells_by_the_position_of_the_same_epoch),
        IN_WORLD(believes_no_nonsense),
        IN_WORLD(is_read_as_it_was_written),
        IN_WORLD(follows_no_link),
        IN_WORLD(begins_another_history_for_an_older_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
