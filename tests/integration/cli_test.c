/*  The program's border: what it refuses, what it says, and what it exits with.  */

#include "tests/integration/world.h"

#include <sqlite3.h>
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
                                        "tap",    "history", "compare", "bench",   "help",
                                        "retry",  "skip",    "discard", "logs",    "plugin"};
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
    assert_refused(RUN("help", "tap", "dance"), 2, "dance: no such verb");
    assert_refused(RUN("help", "status", "tap"), 2, "tap: no such verb");
    assert_refused(RUN("status", "--loud"), 2, "--loud: no such option");
    assert_refused(RUN("status", "--timeout", "soon"), 2, "--timeout: \"soon\"");
    assert_refused(RUN("status", "--wait", "rich"), 2, "--wait: \"rich\"");
    assert_refused(RUN("upsert", "notes"), 2, "operands");
    assert_refused(RUN("agent", "--server", "ws://127.0.0.1:1/api/sync"), 2, "--db");
    assert_refused(RUN("agent", "--db", "/nowhere/x.db"), 2, "--server");
    assert_refused(RUN("server"), 2, "--db");
}

static void
refuses_a_postgres_address_that_makes_no_sense(void **state)
{
    static const char fine[] = "postgres://ann@127.0.0.1:1/team";
    (void) state;
    outcome_t odd = RUN("server", "--db", "postgres://ann:hu@sh@db/team");
    assert_null(strstr(odd.err, "sh@"));
    assert_refused(odd, 2, "server.db");
    assert_refused(RUN("server", "--db", fine, "--cache", ""), 2, "--cache");
    assert_refused(RUN("server", "--db", fine, "--schema", "x.sql"), 2, "--schema");
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

/*  While it is on its way again it cannot be skipped; in the end it waits for a person.  */
static bool
skips(const char *id)
{
    for (int i = 0; i < 2000; i++) {
        outcome_t skipped =
            RUN("skip", "--reason", "no use", "--all", "--run-dir", world.agent_dir);
        const bool done = skipped.status == 0 && strstr(skipped.out, id) != NULL;
        outcome_release(&skipped);
        if (done)
            return true;
    }
    return false;
}

static void
waits_for_the_verdict_and_lets_a_person_decide(void **state)
{
    (void) state;
    const char *dir = world.agent_dir;
    outcome_t applied = RUN("upsert", "notes", "40", "{\"title\":\"Tea\"}", "--wait",
                            "--timeout", "60000", "--run-dir", dir);
    assert_int_equal(applied.status, 0);
    assert_string_equal(applied.out + 36, " applied\n");
    outcome_release(&applied);
    outcome_t refused = RUN("record", "notes", "update", "41", "{\"title\":\"Tea\"}", "--wait",
                            "--timeout", "60000", "--run-dir", dir);
    assert_int_equal(refused.status, 3);
    assert_contains(refused.out, " failed ENTITY_NOT_FOUND: ");
    refused.out[36] = '\0';
    assert_refused(RUN("skip", refused.out, "--run-dir", dir), 2, "--reason");
    outcome_t shown = RUN("changes", "--id", refused.out, "--run-dir", dir);
    assert_contains(shown.out, "attempt 1  ENTITY_NOT_FOUND: ");
    outcome_release(&shown);
    assert_true(skips(refused.out));
    assert_refused(RUN("retry", refused.out, "--run-dir", dir), 1, "done already");
    outcome_release(&refused);
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
    assert_refused(RUN("delete", "notes", "not there", "--run-dir", dir), 1, "not there");
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
    assert_contains(apply.err, "1 transactions are recorded");
    outcome_release(&apply);
}

static void
says_when_no_agent_answers(void **state)
{
    (void) state;
    assert_refused(RUN("status", "--run-dir", "/tmp/waybill-nobody"), 1, "start one with");
}

/*  --------------------------------------------------------------- history, compare  */

static outcome_t
run_history(const char *log)
{
    return run_verb(log, (const char *const[]){"history", "-", NULL});
}

static void
history_follows_each_commit(void **state)
{
    (void) state;
    outcome_t outcome = run_history("commit c0ffee 12 me@home\n\n"
                                    ":000000 100644 0 b1 A\tread me\n"
                                    ":000000 100644 0 b2 A\tMakefile\n"
                                    "commit c0ffef 13 me@home\n\n"
                                    ":100644 100755 b1 b3 M\tread me\n"
                                    ":100644 120000 b1 b3 T\tlink\n"
                                    ":100644 000000 b2 0 D\tMakefile\n"
                                    "commit c0fff0 14 me@home\n");
    assert_int_equal(outcome.status, 0);
    assert_int_equal(count_lines(outcome.out), 2);
    assert_contains(outcome.out, "\"operation\":\"insert\",\"id\":\"read me\"");
    assert_contains(outcome.out, "\"mode\":\"100755\"");
    assert_contains(outcome.out, "\"operation\":\"update\",\"id\":\"link\"");
    assert_contains(outcome.out, "\"operation\":\"delete\",\"id\":\"Makefile\"}");
    assert_contains(outcome.out, "\"updated_at\":13000");
    outcome_release(&outcome);
}

static void
history_reads_quoted_paths(void **state)
{
    (void) state;
    outcome_t outcome = run_history("commit c0ffee 12 me@home\n"
                                    ":000000 100644 0 b1 A\t\"a\\303\\244\\tb\\\"\"\n"
                                    ":000000 100644 0 b1 A\t\"\\377\"\n");
    assert_int_equal(outcome.status, 0);
    assert_contains(outcome.out, "\"id\":\"a\303\244\\tb\\\"\"");
    assert_contains(outcome.out, "\"id\":\"\\\"\\\\377\\\"\""); /* not UTF-8: as quoted */
    outcome_release(&outcome);
}

static void
history_splits_a_very_large_commit(void **state)
{
    (void) state;
    buffer_t log = {0};
    buffer_add_text(&log, "commit c0ffee 12 me@home\n");
    for (int i = 0; i < 12000; i++)
        buffer_add_format(&log, ":100644 000000 b1 0 D\tpath/%d\n", i);
    outcome_t outcome = run_history(buffer_text(&log));
    assert_int_equal(outcome.status, 0);
    assert_int_equal(count_lines(outcome.out), 3);
    buffer_release(&log);
    outcome_release(&outcome);
}

static void
history_refuses_what_is_none(void **state)
{
    (void) state;
    static const char *const logs[] = {
        "hello\n",
        ":000000 100644 0 b1 A\tbefore any commit\n",
        "commit c0ffee 12 me\n:000000 100644 0 b1 X\tunknown\n",
        "commit c0ffee 12 me\n:000000 100644 0 b1 A\t\"open\n",
        "commit c0ffee 12 me\n:000000 100644 0 b1 A\n",
    };
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        outcome_t outcome = run_history(logs[i]);
        assert_int_equal(outcome.status, 1);
        assert_contains(outcome.err, i == 0 || i == 1 ? "line 1" : "line 2");
        outcome_release(&outcome);
    }
}

