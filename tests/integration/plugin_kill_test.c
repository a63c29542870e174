/*  The process of a plug-in is killed again and again under load: nothing is lost, nothing done
    twice, and its parent goes on. WAYBILL_KILLS: how often; 20.  */

#include "runtime/host.h"
#include "runtime/system.h"
#include "tests/unit/plugin_parcels.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TICK_MS = 5, AT_ONCE = 64, TIMER_SEND = 1, TIMER_KILL };

static host_t *host;
static parcels_t parcels;

static struct {
    uint64_t kills, wanted; /* so far; in all */
    uint64_t sent;
    uint64_t last_pid, last_count;
    bool over;
} load;

/*  Only after something was committed, so that no message is in the hands of three that die:
   the third time it would count as what kills them.  */
static void
kill_worker(ctx_t *ctx)
{
    tree_t tree = {0};
    system_tree(ctx, &tree);
    for (size_t i = 0; i < tree.n_actors; i++) {
        const actor_info_t *actor = &tree.actors[i];
        if (strcmp(actor->name, "worker") != 0 || actor->pid == 0 || actor->pid == load.last_pid
            || parcels_count(&parcels) <= load.last_count)
            continue;
        load.last_pid = actor->pid;
        kill((pid_t) actor->pid, SIGKILL);
        load.last_count = parcels_count(&parcels);
        load.kills++;
    }
}

static err_t
start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, TIMER_SEND, 0);
    ctx_after(ctx, TIMER_KILL, TICK_MS);
    return OK;
}

static void
send_more(ctx_t *ctx)
{
    for (int i = 0; i < AT_ONCE && ctx_credit(ctx, "worker") > 0; i++)
        SEND(ctx, "worker", parcel, .number = load.sent++);
}

static err_t
on_timer(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    load.over = load.kills == load.wanted;
    if (timer == TIMER_SEND && !load.over)
        send_more(ctx);
    if (timer == TIMER_KILL && !load.over)
        kill_worker(ctx);
    if (load.over && parcels_count(&parcels) == load.sent)
        host_stop(host);
    ctx_after(ctx, timer, TICK_MS + (timer == TIMER_KILL ? ctx_random(ctx) % 50 : 0));
    return OK;
}

static const edge_t sends[] = {{"worker", MSG_parcel}, {0}};
static const actor_class_t source = {
    .name = "source", .sends = sends, .start = start, .on_timer = on_timer};

static void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (getenv("LOUD"))
        fprintf(stderr, "%s %s: %s\n", line->level, line->actor, line->text);
}

static void
nothing_is_lost_and_nothing_done_twice(void **state)
{
    (void) state;
    fault_t fault = {0};
    parcels_open(&parcels);
    const char *kills = getenv("WAYBILL_KILLS");
    load.wanted = kills ? strtoull(kills, NULL, 10) : 20;
    const plugin_value_t values[] = {{"db", parcels.file}};
    const plugin_order_t order = {.name = "worker",
                                  .file = PLUGINS "/worker.so",
                                  .isolation = PLUGIN_PROCESS,
                                  .settings = values,
                                  .n_settings = 1};
    host = host_new(&(host_options_t){.name = "test",
                                      .log = quiet,
                                      .program = WAYBILL,
                                      .restart_limit = 31,
                                      .restart_period_ms = 1,
                                      .stop_deadline_ms = 60000});
    host_add(host, &source);
    if (host_add_plugin(host, &order, &fault) != OK || host_start(host, &fault) != OK
        || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
    print_message("%llu kills, %llu parcels\n", (unsigned long long) load.kills,
                  (unsigned long long) load.sent);
    assert_int_equal(parcels_count(&parcels), load.sent);
    assert_int_equal(parcels_distinct(&parcels), load.sent);
    parcels_close(&parcels);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_nothing_done_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
