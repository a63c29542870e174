/*  The program's border: what it refuses, what it says, and what it exits with.  */

#include "tests/integration/world.h"

#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

/*  ----------------------------------------------------------------------- usage  */

static void
explains_every_verb(void **state)
{
    (void) state;
    static const char *const verbs[] = {"server", "agent",   "init",    "upsert",  "delete",
                                        "record", "apply",   "status",  "changes", "watch",
                                        "tap",    "history", "compare", "bench",   "help"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        outcome_t help = RUN("help", verbs[i]), option = RUN(verbs[i], "--help");
        assert_int_equal(help.status, 0);
        assert_contains(help.out, "usage: waybill");
        assert_string_equal(help.out, option.out);
        outcome_release(&help);
        outcome_release(&option);
    }
}

static void
refuses_wrong_usage(void **state)
{
    (void) state;
    assert_refused(RUN("dance"), 2, "dance: no such verb");
    assert_refused(RUN("status", "--loud"), 2, "--loud: no such option");
    assert_refused(RUN("status", "--timeout", "soon"), 2, "--timeout: \"soon\"");
    assert_refused(RUN("status", "--wait", "rich"), 2, "--wait: \"rich\"");
    assert_refused(RUN("upsert", "notes"), 2, "operands");
    assert_refused(RUN("agent", "--server", "ws://127.0.0.1:1/api/sync"), 2, "--db");
    assert_refused(RUN("agent", "--db", "/nowhere/x.db"), 2, "--server");
    assert_refused(RUN("server"), 2, "--db");
}

static void
names_file_and_line_of_a_wrong_key(void **state)
{
    (void) state;
    char *dir = directory_new(), *config = path_in(dir, "agent.conf");
    write_file(config, "agent\n    db = \"x.db\"\n    colour = \"red\"\n");
    assert_refused(RUN("agent", "--config", config), 2, "agent.conf:3");
    free(config);
    directory_destroy(&dir);
}

static void
refuses_a_missing_config_file(void **state)
{
    (void) state;
    assert_refused(RUN("agent", "--config", "/nowhere/agent.conf"), 2, "/nowhere/agent.conf");
}

static void
init_writes_what_agent_reads(void **state)
{
    (void) state;
    char *dir = directory_new(), *config = path_in(dir, "waybill.conf");
    outcome_t init = RUN("init", config);
    assert_int_equal(init.status, 0);
    outcome_release(&init);
    assert_refused(RUN("init", config), 2, "waybill.conf");
    assert_refused(RUN("agent", "--config", config), 2, "--db");
    free(config);
    directory_destroy(&dir);
}

/*  --------------------------------------------------------------------- changes  */

static void
upsert_and_delete_print_the_change_id(void **state)
{
    (void) state;
    outcome_t upsert =
        RUN("upsert", "notes", "1", "{\"title\":\"Tea\"}", "--run-dir", world.agent_dir);
    assert_int_equal(upsert.status, 0);
    assert_int_equal(strlen(upsert.out), 37);
    outcome_release(&upsert);
    outcome_t gone = RUN("delete", "notes", "1", "--run-dir", world.agent_dir);
    assert_int_equal(gone.status, 0);
    assert_int_equal(strlen(gone.out), 37);
    outcome_release(&gone);
}

static void
reads_a_row_from_standard_input(void **state)
{
    (void) state;
    outcome_t upsert = run_verb(
        "{\"title\": \"Coffee\"}",
        (const char *const[]){"upsert", "notes", "2", "-", "--run-dir", world.agent_dir, NULL});
    assert_int_equal(upsert.status, 0);
    outcome_release(&upsert);
}

static void
refuses_bad_changes_and_writes_nothing(void **state)
{
    (void) state;
    const char *dir = world.agent_dir;
    size_t before = count_changes(dir);
    assert_refused(RUN("upsert", "notes", "3", "{\"title\":", "--run-dir", dir), 1, "data");
    assert_refused(RUN("upsert", "notes", "3", "[1,2]", "--run-dir", dir), 1, "data");
    assert_refused(RUN("upsert", "notes", "3", "{\"title\":{}}", "--run-dir", dir), 1, "title");
    assert_refused(RUN("upsert", "notes", "3", "{\"colour\":1}", "--run-dir", dir), 1,
                   "colour");
    assert_refused(RUN("upsert", "dreams", "3", "{\"a\":1}", "--run-dir", dir), 1, "table");
    assert_refused(RUN("upsert", "notes", "", "{\"title\":\"x\"}", "--run-dir", dir), 1, "id");
    assert_refused(RUN("record", "notes", "steal", "3", "{\"title\":\"x\"}", "--run-dir", dir),
                   1, "operation");
    assert_refused(RUN("delete", "notes", "not there", "--run-dir", dir), 1, "id");
    assert_int_equal(count_changes(dir), before);
}

static void
apply_names_the_line_it_refuses(void **state)
{
    (void) state;
    outcome_t apply =
        run_verb("{\"changes\":[{\"table\":\"notes\",\"operation\":\"upsert\",\"id\":\"7\","
                 "\"data\":{\"title\":\"good\"}}]}\n"
                 "{\"changes\":[{\"table\":\"notes\",\"operation\":\"upsert\"}]}\n",
                 (const char *const[]){"apply", "-", "--run-dir", world.agent_dir, NULL});
    assert_int_equal(apply.status, 1);
    assert_contains(apply.err, "line 2");
    assert_contains(apply.err, "id");
    outcome_release(&apply);
}

static void
says_when_no_agent_answers(void **state)
{
    (void) state;
    assert_refused(RUN("status", "--run-dir", "/tmp/waybill-nobody"), 1, "start one with");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explains_every_verb),
        cmocka_unit_test(refuses_wrong_usage),
        cmocka_unit_test(names_file_and_line_of_a_wrong_key),
        cmocka_unit_test(refuses_a_missing_config_file),
        cmocka_unit_test(init_writes_what_agent_reads),
        cmocka_unit_test(upsert_and_delete_print_the_change_id),
        cmocka_unit_test(reads_a_row_from_standard_input),
        cmocka_unit_test(refuses_bad_changes_and_writes_nothing),
        cmocka_unit_test(apply_names_the_line_it_refuses),
        cmocka_unit_test(says_when_no_agent_answers),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
