/*  The bench of synchronising, in small: each of its figures can still be measured.  */

#include "tests/integration/process.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

static void
measures_every_figure_of_synchronising(void **state)
{
    (void) state;
    static const char *const figures[] = {
        "record, beside", "apply, beside", "initial sync",      "upload of", "fan-out of",
        "catch-up with",  "a live write",  "an agent's memory", "1,000 idle"};
    char *dir = directory_new();
    outcome_t bench = RUN("bench", "sync", "--quick", "--dir", dir);
    if (bench.status != 0)
        fail_msg("%s%s", bench.out, bench.err);
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        if (!strstr(bench.out, figures[i]))
            fail_msg("no \"%s\" in \"%s\"", figures[i], bench.out);
    outcome_release(&bench);
    directory_destroy(&dir);
}

/*  Its clusters are its own.  */
static void
measures_every_figure_of_a_server_on_postgresql(void **state)
{
    (void) state;
    static const char *const figures[] = {
        "stored, 1 transaction", "stored, 10,000 transactions", "a commit until",
        "initial copy",          "1 upsert a transaction",      "100 upserts a transaction"};
    outcome_t bench = RUN("bench", "postgres", "--quick");
    if (bench.status != 0)
        fail_msg("%s%s", bench.out, bench.err);
    for (size_t i = 0; i < COUNT_OF(figures); i++)
        if (!strstr(bench.out, figures[i]))
            fail_msg("no \"%s\" in \"%s\"", figures[i], bench.out);
    outcome_release(&bench);
}

static void
measures_what_a_watched_bus_costs(void **state)
{
    (void) state;
    outcome_t outcome = RUN("bench", "tap", "--quick", "--runs", "1");
    assert_int_equal(outcome.status, 0);
    assert_non_null(strstr(outcome.out, "headers are read"));
    assert_non_null(strstr(outcome.out, "the reader is stopped"));
    outcome_release(&outcome);
}

static void
refuses_a_figure_that_there_is_not(void **state)
{
    (void) state;
    outcome_t bench = RUN("bench", "sync", "beauty");
    assert_int_equal(bench.status, 2);
    assert_non_null(strstr(bench.err, "sync beauty: there is no such figure"));
    outcome_release(&bench);
}

static size_t
count_entries(const char *dir)
{
    struct dirent **entries = NULL;
    const int n = scandir(dir, &entries, NULL, NULL);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return (size_t) n - 2; /* . and .. */
}

static void
leaves_nothing_behind_when_it_is_told_to_stop(void **state)
{
    (void) state;
    char *dir = directory_new(), *work = path_in(dir, "work"), *log = path_in(dir, "log");
    assert_int_equal(mkdir(work, 0700), 0);
    process_t *bench = process_new(
        log, NULL,
        (const char *const[]){"bench", "sync", "live", "--quick", "--dir", work, NULL});
    assert_true(process_await_ready(bench));
    (void) process_end(bench, SIGTERM);
    assert_int_equal(count_entries(work), 0);
    process_destroy(&bench);
    free(work);
    free(log);
    directory_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_every_figure_of_synchronising),
        cmocka_unit_test(measures_every_figure_of_a_server_on_postgresql),
        cmocka_unit_test(measures_what_a_watched_bus_costs),
        cmocka_unit_test(refuses_a_figure_that_there_is_not),
        cmocka_unit_test(leaves_nothing_behind_when_it_is_told_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
