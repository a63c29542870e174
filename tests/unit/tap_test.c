/*  What a tap shows, and that it costs the watched nothing but records.  */

#include "bus/postbox.h"
#include "bus/rundir.h"
#include "bus/tap.h"
#include "bus/tap_client.h"
#include "schemas/codec.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

static const char *const actors[] = {"watched", NULL};

static struct stage {
    char run_dir[64];
    void *zmq;
    postbox_t *postbox;
    tap_t *tap;
    tap_source_t *source;
    tap_gate_t gate;
} stage;

static int
set_up(void **state)
{
    (void) state;
    strcpy(stage.run_dir, "/tmp/tap_test.XXXXXX");
    if (mkdtemp(stage.run_dir) == NULL)
        return -1;
    stage.zmq = zmq_ctx_new();
    stage.postbox = postbox_new(stage.zmq, "watched", NULL);
    const tap_options_t options = {
        .zmq = stage.zmq, .run_dir = stage.run_dir, .actors = actors};
    stage.tap = tap_new(&options);
    fault_t fault;
    if (tap_start(stage.tap, &fault) != OK)
        return -1;
    stage.source = tap_source_new(stage.zmq, "watched", &stage.gate);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    tap_source_destroy(&stage.source);
    tap_destroy(&stage.tap);
    postbox_destroy(&stage.postbox);
    zmq_ctx_term(stage.zmq);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", stage.run_dir);
    return system(command); /* NOLINT: a path of our own making */
}

