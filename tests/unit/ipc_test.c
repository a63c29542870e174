/*  What a process that joins may rely on.  */

#include "tests/unit/house_visit.h"
#include "tests/unit/raw_peer.h"

#include <string.h>

/*  ------------------------------------------------------------------------- tests  */

static void
says_so_when_nobody_is_there(void **state)
{
    (void) state;
    ipc_client_t *client = NULL;
    fault_t fault;
    assert_int_equal(ipc_client_open("/tmp/nobody-is-here", "one", 50, &client, &fault),
                     ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "start"));
}

static void
answers_a_request(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    assert_served(client, 7);
    assert_served(client, 8);
    ipc_client_close(&client);
    assert_null(client);
}

static void
keeps_many_questions_under_way(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    uint64_t asks[100];
    for (uint64_t i = 0; i < COUNT_OF(asks); i++)
        assert_int_equal(ipc_client_ask(client, "echo", MSG_ping, &(ping_t){.number = i},
                                        PATIENCE_MS, &asks[i]),
                         OK);
    for (uint64_t i = 0; i < COUNT_OF(asks); i++) {
        ipc_heard_t heard;
        assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), OK);
        assert_int_equal(heard.ask, asks[i]);
        assert_int_equal(((const pong_t *) heard.body)->number, i);
    }
    ipc_client_close(&client);
}

static void
brings_events_to_whoever_asked(void **state)
{
    (void) state;
    ipc_client_t *hearer = join("hearer");
    ipc_client_t *sender = join("sender");
    assert_int_equal(ipc_client_subscribe(hearer, "actor_*"), OK);
    WAIT_FOR(house_subscribed(house, ECHO));
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(
            ipc_client_send(sender, "echo", MSG_parcel, &(parcel_t){.number = i}, PATIENCE_MS),
            OK);
    for (uint64_t i = 1; i <= 5; i++) {
        ipc_heard_t heard;
        assert_int_equal(ipc_client_next(hearer, PATIENCE_MS, &heard), OK);
        assert_int_equal(heard.id, MSG_actor_state);
        assert_string_equal(heard.from, "echo");
        assert_int_equal(((const actor_state_t *) heard.body)->restarts, i);
    }
    ipc_client_close(&hearer);
    WAIT_FOR(!house_subscribed(house, ECHO));
    ipc_client_close(&sender);
}

static void
acknowledges_only_what_was_handled(void **state)
{
    (void) state;
    atomic_store(&house->asleep, true);
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    raw_message(raw, MSG_parcel, "sleeper", 1, &(parcel_t){.number = 1});
    raw_message(raw, MSG_parcel, "echo", 2, &(parcel_t){.number = 2});
    WAIT_FOR(house_parcels(house, ECHO) == 1);
    raw_message(raw, MSG_ping, "echo", 3, &(ping_t){.number = 3});
    raw_receive(raw,
                ENVELOPE_REP); /* the later ones are finished: no credit has come for them */
    atomic_store(&house->asleep, false);
    raw_receive(raw, ENVELOPE_CREDIT);
    assert_int_equal(raw->envelope.seq, 3);
    assert_int_equal(house_parcels(house, SLEEPER), 1);
    raw_destroy(&raw);
}

