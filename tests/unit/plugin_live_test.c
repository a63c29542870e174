/*  Plug-ins that come and go while others talk to them.  */

#include "runtime/host.h"
#include "runtime/system.h"
#include "schemas/pack.h"
#include "tests/unit/plugin_parcels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

enum {
    BURST = 5000,
    TIMES = 50,
    STAYS_MS = 20,
    TICK_MS = 1,
    AT_ONCE = 100,
    PATIENCE_MS = 60000
};

static host_t *host;
static parcels_t parcels;

static struct {
    const char *isolation;
    unsigned times, came, went;
    uint64_t sent, asked, answered, turned_away, wrong, heard, dead;
    atomic_bool over;
    char fault[600];
} seen;

/*  ------------------------------------------------------------ who lets it come and go  */

static void
add(ctx_t *ctx)
{
    buffer_t settings = {0};
    pack_map(&settings, 1);
    pack_text(&settings, "db", 2);
    pack_text(&settings, parcels.file, strlen(parcels.file));
    const plugin_add_t order = {.name = "worker",
                                .file = PLUGINS "/worker.so",
                                .isolation = seen.isolation,
                                .settings = buffer_bytes(&settings)};
    ctx_supervise(ctx, MSG_plugin_add, &order, 0, PATIENCE_MS);
    buffer_release(&settings);
}

static err_t
start_plugging(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, 1); /* the supervisor listens once all have started */
    return OK;
}

static err_t
on_added(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    seen.came += strcmp(((const plugin_added_t *) body)->version, "1.2") == 0;
    ctx_after(ctx, 2, STAYS_MS);
    return OK;
}

static err_t
on_removed(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    if (++seen.went == seen.times)
        seen.over = true;
    else
        add(ctx);
    return OK;
}

static err_t
plug(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    if (timer == 1)
        add(ctx);
    else
        ctx_supervise(ctx, MSG_plugin_remove, &(plugin_remove_t){.name = "worker"}, 0,
                      PATIENCE_MS);
    return OK;
}

static err_t
on_failure(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    snprintf(seen.fault, sizeof seen.fault, "%s", failure->text);
    host_stop(host);
    return OK;
}

static handler_fn *const plugger_handlers[MSG_COUNT] = {
    [MSG_plugin_added] = on_added,
    [MSG_plugin_removed] = on_removed,
};
static const actor_class_t plugger = {
    .name = "plugger",
    .start = start_plugging,
    .handlers = plugger_handlers,
    .on_timer = plug,
    .on_error = on_failure,
};

/*  -------------------------------------------------------------- who talks all the time  */

static void
pack_number(buffer_t *packed, const char *name, uint64_t number)
{
    buffer_clear(packed);
    pack_map(packed, 1);
    pack_text(packed, name, strlen(name));
    pack_uint(packed, number);
}

static void
talk(ctx_t *ctx)
{
    fault_t fault;
    buffer_t packed = {0};
    for (int i = 0; i < AT_ONCE; i++) { /* parked, where that is too much */
        pack_number(&packed, "number", seen.sent++);
        assert_int_equal(raw_send(ctx, "worker", "parcel", buffer_bytes(&packed), &fault), OK);
    }
    buffer_clear(&packed);
    pack_map(&packed, 1);
    pack_text(&packed, "what", 4);
    pack_text(&packed, "publish", 7);
    /* One that waits for credit when its receiver goes must be answered, too. */
    const raw_question_t question = {.to = "worker",
                                     .type = "x_do",
                                     .payload = buffer_bytes(&packed),
                                     .timeout_ms = PATIENCE_MS};
    assert_int_equal(raw_request(ctx, &question, &fault), OK);
    seen.asked++;
    buffer_release(&packed);
}

static bool
all_told(ctx_t *ctx)
{
    stats_t stats = {0};
    system_stats(ctx, &stats);
    seen.dead = 0;
    for (size_t i = 0; i < stats.n_actors; i++)
        if (strcmp(stats.actors[i].name, "talker") == 0)
            seen.dead = stats.actors[i].dead;
    return seen.answered + seen.turned_away + seen.wrong == seen.asked;
}

static err_t
on_tick(void *state, ctx_t *ctx, uint64_t timer)
{
    (void) state;
    if (!seen.over)
        talk(ctx);
    else if (all_told(ctx))
        host_stop(host);
    ctx_after(ctx, timer, TICK_MS);
    return OK;
}

static err_t
start_talking(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_after(ctx, 1, TICK_MS);
    return OK;
}

static err_t
take(void *state, ctx_t *ctx, bytes_t payload)
{
    (void) state, (void) payload;
    if (ctx_envelope(ctx)->kind == ENVELOPE_EVT)
        seen.heard++;
    else
        seen.answered++;
    return OK;
}

