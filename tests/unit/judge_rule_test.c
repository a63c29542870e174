/*  Rules for PostgreSQL: where the user is meant, and where it only looks like that.  */

#include "actors/server/postgres/judge_rule.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
expect_rule(const char *condition, const char *expected)
{
    buffer_t sql = {0};
    judge_rule_write(&sql, condition, "U");
    assert_string_equal(buffer_text(&sql), expected);
    buffer_release(&sql);
}

static void
puts_the_user_in_its_place(void **state)
{
    (void) state;
    expect_rule("owner = :user_id", "owner = U");
    expect_rule(":user_id IN (owner,:user_id)", "U IN (owner,U)");
    expect_rule("owner::text=:user_id::text", "owner::text=U::text");
}

static void
leaves_literals_and_names_as_they_are(void **state)
{
    (void) state;
    expect_rule("a = ':user_id' AND b = :user_id", "a = ':user_id' AND b = U");
    expect_rule("a = 'it''s :user_id' OR :user_id", "a = 'it''s :user_id' OR U");
    expect_rule("\":user_id\" = :user_id", "\":user_id\" = U");
    expect_rule("a = E'\\' :user_id' OR :user_id", "a = E'\\' :user_id' OR U");
    expect_rule("a = 'x\\' OR :user_id", "a = 'x\\' OR U");
    expect_rule("a = $$:user_id$$ OR :user_id", "a = $$:user_id$$ OR U");
    expect_rule("a = $x$:user_id $$ $x$ OR :user_id", "a = $x$:user_id $$ $x$ OR U");
}

static void
knows_a_doubled_quote_among_escapes(void **state)
{
    (void) state;
    expect_rule("a = E'it''s \\' :user_id' OR a = :user_id",
                "a = E'it''s \\' :user_id' OR a = U");
    expect_rule("a = E'''' || :user_id", "a = E'''' || U");
}

static void
leaves_comments_as_they_are(void **state)
{
    (void) state;
    expect_rule("a -- of :user_id\n= :user_id", "a -- of :user_id\n= U");
    expect_rule("a /* of /* :user_id */ :user_id */ = :user_id",
                "a /* of /* :user_id */ :user_id */ = U");
    expect_rule("a - :user_id / :user_id", "a - U / U");
}

static void
takes_no_other_name_for_the_user(void **state)
{
    (void) state;
    expect_rule("a = :user_ids", "a = :user_ids");
    expect_rule("a::user_id = b", "a::user_id = b");
}

static void
comes_to_an_end_where_a_literal_has_none(void **state)
{
    (void) state;
    expect_rule("a = ':user_id", "a = ':user_id");
    expect_rule("a /* :user_id", "a /* :user_id");
    expect_rule("a = $$ :user_id", "a = $$ :user_id");
    expect_rule("a = E'\\", "a = E'\\");
    expect_rule("-", "-");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_the_user_in_its_place),
        cmocka_unit_test(leaves_literals_and_names_as_they_are),
        cmocka_unit_test(knows_a_doubled_quote_among_escapes),
        cmocka_unit_test(leaves_comments_as_they_are),
        cmocka_unit_test(takes_no_other_name_for_the_user),
        cmocka_unit_test(comes_to_an_end_where_a_literal_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
