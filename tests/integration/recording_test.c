/*  What actors of a real agent and server did, recorded and done again.  */

#include "tests/integration/query.h"
#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

static char *
tape_of(const char *actor)
{
    char *name = mem_format("%s.tape", actor);
    char *path = path_in(world.dir, name);
    free(name);
    return path;
}

static process_t *
record(const char *actor, const char *run_dir)
{
    char *path = tape_of(actor);
    process_t *recording =
        process_new(world.log, NULL,
                    (const char *const[]){"tap", "record", path, "--actor", actor, "--run-dir",
                                          run_dir, NULL});
    if (!process_await_ready(recording))
        fail_msg("%s is not recorded: see %s", actor, world.log);
    free(path);
    return recording;
}

static void
end_recording(process_t *recording)
{
    assert_int_equal(process_end(recording, SIGINT), 0);
    process_destroy(&recording);
}

/*  Each is accepted by the server before the next.  */
static void
write_some(void)
{
    for (int i = 0; i < 5; i++) {
        char id[16];
        (void) snprintf(id, sizeof id, "r%d", i);
        outcome_t written = RUN("upsert", "--wait", "--run-dir", world.agent_dir, "notes", id,
                                "{\"title\":\"recorded\"}");
        assert_int_equal(written.status, 0);
        outcome_release(&written);
    }
}

/*  Three of the agent and one of the server, all at once.  */
static int
record_session(void **state)
{
    if (start_world(state) != 0)
        return -1;
    process_t *recordings[] = {
        record("listener", world.server_dir),
        record("connection-manager", world.agent_dir),
        record("retry-manager", world.agent_dir),
        record("service", world.agent_dir),
    };
    write_some();
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", world.agent_dir);
    assert_int_equal(synced.status, 0);
    outcome_release(&synced);
    for (size_t i = 0; i < COUNT_OF(recordings); i++)
        end_recording(recordings[i]);
    return 0;
}

/*  ----------------------------------------------------------------------- done again  */

static void
assert_equal(const char *actor)
{
    char *path = tape_of(actor);
    outcome_t again = RUN("tap", "replay", path);
    if (again.status != 0)
        fail_msg("%s: %s%s", actor, again.out, again.err);
    assert_contains(again.out, "all equal");
    outcome_release(&again);
    free(path);
}

static void
a_session_replayed_makes_the_same_outputs(void **state)
{
    (void) state;
    assert_equal("connection-manager");
    assert_equal("listener");
    assert_equal("retry-manager");
    assert_equal("service");
}

static void
another_setting_is_caught_at_the_first_output_that_differs(void **state)
{
    (void) state;
    char *path = tape_of("connection-manager");
    outcome_t again =
        RUN("tap", "replay", path, "--set", "agent.server=ws://127.0.0.1:1/api/sync");
    assert_int_equal(again.status, 1);
    assert_contains(again.out, "differs");
    assert_contains(again.out, "expected: ");
    assert_contains(again.out, "got: ");
    assert_contains(again.out, "ws://127.0.0.1:1/api/sync");
    outcome_release(&again);
    free(path);
}

static void
another_actor_is_caught(void **state)
{
    (void) state;
    char *path = tape_of("service");
    outcome_t again = RUN("tap", "replay", "--json", path, "--into", "retry-manager");
    assert_int_equal(again.status, 1);
    assert_contains(again.out, "\"equal\":false");
    outcome_release(&again);
    free(path);
}

static void
a_database_must_be_given_as_a_copy(void **state)
{
    (void) state;
    end_recording(record("recorder", world.agent_dir));
    char *path = tape_of("recorder"), *db = path_in(world.dir, "agent.db");
    assert_refused(RUN("tap", "replay", path), 1, "--db COPY");
    assert_refused(RUN("tap", "replay", path, "--db", db), 1, "make a copy");
    free(path);
    free(db);
}

