/*  What the bus promises on a link: order, once, credit, and that nothing disappears.  */

#include "bus/port.h"
#include "bus/subscriptions.h"
#include "schemas/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*  Two ports with a queue between them in each direction.  */
enum { MOST = 4096 };

typedef struct queued {
    char to[NAME_ROOM + 1];
    envelope_t envelope;
    envelope_names_t names;
    blob_t *payload;
} queued_t;

typedef struct world {
    queued_t *queue[MOST];
    size_t first, last;
    uint64_t chance;
    size_t dead[ERR_COUNT];
    bool no_route;
} world_t;

static err_t
put(void *self, const char *to, lane_t lane, bytes_t header, blob_t *payload)
{
    world_t *world = self;
    (void) lane;
    if (world->no_route)
        return ERR_NO_ROUTE;
    assert_true(world->last < MOST);
    queued_t *item = mem_new(sizeof *item);
    memcpy(item->to, to, strlen(to));
    assert_int_equal(envelope_unpack(header, &item->envelope, &item->names), OK);
    item->payload = blob_ref(payload);
    world->queue[world->last++] = item;
    return OK;
}

static uint64_t
now_ns(void *self)
{
    (void) self;
    return 1;
}

static uint64_t
chance(void *self)
{
    return ++((world_t *) self)->chance;
}

static int64_t
wall_ms(void *self)
{
    (void) self;
    return 1700000000000;
}

static void
dead(void *self, const envelope_t *envelope, bytes_t payload, err_t why)
{
    (void) envelope, (void) payload;
    ((world_t *) self)->dead[why]++;
}

static transport_t
transport(world_t *world)
{
    return (transport_t){world, put, now_ns, chance, wall_ms, dead};
}

static queued_t *
next(world_t *world)
{
    return world->first < world->last ? world->queue[world->first++] : NULL;
}

static void
forget(queued_t *item)
{
    blob_unref(&item->payload);
    free(item);
}

static void
empty(world_t *world)
{
    for (queued_t *item; (item = next(world));)
        forget(item);
}

static err_t
say(port_t *port, const char *to, envelope_kind_t kind, uint16_t flags, uint32_t number)
{
    blob_t *payload = blob_new((bytes_t){(const uint8_t *) &number, sizeof number});
    envelope_t draft = {.kind = kind, .type = "parcel", .to = to, .flags = flags};
    err_t err = port_send(port, &draft, payload, NULL);
    blob_unref(&payload);
    return err;
}

static void
expect_once(port_t *port, const queued_t *item, uint64_t seq)
{
    assert_int_equal(item->envelope.seq, seq);
    assert_int_equal(port_admit(port, &item->envelope, 4), ADMIT);
    assert_int_equal(port_admit(port, &item->envelope, 4), DUPLICATE);
    port_done(port, &item->envelope);
}

static void
messages_arrive_in_order_and_once(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1), *b = port_new("b", &way, 1);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, i), OK);
    uint64_t seq = 0;
    for (queued_t *item; (item = next(&world)); forget(item))
        expect_once(b, item, ++seq);
    assert_int_equal(seq, 10);
    assert_true(port_consistent(a) && port_consistent(b));
    port_destroy(&a), port_destroy(&b);
}

static void
a_gap_is_not_admitted(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *b = port_new("b", &way, 1);
    envelope_t third = {.kind = ENVELOPE_CAST, .type = "x", .from = "a", .epoch = 1, .seq = 3};
    assert_int_equal(port_admit(b, &third, 0), OUT_OF_ORDER);
    port_destroy(&b);
}

static void
a_new_incarnation_starts_again_and_the_old_one_is_not_heard(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *b = port_new("b", &way, 1);
    envelope_t old = {.kind = ENVELOPE_CAST, .type = "x", .from = "a", .epoch = 1, .seq = 1};
    envelope_t new = {.kind = ENVELOPE_CAST, .type = "x", .from = "a", .epoch = 2, .seq = 1};
    assert_int_equal(port_admit(b, &old, 0), ADMIT);
    assert_int_equal(port_admit(b, &new, 0), ADMIT);
    old.seq = 2;
    assert_int_equal(port_admit(b, &old, 0), DUPLICATE);
    port_destroy(&b);
}

/*  Lets b handle everything that lies there, and a hear of it.  */
static size_t
handle_all(world_t *world, port_t *a, port_t *b)
{
    size_t handled = 0;
    for (queued_t *item; (item = next(world)); forget(item)) {
        if (item->envelope.kind == ENVELOPE_CREDIT) {
            port_on_credit(a, &item->envelope, NULL);
            continue;
        }
        assert_int_equal(port_admit(b, &item->envelope, item->payload->size), ADMIT);
        port_done(b, &item->envelope);
        port_settle(b);
        handled++;
    }
    return handled;
}

static void
without_credit_it_parks_and_goes_on_with_it(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1), *b = port_new("b", &way, 1);
    for (uint32_t i = 0; i < PORT_WINDOW + 100; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, i), OK);
    assert_int_equal(world.last, PORT_WINDOW);
    assert_true(port_parked(a));
    assert_string_equal(port_parked_on(a), "b");
    assert_int_equal(port_credit(a, "b"), 0);
    assert_int_equal(handle_all(&world, a, b), PORT_WINDOW + 100);
    assert_false(port_parked(a));
    assert_true(port_consistent(a) && port_consistent(b));
    port_destroy(&a), port_destroy(&b);
}

