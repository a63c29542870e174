/*  The end of a host: who is late is named, nothing said on the way out disappears, and only
    what was settled is done.  */

#include "tests/unit/host_world.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

enum { LAST_WORDS = 1000 };

static sem_t released;
static atomic_int received, starts, named, given_up_letters;
static const char *awaited; /* the line that names the straggler */

/*  From any thread.  */
static void
listen(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (awaited && strcmp(line->text, awaited) == 0) {
        atomic_fetch_add(&named, 1);
        sem_post(&released);
    }
    if (strstr(line->text, "dead letter: parcel") && strstr(line->text, "shutting down"))
        atomic_fetch_add(&given_up_letters, 1);
}

static void
run(const actor_class_t *const *classes, uint32_t stop_deadline_ms, err_t expected)
{
    atomic_int *counters[] = {&received, &starts, &named, &given_up_letters};
    for (size_t i = 0; i < COUNT_OF(counters); i++)
        atomic_store(counters[i], 0);
    sem_init(&released, 0, 0);
    host_options_t options = {.name = "test",
                              .log_level = LOG_warning,
                              .log = listen,
                              .stop_deadline_ms = stop_deadline_ms};
    run_host(&options, classes, expected);
    sem_destroy(&released);
}

/*  ---------------------------------------------------------------------- stragglers  */

static const edge_t to_sink[] = {{"sink", MSG_parcel}, {0}};

static err_t
send_one(void *state, ctx_t *ctx)
{
    (void) state;
    SEND(ctx, "sink", parcel, .number = 1);
    return OK;
}

static const actor_class_t sender = {.name = "sender", .sends = to_sink, .start = send_one};

static err_t
block_on_parcel(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    host_stop(host);
    sem_wait(&released);
    return OK;
}

static handler_fn *const blocked_handlers[MSG_COUNT] = {[MSG_parcel] = block_on_parcel};
static const actor_class_t blocked = {.name = "sink", .handlers = blocked_handlers};

static void
names_a_straggler_and_the_message_it_is_busy_with(void **state)
{
    (void) state;
    awaited = "sink does not drain: it is busy with parcel";
    run((const actor_class_t *const[]){&blocked, &sender, NULL}, 100, OK);
    assert_int_equal(named, 1);
}

static err_t
arm(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 0);
    return OK;
}

static err_t
block_on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) timer;
    return block_on_parcel(state, ctx, NULL);
}

static const actor_class_t late = {.name = "late", .start = arm, .on_timer = block_on_timer};

static void
names_a_straggler_and_the_callback_it_is_in(void **state)
{
    (void) state;
    awaited = "late does not drain: it is busy with on_timer";
    run((const actor_class_t *const[]){&late, NULL}, 100, OK);
    assert_int_equal(named, 1);
}

/*  ---------------------------------------------------------------------- last words  */

static err_t
count_hint(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    sched_yield();
    atomic_fetch_add(&received, 1);
    return OK;
}

static handler_fn *const listener_handlers[MSG_COUNT] = {[MSG_wal_grown] = count_hint};
static const actor_class_t listener = {.name = "listener", .handlers = listener_handlers};

static err_t
stop_host(void *state, ctx_t *ctx)
{
    (void) state, (void) ctx;
    host_stop(host);
    return OK;
}

static err_t
say_last_words(void *state, ctx_t *ctx)
{
    (void) state;
    for (uint64_t i = 0; i < LAST_WORDS; i++)
        SEND(ctx, "listener", wal_grown, .pages = i);
    return OK;
}

static const actor_class_t dying = {
    .name = "dying", .start = stop_host, .drain = say_last_words};

static void
what_is_said_while_draining_is_heard(void **state)
{
    (void) state;
    awaited = NULL;
    run((const actor_class_t *const[]){&dying, &listener, NULL}, 60000, OK);
    assert_int_equal(received, LAST_WORDS);
}

static err_t
send_many(void *state, ctx_t *ctx)
{
    (void) state;
    for (uint64_t i = 0; i < LAST_WORDS; i++)
        SEND(ctx, "sink", parcel, .number = i);
    return OK;
}

static const actor_class_t pourer = {.name = "pourer", .sends = to_sink, .start = send_many};

static void
what_nobody_will_handle_becomes_dead_letters(void **state)
{
    (void) state;
    awaited = NULL;
    run((const actor_class_t *const[]){&hopeless, &pourer, NULL}, 60000, ERR_FAILED);
    assert_in_range(given_up_letters, 9, 10); /* of nearly 1000, the powers of two */
}

/*  ------------------------------------------------------------------------- settling  */

static err_t
start_ledger(void *state, ctx_t *ctx)
{
    (void) state, (void) ctx;
    atomic_fetch_add(&starts, 1);
    return OK;
}

static err_t
enter(void *state, ctx_t *ctx, const void *body)
{
    int *entries = state;
    (void) ctx, (void) body;
    ++*entries;
    return OK;
}

static err_t
settle_the_second_time(void *state, ctx_t *ctx)
{
    int *entries = state;
    (void) ctx;
    if (*entries == 0)
        return OK;
    if (atomic_load(&starts) == 1)
        return ERR_FULL;
    atomic_fetch_add(&received, *entries);
    *entries = 0;
    host_stop(host);
    return OK;
}

static handler_fn *const ledger_handlers[MSG_COUNT] = {[MSG_parcel] = enter};
static const actor_class_t ledger = {
    .name = "sink",
    .state_size = sizeof(int),
    .start = start_ledger,
    .handlers = ledger_handlers,
    .settle = settle_the_second_time,
};

static void
what_was_not_settled_is_delivered_again_whatever_the_error(void **state)
{
    (void) state;
    awaited = NULL;
    run((const actor_class_t *const[]){&ledger, &sender, NULL}, 60000, OK);
    assert_int_equal(received, 1);
    assert_int_equal(starts, 2);
}

/*  ------------------------------------------------------ who asks the supervisor too late  */

static err_t
wait_a_bit(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 1);
    return OK;
}

static err_t
ask_at_the_end(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state, (void) timer;
    host_stop(host);
    ctx_supervise(ctx, MSG_plugin_remove, &(plugin_remove_t){.name = "nobody"}, 0, 60000);
    return OK;
}

static err_t
count_answer(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx, (void) failure;
    atomic_fetch_add(&received, 1);
    return OK;
}

static const actor_class_t curious = {.name = "curious",
                                      .start = wait_a_bit,
                                      .on_timer = ask_at_the_end,
                                      .on_error = count_answer};

static void
what_the_supervisor_is_asked_at_the_end_is_answered(void **state)
{
    (void) state;
    run((const actor_class_t *const[]){&curious, NULL}, 2000, OK);
    assert_int_equal(atomic_load(&received), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_a_straggler_and_the_message_it_is_busy_with),
        cmocka_unit_test(names_a_straggler_and_the_callback_it_is_in),
        cmocka_unit_test(what_is_said_while_draining_is_heard),
        cmocka_unit_test(what_nobody_will_handle_becomes_dead_letters),
        cmocka_unit_test(what_was_not_settled_is_delivered_again_whatever_the_error),
        cmocka_unit_test(what_the_supervisor_is_asked_at_the_end_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
