/*  Whose the rows of a transaction are, where several clients and triggers write the same ones.
 */

#include "actors/server/postgres/label_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
add(label_set_t *set, const char *client_id, const char *change_id)
{
    const label_t label = {"todo", "1", client_id, change_id, 5};
    label_set_add(set, &label, 1);
}

/*  "CHANGE of CLIENT" for the next write of that row.  */
static void
expect_write(label_set_t *set, const char *key, const char *expected)
{
    char shown[80] = "none";
    label_t label = {0};
    if (label_set_take(set, "todo", key, &label))
        (void) snprintf(shown, sizeof shown, "%s of %s", label.change_id,
                        label.client_id ? label.client_id : "nobody");
    assert_string_equal(shown, expected);
}

static void
a_label_is_for_the_first_write_of_its_row(void **state)
{
    (void) state;
    label_set_t set = {0};
    add(&set, "a", "c1");
    expect_write(&set, "2", "none");
    expect_write(&set, "1", "c1 of a");
    expect_write(&set, "1", "none");
    label_set_release(&set);
}

static void
what_one_client_writes_twice_is_its_own(void **state)
{
    (void) state;
    label_set_t set = {0};
    add(&set, "a", "c1");
    expect_write(&set, "1", "c1 of a");
    add(&set, "a", "c2");
    expect_write(&set, "1", "c2 of a");
    label_set_release(&set);
}

static void
what_is_written_after_another_client_is_news_to_all(void **state)
{
    (void) state;
    label_set_t set = {0};
    add(&set, "a", "c1");
    expect_write(&set, "1", "c1 of a");
    add(&set, "b", "c2");
    expect_write(&set, "1", "c2 of nobody");
    add(&set, "a", "c3");
    expect_write(&set, "1", "c3 of nobody");
    label_set_clear(&set);
    add(&set, "a", "c4");
    expect_write(&set, "1", "c4 of a");
    label_set_release(&set);
}

static void
what_is_written_after_a_trigger_is_news_to_all(void **state)
{
    (void) state;
    label_set_t set = {0};
    const label_t other = {"list", "7", "a", "c1", 5};
    label_set_add(&set, &other, 1);
    expect_write(&set, "1", "none");
    add(&set, "a", "c2");
    expect_write(&set, "1", "c2 of nobody");
    label_set_release(&set);
}

static void
nothing_is_kept_of_a_transaction_without_labels(void **state)
{
    (void) state;
    label_set_t set = {0};
    expect_write(&set, "1", "none");
    assert_int_equal(set.n, 0);
    assert_null(set.places);
    label_set_release(&set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_for_the_first_write_of_its_row),
        cmocka_unit_test(what_one_client_writes_twice_is_its_own),
        cmocka_unit_test(what_is_written_after_another_client_is_news_to_all),
        cmocka_unit_test(what_is_written_after_a_trigger_is_news_to_all),
        cmocka_unit_test(nothing_is_kept_of_a_transaction_without_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
