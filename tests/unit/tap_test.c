/*  What a tap shows, and that it costs the watched nothing but records.  */

#include "bus/postbox.h"
#include "bus/rundir.h"
#include "bus/tap_client.h"
#include "schemas/codec.h"

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
    stage.source = tap_source_new(stage.zmq, "watched");
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
watch(void)
{
    tap_client_t *client = NULL;
    fault_t fault = {0};
    if (tap_client_open(stage.run_dir, &client, &fault) != OK)
        fail_msg("%s", fault.text);
    return client;
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
shows_a_record_whole(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
    offer(TAP_dead, MSG_parcel, &(parcel_t){.number = 5}, ERR_POISON);
    tap_record_t record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_int_equal(record.n, 1);
    assert_int_equal(record.point, TAP_dead);
    assert_int_equal(record.err, ERR_POISON);
    assert_string_equal(record.actor, "watched");
    assert_string_equal(record.envelope.type, "parcel");
    assert_int_equal(record.envelope.kind, ENVELOPE_CAST);
    arena_t arena = {0};
    parcel_t parcel;
    assert_int_equal(message_unpack(MSG_parcel, record.payload, &arena, &parcel, NULL), OK);
    assert_int_equal(parcel.number, 5);
    arena_release(&arena);
    tap_client_destroy(&client);
    await_control("tap_off");
}

static void
never_shows_a_secret(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
    offer(TAP_send, MSG_credentials, &(credentials_t){.user = "ann", .token = "canary"}, OK);
    tap_record_t record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_non_null(memmem(record.payload.data, record.payload.size, "ann", 3));
    assert_null(memmem(record.payload.data, record.payload.size, "canary", 6));
    tap_client_destroy(&client);
}

static void
passes_over_its_own_traffic(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
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
    tap_record_t record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), OK);
    assert_int_equal(record.n, 1);
    assert_string_equal(record.envelope.type, "parcel");
    tap_client_destroy(&client);
}

static void
counts_what_found_no_room(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
    tap_stop(stage.tap); /* stuck for good */
    for (uint64_t i = 0; i < 5000; i++)
        offer(TAP_send, MSG_parcel, &(parcel_t){.number = i}, OK);
    assert_true(tap_source_dropped(stage.source) > 0);
    assert_true(tap_source_dropped(stage.source) < 5000);
    tap_client_destroy(&client);
}

static void
counts_every_record_once(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
    enum { MANY = 5000 };
    for (uint64_t i = 1; i <= MANY; i++)
        offer(TAP_send, MSG_parcel, &(parcel_t){.number = i}, OK);
    uint64_t last = 0;
    while (last + tap_source_dropped(stage.source) < MANY) {
        tap_record_t record;
        err_t err = tap_client_next(client, 500, &record);
        if (err == ERR_TIMEOUT)
            break; /* the last ones may be among the lost */
        assert_int_equal(err, OK);
        assert_true(record.n > last && record.n <= MANY);
        last = record.n;
    }
    assert_true(last > 0);
    tap_client_destroy(&client);
}

static void
says_so_when_nobody_is_there(void **state)
{
    (void) state;
    tap_client_t *client = NULL;
    fault_t fault;
    assert_int_equal(tap_client_open("/tmp/nobody-is-here", &client, &fault), ERR_OFFLINE);
    assert_non_null(strstr(fault.text, "/tmp/nobody-is-here"));
}

static void
notices_that_the_process_has_gone(void **state)
{
    (void) state;
    tap_client_t *client = watch();
    await_control("tap_on");
    tap_destroy(&stage.tap);
    tap_record_t record;
    assert_int_equal(tap_client_next(client, PATIENCE_MS, &record), ERR_OFFLINE);
    tap_client_destroy(&client);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(shows_a_record_whole),
        CASE(never_shows_a_secret),
        CASE(passes_over_its_own_traffic),
        CASE(counts_what_found_no_room),
        CASE(counts_every_record_once),
        cmocka_unit_test(says_so_when_nobody_is_there),
        CASE(notices_that_the_process_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