static void
drops_what_is_sent_again_after_a_reconnect(void **state)
{
    (void) state;
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    raw_parcel(raw, 1);
    raw_parcel(raw, 2);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    raw_destroy(&raw);
    raw = raw_connect(house->run_dir, "raw", 1);
    raw_hello(raw, "raw", 1, 1);
    raw_receive(raw, ENVELOPE_HELLO);
    hello_t hello;
    assert_int_equal(hello_unpack((bytes_t){raw->payload, raw->size}, &hello, NULL), OK);
    assert_int_equal(hello.next_seq, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        raw_parcel(raw, seq);
    WAIT_FOR(house_parcels(house, ECHO) == 3);
    assert_int_equal(house_disorder(house, ECHO), 0);
    raw_destroy(&raw);
}

static void
sends_an_answer_again_until_it_is_acknowledged(void **state)
{
    (void) state;
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    raw_message(raw, MSG_ping, "echo", 1, &(ping_t){.number = 4});
    raw_receive(raw, ENVELOPE_REP);
    raw_destroy(&raw);
    raw = raw_connect(house->run_dir, "raw", 1);
    raw_hello(raw, "raw", 1, 1);
    raw_receive(raw, ENVELOPE_REP);
    assert_int_equal(raw->envelope.seq, 1);
    assert_true(raw->envelope.flags & FLAG_REDELIVERED);
    assert_int_equal(raw->envelope.corr[15], 1);
    raw_destroy(&raw);
}

/*  Its pong is not acknowledged.  */
static raw_t *
leave_things_undone(void)
{
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    raw_message(raw, MSG_ping, "echo", 1, &(ping_t){.number = 4});
    raw_receive(raw, ENVELOPE_REP);
    return raw;
}

static void
counts_what_a_leaving_process_did_not_acknowledge(void **state)
{
    (void) state;
    raw_t *raw = leave_things_undone();
    raw_say(raw, (envelope_t){.kind = ENVELOPE_BYE, .type = "bye"}, "", 0);
    WAIT_FOR(gateway_dead(house->gateway) == 1);
    raw_destroy(&raw);
}

static void
counts_what_a_replaced_process_did_not_acknowledge(void **state)
{
    (void) state;
    raw_t *raw = leave_things_undone();
    raw_t *young = raw_join(house->run_dir, "raw", 2);
    assert_int_equal(gateway_dead(house->gateway), 1);
    raw_destroy(&young);
    raw_destroy(&raw);
}

static void
counts_what_was_not_acknowledged_at_the_end(void **state)
{
    (void) state;
    raw_t *raw = leave_things_undone();
    gateway_stop(house->gateway);
    assert_int_equal(gateway_dead(house->gateway), 1);
    raw_destroy(&raw);
}

static void
asks_for_what_is_missing(void **state)
{
    (void) state;
    raw_t *raw = raw_join(house->run_dir, "raw", 1);
    raw_parcel(raw, 2);
    raw_receive(raw, ENVELOPE_NAK);
    assert_int_equal(raw->envelope.seq, 1);
    raw_parcel(raw, 1);
    raw_parcel(raw, 2);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    assert_int_equal(house_disorder(house, ECHO), 0);
    raw_destroy(&raw);
}

static void
lets_a_newer_process_take_the_name(void **state)
{
    (void) state;
    raw_t *old = raw_join(house->run_dir, "raw", 1);
    raw_parcel(old, 1);
    WAIT_FOR(house_parcels(house, ECHO) == 1);
    raw_t *young = raw_join(house->run_dir, "raw", 2);
    raw_parcel(young, 1);
    WAIT_FOR(house_parcels(house, ECHO) == 2);
    raw_destroy(&old);
    raw_destroy(&young);
}

static void
survives_a_restart_of_the_process_behind_it(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    assert_served(client, 1);
    assert_int_equal(ipc_client_subscribe(client, "actor_state"), OK);
    house_restart(house);
    ipc_heard_t heard;
    assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), ERR_OFFLINE);
    assert_int_equal(
        ipc_client_send(client, "echo", MSG_parcel, &(parcel_t){.number = 1}, PATIENCE_MS), OK);
    assert_int_equal(ipc_client_next(client, PATIENCE_MS, &heard), OK);
    assert_int_equal(heard.id, MSG_actor_state);
    assert_served(client, 2);
    ipc_client_close(&client);
}

/*  Who takes nothing loses what is beyond the limit, and hears so once it takes again.  */
static void
tells_how_many_events_were_lost(void **state)
{
    enum { EVENTS = 10050, KEPT = 10000 };
    (void) state;
    uint64_t n_heard = 0;
    uint64_t n_lost = 0;
    ipc_heard_t heard;
    ipc_client_t *hearer = join("hearer");
    ipc_client_t *sender = join("sender");
    assert_int_equal(ipc_client_subscribe(hearer, "actor_*"), OK);
    WAIT_FOR(house_subscribed(house, ECHO));
    for (uint64_t i = 1; i <= EVENTS; i++)
        assert_int_equal(
            ipc_client_send(sender, "echo", MSG_parcel, &(parcel_t){.number = i}, PATIENCE_MS),
            OK);
    WAIT_FOR(gateway_dead(house->gateway) > 0);
    while (n_lost == 0) {
        assert_int_equal(ipc_client_next(hearer, PATIENCE_MS, &heard), OK);
        n_heard += heard.id == MSG_actor_state;
        if (heard.id == MSG_events_lost)
            n_lost += ((const events_lost_t *) heard.body)->count;
    }
    assert_true(n_heard >= KEPT);
    assert_true(n_heard + n_lost <= EVENTS);
    ipc_client_close(&hearer);
    ipc_client_close(&sender);
}

