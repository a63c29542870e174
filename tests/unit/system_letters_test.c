/*  Messages that were not delivered, and messages that a person sends, through the actor
    `system`.  */

#include "actors/common/actors.h"
#include "actors/settings.h"
#include "runtime/graveyard.h"
#include "runtime/sim.h"
#include "runtime/system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
    int parcels, events;
    bool failing;
} sink_saw;

/*  -------------------------------------------------------- a sink that fails for a while  */

static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    if (sink_saw.failing)
        return ctx_refuse(ctx, ERR_FULL, "no room");
    sink_saw.parcels++;
    return OK;
}

static err_t
on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const ping_t *ping = body;
    if (ping->number == 13)
        return ctx_refuse(ctx, ERR_REFUSED, "not 13");
    if (ping->number == 14)
        SEND(ctx, "nobody", parcel, .number = 1);
    REPLY(ctx, pong, .number = ping->number);
    return OK;
}

static err_t
on_event(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    sink_saw.events++;
    return OK;
}

static handler_fn *const sink_handlers[MSG_COUNT] = {
    [MSG_parcel] = on_parcel,
    [MSG_ping] = on_ping,
    [MSG_events_lost] = on_event,
};
static const actor_class_t sink = {
    .name = "sink",
    .hears = (const char *const[]){"events_lost", NULL},
    .handlers = sink_handlers,
};

/*  ----------------------------------------------------------------------------- a world  */

typedef struct world {
    settings_t settings;
    sim_t *sim;
    buffer_t body;
} world_t;

static int
make_world(void **state)
{
    static const sim_faults_t no_faults = {0};
    world_t *world = mem_new(sizeof *world);
    world->settings = (settings_t){.tap_inject = true};
    world->sim = sim_new(1, &no_faults);
    sim_node(world->sim, "agent", NULL, &world->settings);
    sim_add(world->sim, 0, &system_actor);
    sim_add(world->sim, 0, &sink);
    fault_t fault = {0};
    assert_int_equal(sim_start(world->sim, 0, &fault), OK);
    sim_run_ms(world->sim, 10);
    memset(&sink_saw, 0, sizeof sink_saw);
    *state = world;
    return 0;
}

static int
remove_world(void **state)
{
    world_t *world = *state;
    sim_destroy(&world->sim);
    buffer_release(&world->body);
    free(world);
    return 0;
}

/*  Body valid until the next question.  */
static sim_heard_t
ask(world_t *world, message_id_t question, const void *body)
{
    sim_heard_t heard;
    sim_ask(world->sim, 0, "system", question, body);
    sim_run_ms(world->sim, 1000);
    assert_true(sim_take(world->sim, 0, &heard));
    return heard;
}

static const void *
answer(world_t *world, message_id_t question, const void *body, message_id_t expected)
{
    sim_heard_t heard = ask(world, question, body);
    if (heard.id == MSG_problem)
        fail_msg("%s", ((const problem_t *) heard.body)->message);
    assert_int_equal(heard.id, expected);
    return heard.body;
}

static const char *
refusal(world_t *world, message_id_t question, const void *body)
{
    sim_heard_t heard = ask(world, question, body);
    assert_int_equal(heard.id, MSG_problem);
    return ((const problem_t *) heard.body)->message;
}

static const dead_letters_t *
list(world_t *world)
{
    return answer(world, MSG_dead_letters_get, &(dead_letters_get_t){.limit = 10},
                  MSG_dead_letters);
}

/*  The sink refuses it: a dead letter.  */
static void
lose_a_parcel(world_t *world)
{
    sink_saw.failing = true;
    sim_tell(world->sim, 0, "sink", MSG_parcel, &(parcel_t){.number = 7});
    sim_run_ms(world->sim, 10);
    sink_saw.failing = false;
}

static bytes_t
packed(world_t *world, message_id_t id, const void *body)
{
    buffer_clear(&world->body);
    message_pack(id, body, &world->body);
    return buffer_bytes(&world->body);
}

/*  ---------------------------------------------------------------------------- dead letters */

static void
a_message_that_was_refused_is_listed_with_its_reason_and_body(void **state)
{
    world_t *world = *state;
    lose_a_parcel(world);
    const dead_letters_t *letters = list(world);
    assert_int_equal(letters->total, 1);
    assert_int_equal(letters->n_letters, 1);
    const dead_letter_t *letter = &letters->letters[0];
    assert_int_equal(letter->n, 1);
    assert_string_equal(letter->type, "parcel");
    assert_string_equal(letter->kind, "CAST");
    assert_string_equal(letter->to, "sink");
    assert_string_equal(letter->reason, "FULL");
    parcel_t parcel = {0};
    assert_int_equal(message_unpack(MSG_parcel, letter->body, NULL, &parcel, NULL), OK);
    assert_int_equal(parcel.number, 7);
}