static void
fill(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_open(path, &db);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
compare_tells_equal_from_different(void **state)
{
    (void) state;
    char *dir = directory_new(), *a = path_in(dir, "a.db"), *b = path_in(dir, "b.db");
    fill(a,
         "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'one'), (2, 2)");
    fill(b,
         "CREATE TABLE t (x, id INTEGER PRIMARY KEY); INSERT INTO t VALUES (2, 2), ('one', 1)");
    outcome_t equal = RUN("compare", a, b);
    assert_int_equal(equal.status, 0);
    assert_contains(equal.out, "all equal: 2 databases, 2 rows each");

    fill(b, "UPDATE t SET x = 'two' WHERE id = 2; DELETE FROM t WHERE id = 1;"
            "INSERT INTO t VALUES (NULL, 3); CREATE TABLE u (id INTEGER PRIMARY KEY)");
    outcome_t different = RUN("compare", a, b);
    assert_int_equal(different.status, 1);
    assert_contains(different.out, "t 1: only in");
    assert_contains(different.out, "t 2: x is '2' in");
    assert_contains(different.out, "t 3: only in");
    assert_contains(different.out, "u: a table of");
    assert_contains(different.out, "different: 4 differences");
    outcome_release(&equal);
    outcome_release(&different);
    free(a);
    free(b);
    directory_destroy(&dir);
}

static void
compare_leaves_out_the_columns_that_it_is_told(void **state)
{
    (void) state;
    char *dir = directory_new(), *a = path_in(dir, "a.db"), *b = path_in(dir, "b.db");
    fill(a, "CREATE TABLE t (id INTEGER PRIMARY KEY, x, y); INSERT INTO t VALUES (1, 2, 3)");
    fill(b, "CREATE TABLE t (id INTEGER PRIMARY KEY, y); INSERT INTO t VALUES (1, 3)");
    outcome_t equal = RUN("compare", "--except", "t.x", a, b);
    assert_int_equal(equal.status, 0);
    outcome_t different = RUN("compare", "--except", "t.y", a, b);
    assert_int_equal(different.status, 1);
    outcome_release(&equal);
    outcome_release(&different);
    free(a);
    free(b);
    directory_destroy(&dir);
}

static void
compare_refuses_what_is_no_database(void **state)
{
    (void) state;
    assert_refused(RUN("compare", "/nowhere/a.db", "/nowhere/b.db"), 2, "/nowhere/a.db");
}

static void
what_only_an_agent_knows_is_not_asked_of_a_server(void **state)
{
    (void) state;
    assert_refused(RUN("changes", "--run-dir", world.server_dir), 1, "this is not an agent");
    assert_refused(RUN("status", "--wait", "live", "--run-dir", world.server_dir), 1,
                   "this is not an agent");
    assert_refused(RUN("tap", "why", "01a1ffaf-db53-7000-a297-cf0a621134c8", "--run-dir",
                       world.server_dir),
                   1, "this is not an agent");
}

static void
status_tells_how_a_server_stands(void **state)
{
    (void) state;
    outcome_t text = RUN("status", "--run-dir", world.server_dir);
    assert_contains(text.out, "running: clients are served");
    assert_contains(text.out, "server.db");
    outcome_t json = RUN("status", "--json", "--run-dir", world.server_dir);
    assert_contains(json.out, "\"listen\":");
    assert_int_equal(text.status + json.status, 0);
    outcome_release(&text);
    outcome_release(&json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explains_every_verb),
        cmocka_unit_test(refuses_wrong_usage),
        cmocka_unit_test(refuses_a_postgres_address_that_makes_no_sense),
        cmocka_unit_test(names_file_and_line_of_a_wrong_key),
        cmocka_unit_test(refuses_a_missing_config_file),
        cmocka_unit_test(init_writes_what_agent_reads),
        cmocka_unit_test(upsert_and_delete_print_the_change_id),
        cmocka_unit_test(waits_for_the_verdict_and_lets_a_person_decide),
        cmocka_unit_test(reads_a_row_from_standard_input),
        cmocka_unit_test(refuses_bad_changes_and_writes_nothing),
        cmocka_unit_test(apply_names_the_line_it_refuses),
        cmocka_unit_test(says_when_no_agent_answers),
        cmocka_unit_test(history_follows_each_commit),
        cmocka_unit_test(history_reads_quoted_paths),
        cmocka_unit_test(history_splits_a_very_large_commit),
        cmocka_unit_test(history_refuses_what_is_none),
        cmocka_unit_test(compare_tells_equal_from_different),
        cmocka_unit_test(compare_leaves_out_the_columns_that_it_is_told),
        cmocka_unit_test(compare_refuses_what_is_no_database),
        cmocka_unit_test(what_only_an_agent_knows_is_not_asked_of_a_server),
        cmocka_unit_test(status_tells_how_a_server_stands),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
