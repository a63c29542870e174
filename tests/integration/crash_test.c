/*  A server and two agents as real processes, killed with SIGKILL at random points while
    changes flow: nothing that was acknowledged is lost, nothing is applied twice, and a
    position never stands before its data.

    WAYBILL_SEED=NUMBER repeats a run's choices, WAYBILL_KILLS=NUMBER kills as often.  */

#include "tests/integration/chaos.h"

#include <signal.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { KILLS = 50 };

static chaos_t chaos;

/*  Both agents write; somebody dies after a random number of acknowledgements.  */
static void
kill_one(chaos_t *self)
{
    node_t *victim = &self->nodes[chaos_below((int) self->n)];
    burst_t burst = chaos_write(self);
    chaos_watch(self, &burst, 1 + chaos_below(2 * CHAOS_TRANSACTIONS));
    chaos_stop(victim, SIGKILL, 128 + SIGKILL);
    chaos_finish(self, &burst);
    if (!chaos_is_server(self, victim))
        chaos_check_position(self, victim);
    chaos_start(self, victim);
}

static void
loses_nothing_and_applies_nothing_twice(void **state)
{
    const int kills = chaos_kills(KILLS);
    (void) state;
    chaos_seed();
    chaos_begin(&chaos, NULL, 1);
    for (int round = 0; round < kills; round++)
        kill_one(&chaos);
    chaos_rest(&chaos);
    chaos_check(&chaos, kills);
    chaos_end(&chaos);
}

int
main(void)
{
    sqlite3_config(SQLITE_CONFIG_URI, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loses_nothing_and_applies_nothing_twice),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < chaos.n; i++) /* after a failure they still run */
        process_destroy(&chaos.nodes[i].process);
    return failed;
}
