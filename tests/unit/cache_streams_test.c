/*  Streams from a cache of PostgreSQL, and an agent that comes for one.  */

#include "tests/unit/cache_sim.h"

/*  ------------------------------------------------------------------------- streams  */

static const void *
ask_server(world_t *world, message_id_t id, const void *body, message_id_t expected)
{
    const uint64_t asked = sim_ask(world->sim, server.node, "distributor", id, body);
    return await_answer(world->sim, server.node, asked, expected, &world->heard);
}

static const void *
open_as(world_t *world, uint64_t lsn, message_id_t expected)
{
    const bool marked = server.settings.n_tables > 0; /* by the rules */
    const stream_open_t request = {
        .session = 1, .client_id = "a", .epoch = marked ? "" : EPOCH, .lsn = lsn, .user = ""};
    return ask_server(world, MSG_stream_open, &request, expected);
}

static const stream_opened_t *
open_at(world_t *world, uint64_t lsn)
{
    return open_as(world, lsn, MSG_stream_opened);
}

static const problem_t *
be_refused_at(world_t *world, uint64_t lsn)
{
    return open_as(world, lsn, MSG_problem);
}

static const stream_chunk_t *
pull(world_t *world)
{
    return ask_server(world, MSG_stream_pull, &(stream_pull_t){.session = 1}, MSG_stream_chunk);
}

static const char *
be_refused_a_chunk(world_t *world)
{
    const problem_t *problem =
        ask_server(world, MSG_stream_pull, &(stream_pull_t){.session = 1}, MSG_problem);
    return arena_text(&world->arena, problem->code);
}

static void
begins_no_stream_while_the_database_is_still_being_read(void **state)
{
    world_t *world = *state;
    start_server(world);
    const problem_t *problem = be_refused_at(world, 0);
    assert_string_equal(problem->code, "RETRY_LATER");
    assert_non_null(strstr(problem->message, "still reading"));
    fill();
    assert_string_equal(open_at(world, 0)->phase, "snapshot");
}

static void
sends_a_client_that_is_ahead_of_it_away_and_keeps_its_history(void **state)
{
    world_t *world = *state;
    fill();
    start_server(world);
    const problem_t *problem = be_refused_at(world, FIRST + 8);
    assert_string_equal(problem->code, "RETRY_LATER");
    assert_non_null(strstr(problem->message, "has not read as far"));
    const stream_opened_t *opened = open_at(world, FIRST);
    assert_string_equal(opened->phase, "live");
    assert_string_equal(opened->epoch, EPOCH);
}

/*  The positions of another server's snapshot are between those of transactions.  */
static void
goes_on_from_a_position_at_which_nothing_was_committed(void **state)
{
    world_t *world = *state;
    fill();
    set_head(FIRST, FIRST, FIRST + 50);
    start_server(world);
    assert_string_equal(open_at(world, FIRST + 47)->phase, "live");
    const stream_chunk_t *chunk = pull(world);
    assert_string_equal(chunk->phase, "catchup_end");
    assert_int_equal(chunk->lsn, FIRST + 50);
    assert_string_equal(pull(world)->phase, "idle");
    feed(FIRST + 56, "INSERT INTO todo VALUES ('a', 'one', 'ann')");
    chunk = pull(world);
    assert_string_equal(chunk->phase, "live");
    assert_int_equal(chunk->prev, FIRST + 50);
    assert_int_equal(chunk->lsn, FIRST + 56);
    assert_int_equal(chunk->n_changes, 1);
}

static void
ends_the_streams_of_a_history_that_is_no_more(void **state)
{
    world_t *world = *state;
    fill();
    start_server(world);
    (void) open_at(world, FIRST);
    assert_string_equal(pull(world)->phase, "catchup_end");
    run("UPDATE waybill_head SET epoch = '" SECOND
        "', lsn = 2000, floor = 2000, captured = 2000");
    assert_string_equal(be_refused_a_chunk(world), "REGRESSED");
    assert_string_equal(be_refused_a_chunk(world), "NOT_FOUND");
    assert_string_equal(open_at(world, FIRST)->reason, "epoch_changed");
}

static void
ends_the_streams_of_a_cache_that_was_read_anew(void **state)
{
    world_t *world = *state;
    fill();
    start_server(world);
    (void) open_at(world, FIRST);
    assert_string_equal(pull(world)->phase, "catchup_end");
    run("INSERT INTO todo VALUES ('a', 'one', 'ann'); DELETE FROM change_log");
    set_head(FIRST + 80, FIRST + 80, FIRST + 80);
    assert_string_equal(be_refused_a_chunk(world), "GAP");
    assert_string_equal(open_at(world, FIRST)->reason, "history_truncated");
}

/*  -------------------------------------------------------------------------- rights  */

static void
only_own_rows(void)
{
    server.rules = (table_settings_t){
        .name = "todo",
        .tables_capture = "default",
        .tables_policy = "row",
        .tables_read = "owner = 'ann'",
        .tables_write = "",
        .tables_check = "",
        .tables_server_only = "",
    };
    server.settings.tables = &server.rules;
    server.settings.n_tables = 1;
}

static void
keeps_the_rule_of_a_table_that_comes_later(void **state)
{
    world_t *world = *state;
    only_own_rows();
    set_head(FIRST, FIRST, FIRST);
    start_server(world);
    (void) open_at(world, FIRST);
    assert_string_equal(pull(world)->phase, "catchup_end");
    run(CACHE_TABLE);
    capture_tables();
    feed(FIRST + 8, "INSERT INTO todo VALUES ('a', 'one', 'ann'), ('b', 'two', 'bob')");
    const stream_chunk_t *chunk = pull(world);
    assert_string_equal(chunk->phase, "live");
    assert_int_equal(chunk->n_changes, 1);
}