static void
what_was_done_in_postgres_is_not_done_again(void **state)
{
    (void) state;
    end_recording(record("client-changes", world.server_dir));
    char *path = tape_of("client-changes"), *db = path_in(world.dir, "any.db");
    assert_refused(RUN("tap", "replay", path, "--db", db, "--set",
                       "server.db=postgres://ann@127.0.0.1:1/team"),
                   1, "its database is PostgreSQL");
    free(path);
    free(db);
}

static const char same_plugin[] = PLUGINS "/tally.so";
static const char changed_plugin[] = PLUGINS "/tally_changed.so";
static const char crashing_plugin[] = PLUGINS "/crash.so";

static void
add_plugin(const char *file, const char *name)
{
    outcome_t added = RUN("plugin", "add", file, "--name", name, "--run-dir", world.agent_dir);
    if (added.status != 0)
        fail_msg("%s", added.err);
    outcome_release(&added);
}

static void
a_plug_in_with_one_constant_changed_is_caught_where_it_first_matters(void **state)
{
    (void) state;
    char *path = tape_of("tally");
    add_plugin(same_plugin, "tally");
    process_t *recording = record("tally", world.agent_dir);
    write_some();
    end_recording(recording);

    outcome_t same = RUN("tap", "replay", path, "--into", same_plugin);
    if (same.status != 0)
        fail_msg("%s%s", same.out, same.err);
    assert_contains(same.out, "all equal");
    outcome_release(&same);
    outcome_t changed = RUN("tap", "replay", path, "--into", changed_plugin);
    assert_int_equal(changed.status, 1);
    assert_contains(changed.out, "tally 3\"");
    assert_contains(changed.out, "tally 12\"");
    assert_contains(changed.out, "changes_processed recorder -> tally");
    outcome_release(&changed);
    assert_refused(RUN("tap", "replay", path), 1, "--into");
    assert_refused(RUN("tap", "replay", path, "--into", crashing_plugin), 1, "crash.so");
    free(path);
}

/*  ------------------------------------------------------------------------- refused  */

static void
a_recording_that_was_cut_off_is_refused(void **state)
{
    (void) state;
    char *path = tape_of("service"), *cut = path_in(world.dir, "cut.tape");
    char *command = mem_format("head -c 2000 %s > %s", path, cut);
    assert_int_equal(system(command), 0); /* NOLINT: paths of our own making */
    assert_refused(RUN("tap", "replay", cut), 1, "cut.tape");
    write_file(cut, "something else altogether");
    assert_refused(RUN("tap", "replay", cut), 1, "it is not a recording");
    free(command);
    free(path);
    free(cut);
}

static void
nothing_is_written_over_and_nobody_unknown_recorded(void **state)
{
    (void) state;
    char *path = tape_of("service"), *fresh = tape_of("nobody");
    assert_refused(RUN("tap", "record", path, "--actor", "service", "--for", "1s", "--run-dir",
                       world.agent_dir),
                   1, "exists");
    assert_refused(RUN("tap", "record", fresh, "--actor", "nobody", "--for", "1s", "--run-dir",
                       world.agent_dir),
                   1, "nobody");
    assert_refused(RUN("tap", "record", fresh, "--actor", "service", "--for", "soon",
                       "--run-dir", world.agent_dir),
                   2, "soon");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    free(path);
    free(fresh);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_replayed_makes_the_same_outputs),
        cmocka_unit_test(another_setting_is_caught_at_the_first_output_that_differs),
        cmocka_unit_test(another_actor_is_caught),
        cmocka_unit_test(a_database_must_be_given_as_a_copy),
        cmocka_unit_test(what_was_done_in_postgres_is_not_done_again),
        cmocka_unit_test(a_plug_in_with_one_constant_changed_is_caught_where_it_first_matters),
        cmocka_unit_test(a_recording_that_was_cut_off_is_refused),
        cmocka_unit_test(nothing_is_written_over_and_nobody_unknown_recorded),
    };
    return cmocka_run_group_tests(tests, record_session, stop_world);
}
