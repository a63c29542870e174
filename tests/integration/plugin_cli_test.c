/*  Plug-ins from the command line and from the config file, as a person has them.  */

#include "tests/integration/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

#define WORKER PLUGINS "/worker.so"

/*  A server whose config file says this about plug-ins.  */
typedef struct place {
    char *dir, *run, *log, *config, *db;
    process_t *server;
} place_t;

static void
place_open(place_t *self, const char *plugins)
{
    self->dir = directory_new();
    self->run = path_in(self->dir, "run");
    self->log = path_in(self->dir, "log");
    self->config = path_in(self->dir, "server.conf");
    self->db = path_in(self->dir, "server.db");
    write_file(self->config, plugins);
    self->server = process_new(self->log, NULL,
                               (const char *const[]){"server", "--config", self->config, "--db",
                                                     self->db, "--listen", "127.0.0.1:0",
                                                     "--run-dir", self->run, NULL});
}

static void
place_close(place_t *self)
{
    char **texts[] = {&self->run, &self->log, &self->config, &self->db};
    process_destroy(&self->server);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        free(*texts[i]);
    directory_destroy(&self->dir);
}

static void
assert_said(outcome_t outcome, const char *part)
{
    if (outcome.status != 0)
        fail_msg("%s", outcome.err);
    assert_contains(outcome.out, part);
    outcome_release(&outcome);
}

static void
a_plugin_of_the_config_file_runs(void **state)
{
    (void) state;
    static const char *const ways[] = {"thread", "process"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        place_t place;
        char *config = mem_format("plugins\n    my-worker\n        file = \"%s\"\n"
                                  "        isolation = %s\n        colour = blue\n",
                                  WORKER, ways[i]);
        place_open(&place, config);
        assert_true(process_await_ready(place.server));
        assert_said(RUN("plugin", "list", "--run-dir", place.run), "my-worker");
        assert_said(RUN("plugin", "list", "--run-dir", place.run), ways[i]);
        assert_int_equal(process_end(place.server, SIGTERM), 0);
        place_close(&place);
        free(config);
    }
}

/*  Nothing starts, and the one complaint names plug-in and key.  */
static void
assert_not_started(const char *settings, const char *part)
{
    place_t place;
    char *config =
        mem_format("plugins\n    my-worker\n        file = \"%s\"\n%s", WORKER, settings);
    place_open(&place, config);
    assert_false(process_await_ready(place.server));
    assert_int_equal(process_end(place.server, 0), 2);
    FILE *log = fopen(place.log, "r");
    char text[2000] = "";
    assert_non_null(log);
    assert_true(fread(text, 1, sizeof text - 1, log) > 0);
    fclose(log);
    assert_contains(text, part);
    place_close(&place);
    free(config);
}

static void
what_is_wrong_in_the_config_file_is_told_before_anything_starts(void **state)
{
    (void) state;
    assert_not_started("        taste = sour\n", "plugins.my-worker.taste");
    assert_not_started("        size = large\n", "plugins.my-worker.size is \"large\"");
    assert_not_started("        isolation = jail\n", "isolation is \"jail\"");
    assert_not_started("    other\n        isolation = thread\n",
                       "plugins.other.file: it is missing");
    assert_not_started("    listener\n        file = \"" WORKER "\"\n",
                       "plugins.listener: an actor is called so already");
}

static void
plugins_are_added_and_removed_while_it_runs(void **state)
{
    (void) state;
    place_t place;
    place_open(&place, "");
    assert_true(process_await_ready(place.server));
    const char *run = place.run;
    assert_said(
        RUN("plugin", "add", WORKER, "--name", "one", "--set", "colour=blue", "--run-dir", run),
        "one 1.2 is ready");
    assert_refused(RUN("plugin", "add", WORKER, "--name", "one", "--run-dir", run), 1,
                   "an actor is called so already");
    assert_refused(
        RUN("plugin", "add", WORKER, "--name", "two", "--set", "taste=sour", "--run-dir", run),
        1, "plugins.two.taste");
    assert_refused(RUN("plugin", "add", PLUGINS "/crash.so", "--name", "two", "--run-dir", run),
                   1, "it crashed (SIGSEGV)");
    assert_said(RUN("plugin", "add", WORKER, "--name", "two", "--isolation", "process",
                    "--run-dir", run),
                "two 1.2 is ready");
    assert_said(RUN("plugin", "list", "--json", "--run-dir", run), "\"kind\":\"process\"");
    assert_said(RUN("plugin", "remove", "one", "--run-dir", run), "");
    assert_said(RUN("plugin", "remove", "two", "--run-dir", run), "");
    assert_refused(RUN("plugin", "remove", "two", "--run-dir", run), 1, "no such plug-in");
    assert_refused(RUN("plugin", "remove", "listener", "--run-dir", run), 1,
                   "it is no plug-in");
    assert_int_equal(process_end(place.server, SIGTERM), 0);
    place_close(&place);
}

static void
inspect_shows_a_manifest_or_says_why_not(void **state)
{
    (void) state;
    assert_said(RUN("plugin", "inspect", WORKER), "worker 1.2: Does what it is told");
    assert_said(RUN("plugin", "inspect", "--json", WORKER), "\"name\":\"worker\"");
    assert_refused(RUN("plugin", "inspect", PLUGINS "/wrong_major.so"), 1, "major is 1 here");
    assert_refused(RUN("plugin", "inspect", PLUGINS "/hang.so"), 1, "within 5.0 s");
    assert_refused(RUN("plugin", "inspect", "/no/such.so"), 1, "No such file");
    assert_refused(RUN("plugin", "dance"), 2, "plugin has no such verb");
    assert_refused(RUN("plugin"), 2, "which verb? list, add");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_of_the_config_file_runs),
        cmocka_unit_test(what_is_wrong_in_the_config_file_is_told_before_anything_starts),
        cmocka_unit_test(plugins_are_added_and_removed_while_it_runs),
        cmocka_unit_test(inspect_shows_a_manifest_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