/*  Waits for the verb that the tap tells its actors.  */
static void
await_control(const char *verb)
{
    zmq_pollitem_t item = {.socket = postbox_socket(stage.postbox, LANE_hi),
                           .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    letter_t *letter = postbox_receive(stage.postbox, LANE_hi);
    assert_non_null(letter);
    assert_int_equal(letter->envelope.kind, ENVELOPE_CONTROL);
    assert_string_equal(letter->envelope.type, verb);
    letter->release(letter);
}

static tap_client_t *
watch_as(tap_want_t want)
{
    tap_client_t *client = NULL;
    fault_t fault = {0};
    if (tap_client_open(stage.run_dir, want, &client, &fault) != OK)
        fail_msg("%s", fault.text);
    return client;
}

static tap_client_t *
watch(void)
{
    return watch_as(TAP_PAYLOADS);
}

static void
offer(tap_point_t point, message_id_t id, const void *body, err_t err)
{
    buffer_t packed = {0};
    message_pack(id, body, &packed);
    const envelope_t envelope = {
        .kind = ENVELOPE_CAST, .type = schema_of(id)->name, .from = "someone", .to = "watched"};
    tap_offer(stage.source, point, &envelope, buffer_bytes(&packed), err);
    buffer_release(&packed);
}

static void
flush(void)
{
    for (int ms; (ms = tap_flush(stage.source)) >= 0;)
        poll(NULL, 0, ms);
}

static void
shows_a_record_whole(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    offer(TAP_dead, MSG_parcel, &(parcel_t){.number = 5}, ERR_POISON);
    flush();
    const tap_record_t *record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_int_equal(record->n, 1);
    assert_int_equal(record->point, TAP_dead);
    assert_int_equal(record->err, ERR_POISON);
    assert_string_equal(record->actor, "watched");
    assert_string_equal(record->envelope.type, "parcel");
    assert_int_equal(record->envelope.kind, ENVELOPE_CAST);
    arena_t arena = {0};
    parcel_t parcel;
    assert_int_equal(message_unpack(MSG_parcel, record->payload, &arena, &parcel, NULL), OK);
    assert_int_equal(parcel.number, 5);
    arena_release(&arena);
    tap_client_destroy(&client);
    await_control("tap_off");
}

static void
shows_headers_alone_to_who_wants_no_more(void **state)
{
    (void) state;
    tap_client_t *client = watch_as(TAP_HEADERS);
    await_control("tap_on");
    const envelope_t envelope = {
        .kind = ENVELOPE_CAST, .type = "parcel", .from = "someone", .to = "watched"};
    tap_offer(stage.source, TAP_recv, &envelope, (bytes_t){.size = 77}, OK);
    flush();
    const tap_record_t *record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_string_equal(record->envelope.type, "parcel");
    assert_null(record->payload.data);
    assert_int_equal(record->size, 77);
    tap_client_destroy(&client);
}

static void
offers_payloads_while_one_watcher_wants_them(void **state)
{
    (void) state;
    tap_client_t *modest = watch_as(TAP_HEADERS);
    await_control("tap_on");
    tap_client_t *curious = watch_as(TAP_PAYLOADS);
    await_control("tap_whole");
    tap_client_destroy(&curious);
    await_control("tap_on");
    tap_client_destroy(&modest);
    await_control("tap_off");
}

static void
hears_from_inside_of_the_process(void **state)
{
    (void) state;
    tap_ear_t *ear = tap_ear_new(stage.zmq, 100);
    assert_int_equal(tap_ear_connect(ear, TAP_INSIDE), OK);
    tap_ear_want(ear, TAP_HEADERS);
    await_control("tap_on");
    offer(TAP_send, MSG_parcel, &(parcel_t){.number = 1}, OK);
    flush();
    zmq_pollitem_t item = {.socket = tap_ear_socket(ear), .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    assert_string_equal(tap_ear_next(ear)->actor, "watched");
    tap_ear_want(ear, TAP_NOTHING);
    await_control("tap_off");
    tap_ear_destroy(&ear);
}

/*  It subscribes, as a watcher does, and then does nothing: neither reads nor renews.  */
static void
ends_the_session_of_one_that_has_stalled(void **state)
{
    (void) state;
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "ipc://%s/tap.sock", stage.run_dir);
    const int none = 0;
    void *stalled = zmq_socket(stage.zmq, ZMQ_SUB);
    zmq_setsockopt(stalled, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(stalled, ZMQ_SUBSCRIBE, TAP_TOPIC, strlen(TAP_TOPIC));
    assert_int_equal(zmq_connect(stalled, endpoint), 0);
    await_control("tap_on");
    await_control("tap_off");
    tap_client_t *client = watch(); /* another one begins anew */
    await_control("tap_whole");
    tap_client_destroy(&client);
    await_control("tap_on");
    zmq_close(stalled);
    await_control("tap_off");
}

static void
never_shows_a_secret(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    offer(TAP_send, MSG_credentials, &(credentials_t){.user = "ann", .token = "canary"}, OK);
    flush();
    const tap_record_t *record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_non_null(memmem(record->payload.data, record->payload.size, "ann", 3));
    assert_null(memmem(record->payload.data, record->payload.size, "canary", 6));
    tap_client_destroy(&client);
}

static void
passes_over_its_own_traffic(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    const envelope_t own[] = {
        {.kind = ENVELOPE_CONTROL, .type = "tap_on", .from = "tap", .to = "watched"},
        {.kind = ENVELOPE_CREDIT, .type = "credit", .from = "x", .to = "watched"},
        {.kind = ENVELOPE_CAST,
         .type = "parcel",
         .from = "x",
         .to = "watched",
         .flags = FLAG_NO_TAP},
    };
    for (size_t i = 0; i < COUNT_OF(own); i++)
        tap_offer(stage.source, TAP_recv, &own[i], (bytes_t){0}, OK);
    offer(TAP_recv, MSG_parcel, &(parcel_t){.number = 1}, OK);
    flush();
    const tap_record_t *record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_int_equal(record->n, 1);
    assert_string_equal(record->envelope.type, "parcel");
    tap_client_destroy(&client);
}

static void
counts_what_found_no_room(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    tap_stop(stage.tap); /* stuck for good */
    const uint64_t many = 40000;
    for (uint64_t i = 0; i < many; i++)
        offer(TAP_send, MSG_parcel, &(parcel_t){.number = i}, OK);
    flush();
    assert_true(tap_source_dropped(stage.source) >= many - 2 * TAP_BURST);
    assert_true(tap_source_dropped(stage.source) < many);
    tap_client_destroy(&client);
}

static void
counts_every_record_once(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    enum { MANY = 3 * TAP_BURST };
    for (uint64_t i = 1; i <= MANY; i++)
        offer(TAP_send, MSG_parcel, &(parcel_t){.number = i}, OK);
    flush();
    uint64_t last = 0, seen = 0;
    while (seen + tap_client_lost(client) < MANY) {
        const tap_record_t *record;
        if (tap_client_next(client, 100, &record) != OK)
            continue; /* the last ones are among the lost: a head tells */
        assert_true(record->n > last && record->n <= MANY);
        last = record->n;
        seen++;
    }
    assert_true(seen > 0 && seen < MANY);
    assert_int_equal(seen + tap_client_lost(client), MANY);
    tap_client_destroy(&client);
}

static void
says_so_when_nobody_is_there(void **state)
{
    (void) state;
    tap_client_t *client = NULL;
    fault_t fault;
    assert_int_equal(tap_client_open("/tmp/nobody-is-here", TAP_HEADERS, &client, &fault),
                     ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "/tmp/nobody-is-here"));
}

static void
notices_that_the_process_has_gone(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_whole");
    tap_destroy(&stage.tap);
    const tap_record_t *record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), ERR_OFFLINE);
    tap_client_destroy(&client);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(shows_a_record_whole),
        CASE(shows_headers_alone_to_who_wants_no_more),
        CASE(offers_payloads_while_one_watcher_wants_them),
        CASE(hears_from_inside_of_the_process),
        CASE(ends_the_session_of_one_that_has_stalled),
        CASE(never_shows_a_secret),
        CASE(passes_over_its_own_traffic),
        CASE(counts_what_found_no_room),
        CASE(counts_every_record_once),
        cmocka_unit_test(says_so_when_nobody_is_there),
        CASE(notices_that_the_process_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