static void
refuses_by_name_of_the_field(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    message_id_t answer;
    const void *body;
    fault_t fault;
    assert_int_equal(ipc_client_request(client, "nobody", MSG_ping, &(ping_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_NO_ROUTE);
    assert_non_null(strstr(fault.text, "field to"));
    assert_int_equal(ipc_client_request(client, "echo", MSG_pong, &(pong_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_REFUSED);
    assert_non_null(strstr(fault.text, "field type"));
    assert_served(client, 1);
    ipc_client_close(&client);
}

static err_t
ask_echo(ipc_client_t *client, message_id_t id, const void *body)
{
    message_id_t answer;
    const void *answer_body;
    fault_t fault;
    return ipc_client_request(client, "echo", id, body, PATIENCE_MS, &answer, &answer_body,
                              &fault);
}

static void
refuses_what_an_actor_does_not_offer(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    assert_int_equal(ask_echo(client, MSG_status_get, &(status_get_t){0}), ERR_REFUSED);
    assert_served(client, 1);
    ipc_client_close(&client);
}

static void
knows_actors_that_come_and_go(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    gateway_remove(house->gateway, "echo");
    assert_int_equal(ask_echo(client, MSG_ping, &(ping_t){0}), ERR_NO_ROUTE);
    const char *const offers[] = {"ping", NULL};
    gateway_add(house->gateway, &(gateway_actor_t){"echo", offers, NULL});
    assert_served(client, 1);
    ipc_client_close(&client);
}

/*  Says so many to the sleeper; when it is told, the gateway has read them all.  */
static raw_t *
join_and_say(const char *name, uint64_t parcels)
{
    raw_t *raw = raw_join(house->run_dir, name, 1);
    uint64_t seq = 1;
    for (; seq <= parcels; seq++)
        raw_message(raw, MSG_parcel, "sleeper", seq, &(parcel_t){.number = seq});
    raw_message(raw, MSG_ping, "echo", seq, &(ping_t){0});
    raw_receive(raw, ENVELOPE_REP);
    return raw;
}

/*  The others take all the credit that the sleeper gives.  */
static void
tells_whoever_waits_for_one_that_goes(void **state)
{
    (void) state;
    enum { OTHERS = 4, EACH = 250, MORE = 40 };
    raw_t *others[OTHERS];
    atomic_store(&house->asleep, true);
    for (size_t i = 0; i < OTHERS; i++)
        others[i] = join_and_say((const char *const[]){"one", "two", "three", "four"}[i], EACH);
    raw_t *raw = join_and_say("five", MORE);
    raw_message(raw, MSG_ping, "nobody", MORE + 2, &(ping_t){0});
    raw_receive(raw, ENVELOPE_ERR);
    gateway_remove(house->gateway, "sleeper");
    for (int waited = OTHERS * EACH + MORE - PORT_WINDOW; waited > 0; waited--) {
        raw_receive(raw, ENVELOPE_ERR);
        assert_non_null(memmem(raw->payload, raw->size, "NO_ROUTE", 8));
    }
    atomic_store(&house->asleep, false);
    raw_destroy(&raw);
    for (size_t i = 0; i < OTHERS; i++)
        raw_destroy(&others[i]);
}

static void
refuses_new_work_while_stopping(void **state)
{
    (void) state;
    ipc_client_t *client = join("one");
    message_id_t answer;
    const void *body;
    fault_t fault;
    gateway_refuse(house->gateway);
    assert_int_equal(ipc_client_request(client, "echo", MSG_ping, &(ping_t){0}, PATIENCE_MS,
                                        &answer, &body, &fault),
                     ERR_STOPPED);
    ipc_client_close(&client);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(says_so_when_nobody_is_there),
        CASE(answers_a_request),
        CASE(keeps_many_questions_under_way),
        CASE(brings_events_to_whoever_asked),
        CASE(acknowledges_only_what_was_handled),
        CASE(drops_what_is_sent_again_after_a_reconnect),
        CASE(sends_an_answer_again_until_it_is_acknowledged),
        CASE(counts_what_a_leaving_process_did_not_acknowledge),
        CASE(counts_what_a_replaced_process_did_not_acknowledge),
        CASE(counts_what_was_not_acknowledged_at_the_end),
        CASE(asks_for_what_is_missing),
        CASE(lets_a_newer_process_take_the_name),
        CASE(survives_a_restart_of_the_process_behind_it),
        CASE(tells_how_many_events_were_lost),
        CASE(refuses_by_name_of_the_field),
        CASE(refuses_what_an_actor_does_not_offer),
        CASE(knows_actors_that_come_and_go),
        CASE(tells_whoever_waits_for_one_that_goes),
        CASE(refuses_new_work_while_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