static void
sends_nothing_of_a_table_whose_rule_is_wrong(void **state)
{
    world_t *world = *state;
    only_own_rows();
    server.rules.tables_read = "owned_by = 'ann'";
    set_head(FIRST, FIRST, FIRST);
    start_server(world);
    (void) open_at(world, FIRST);
    assert_string_equal(pull(world)->phase, "catchup_end");
    run(CACHE_TABLE);
    capture_tables();
    feed(FIRST + 8, "INSERT INTO todo VALUES ('a', 'one', 'ann')");
    assert_string_equal(be_refused_a_chunk(world), "CONFIG");
    assert_string_equal(be_refused_at(world, FIRST)->code, "CONFIG");
}

static const stream_opened_t *
open_in(world_t *world, const char *epoch)
{
    const stream_open_t request = {
        .session = 1, .client_id = "a", .epoch = epoch, .lsn = FIRST + 40, .user = ""};
    return ask_server(world, MSG_stream_open, &request, MSG_stream_opened);
}

/*  It comes from a server that showed it other rows.  */
static void
gives_a_client_that_has_seen_other_rules_a_snapshot(void **state)
{
    world_t *world = *state;
    fill();
    set_head(FIRST, FIRST, FIRST + 50);
    only_own_rows();
    start_server(world);
    const stream_opened_t *opened = open_in(world, EPOCH);
    assert_string_equal(opened->reason, "epoch_changed");
    const char *epoch = arena_text(&world->arena, opened->epoch);
    assert_string_equal(open_in(world, epoch)->phase, "live");
}

/*  ------------------------------------------------------------------------ an agent  */

static const status_t *
status(world_t *world)
{
    return ASK(world, "service", status_get, status, .fresh = true);
}

static void
await(world_t *world, bool (*is_so)(world_t *world))
{
    for (int i = 0; i < 300 && !is_so(world); i++)
        sim_run_ms(world->sim, 1000);
    if (!is_so(world))
        fail_msg("%s: %s", status(world)->state, status(world)->reason);
}

static bool
is_synced(world_t *world)
{
    return status(world)->synced;
}

static bool
has_reread(world_t *world)
{
    return is_synced(world)
           && strcmp(text_of(world, "SELECT group_concat(id) FROM todo"), "b") == 0;
}

static void
tells_its_agent_why_it_must_come_again(void **state)
{
    world_t *world = *state;
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    sim_run_ms(world->sim, 5000);
    assert_string_equal(status(world)->state, "offline");
    assert_non_null(strstr(status(world)->reason, "this server is still reading its database"));
    assert_non_null(strstr(status(world)->reason, "next attempt in"));
    fill();
    feed(FIRST + 8, "INSERT INTO todo VALUES ('b', 'two', 'bob')");
    await(world, has_reread);
}

/*  Another server may know nothing of what was before.  */
static void
moves_its_agent_to_where_nothing_is_missing(void **state)
{
    world_t *world = *state;
    fill();
    set_head(FIRST, FIRST, FIRST + 50);
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await(world, is_synced);
    char expected[24];
    (void) snprintf(expected, sizeof expected, "%d", FIRST + 50);
    assert_string_equal(text_of(world, "SELECT lsn FROM sync_state"), expected);
}

/*  A cache that is read anew while its clients are idle: a heartbeat tells them.  */
static void
gives_a_connected_agent_a_snapshot_when_it_was_read_anew(void **state)
{
    world_t *world = *state;
    fill();
    feed(FIRST + 8, "INSERT INTO todo VALUES ('a', 'one', 'ann')");
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await(world, is_synced);
    run("BEGIN; DELETE FROM todo; INSERT INTO todo VALUES ('b', 'two', 'bob');"
        "DELETE FROM change_log; COMMIT");
    set_head(FIRST + 80, FIRST + 80, FIRST + 80);
    await(world, has_reread);
    assert_string_equal(text_of(world, "SELECT epoch FROM sync_state"), EPOCH);
}

static void
leads_a_connected_agent_into_another_history(void **state)
{
    world_t *world = *state;
    fill();
    feed(FIRST + 8, "INSERT INTO todo VALUES ('a', 'one', 'ann')");
    start_server(world);
    world->settings.agent_connect = true;
    start_agent(world);
    await(world, is_synced);
    run("BEGIN; DELETE FROM todo; INSERT INTO todo VALUES ('b', 'two', 'bob');"
        "DELETE FROM change_log; UPDATE waybill_head SET epoch = '" SECOND "', lsn = 500,"
        " floor = 500, captured = 500; COMMIT");
    await(world, has_reread);
    assert_string_equal(text_of(world, "SELECT epoch FROM sync_state"), SECOND);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, make_both, remove_both)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(begins_no_stream_while_the_database_is_still_being_read),
        WITH_BOTH(sends_a_client_that_is_ahead_of_it_away_and_keeps_its_history),
        WITH_BOTH(goes_on_from_a_position_at_which_nothing_was_committed),
        WITH_BOTH(ends_the_streams_of_a_history_that_is_no_more),
        WITH_BOTH(ends_the_streams_of_a_cache_that_was_read_anew),
        WITH_BOTH(keeps_the_rule_of_a_table_that_comes_later),
        WITH_BOTH(sends_nothing_of_a_table_whose_rule_is_wrong),
        WITH_BOTH(gives_a_client_that_has_seen_other_rules_a_snapshot),
        WITH_BOTH(tells_its_agent_why_it_must_come_again),
        WITH_BOTH(moves_its_agent_to_where_nothing_is_missing),
        WITH_BOTH(gives_a_connected_agent_a_snapshot_when_it_was_read_anew),
        WITH_BOTH(leads_a_connected_agent_into_another_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
