/*  Actors on threads: order, restarts, settling, and an orderly end. Actors write what they
    saw into atomics; the assertions are the main thread's.  */

#include "tests/unit/host_world.h"

#include <stdatomic.h>
#include <string.h>

enum { MANY = 20000 };

static atomic_int received, out_of_order, settled, failures, errors, starts, stops;
static atomic_int next_number;

static void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody, (void) line;
}

static void
run(const actor_class_t *const *classes, err_t expected)
{
    atomic_int *counters[] = {&received, &out_of_order, &settled, &failures,
                              &errors,   &starts,       &stops,   &next_number};
    for (size_t i = 0; i < COUNT_OF(counters); i++)
        atomic_store(counters[i], 0);
    host_options_t options = {.name = "test", .log = quiet, .stop_deadline_ms = 60000};
    run_host(&options, classes, expected);
}

/*  ---------------------------------------------------------- a sink, and who fills it  */

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx;
    const parcel_t *parcel = body;
    if ((int) parcel->number != atomic_fetch_add(&next_number, 1))
        atomic_fetch_add(&out_of_order, 1);
    if (atomic_fetch_add(&received, 1) + 1 == MANY)
        host_stop(host);
    return OK;
}

/*  Longer than a text may be, and of letters of two bytes: the cut goes through one.  */
static err_t
refuse_at_length(ctx_t *ctx)
{
    char text[1024] = "";
    while (strlen(text) + 2 < sizeof text)
        strncat(text, "ä", sizeof text - strlen(text) - 1);
    return ctx_refuse(ctx, ERR_REFUSED, "%s", text);
}

static err_t
on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const ping_t *ping = body;
    if (ping->number == 13)
        return ctx_refuse(ctx, ERR_REFUSED, "number: not 13");
    if (ping->number == 14)
        return OK; /* says nothing */
    if (ping->number == 15)
        return refuse_at_length(ctx);
    REPLY(ctx, pong, .number = ping->number);
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {
    [MSG_parcel] = on_parcel,
    [MSG_ping] = on_ping,
};
static const actor_class_t sink = {.name = "sink", .handlers = sink_handlers};

typedef struct source {
    uint64_t sent;
} source_t;

static err_t
pour(void *state, ctx_t *ctx, const char *to)
{
    source_t *self = state;
    while (self->sent < MANY && ctx_credit(ctx, to) > 0) {
        SEND(ctx, "sink", parcel, .number = self->sent);
        self->sent++;
    }
    return OK;
}

static err_t
start_pouring(void *state, ctx_t *ctx)
{
    return pour(state, ctx, "sink");
}

static const actor_class_t source = {
    .name = "source",
    .state_size = sizeof(source_t),
    .sends = (const edge_t[]){{"sink", MSG_parcel}, {0}},
    .start = start_pouring,
    .on_credit = pour,
};

static void
many_messages_arrive_in_order(void **state)
{
    (void) state;
    run((const actor_class_t *const[]){&sink, &source, NULL}, OK);
    assert_int_equal(received, MANY);
    assert_int_equal(out_of_order, 0);
}

/*  -------------------------------------------------------------------------- asking  */

static err_t
start_asking(void *state, ctx_t *ctx)
{
    (void) state;
    for (uint64_t number = 0; number < 20; number++)
        REQUEST(ctx, "sink", number, ping, .number = number);
    REQUEST(ctx, "nobody", 99, ping, .number = 99);
    return OK;
}

static err_t
one_less(void)
{
    if (atomic_fetch_add(&received, 1) + 1 == 21)
        host_stop(host);
    return OK;
}

static err_t
on_pong(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const pong_t *pong = body;
    if (pong->number != ctx_token(ctx))
        atomic_fetch_add(&out_of_order, 1);
    return one_less();
}

static err_t
on_no_pong(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    bool expected = (failure->token == 13 && failure->err == ERR_REFUSED
                     && strcmp(failure->text, "number: not 13") == 0)
                    || (failure->token == 14 && failure->err == ERR_UNANSWERED)
                    || (failure->token == 15 && failure->err == ERR_REFUSED)
                    || (failure->token == 99 && failure->err == ERR_NO_ROUTE);
    atomic_fetch_add(&errors, expected ? 1 : 100);
    return one_less();
}

static handler_fn *const asker_handlers[MSG_COUNT] = {[MSG_pong] = on_pong};
static const actor_class_t asker = {
    .name = "asker",
    .sends = (const edge_t[]){{"sink", MSG_ping}, {"nobody", MSG_ping}, {0}},
    .start = start_asking,
    .handlers = asker_handlers,
    .on_error = on_no_pong,
};