static void
what_waits_when_its_sender_stops_becomes_dead_letters(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    for (uint32_t i = 0; i < PORT_WINDOW + 100; i++)
        assert_int_equal(say(a, "b", i % 2 ? ENVELOPE_CAST : ENVELOPE_EVT, 0, i), OK);
    port_give_up(a, ERR_STOPPED);
    assert_int_equal(world.dead[ERR_STOPPED], 100);
    assert_false(port_parked(a));
    assert_true(port_consistent(a));
    empty(&world);
    port_destroy(&a);
}

static void
one_that_goes_gets_what_waits_and_nothing_new(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    port_subscribe(a, "parcel", "b");
    for (uint32_t i = 0; i < PORT_WINDOW + 2; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, i), OK);
    port_close(a, "b");
    assert_false(port_has_subscriber(a, "parcel"));
    assert_true(port_owes(a, "b"));
    assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, 0), ERR_NO_ROUTE);
    assert_int_equal(world.dead[ERR_NO_ROUTE], 1);
    envelope_t credit = {.kind = ENVELOPE_CREDIT, .from = "b", .epoch = 1, .seq = 2};
    port_on_credit(a, &credit, NULL);
    assert_false(port_owes(a, "b"));
    assert_int_equal(world.last, PORT_WINDOW + 2);
    empty(&world);
    port_destroy(&a);
}

static void
one_that_was_forgotten_begins_anew_under_its_name(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    port_t *b = port_new("b", &way, 1);
    for (uint32_t i = 0; i < PORT_WINDOW + 2; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, i), OK);
    port_close(a, "b");
    port_forget(a, "b");
    assert_int_equal(world.dead[ERR_NO_ROUTE], 2);
    assert_false(port_parked(a));
    empty(&world);
    assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, 7), OK);
    queued_t *item = next(&world);
    expect_once(b, item, 1);
    forget(item);
    port_destroy(&a);
    port_destroy(&b);
}

static void
bytes_count_as_well_as_messages(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1), *b = port_new("b", &way, 1);
    uint8_t *load = mem_new(PORT_WINDOW_BYTES / 2);
    blob_t *payload = blob_new((bytes_t){load, PORT_WINDOW_BYTES / 2});
    for (int i = 0; i < 4; i++) {
        envelope_t draft = {.kind = ENVELOPE_CAST, .type = "parcel", .to = "b"};
        assert_int_equal(port_send(a, &draft, payload, NULL), OK);
    }
    assert_int_equal(world.last, 2);
    assert_true(port_parked(a));
    assert_int_equal(handle_all(&world, a, b), 4);
    assert_false(port_parked(a));
    blob_unref(&payload);
    free(load);
    port_destroy(&a), port_destroy(&b);
}

static void
a_hint_overwrites_the_one_that_waits(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1), *b = port_new("b", &way, 1);
    for (uint32_t i = 0; i < PORT_WINDOW; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, i), OK);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(say(a, "b", ENVELOPE_CAST, FLAG_CONFLATE, i), OK);
    assert_false(port_parked(a));
    assert_int_equal(port_stats(a).queued, 1);
    assert_int_equal(handle_all(&world, a, b), PORT_WINDOW + 1);
    port_destroy(&a), port_destroy(&b);
}

static void
a_slow_subscriber_never_parks_the_publisher(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    for (uint32_t i = 0; i < PORT_WINDOW + PORT_EVENT_QUEUE + 7; i++)
        (void) say(a, "b", ENVELOPE_EVT, 0, i);
    assert_false(port_parked(a));
    assert_int_equal(world.dead[ERR_OVERFLOW], 7);
    assert_int_equal(port_stats(a).events_dropped, 7);
    empty(&world);
    port_destroy(&a);
}

static void
answers_need_no_credit(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    for (uint32_t i = 0; i < 2 * PORT_WINDOW; i++)
        assert_int_equal(say(a, "b", ENVELOPE_REP, 0, i), OK);
    assert_int_equal(world.last, 2 * PORT_WINDOW);
    empty(&world);
    port_destroy(&a);
}

static void
an_unknown_receiver_makes_a_dead_letter(void **state)
{
    (void) state;
    world_t world = {.no_route = true};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    assert_int_equal(say(a, "nobody", ENVELOPE_CAST, 0, 1), ERR_NO_ROUTE);
    assert_int_equal(say(a, "nobody", ENVELOPE_REP, 0, 1), ERR_NO_ROUTE);
    assert_int_equal(world.dead[ERR_NO_ROUTE], 2);
    assert_true(port_consistent(a));
    port_destroy(&a);
}

