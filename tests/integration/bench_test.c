/*  The bench of synchronising, in small: each of its figures can still be measured.  */

#include "tests/integration/process.h"

#include <stdlib.h>
#include <string.h>

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

static void
refuses_a_figure_that_there_is_not(void **state)
{
    (void) state;
    outcome_t bench = RUN("bench", "sync", "beauty");
    assert_int_equal(bench.status, 2);
    assert_non_null(strstr(bench.err, "sync beauty: there is no such figure"));
    outcome_release(&bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_every_figure_of_synchronising),
        cmocka_unit_test(refuses_a_figure_that_there_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