static void
each_request_gets_exactly_one_answer(void **state)
{
    (void) state;
    run((const actor_class_t *const[]){&sink, &asker, NULL}, OK);
    assert_int_equal(received, 21);
    assert_int_equal(errors, 4);
    assert_int_equal(out_of_order, 0);
}

/*  ------------------------------------------------------------------------ restarts  */

/*  Effects count when settled; every 500th message breaks the instance once.  */
typedef struct fragile {
    uint64_t numbers[256];
    size_t n;
} fragile_t;

static err_t
start_fragile(void *state, ctx_t *ctx)
{
    (void) state, (void) ctx;
    atomic_fetch_add(&starts, 1);
    return OK;
}

static void
stop_fragile(void *state, ctx_t *ctx)
{
    (void) state, (void) ctx;
    atomic_fetch_add(&stops, 1);
}

static err_t
on_fragile_parcel(void *state, ctx_t *ctx, const void *body)
{
    fragile_t *self = state;
    const parcel_t *parcel = body;
    if (parcel->number % 5000 == 2500 && ctx_envelope(ctx)->attempt == 0)
        return ctx_fail(ctx, "a bad day");
    self->numbers[self->n++] = parcel->number;
    return OK;
}

static err_t
settle_fragile(void *state, ctx_t *ctx)
{
    fragile_t *self = state;
    (void) ctx;
    for (size_t i = 0; i < self->n; i++)
        if ((int) self->numbers[i] != atomic_fetch_add(&next_number, 1))
            atomic_fetch_add(&out_of_order, 1);
    if (atomic_fetch_add(&received, (int) self->n) + (int) self->n == MANY)
        host_stop(host);
    self->n = 0;
    return OK;
}

static handler_fn *const fragile_handlers[MSG_COUNT] = {[MSG_parcel] = on_fragile_parcel};
static const actor_class_t fragile = {
    .name = "sink",
    .state_size = sizeof(fragile_t),
    .start = start_fragile,
    .handlers = fragile_handlers,
    .settle = settle_fragile,
    .stop = stop_fragile,
};

static void
a_failed_actor_is_restarted_and_nothing_is_lost_or_done_twice(void **state)
{
    (void) state;
    run((const actor_class_t *const[]){&fragile, &source, NULL}, OK);
    assert_int_equal(received, MANY);
    assert_int_equal(out_of_order, 0);
    assert_int_equal(starts, 5);
    assert_int_equal(stops, 5);
}

static void
an_actor_that_keeps_failing_is_given_up(void **state)
{
    (void) state;
    run((const actor_class_t *const[]){&hopeless, &source, NULL}, ERR_FAILED);
}

/*  ------------------------------------------------------------------ start and stop  */

static err_t
refuse_to_start(void *state, ctx_t *ctx)
{
    (void) state;
    return ctx_refuse(ctx, ERR_EXISTS, "127.0.0.1:1: taken; choose another");
}

static const actor_class_t refuser = {.name = "refuser", .start = refuse_to_start};

static void
a_start_that_fails_says_why_and_leaves_nothing_running(void **state)
{
    (void) state;
    host_options_t options = {.name = "test", .log = quiet};
    host = host_new(&options);
    host_add(host, &sink);
    host_add(host, &refuser);
    fault_t fault = {0};
    assert_int_not_equal(host_start(host, &fault), OK);
    assert_non_null(strstr(fault.text, "127.0.0.1:1: taken"));
    host_destroy(&host);
}

static void
a_circle_of_parking_edges_does_not_start(void **state)
{
    (void) state;
    static const edge_t to_b[] = {{"b", MSG_ping}, {0}}, to_a[] = {{"a", MSG_ping}, {0}};
    static const actor_class_t a = {.name = "a", .sends = to_b},
                               b = {.name = "b", .sends = to_a};
    host_options_t options = {.name = "test", .log = quiet};
    host = host_new(&options);
    host_add(host, &a);
    host_add(host, &b);
    fault_t fault = {0};
    assert_int_equal(host_start(host, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "a -> b -> a"));
    host_destroy(&host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_messages_arrive_in_order),
        cmocka_unit_test(each_request_gets_exactly_one_answer),
        cmocka_unit_test(a_failed_actor_is_restarted_and_nothing_is_lost_or_done_twice),
        cmocka_unit_test(an_actor_that_keeps_failing_is_given_up),
        cmocka_unit_test(a_start_that_fails_says_why_and_leaves_nothing_running),
        cmocka_unit_test(a_circle_of_parking_edges_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
