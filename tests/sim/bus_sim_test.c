/*  The promises of the bus and of cells, with small actors, over many seeds.  */

#include "tests/sim/keeper.h"
#include "tests/sim/outsider.h"
#include "tests/sim/seeds.h"

#include <string.h>

enum { SEEDS = 200, HINTS = 100, EVENTS_LOST = 50 };

/*  ------------------------------------------------------------- actors for single promises  */

/*  Fills the window in one handler, then hints.  */
static err_t
hinter_start(void *state, ctx_t *ctx)
{
    (void) state;
    for (uint64_t i = 1; i <= PORT_WINDOW; i++)
        SEND(ctx, "keeper", parcel, .number = i);
    for (uint64_t i = 1; i <= HINTS; i++) {
        SEND(ctx, "keeper", wal_grown, .pages = i);
        ctx_hint(ctx, "keeper", MSG_wal_grown, "other", &(wal_grown_t){.pages = i});
    }
    return OK;
}

static const actor_class_t hinter = {
    .name = "hinter", .state_size = 1, .sends = source_sends, .start = hinter_start};

/*  Takes questions and never answers.  */
static err_t
mute_on_ping(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) body;
    (void) ctx_ticket(ctx);
    return OK;
}

static handler_fn *const mute_handlers[MSG_COUNT] = {[MSG_ping] = mute_on_ping};
static const actor_class_t mute = {.name = "mute", .state_size = 1, .handlers = mute_handlers};

static err_t
asker_start(void *state, ctx_t *ctx)
{
    (void) state;
    ctx_request(ctx, "mute", MSG_ping, &(ping_t){.number = 1}, 1, 700);
    ctx_request(ctx, "keeper", MSG_ping, &(ping_t){.number = 2}, 2, 700);
    return OK;
}

static err_t
asker_on_pong(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    disk.answers += ctx_token(ctx) == 2 && ((const pong_t *) body)->number == 2;
    return OK;
}

static err_t
asker_on_error(void *state, ctx_t *ctx, const failure_t *failure)
{
    (void) state;
    disk.timeouts += failure->err == ERR_TIMEOUT && failure->token == 1
                     && ctx_now_ms(ctx) >= 700 && ctx_now_ms(ctx) < 800;
    return OK;
}

static const edge_t asker_sends[] = {{"mute", MSG_ping}, {"keeper", MSG_ping}, {0}};
static handler_fn *const asker_handlers[MSG_COUNT] = {[MSG_pong] = asker_on_pong};
static const actor_class_t asker = {
    .name = "asker",
    .state_size = 1,
    .sends = asker_sends,
    .start = asker_start,
    .handlers = asker_handlers,
    .on_error = asker_on_error,
};

/*  More events in one handler than a subscriber without credit is kept.  */
static err_t
crier_start(void *state, ctx_t *ctx)
{
    (void) state;
    for (int i = 0; i < PORT_WINDOW + PORT_EVENT_QUEUE + EVENTS_LOST; i++)
        PUBLISH(ctx, change_recorded, .id = "", .entity_type = "", .entity_id = "",
                .operation = "");
    return OK;
}

static const actor_class_t crier = {.name = "crier", .state_size = 1, .start = crier_start};

static err_t
ear_on_event(void *state, ctx_t *ctx, const void *body)
{
    (void) state;
    (void) ctx;
    (void) body;
    disk.events++;
    return OK;
}

static handler_fn *const ear_handlers[MSG_COUNT] = {[MSG_change_recorded] = ear_on_event};
static const char *const ear_hears[] = {"change_*", NULL};
static const actor_class_t ear = {
    .name = "ear", .state_size = 1, .hears = ear_hears, .handlers = ear_handlers};

/*  ------------------------------------------------------------------------------ the runs  */

static const sim_faults_t no_faults;
static const sim_faults_t slow = {.bus_delay_ms = 20};
static const sim_faults_t rough = {.bus_delay_ms = 20, .redeliver = 500, .actor_crash = 40};

static sim_t *
begin(uint64_t seed, const sim_faults_t *faults, const actor_class_t *const *classes)
{
    memset(&disk, 0, sizeof disk);
    return start_alone(seed, faults, classes);
}

static void
run_to_the_end(sim_t *sim)
{
    while (sim_now_ms(sim) < 600000 && sim_step(sim))
        if (!port_consistent(cell_port(sim_cell(sim, 0, "source"))))
            fail_msg("more under way than the window allows");
}

static const actor_class_t *const sending[] = {&keeper, &source, NULL};

static void
storm(uint64_t seed, buffer_t *complaints)
{
    sim_t *sim = begin(seed, &slow, sending);
    run_to_the_end(sim);
    if (disk.kept != PARCELS || disk.doubled > 0 || disk.backward > 0)
        buffer_add_format(complaints,
                          "%" PRIu64 " kept, %" PRIu64 " doubled, %" PRIu64 " out of order\n",
                          disk.kept, disk.doubled, disk.backward);
    sim_destroy(&sim);
}

static void
a_storm_beyond_the_window_arrives_in_order(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, storm), 0);
}

/*  What a source had sent when it failed is not sent again here; what a keeper had handled
    but not settled is delivered again.  */