static err_t
take_failure(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state, (void) ctx;
    if (failure->err == ERR_NO_ROUTE)
        seen.turned_away++;
    else
        seen.wrong++;
    return OK;
}

static const raw_message_t none[] = {{0}};
static const raw_message_t says[] = {
    {"parcel", CLASS_COMMAND, "worker"}, {"x_do", CLASS_REQUEST, "worker"}, {0}};
static const raw_actor_t talker_raw = {
    .kind = "thread",
    .takes = none,
    .sends = says,
    .publishes = none,
    .answers = none,
    .on_letter = take,
};
static const char *const hears[] = {"x_news", NULL};
static const actor_class_t talker = {
    .name = "talker",
    .hears = hears,
    .start = start_talking,
    .on_timer = on_tick,
    .on_error = take_failure,
    .raw = &talker_raw,
};

/*  ------------------------------------------------------- who removes it with work under way
 */

static err_t
burst_and_remove(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) body;
    for (seen.sent = 0; seen.sent < BURST; seen.sent++) /* far more than it has credit for */
        SEND(ctx, "worker", parcel, .number = seen.sent);
    return plug(state, ctx, 2);
}

static err_t
end_of_burst(void *state, ctx_t *ctx, const void *body)
{
    (void) state, (void) ctx, (void) body;
    host_stop(host);
    return OK;
}

static handler_fn *const burster_handlers[MSG_COUNT] = {
    [MSG_plugin_added] = burst_and_remove,
    [MSG_plugin_removed] = end_of_burst,
};
static const edge_t bursts[] = {{"worker", MSG_parcel}, {0}};
static const actor_class_t burster = {
    .name = "burster",
    .sends = bursts,
    .start = start_plugging,
    .handlers = burster_handlers,
    .on_timer = plug,
    .on_error = on_failure,
};

/*  --------------------------------------------------------------------------- running  */

static void
quiet(void *nobody, const log_line_t *line)
{
    (void) nobody;
    if (getenv("LOUD"))
        fprintf(stderr, "%s %s: %s\n", line->level, line->actor, line->text);
}

static void
come_and_go(const char *isolation, unsigned times)
{
    fault_t fault = {0};
    memset(&seen, 0, sizeof seen);
    seen.isolation = isolation;
    seen.times = times;
    parcels_open(&parcels);
    host = host_new(&(host_options_t){
        .name = "test", .log = quiet, .program = WAYBILL, .stop_deadline_ms = 60000});
    host_add(host, &plugger);
    host_add(host, &talker);
    if (host_start(host, &fault) != OK || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
    uint64_t kept = parcels_count(&parcels);
    print_message("%llu parcels sent, %llu kept; %llu questions, %llu answered\n",
                  (unsigned long long) seen.sent, (unsigned long long) kept,
                  (unsigned long long) seen.asked, (unsigned long long) seen.answered);
    assert_string_equal(seen.fault, "");
    assert_int_equal(seen.came, times);
    assert_int_equal(seen.went, times);
    assert_int_equal(seen.wrong, 0);
    assert_true(seen.answered > 0);
    assert_int_equal(seen.heard, seen.answered);
    /* each parcel and each question that did not arrive is a dead letter of its sender */
    assert_int_equal(kept + seen.answered + seen.dead, seen.sent + seen.asked);
    assert_int_equal(parcels_distinct(&parcels), kept);
    parcels_close(&parcels);
}

static void
a_thread_comes_and_goes_under_traffic_and_nothing_is_lost(void **state)
{
    (void) state;
    come_and_go(PLUGIN_THREAD, TIMES);
}

static void
so_does_a_process(void **state)
{
    (void) state;
    come_and_go(PLUGIN_PROCESS, TIMES / 5);
}

static void
what_waited_for_credit_when_it_was_removed_has_arrived(void **state)
{
    (void) state;
    fault_t fault = {0};
    memset(&seen, 0, sizeof seen);
    seen.isolation = PLUGIN_THREAD;
    parcels_open(&parcels);
    host = host_new(&(host_options_t){
        .name = "test", .log = quiet, .program = WAYBILL, .stop_deadline_ms = 60000});
    host_add(host, &burster);
    if (host_start(host, &fault) != OK || host_run(host, &fault) != OK)
        fail_msg("%s", fault.text);
    host_destroy(&host);
    assert_string_equal(seen.fault, "");
    assert_int_equal(parcels_count(&parcels), BURST);
    parcels_close(&parcels);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_comes_and_goes_under_traffic_and_nothing_is_lost),
        cmocka_unit_test(so_does_a_process),
        cmocka_unit_test(what_waited_for_credit_when_it_was_removed_has_arrived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