static void
a_secret_in_a_dead_letter_is_not_shown(void **state)
{
    world_t *world = *state;
    const credentials_t told = {.user = "me", .token = "canary-4711"};
    sim_tell(world->sim, 0, "sink", MSG_credentials, &told);
    sim_run_ms(world->sim, 10);
    const dead_letter_t *letter = &list(world)->letters[0];
    assert_string_equal(letter->reason, "UNKNOWN");
    assert_non_null(memmem(letter->body.data, letter->body.size, "***", 3));
    assert_null(memmem(letter->body.data, letter->body.size, "canary", 6));
}

static void
a_dead_letter_is_sent_again_and_handled(void **state)
{
    world_t *world = *state;
    lose_a_parcel(world);
    const requeued_t *requeued = answer(world, MSG_dead_letters_requeue,
                                        &(dead_letters_requeue_t){.n = 1}, MSG_requeued);
    assert_int_equal(requeued->count, 1);
    assert_int_equal(sink_saw.parcels, 1);
    assert_int_equal(list(world)->n_letters, 0);
}

static void
one_that_fails_again_is_a_new_dead_letter(void **state)
{
    world_t *world = *state;
    lose_a_parcel(world);
    sink_saw.failing = true;
    (void) answer(world, MSG_dead_letters_requeue, &(dead_letters_requeue_t){.n = 1},
                  MSG_requeued);
    const dead_letters_t *letters = list(world);
    assert_int_equal(letters->n_letters, 1);
    assert_int_equal(letters->letters[0].n, 2);
    assert_string_equal(letters->letters[0].from, "system");
}

static void
all_that_are_kept_are_sent_again(void **state)
{
    world_t *world = *state;
    lose_a_parcel(world);
    lose_a_parcel(world);
    lose_a_parcel(world);
    const requeued_t *requeued = answer(world, MSG_dead_letters_requeue,
                                        &(dead_letters_requeue_t){.all = true}, MSG_requeued);
    assert_int_equal(requeued->count, 3);
    assert_int_equal(sink_saw.parcels, 3);
}

static void
one_that_is_not_kept_is_refused(void **state)
{
    assert_non_null(
        strstr(refusal(*state, MSG_dead_letters_requeue, &(dead_letters_requeue_t){.n = 9}),
               "dead letter 9 is not kept"));
}

/*  What an actor never declared is not even packed.  */
static void
one_without_a_payload_is_refused(void **state)
{
    world_t *world = *state;
    sim_ask(world->sim, 0, "sink", MSG_ping, &(ping_t){.number = 14});
    sim_run_ms(world->sim, 10);
    sim_heard_t heard;
    assert_true(sim_take(world->sim, 0, &heard));
    assert_string_equal(list(world)->letters[0].reason, "UNDECLARED");
    assert_non_null(
        strstr(refusal(world, MSG_dead_letters_requeue, &(dead_letters_requeue_t){.n = 1}),
               "was not kept"));
}

static void
only_the_last_thousand_are_kept(void **state)
{
    (void) state;
    graveyard_t *graveyard = mem_new(sizeof *graveyard);
    const envelope_t envelope = {.type = "parcel", .from = "a", .to = "b"};
    for (int i = 0; i < GRAVES + 5; i++)
        graveyard_add(graveyard, &envelope, (bytes_t){0}, ERR_FULL, i);
    assert_int_equal(graveyard->count, GRAVES + 5);
    assert_int_equal(graveyard_first(graveyard), 6);
    assert_null(graveyard_at(graveyard, 5));
    assert_int_equal(graveyard_at(graveyard, 6)->time_ms, 5);
    assert_int_equal(graveyard_at(graveyard, GRAVES + 5)->time_ms, GRAVES + 4);
    graveyard_release(graveyard);
    free(graveyard);
}

static void
no_more_bytes_than_the_limit_are_kept(void **state)
{
    (void) state;
    enum { SIZE = 1 << 20 };
    uint8_t *payload = mem_new(SIZE);
    graveyard_t *graveyard = mem_new(sizeof *graveyard);
    const envelope_t envelope = {.type = "parcel", .from = "a", .to = "b"};
    for (int i = 0; i < 40; i++)
        graveyard_add(graveyard, &envelope, (bytes_t){payload, SIZE}, ERR_FULL, i);
    assert_true(graveyard->bytes <= GRAVE_BYTES);
    assert_int_equal(graveyard_first(graveyard), 26);
    assert_int_equal(graveyard_at(graveyard, 40)->payload.size, SIZE);
    graveyard_release(graveyard);
    free(graveyard);
    free(payload);
}

