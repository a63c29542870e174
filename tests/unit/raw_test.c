/*  Actors that take letters as they are: their own types, and what they may not say.  */

#include "runtime/host.h"
#include "runtime/raw.h"
#include "runtime/sim.h"

#include "schemas/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { REST_MS = 5000 };

static const raw_message_t none[] = {{0}};

static struct {
    unsigned colours, answers, paints;
    err_t failed;
    err_t said[4];
    const char *last;
} seen;

static bytes_t
map_of_number(buffer_t *out, uint64_t number)
{
    pack_map(out, 1);
    pack_text(out, "number", 6);
    pack_uint(out, number);
    return buffer_bytes(out);
}

/*  ------------------------------------------------------------ one that is asked  */

static err_t
take_colour(void *state, ctx_t *ctx, bytes_t payload)
{
    (void) state;
    fault_t fault;
    const envelope_t *envelope = ctx_envelope(ctx);
    if (strcmp(envelope->type, "x_paint") == 0) {
        seen.paints++;
        return OK;
    }
    seen.colours++;
    ticket_t ticket = ctx_ticket(ctx);
    if (strcmp(envelope->type, "ping") == 0)
        return raw_answer(ctx, &ticket, "pong", payload, &fault);
    return raw_answer(ctx, &ticket, "x_mixed", payload, &fault);
}

static const raw_actor_t painter_raw = {
    .kind = "thread",
    .takes = (const raw_message_t[]){{"x_mix", CLASS_REQUEST, NULL},
                                     {"ping", CLASS_REQUEST, NULL},
                                     {0}},
    .sends = none,
    .publishes = none,
    .answers = (const raw_message_t[]){{"x_mixed", CLASS_REPLY, NULL},
                                       {"pong", CLASS_REPLY, NULL},
                                       {0}},
    .on_letter = take_colour,
};
static const actor_class_t painter = {
    .name = "painter", .hears = (const char *const[]){"x_*", NULL}, .raw = &painter_raw};

/*  ---------------------------------------------------------------- one that asks  */

static err_t
ask(void *state, ctx_t *ctx)
{
    (void) state;
    fault_t fault;
    buffer_t packed = {0};
    bytes_t number = map_of_number(&packed, 7);
    const bytes_t nonsense = {(const uint8_t *) "\xc1", 1};
    err_t err = raw_request(
        ctx, &(raw_question_t){.to = "painter", .type = "x_mix", .payload = number}, &fault);
    assert_int_equal(err, OK);
    assert_int_equal(raw_publish(ctx, "x_paint", number, &fault), OK);
    seen.said[0] = raw_send(ctx, "painter", "x_spill", number, &fault);
    seen.said[1] = raw_publish(ctx, "x_paint", nonsense, &fault);
    seen.said[2] =
        raw_send(ctx, "painter", "parcel", (bytes_t){(const uint8_t *) "\x80", 1}, &fault);
    seen.said[3] = raw_request(
        ctx, &(raw_question_t){.to = "nobody", .type = "x_mix", .payload = number}, &fault);
    buffer_release(&packed);
    return OK;
}

static err_t
take_answer(void *state, ctx_t *ctx, bytes_t payload)
{
    (void) state, (void) payload;
    seen.answers += ctx_envelope(ctx)->kind == ENVELOPE_REP
                    && strcmp(ctx_envelope(ctx)->type, "x_mixed") == 0;
    return OK;
}

static err_t
take_failure(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    seen.failed = failure->err;
    return OK;
}

static const raw_actor_t asker_raw = {
    .kind = "thread",
    .takes = none,
    .sends = (const raw_message_t[]){{"x_mix", CLASS_REQUEST, NULL},
                                     {"parcel", CLASS_COMMAND, "painter"},
                                     {0}},
    .publishes = (const raw_message_t[]){{"x_paint", CLASS_EVENT, NULL}, {0}},
    .answers = none,
    .on_letter = take_answer,
};
static const actor_class_t asker = {
    .name = "asker", .start = ask, .on_error = take_failure, .raw = &asker_raw};

