/*  Mishaps at chosen points: a kill at every single write of either side, a disk without room,
    a clock that jumps. What was acknowledged is there once afterwards, and all is equal.

    WAYBILL_STRIDE=N kills at every N-th write only.  */

#include "tests/integration/mishap.h"
#include "tests/integration/query.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { TRANSACTIONS = 3, DAY_S = 86400 };

static mishap_t mishap; /* after a failure its processes still run */

static int
tear_down(void **state)
{
    (void) state;
    mishap_end(&mishap);
    return 0;
}

static int
set_up(void **state)
{
    (void) state;
    mishap_begin(&mishap);
    return 0;
}

/*  --------------------------------------------------------------------------------- kills  */

static bool
is_synced(const char *seconds)
{
    outcome_t outcome = RUN("status", "--wait", "synced", "--timeout", seconds, "--run-dir",
                            mishap.parties[AGENT].run_dir);
    const bool synced = outcome.status == 0;
    outcome_release(&outcome);
    return synced;
}

static void
sync_or_die(const shim_t *shim, int64_t kill_at)
{
    while (shim->calls < kill_at && !is_synced("1"))
        continue;
}

/*  Both start, which brings the agent its table; changes are written and synchronised. The
   victim dies on the way, maybe before it is ready; the other one lives. True: the script ran
   through.  */
static bool
run_script(side_t victim, int64_t kill_at)
{
    shim_t *shim = mishap_shim(&mishap, victim);
    shim->kill_at = kill_at;
    if (!mishap_start(&mishap, SERVER) || !mishap_start(&mishap, AGENT))
        return false;
    sync_or_die(shim, kill_at);
    mishap_write(&mishap, TRANSACTIONS);
    sync_or_die(shim, kill_at);
    shim->kill_at = 0;
    return shim->calls < kill_at;
}

static void
recover(side_t victim)
{
    mishap_stop(&mishap, victim, SIGKILL);
    mishap_unshim(&mishap, victim);
    assert_true(mishap_start(&mishap, victim));
    if (mishap.parties[AGENT].process == NULL)
        assert_true(mishap_start(&mishap, AGENT));
}

static void
sweep(side_t victim)
{
    const char *given = getenv("WAYBILL_STRIDE");
    const int64_t stride = given ? atoll(given) : 1;
    bool through = false;
    int64_t at = 1;
    for (; !through; at += stride) {
        through = run_script(victim, at);
        if (!through)
            recover(victim);
        mishap_prove(&mishap);
        mishap_end(&mishap);
        mishap_begin(&mishap);
    }
    print_message("the script ran through at write %" PRId64 "\n", at - stride);
    assert_true(at > 10);
}

static void
survives_a_kill_at_every_write_of_the_agent(void **state)
{
    (void) state;
    sweep(AGENT);
}

static void
survives_a_kill_at_every_write_of_the_server(void **state)
{
    (void) state;
    sweep(SERVER);
}

/*  ------------------------------------------------------------------------- a full disk  */

static void
start_both(side_t shimmed)
{
    (void) mishap_shim(&mishap, shimmed);
    assert_true(mishap_start(&mishap, SERVER));
    assert_true(mishap_start(&mishap, AGENT));
    assert_true(is_synced("60"));
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
}

static void
refuses_writes_while_the_agents_disk_is_full(void **state)
{
    (void) state;
    start_both(AGENT);
    mishap.parties[AGENT].shim->full = 1;
    assert_int_equal(mishap_write(&mishap, 1), 0);
    mishap.parties[AGENT].shim->full = 0;
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    mishap_prove(&mishap);
}

static void
waits_while_the_servers_disk_is_full(void **state)
{
    (void) state;
    start_both(SERVER);
    assert_true(is_synced("60"));
    mishap.parties[SERVER].shim->full = 1;
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    assert_false(is_synced("1"));
    mishap.parties[SERVER].shim->full = 0;
    mishap_prove(&mishap);
}

/*  ------------------------------------------------------------------------------ clocks  */

static void
lives_with_a_clock_that_jumps(void **state)
{
    static const int64_t jumps_s[] = {DAY_S, -DAY_S, 0};
    (void) state;
    start_both(AGENT);
    for (size_t i = 0; i < COUNT_OF(jumps_s); i++) {
        mishap.parties[AGENT].shim->clock_s = jumps_s[i];
        assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
        assert_true(is_synced("60"));
    }
    mishap_prove(&mishap);
}

/*  --------------------------------------------------------------------- an older copy  */

static void
keep_copy(const party_t *server, const char *copy)
{
    sqlite3 *db = NULL;
    char *sql = mem_format("VACUUM INTO '%s'", copy);
    assert_int_equal(sqlite3_open(server->db, &db), SQLITE_OK);
    query_run(db, sql);
    sqlite3_close(db);
    free(sql);
}

/*  The server is given back what it was earlier, and goes on. What it had confirmed since is
    gone with it; what it had not is there, and the replica is what the server is.  */
static void
starts_anew_when_the_server_is_given_an_older_copy(void **state)
{
    (void) state;
    start_both(AGENT);
    assert_true(is_synced("60"));
    const party_t *server = &mishap.parties[SERVER];
    char *copy = path_in(mishap.dir, "copy.db"), *wal = mem_format("%s-wal", server->db);
    keep_copy(server, copy);
    assert_int_equal(mishap_write(&mishap, TRANSACTIONS), 2 * TRANSACTIONS);
    assert_true(is_synced("60"));
    assert_int_equal(mishap_stop(&mishap, SERVER, SIGTERM), 0);
    query_run(mishap.notes, "DELETE FROM acks");
    assert_int_equal(mishap_write(&mishap, 1), 2);
    assert_int_equal(rename(copy, server->db), 0);
    (void) remove(wal);
    assert_true(mishap_start(&mishap, SERVER));
    mishap_prove(&mishap);
    free(copy);
    free(wal);
}

#define AFRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        AFRESH(survives_a_kill_at_every_write_of_the_agent),
        AFRESH(survives_a_kill_at_every_write_of_the_server),
        AFRESH(refuses_writes_while_the_agents_disk_is_full),
        AFRESH(waits_while_the_servers_disk_is_full),
        AFRESH(lives_with_a_clock_that_jumps),
        AFRESH(starts_anew_when_the_server_is_given_an_older_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