static void
credit_of_another_incarnation_or_for_the_future_is_ignored(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 5);
    assert_int_equal(say(a, "b", ENVELOPE_CAST, 0, 1), OK);
    envelope_t credit = {.kind = ENVELOPE_CREDIT, .from = "b", .epoch = 4, .seq = 1};
    port_on_credit(a, &credit, NULL);
    assert_int_equal(port_stats(a).in_flight, 1);
    credit.epoch = 5, credit.seq = 99;
    port_on_credit(a, &credit, NULL);
    assert_int_equal(port_stats(a).in_flight, 1);
    credit.seq = 1;
    port_on_credit(a, &credit, NULL);
    assert_int_equal(port_stats(a).in_flight, 0);
    empty(&world);
    port_destroy(&a);
}

/*  Each of three says what is worth credit at once.  */
static void
owe_three(port_t *port)
{
    static const char *const names[] = {"x", "y", "z"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        envelope_t said = {.kind = ENVELOPE_CAST, .from = names[i], .epoch = 1, .seq = 1};
        said.flags = FLAG_PROMPT;
        assert_int_equal(port_admit(port, &said, 4), ADMIT);
        port_done(port, &said);
    }
}

static void
one_that_goes_on_for_another_gives_credit_in_the_same_order(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1), *b = port_new("a", &way, 2);
    buffer_t packed = {0};
    owe_three(a);
    for (const char *to = "xyz"; *to; to++)
        assert_int_equal(say(a, (char[]){*to, '\0'}, ENVELOPE_CAST, 0, 1), OK);
    port_close(a, "y");
    empty(&world);
    port_pack_state(a, &packed);
    cursor_t in = cursor_of(buffer_bytes(&packed));
    assert_true(port_take_state(b, &in));
    port_settle(a), port_settle(b);
    for (int i = 0; i < 3; i++) {
        queued_t *one = world.queue[world.first + (size_t) i];
        queued_t *other = world.queue[world.first + (size_t) i + 3];
        assert_int_equal(one->envelope.kind, ENVELOPE_CREDIT);
        assert_string_equal(one->to, other->to);
        assert_int_equal(one->envelope.seq, other->envelope.seq);
    }
    buffer_t again = {0};
    port_pack_state(a, &again), buffer_clear(&packed), port_pack_state(b, &packed);
    assert_int_equal(again.size, packed.size);
    assert_memory_equal(again.data, packed.data, packed.size); /* links outward, too */
    assert_int_equal(say(b, "y", ENVELOPE_CAST, 0, 1), ERR_NO_ROUTE);
    buffer_release(&again), buffer_release(&packed);
    empty(&world);
    port_destroy(&a), port_destroy(&b);
}

static void
each_subscriber_gets_an_event_once(void **state)
{
    (void) state;
    world_t world = {0};
    transport_t way = transport(&world);
    port_t *a = port_new("a", &way, 1);
    port_subscribe(a, "change_recorded", "b");
    port_subscribe(a, "change_*", "b");
    port_subscribe(a, ">", "c");
    port_subscribe(a, "status", "d");
    blob_t *payload = blob_new((bytes_t){0});
    envelope_t draft = {.kind = ENVELOPE_EVT, .type = "change_recorded", .to = "*"};
    port_publish(a, &draft, payload);
    assert_int_equal(world.last, 2);
    port_unsubscribe(a, ">", "c");
    port_publish(a, &draft, payload);
    assert_int_equal(world.last, 3);
    blob_unref(&payload);
    empty(&world);
    port_destroy(&a);
}

static void
patterns_match_words(void **state)
{
    (void) state;
    assert_true(pattern_matches("status", "status"));
    assert_false(pattern_matches("status", "status_get"));
    assert_true(pattern_matches("srv_*", "srv_error"));
    assert_true(pattern_matches("*", "status"));
    assert_false(pattern_matches("*", "sys.tree"));
    assert_true(pattern_matches("sys.*", "sys.tree"));
    assert_true(pattern_matches("sys.>", "sys.actor.name"));
    assert_false(pattern_matches("sys.*", "sys.actor.name"));
    assert_true(pattern_matches(">", "anything.at.all"));
    assert_false(pattern_matches("", "status"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_in_order_and_once),
        cmocka_unit_test(a_gap_is_not_admitted),
        cmocka_unit_test(a_new_incarnation_starts_again_and_the_old_one_is_not_heard),
        cmocka_unit_test(without_credit_it_parks_and_goes_on_with_it),
        cmocka_unit_test(what_waits_when_its_sender_stops_becomes_dead_letters),
        cmocka_unit_test(one_that_goes_gets_what_waits_and_nothing_new),
        cmocka_unit_test(one_that_was_forgotten_begins_anew_under_its_name),
        cmocka_unit_test(bytes_count_as_well_as_messages),
        cmocka_unit_test(a_hint_overwrites_the_one_that_waits),
        cmocka_unit_test(a_slow_subscriber_never_parks_the_publisher),
        cmocka_unit_test(answers_need_no_credit),
        cmocka_unit_test(an_unknown_receiver_makes_a_dead_letter),
        cmocka_unit_test(credit_of_another_incarnation_or_for_the_future_is_ignored),
        cmocka_unit_test(one_that_goes_on_for_another_gives_credit_in_the_same_order),
        cmocka_unit_test(each_subscriber_gets_an_event_once),
        cmocka_unit_test(patterns_match_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
