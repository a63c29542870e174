/*  What a cell does with time: waits longer after each failure, counts what comes too late,
    and gives ids that ascend.  */

#include "tests/sim/outsider.h"

#include <string.h>
#include <unistd.h>

enum { ASK_MS = 700, ANSWER_MS = 1000, MOST_STARTS = 16 };

static struct {
    uint64_t at_ms[MOST_STARTS];
    size_t n;
    uint64_t timeouts, complaints;
} seen;

static sim_t *
begin(const actor_class_t *const *classes)
{
    static const sim_faults_t none;
    memset(&seen, 0, sizeof seen);
    return start_alone(1, &none, classes);
}

/*  ------------------------------------------------------------------------- restarts  */

static err_t
start_sickly(void *state, ctx_t *ctx)
{
    (void) state;
    if (seen.n < MOST_STARTS)
        seen.at_ms[seen.n++] = ctx_now_ms(ctx);
    ctx_after(ctx, 1, 0);
    return OK;
}

static err_t
break_down(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state, (void) timer;
    return ctx_fail(ctx, "sickly");
}

static const actor_class_t sickly = {
    .name = "sickly", .start = start_sickly, .on_timer = break_down};

static void
waits_longer_after_each_failure(void **state)
{
    (void) state;
    sim_t *sim = begin((const actor_class_t *const[]){&sickly, NULL});
    while (seen.n < 5 && sim_step(sim))
        continue;
    assert_int_equal(seen.n, 5);
    for (size_t i = 1; i < seen.n; i++) {
        uint64_t most = 100U << (i - 1);
        assert_in_range(seen.at_ms[i] - seen.at_ms[i - 1], most / 2, most + 1);
    }
    sim_destroy(&sim);
}

/*  ----------------------------------------------------------------------- too late  */

typedef struct slow {
    ticket_t ticket;
} slow_t;

static err_t
keep_ticket(void *state, ctx_t *ctx, const void *body)
{
    (void) body;
    ((slow_t *) state)->ticket = ctx_ticket(ctx);
    ctx_after(ctx, 1, ANSWER_MS);
    return OK;
}

static err_t
answer_late(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) timer;
    ANSWER(ctx, &((slow_t *) state)->ticket, pong, .number = 1);
    return OK;
}

static handler_fn *const slow_handlers[MSG_COUNT] = {[MSG_ping] = keep_ticket};
static const actor_class_t slow = {.name = "slow",
                                   .state_size = sizeof(slow_t),
                                   .handlers = slow_handlers,
                                   .on_timer = answer_late};

static err_t
ask(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_request(ctx, "slow", MSG_ping, &(ping_t){.number = 1}, 1, ASK_MS);
    return OK;
}

static err_t
on_no_answer(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    seen.timeouts += failure->err == ERR_TIMEOUT;
    return OK;
}

static const actor_class_t asker = {
    .name = "asker",
    .sends = (const edge_t[]){{"slow", MSG_ping}, {0}},
    .start = ask,
    .on_error = on_no_answer,
};

static void
an_answer_that_comes_too_late_is_a_dead_letter(void **state)
{
    (void) state;
    sim_t *sim = begin((const actor_class_t *const[]){&slow, &asker, NULL});
    sim_run_ms(sim, 2 * ANSWER_MS);
    assert_int_equal(seen.timeouts, 1);
    assert_int_equal(cell_dead(sim_cell(sim, 0, "asker"), ERR_EXPIRED), 1);
    sim_destroy(&sim);
}

/*  --------------------------------------------------------------------- impatience  */

static err_t
ask_nobody(void *state, ctx_t *ctx)
{
    (void) state;
    REQUEST(ctx, "nobody", 1, ping, .number = 1);
    return OK;
}

static err_t
ask_again(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) failure;
    return ++seen.complaints < 1000 ? ask_nobody(state, ctx) : OK;
}

static const actor_class_t impatient = {
    .name = "impatient",
    .sends = (const edge_t[]){{"nobody", MSG_ping}, {0}},
    .start = ask_nobody,
    .on_error = ask_again,
};

static void
asking_again_at_once_does_not_hold_up_the_rest(void **state)
{
    (void) state;
    sim_t *sim = begin((const actor_class_t *const[]){&impatient, NULL});
    for (uint64_t i = 1; i <= 10; i++) {
        assert_true(sim_step(sim));
        assert_true(seen.complaints <= i);
    }
    sim_destroy(&sim);
}

/*  ------------------------------------------------------------------------------- ids  */

/*  They ascend, so no two are alike.  */
static err_t
make_a_million(void *state, ctx_t *ctx)
{
    char id[UUID_TEXT], before[UUID_TEXT] = "";
    (void) state;
    for (int i = 0; i < 1000000; i++) {
        ctx_uuid(ctx, id);
        seen.complaints += strcmp(before, id) >= 0;
        memcpy(before, id, sizeof before);
    }
    seen.n++;
    return OK;
}

static const actor_class_t maker = {.name = "maker", .start = make_a_million};

static void
no_two_of_a_million_ids_are_alike(void **state)
{
    (void) state;
    sim_t *sim = begin((const actor_class_t *const[]){&maker, NULL});
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.complaints, 0);
    sim_destroy(&sim);
}

/*  --------------------------------------------------------------------------- files  */

static int ends[2]; /* of a pipe: what the listener watches, and the test's */
static int heard;

static err_t
start_listening(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_watch_fd(ctx, ends[0]);
    return OK;
}

static err_t
take_byte(void *state, ctx_t *ctx, int fd, int ready)
{
    char byte;
    (void) state;
    assert_int_equal(ready, FD_READ);
    assert_int_equal(read(fd, &byte, 1), 1);
    if (++heard == 2)
        ctx_unwatch_fd(ctx, fd);
    return OK;
}

static const actor_class_t listening = {
    .name = "listening", .start = start_listening, .on_fd = take_byte};

static sim_t *
begin_listening(void)
{
    heard = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    return begin((const actor_class_t *const[]){&listening, NULL});
}

static void
end_listening(sim_t **sim)
{
    sim_destroy(sim);
    close(ends[0]);
    close(ends[1]);
}

static void
files_are_never_ready_unless_a_test_wants_them(void **state)
{
    (void) state;
    sim_t *sim = begin_listening();
    sim_run_ms(sim, 1000);
    assert_int_equal(heard, 0);
    end_listening(&sim);
}

static void
files_are_ready_as_long_as_they_are_watched_and_time_goes_on(void **state)
{
    (void) state;
    sim_t *sim = begin_listening();
    sim_watch_files(sim, 1000);
    sim_run_ms(sim, 1000);
    assert_int_equal(heard, 2);
    assert_int_equal(sim_now_ms(sim), 1000);
    end_listening(&sim);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_longer_after_each_failure),
        cmocka_unit_test(an_answer_that_comes_too_late_is_a_dead_letter),
        cmocka_unit_test(asking_again_at_once_does_not_hold_up_the_rest),
        cmocka_unit_test(no_two_of_a_million_ids_are_alike),
        cmocka_unit_test(files_are_never_ready_unless_a_test_wants_them),
        cmocka_unit_test(files_are_ready_as_long_as_they_are_watched_and_time_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
