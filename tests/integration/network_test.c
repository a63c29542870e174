/*  A network that misbehaves between a real agent and a real server: cut in the middle of
    frames, byte by byte, and silent without an end.  */

#include "tests/integration/mishap.h"
#include "tests/integration/proxy.h"

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { TRANSACTIONS = 20, CUTS = 12, LOOKS = 120 };

static mishap_t mishap; /* after a failure its processes still run */
static proxy_t *proxy;

static int
set_up(void **state)
{
    (void) state;
    mishap_begin(&mishap);
    if (!mishap_start(&mishap, SERVER))
        return -1;
    proxy = proxy_new(mishap.address);
    mishap_detour(&mishap, proxy_address(proxy));
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    mishap_end(&mishap);
    proxy_destroy(&proxy);
    return 0;
}

static int
await_status(const char *wanted, const char *seconds)
{
    outcome_t outcome = RUN("status", "--wait", wanted, "--timeout", seconds, "--run-dir",
                            mishap.parties[AGENT].run_dir);
    const int status = outcome.status;
    outcome_release(&outcome);
    return status;
}

static void
start_and_sync(void)
{
    assert_true(mishap_start(&mishap, AGENT));
    assert_int_equal(await_status("synced", "60"), 0);
}

/*  Each connection is good for a few hundred bytes: until the network is well again, little
    gets through, and nothing of it is wrong.  */
static void
loses_nothing_when_frames_are_cut_in_the_middle(void **state)
{
    (void) state;
    start_and_sync();
    proxy_set(proxy, MOOD_CUT);
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    const size_t before = proxy_connections(proxy);
    for (int i = 0; i < LOOKS && proxy_connections(proxy) < before + CUTS; i++)
        (void) await_status("synced", "1");
    assert_true(proxy_connections(proxy) >= before + CUTS);
    proxy_set(proxy, MOOD_HONEST);
    mishap_prove(&mishap);
}

static void
understands_what_comes_byte_by_byte(void **state)
{
    (void) state;
    proxy_set(proxy, MOOD_BYTES);
    start_and_sync();
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    mishap_prove(&mishap);
}

/*  Nobody closes anything: only the heartbeat can tell.  */
static void
notices_a_silent_server_and_connects_anew(void **state)
{
    (void) state;
    start_and_sync();
    proxy_set(proxy, MOOD_SILENT);
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    assert_int_equal(await_status("offline", "60"), 0);
    proxy_set(proxy, MOOD_HONEST);
    mishap_prove(&mishap);
}

#define AFRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        AFRESH(loses_nothing_when_frames_are_cut_in_the_middle),
        AFRESH(understands_what_comes_byte_by_byte),
        AFRESH(notices_a_silent_server_and_connects_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