static void
failures(uint64_t seed, buffer_t *complaints)
{
    sim_t *sim = begin(seed, &rough, sending);
    run_to_the_end(sim);
    uint64_t dead = cell_dead(sim_cell(sim, 0, "keeper"), ERR_POISON);
    if (disk.sent != PARCELS || disk.kept + dead != PARCELS || disk.doubled > 0
        || disk.backward > 0)
        buffer_add_format(complaints,
                          "%" PRIu64 " sent, %" PRIu64 " kept, %" PRIu64 " dead, %" PRIu64
                          " doubled, %" PRIu64 " out of order\n",
                          disk.sent, disk.kept, dead, disk.doubled, disk.backward);
    sim_destroy(&sim);
}

static void
nothing_is_missing_or_doubled_after_failures(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, failures), 0);
}

static void
poison(uint64_t seed, buffer_t *complaints)
{
    sim_t *sim = begin(seed, &slow, sending);
    disk.fail_on_poison = true;
    run_to_the_end(sim);
    uint64_t dead = cell_dead(sim_cell(sim, 0, "keeper"), ERR_POISON);
    if (dead != 1 || disk.effects[POISON] != 0 || disk.kept != PARCELS - 1)
        buffer_add_format(complaints, "%" PRIu64 " dead, %" PRIu64 " kept\n", dead, disk.kept);
    sim_destroy(&sim);
}

static void
a_poisonous_message_becomes_a_dead_letter(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, poison), 0);
}

static void
stopping(uint64_t seed, buffer_t *complaints)
{
    sim_t *sim = begin(seed, &slow, sending);
    sim_run_ms(sim, 1 + seed % 40);
    sim_stop(sim, 0);
    if (sim_up(sim, 0) || disk.drains != 1 || disk.unsettled_stops > 0)
        buffer_add_format(complaints, "%" PRIu64 " drains, %" PRIu64 " left unsettled\n",
                          disk.drains, disk.unsettled_stops);
    sim_destroy(&sim);
}

static void
an_ordered_stop_settles_what_was_handled(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, stopping), 0);
}

static void
asking(uint64_t seed, buffer_t *complaints)
{
    static const actor_class_t *const classes[] = {&keeper, &mute, &asker, NULL};
    sim_t *sim = begin(seed, &slow, classes);
    sim_run_ms(sim, 2000);
    if (disk.answers != 1 || disk.timeouts != 1)
        buffer_add_format(complaints, "%" PRIu64 " answers, %" PRIu64 " timeouts\n",
                          disk.answers, disk.timeouts);
    sim_destroy(&sim);
}

static void
a_question_without_an_answer_times_out(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, asking), 0);
}

static void
hinting(uint64_t seed, buffer_t *complaints)
{
    static const actor_class_t *const classes[] = {&keeper, &hinter, NULL};
    sim_t *sim = begin(seed, &slow, classes);
    sim_run_ms(sim, 2000);
    if (disk.hints != 1 || disk.hint_value != HINTS || disk.other_hints != 1)
        buffer_add_format(complaints, "%" PRIu64 " hints, the last %" PRIu64 "\n", disk.hints,
                          disk.hint_value);
    sim_destroy(&sim);
}

static void
of_unsent_hints_only_the_newest_arrives(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", SEEDS, hinting), 0);
}

static void
events_beyond_the_queue_become_dead_letters(void **state)
{
    (void) state;
    static const actor_class_t *const classes[] = {&ear, &crier, NULL};
    sim_t *sim = begin(1, &no_faults, classes);
    while (sim_step(sim))
        continue;
    assert_int_equal(cell_dead(sim_cell(sim, 0, "crier"), ERR_OVERFLOW), EVENTS_LOST);
    assert_int_equal(disk.events, PORT_WINDOW + PORT_EVENT_QUEUE);
    sim_destroy(&sim);
}

static uint64_t
hash_of(uint64_t seed)
{
    sim_t *sim = begin(seed, &rough, sending);
    run_to_the_end(sim);
    uint64_t hash = sim_trace_hash(sim);
    sim_destroy(&sim);
    return hash;
}

static void
repeating(uint64_t seed, buffer_t *complaints)
{
    uint64_t hash = hash_of(seed);
    if (hash_of(seed) != hash)
        buffer_add_text(complaints, "two runs differ\n");
    if (hash_of(seed + 1) == hash)
        buffer_add_text(complaints, "another seed makes no difference\n");
}

static void
a_seed_is_a_run_bit_for_bit(void **state)
{
    (void) state;
    assert_int_equal(seeds_failing("bus_sim_test", 20, repeating), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_beyond_the_window_arrives_in_order),
        cmocka_unit_test(nothing_is_missing_or_doubled_after_failures),
        cmocka_unit_test(a_poisonous_message_becomes_a_dead_letter),
        cmocka_unit_test(an_ordered_stop_settles_what_was_handled),
        cmocka_unit_test(a_question_without_an_answer_times_out),
        cmocka_unit_test(of_unsent_hints_only_the_newest_arrives),
        cmocka_unit_test(events_beyond_the_queue_become_dead_letters),
        cmocka_unit_test(a_seed_is_a_run_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