/*  ------------------------------------------------------------------------------- injecting */

static void
nothing_is_sent_unless_the_config_lets_it(void **state)
{
    world_t *world = *state;
    world->settings.tap_inject = false;
    lose_a_parcel(world);
    const bytes_t body = packed(world, MSG_parcel, &(parcel_t){.number = 1});
    assert_non_null(strstr(
        refusal(world, MSG_inject, &(inject_t){.to = "sink", .type = "parcel", .body = body}),
        "inject = true"));
    assert_non_null(
        strstr(refusal(world, MSG_dead_letters_requeue, &(dead_letters_requeue_t){.n = 1}),
               "inject = true"));
    assert_int_equal(sink_saw.parcels, 0);
    assert_int_equal(list(world)->n_letters, 1);
}

static void
a_command_is_sent_to_its_actor(void **state)
{
    world_t *world = *state;
    const bytes_t body = packed(world, MSG_parcel, &(parcel_t){.number = 1});
    (void) answer(world, MSG_inject, &(inject_t){.to = "sink", .type = "parcel", .body = body},
                  MSG_injected);
    assert_int_equal(sink_saw.parcels, 1);
}

static void
a_call_gives_the_answer_back(void **state)
{
    world_t *world = *state;
    const bytes_t body = packed(world, MSG_ping, &(ping_t){.number = 5});
    const injected_t *injected = answer(
        world, MSG_inject,
        &(inject_t){.to = "sink", .type = "ping", .body = body, .call = true}, MSG_injected);
    assert_string_equal(injected->type, "pong");
    pong_t pong = {0};
    arena_t arena = {0};
    assert_int_equal(message_unpack(MSG_pong, injected->body, &arena, &pong, NULL), OK);
    assert_int_equal(pong.number, 5);
    arena_release(&arena);
}

static void
a_call_that_is_refused_gives_the_error_back(void **state)
{
    world_t *world = *state;
    const bytes_t body = packed(world, MSG_ping, &(ping_t){.number = 13});
    const injected_t *injected = answer(
        world, MSG_inject,
        &(inject_t){.to = "sink", .type = "ping", .body = body, .call = true}, MSG_injected);
    assert_string_equal(injected->type, "error");
    problem_t problem = {0};
    arena_t arena = {0};
    assert_int_equal(message_unpack(MSG_problem, injected->body, &arena, &problem, NULL), OK);
    assert_string_equal(problem.message, "not 13");
    arena_release(&arena);
}

static void
an_event_reaches_whoever_hears_it(void **state)
{
    world_t *world = *state;
    const bytes_t body = packed(world, MSG_events_lost, &(events_lost_t){.count = 5});
    (void) answer(world, MSG_inject, &(inject_t){.type = "events_lost", .body = body},
                  MSG_injected);
    assert_int_equal(sink_saw.events, 1);
}

static void
what_could_not_be_handled_is_refused(void **state)
{
    world_t *world = *state;
    const bytes_t body = packed(world, MSG_ping, &(ping_t){.number = 5});
    assert_non_null(
        strstr(refusal(world, MSG_inject,
                       &(inject_t){.to = "nobody", .type = "ping", .body = body, .call = true}),
               "there is no actor nobody"));
    assert_non_null(strstr(
        refusal(world, MSG_inject, &(inject_t){.to = "sink", .type = "ping", .body = body}),
        "ping is of class REQUEST"));
    assert_non_null(strstr(
        refusal(
            world, MSG_inject,
            &(inject_t){.to = "sink", .type = "parcel", .body = {(const uint8_t *) "\x80", 1}}),
        "number"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_message_that_was_refused_is_listed_with_its_reason_and_body),
        EACH(a_secret_in_a_dead_letter_is_not_shown),
        EACH(a_dead_letter_is_sent_again_and_handled),
        EACH(one_that_fails_again_is_a_new_dead_letter),
        EACH(all_that_are_kept_are_sent_again),
        EACH(one_that_is_not_kept_is_refused),
        EACH(one_without_a_payload_is_refused),
        cmocka_unit_test(only_the_last_thousand_are_kept),
        cmocka_unit_test(no_more_bytes_than_the_limit_are_kept),
        EACH(nothing_is_sent_unless_the_config_lets_it),
        EACH(a_command_is_sent_to_its_actor),
        EACH(a_call_gives_the_answer_back),
        EACH(a_call_that_is_refused_gives_the_error_back),
        EACH(an_event_reaches_whoever_hears_it),
        EACH(what_could_not_be_handled_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
