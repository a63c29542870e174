/*  An actor of the process asks and commands a program that has joined.  */

#include "runtime/host.h"
#include "tests/unit/raw_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*  Each parcel goes on to the worker, and a question with it; what comes of that is an event.
 */
static err_t
on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    const parcel_t *parcel = body;
    ctx_send(ctx, "ipc/worker", MSG_parcel, parcel);
    REQUEST(ctx, "ipc/worker", parcel->number, ping, .number = parcel->number);
    return OK;
}

static err_t
on_pong(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    PUBLISH(ctx, actor_state, .actor = "waiter", .state = "ready",
            .restarts = ((const pong_t *) body)->number);
    return OK;
}

static err_t
on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state;
    PUBLISH(ctx, problem, .code = err_name(failure->err), .message = failure->text);
    return OK;
}

static handler_fn *const handlers[MSG_COUNT] = {
    [MSG_parcel] = on_parcel,
    [MSG_pong] = on_pong,
};

static const actor_class_t waiter = {
    .name = "waiter",
    .sends = (const edge_t[]){{"ipc/worker", MSG_parcel}, {"ipc/worker", MSG_ping}, {0}},
    .offers = (const char *const[]){"parcel", NULL},
    .handlers = handlers,
    .on_error = on_error,
};

static char run_dir[] = "/tmp/host_serving.XXXXXX";
static host_t *host;
static raw_t *guest;

static int
set_up(void **state)
{
    (void) state;
    strcpy(run_dir + sizeof run_dir - 7, "XXXXXX");
    fault_t fault;
    if (mkdtemp(run_dir) == NULL)
        return -1;
    host = host_new(&(host_options_t){.name = "test", .run_dir = run_dir});
    host_add(host, &waiter);
    if (host_start(host, &fault) != OK)
        return -1;
    guest = raw_join(run_dir, "guest", 1);
    blob_t *pattern = text_pack(">");
    raw_say(guest, (envelope_t){.kind = ENVELOPE_CONTROL, .type = "subscribe"}, pattern->data,
            pattern->size);
    blob_unref(&pattern);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    raw_destroy(&guest);
    host_destroy(&host);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", run_dir);
    return system(command); /* NOLINT: a path of our own making */
}

static raw_t *
join_worker(uint64_t epoch)
{
    const hello_t hello = {.name = "worker",
                           .epoch = epoch,
                           .next_seq = 1,
                           .pid = 1,
                           .takes = {.n = 2, .names = {"ping", "parcel"}}};
    return raw_join_as(run_dir, &hello);
}

static void
answer(raw_t *worker, uint64_t seq)
{
    envelope_t reply = {.kind = ENVELOPE_REP, .type = "pong", .seq = seq};
    memcpy(reply.corr, worker->envelope.id, sizeof reply.corr);
    raw_say(worker, reply, "\x81\xa6number\x05", 9);
}

static void
assert_event(const char *type)
{
    raw_receive(guest, ENVELOPE_EVT);
    assert_string_equal(guest->envelope.type, type);
    assert_string_equal(guest->envelope.from, "waiter");
}

static void
a_joined_program_is_an_actor_like_any_other(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_message(guest, MSG_parcel, "waiter", 1, &(parcel_t){.number = 5});
    raw_receive(worker, ENVELOPE_CAST);
    assert_string_equal(worker->envelope.from, "waiter");
    raw_receive(worker, ENVELOPE_REQ);
    answer(worker, 1);
    assert_event("actor_state");
    raw_destroy(&worker);
}

static void
nobody_of_that_name_is_an_error_at_once(void **state)
{
    (void) state;
    raw_message(guest, MSG_parcel, "waiter", 1, &(parcel_t){.number = 5});
    assert_event("error");
    assert_non_null(memmem(guest->payload, guest->size, "NO_ROUTE", 8));
}

static void
one_that_leaves_is_an_error_for_who_waits(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_message(guest, MSG_parcel, "waiter", 1, &(parcel_t){.number = 5});
    raw_receive(worker, ENVELOPE_REQ);
    raw_say(worker, (envelope_t){.kind = ENVELOPE_BYE, .type = "bye"}, "", 0);
    assert_event("error");
    assert_non_null(memmem(guest->payload, guest->size, "STOPPED", 7));
    raw_destroy(&worker);
}

static void
one_that_died_is_asked_again_when_it_is_back(void **state)
{
    (void) state;
    raw_t *worker = join_worker(1);
    raw_message(guest, MSG_parcel, "waiter", 1, &(parcel_t){.number = 5});
    raw_receive(worker, ENVELOPE_REQ);
    raw_destroy(&worker);
    worker = join_worker(2);
    raw_receive(worker, ENVELOPE_CAST);
    assert_int_equal(worker->envelope.attempt, 1);
    raw_receive(worker, ENVELOPE_REQ);
    answer(worker, 1);
    assert_event("actor_state");
    raw_destroy(&worker);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_joined_program_is_an_actor_like_any_other),
        CASE(nobody_of_that_name_is_an_error_at_once),
        CASE(one_that_leaves_is_an_error_for_who_waits),
        CASE(one_that_died_is_asked_again_when_it_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