static sim_t *
begin(void)
{
    static const sim_faults_t calm;
    memset(&seen, 0, sizeof seen);
    sim_t *sim = sim_new(1, &calm);
    sim_node(sim, "node", NULL, NULL);
    sim_add(sim, 0, &painter);
    sim_add(sim, 0, &asker);
    fault_t fault;
    assert_int_equal(sim_start(sim, 0, &fault), OK);
    sim_run_ms(sim, REST_MS);
    return sim;
}

static void
messages_of_their_own_are_asked_answered_and_heard(void **state)
{
    (void) state;
    sim_t *sim = begin();
    assert_int_equal(seen.colours, 1);
    assert_int_equal(seen.answers, 1);
    assert_int_equal(seen.paints, 1);
    sim_destroy(&sim);
}

static void
what_was_not_declared_or_does_not_fit_is_refused(void **state)
{
    (void) state;
    sim_t *sim = begin();
    assert_int_equal(seen.said[0], ERR_UNDECLARED);
    assert_int_equal(seen.said[1], ERR_MALFORMED);
    assert_int_equal(seen.said[2], ERR_MALFORMED); /* a parcel has a number */
    assert_int_equal(cell_dead(sim_cell(sim, 0, "asker"), ERR_UNDECLARED), 1);
    sim_destroy(&sim);
}

static void
a_request_to_nobody_comes_back_as_a_failure(void **state)
{
    (void) state;
    sim_t *sim = begin();
    assert_int_equal(seen.said[3], OK);
    assert_int_equal(seen.failed, ERR_NO_ROUTE);
    sim_destroy(&sim);
}

static void
they_are_asked_like_any_other_actor(void **state)
{
    (void) state;
    sim_t *sim = begin();
    sim_heard_t heard;
    sim_ask(sim, 0, "painter", MSG_ping, &(ping_t){.number = 5});
    sim_ask(sim, 0, "painter", MSG_change_steps_get, &(change_steps_get_t){.change = "x"});
    sim_run_ms(sim, REST_MS);
    assert_true(sim_take(sim, 0, &heard));
    assert_int_equal(heard.id, MSG_pong);
    assert_int_equal(((const pong_t *) heard.body)->number, 5);
    assert_true(sim_take(sim, 0, &heard)); /* knows no changes */
    assert_int_equal(heard.id, MSG_problem);
    sim_destroy(&sim);
}

static void
the_lint_follows_a_message_to_whoever_takes_it(void **state)
{
    (void) state;
    static const raw_message_t to_left[] = {{"x_left", CLASS_COMMAND, NULL}, {0}},
                               to_right[] = {{"x_right", CLASS_COMMAND, NULL}, {0}};
    static const raw_actor_t left_raw = {.takes = to_left, .sends = to_right},
                             right_raw = {.takes = to_right, .sends = to_left};
    static const actor_class_t left = {.name = "left", .raw = &left_raw},
                               right = {.name = "right", .raw = &right_raw},
                               other = {.name = "other", .raw = &left_raw};
    fault_t fault = {0};
    assert_int_equal(lint_edges((const actor_class_t *const[]){&left, &other}, 2, &fault), OK);
    assert_int_equal(lint_edges((const actor_class_t *const[]){&left, &right}, 2, &fault),
                     ERR_CONFIG);
    assert_non_null(strstr(fault.text, "left -> right -> left"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_their_own_are_asked_answered_and_heard),
        cmocka_unit_test(what_was_not_declared_or_does_not_fit_is_refused),
        cmocka_unit_test(a_request_to_nobody_comes_back_as_a_failure),
        cmocka_unit_test(they_are_asked_like_any_other_actor),
        cmocka_unit_test(the_lint_follows_a_message_to_whoever_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
