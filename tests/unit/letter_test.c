/*  What somebody may put on the bus from the command line, and what he is told if not.  */

#include "tools/tap/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static err_t
check(letter_text_t text, bool call, fault_t *fault)
{
    buffer_t payload = {0};
    err_t err = letter_check(&text, call, &payload, fault);
    buffer_release(&payload);
    return err;
}

static void
takes_what_its_class_allows(void **state)
{
    (void) state;
    fault_t fault = {0};
    assert_int_equal(check((letter_text_t){"a", "retry_due", "{\"now\":1}"}, false, &fault),
                     OK);
    assert_int_equal(
        check((letter_text_t){"a", "committed", "{\"lsn\":\"0/2A\"}"}, false, &fault), OK);
    assert_int_equal(check((letter_text_t){"a", "head_get", "{}"}, true, &fault), OK);
    /* A plug-in's own. */
    assert_int_equal(check((letter_text_t){"a", "dance", "{\"to\":1}"}, true, &fault), OK);
    assert_int_equal(
        check((letter_text_t){"*", "status", "{\"state\":\"live\"}"}, false, &fault), OK);
}

static void
refuses_the_rest_with_the_way_out(void **state)
{
    (void) state;
    static const struct {
        letter_text_t text;
        bool call;
        const char *because;
    } cases[] = {
        {{"a", "dance", "{"}, false, "dance: it is not JSON"},
        {{"a", "head_get", "{}"}, false, "waybill tap call ACTOR"},
        {{"a", "retry_due", "{\"now\":1}"}, true, "waybill tap send ACTOR"},
        {{"a", "status", "{\"state\":\"live\"}"}, false, "waybill tap send '*'"},
        {{"*", "retry_due", "{\"now\":1}"}, false, "waybill tap send ACTOR"},
        {{"a", "head", "{}"}, true, "it is an answer"},
        {{"a", "verdict", "{}"}, false, "it is a part of other messages"},
        {{"a", "srv_error", "{}"}, false, "between agent and server"},
        {{"a", "retry_due", "{\"now\":"}, false, "retry_due: it is not JSON"},
        {{"a", "retry_due", "[1]"}, false, "retry_due: "},
        {{"a", "retry_due", "{}"}, false, "field \"now\" is missing"},
        {{"a", "retry_due", "{\"now\":1,\"noon\":2}"}, false, "no field \"noon\""},
        {{"a", "retry_due", "{\"now\":true}"}, false, "field \"now\" must be"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fault_t fault = {0};
        assert_int_not_equal(check(cases[i].text, cases[i].call, &fault), OK);
        if (!strstr(fault.text, cases[i].because))
            fail_msg("%s", fault.text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_its_class_allows),
        cmocka_unit_test(refuses_the_rest_with_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
