/*  Tickets are used once, and cannot be forged.  */

#include "runtime/plugin_tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
a_ticket_is_found_until_it_is_used(void **state)
{
    (void) state;
    plugin_tickets_t tickets = {0};
    waybill_ticket_t one, two;
    ticket_t found;
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &one));
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "bob"}, &two));
    assert_true(plugin_tickets_find(&tickets, &one, &found));
    assert_string_equal(found.to, "ann");
    plugin_tickets_drop(&tickets, &one);
    assert_false(plugin_tickets_find(&tickets, &one, &found));
    plugin_tickets_drop(&tickets, &one);
    assert_true(plugin_tickets_find(&tickets, &two, &found));
    assert_string_equal(found.to, "bob");
    plugin_tickets_release(&tickets);
}

static void
an_old_one_does_not_open_the_place_of_a_new_one(void **state)
{
    (void) state;
    plugin_tickets_t tickets = {0};
    waybill_ticket_t one, two;
    ticket_t found;
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &one));
    plugin_tickets_drop(&tickets, &one);
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "bob"}, &two));
    assert_int_equal(tickets.n, 1);
    assert_false(plugin_tickets_find(&tickets, &one, &found));
    plugin_tickets_release(&tickets);
}

static void
a_forged_one_opens_nothing(void **state)
{
    (void) state;
    plugin_tickets_t tickets = {0};
    waybill_ticket_t real, forged = {{0}};
    ticket_t found;
    assert_false(plugin_tickets_find(&tickets, &forged, &found));
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &real));
    assert_false(plugin_tickets_find(&tickets, &forged, &found));
    memset(&forged, 0xff, sizeof forged);
    assert_false(plugin_tickets_find(&tickets, &forged, &found));
    plugin_tickets_release(&tickets);
}

static void
there_are_so_many_and_no_more(void **state)
{
    (void) state;
    plugin_tickets_t tickets = {0};
    waybill_ticket_t first, ticket;
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &first));
    for (size_t i = 1; i < MOST_TICKETS; i++)
        assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &ticket));
    assert_false(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &ticket));
    plugin_tickets_drop(&tickets, &first);
    assert_true(plugin_tickets_add(&tickets, &(ticket_t){.to = "bob"}, &ticket));
    assert_false(plugin_tickets_add(&tickets, &(ticket_t){.to = "ann"}, &ticket));
    plugin_tickets_release(&tickets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_found_until_it_is_used),
        cmocka_unit_test(an_old_one_does_not_open_the_place_of_a_new_one),
        cmocka_unit_test(a_forged_one_opens_nothing),
        cmocka_unit_test(there_are_so_many_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
