/*  The start-up lint finds every circle of actors that could wait for each other.  */

#include "runtime/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ACTOR(title, ...)                                                                      \
    static const actor_class_t title = {.name = #title,                                        \
                                        .sends = (const edge_t[]){__VA_ARGS__, {0}}}

ACTOR(sink, {"sink", MSG_wal_grown});
ACTOR(middle, {"sink", MSG_parcel});
ACTOR(source, {"middle", MSG_ping}, {"sink", MSG_parcel});
ACTOR(left, {"right", MSG_parcel});
ACTOR(right, {"below", MSG_ping});
ACTOR(below, {"left", MSG_parcel});
ACTOR(hinting, {"hinted", MSG_parcel});
ACTOR(hinted, {"hinting", MSG_wal_grown});
ACTOR(narcissus, {"narcissus", MSG_parcel});

static void
a_graph_without_a_circle_passes(void **state)
{
    (void) state;
    const actor_class_t *const classes[] = {&sink, &middle, &source};
    fault_t fault = {0};
    assert_int_equal(lint_edges(classes, 3, &fault), OK);
}

static void
a_circle_is_refused_and_named(void **state)
{
    (void) state;
    const actor_class_t *const classes[] = {&sink, &left, &right, &below};
    fault_t fault = {0};
    assert_int_equal(lint_edges(classes, 4, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "left -> right -> below -> left"));
}

static void
an_actor_that_sends_to_itself_is_a_circle(void **state)
{
    (void) state;
    const actor_class_t *const classes[] = {&narcissus};
    fault_t fault = {0};
    assert_int_equal(lint_edges(classes, 1, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "narcissus -> narcissus"));
}

static void
hints_cannot_park_and_so_close_no_circle(void **state)
{
    (void) state;
    const actor_class_t *const classes[] = {&hinting, &hinted};
    fault_t fault = {0};
    assert_int_equal(lint_edges(classes, 2, &fault), OK);
}

static err_t
take(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) ctx;
    (void) body;
    return OK;
}

static void
what_is_offered_and_not_taken_is_refused(void **state)
{
    (void) state;
    static handler_fn *const handlers[MSG_COUNT] = {[MSG_ping] = take};
    const actor_class_t honest = {
        .name = "honest", .offers = (const char *const[]){"ping", NULL}, .handlers = handlers};
    const actor_class_t boaster = {.name = "boaster",
                                   .offers = (const char *const[]){"ping", "parcel", NULL},
                                   .handlers = handlers};
    const actor_class_t *const classes[] = {&honest, &boaster};
    fault_t fault = {0};
    assert_int_equal(lint_offers(classes, 1, &fault), OK);
    assert_int_equal(lint_offers(classes, 2, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "boaster offers parcel"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_without_a_circle_passes),
        cmocka_unit_test(a_circle_is_refused_and_named),
        cmocka_unit_test(an_actor_that_sends_to_itself_is_a_circle),
        cmocka_unit_test(hints_cannot_park_and_so_close_no_circle),
        cmocka_unit_test(what_is_offered_and_not_taken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
