/*  What is declared secret in a message stays so for whoever watches or reads the log: here is
    a host whose actors send one, which fails and is refused, and the program's tap beside it.
 */

#include "runtime/host.h"
#include "tests/integration/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TICK_MS = 5, FAILURES = 3, LINES = 20 };

static atomic_int taken, told, leaked;

/*  ------------------------------------------------------------------------- the actors  */

static void
listen(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (strstr(line->text, "credentials"))
        atomic_fetch_add(&told, 1);
    if (strstr(line->text, "canary"))
        atomic_fetch_add(&leaked, 1);
}

/*  The first one fails until it is a dead letter; the others are refused.  */
static err_t
on_credentials(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    return atomic_fetch_add(&taken, 1) < FAILURES ? ctx_fail(ctx, "not now")
                                                  : ctx_refuse(ctx, ERR_REFUSED, "not you");
}

static handler_fn *const sink_handlers[MSG_COUNT] = {[MSG_credentials] = on_credentials};
static const actor_class_t sink = {.name = "sink", .handlers = sink_handlers};

static err_t
tick(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    if (ctx_credit(ctx, "sink") > 0)
        SEND(ctx, "sink", credentials, .user = "ann", .token = "canary");
    ctx_after(ctx, timer, TICK_MS);
    return OK;
}

static err_t
start_source(void *state, ctx_t *ctx)
{
    return tick(state, ctx, 1);
}

static const actor_class_t source = {
    .name = "source",
    .sends = (const edge_t[]){{"sink", MSG_credentials}, {0}},
    .start = start_source,
    .on_timer = tick,
};

/*  -------------------------------------------------------------------------- the tap  */

/*  So many lines of a tap: each tells who, and no secret.  */
static void
expect_masked(const char *run_dir, const char *json, const char *masked)
{
    char *line = NULL;
    size_t room = 0;
    process_t *tap = process_new("/dev/null", NULL,
                                 (const char *const[]){"tap", "--run-dir", run_dir, "--type",
                                                       "credentials", json, NULL});
    assert_true(process_await_ready(tap));
    assert_null(strstr(tap->ready, "canary"));
    for (int i = 0; i < LINES; i++) {
        assert_true(getline(&line, &room, tap->out) > 0);
        assert_null(strstr(line, "canary"));
        assert_non_null(strstr(line, masked));
    }
    free(line);
    assert_int_equal(process_end(tap, SIGKILL), 128 + SIGKILL);
    process_destroy(&tap);
}

/*  The bytes as they come from the tap, which a capture keeps.  */
static void
expect_masked_bytes(const char *run_dir)
{
    char *file = path_in(run_dir, "some.pcapng");
    outcome_t outcome = RUN("tap", "pcap", file, "--count", "30", "--type", "credentials",
                            "--run-dir", run_dir);
    assert_int_equal(outcome.status, 0);
    static char bytes[64 << 10];
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fclose(in), 0);
    assert_non_null(memmem(bytes, size, "credentials", strlen("credentials")));
    assert_non_null(memmem(bytes, size, "ann", strlen("ann")));
    assert_null(memmem(bytes, size, "canary", strlen("canary")));
    outcome_release(&outcome);
    free(file);
}

static void
neither_tap_nor_log_shows_a_secret(void **state)
{
    (void) state;
    char *run_dir = directory_new();
    const host_options_t options = {
        .name = "test", .run_dir = run_dir, .log_level = LOG_debug, .log = listen};
    host_t *host = host_new(&options);
    host_add(host, &sink);
    host_add(host, &source);
    fault_t fault = {0};
    assert_int_equal(host_start(host, &fault), OK);
    expect_masked(run_dir, "-v", "\"token\":\"***\"");
    expect_masked(run_dir, "--json", "\"body\":{\"user\":\"ann\",\"token\":\"***\"}");
    expect_masked_bytes(run_dir);
    host_stop(host);
    assert_int_equal(host_run(host, &fault), OK);
    host_destroy(&host);
    assert_true(told > 0);
    assert_int_equal(leaked, 0);
    directory_destroy(&run_dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(neither_tap_nor_log_shows_a_secret)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
