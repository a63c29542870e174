/*  The distributor: what a client gets first, and how many get it at a time.  */

#include "tests/unit/server_sim.h"

static const char *
open_stream(world_t *world, uint64_t session, const char *client_id, uint64_t lsn)
{
    return ASK(world, "distributor", stream_open, stream_opened, .session = session,
               .client_id = client_id, .lsn = lsn)
        ->phase;
}

static const stream_chunk_t *
pull(world_t *world, uint64_t session)
{
    return ASK(world, "distributor", stream_pull, stream_chunk, .session = session);
}

static void
describes_the_tables_to_whoever_opens_a_stream(void **state)
{
    world_t *world = *state;
    start_server(world);
    const stream_opened_t *opened = ASK(world, "distributor", stream_open, stream_opened,
                                        .session = 1, .client_id = "a", .lsn = 0);
    assert_string_equal(opened->phase, "snapshot");
    assert_int_equal(opened->lsn, head_of(world));
    assert_int_equal(opened->n_tables, 1);
    assert_string_equal(opened->tables[0].name, "todo");
    assert_int_equal(opened->tables[0].n_columns, 2);
}

static void
decides_by_the_clients_position(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t first = head_of(world);
    assert_string_equal(insert_todo(world, "w", "t1"), "applied");
    await_history(world);
    const uint64_t newest = head_of(world);
    assert_string_equal(open_stream(world, 1, "a", 0), "snapshot");
    assert_string_equal(open_stream(world, 2, "b", first), "catchup");
    assert_string_equal(open_stream(world, 3, "c", newest), "live");
    assert_string_equal(open_stream(world, 5, "e", first - 1), "resync");
    if (!on_postgres()) /* there another server may be ahead of this one */
        assert_string_equal(open_stream(world, 4, "d", newest + 1), "resync");
}

static void
tells_why_a_client_must_start_again(void **state)
{
    static const struct {
        uint64_t lsn;
        const char *epoch, *reason;
    } cases[] = {
        {5, "", "history_truncated"},
        {UINT32_MAX, "another", "epoch_changed"},
    };
    world_t *world = *state;
    start_server(world);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const stream_opened_t *opened =
            ASK(world, "distributor", stream_open, stream_opened, .session = i + 1,
                .client_id = "a", .lsn = cases[i].lsn, .epoch = cases[i].epoch);
        assert_string_equal(opened->phase, "resync");
        assert_string_equal(opened->reason, cases[i].reason);
    }
    assert_string_equal(pull(world, COUNT_OF(cases))->phase, "snapshot_begin");
}

/*  The client has seen more of this history than there is.  */
static void
begins_another_history_when_its_database_is_an_older_copy(void **state)
{
    world_t *world = *state;
    ONLY_ON_SQLITE("there another server may be ahead of this one");
    start_server(world);
    const uint64_t origin = head_of(world);
    char *epoch = mem_text(ASK(world, "distributor", head_get, head, .session = 1)->epoch);
    open_stream(world, 1, "a", origin);
    const stream_opened_t *opened =
        ASK(world, "distributor", stream_open, stream_opened, .session = 2, .client_id = "b",
            .lsn = origin + 9, .epoch = epoch);
    assert_string_equal(opened->reason, "client_ahead");
    assert_string_not_equal(opened->epoch, epoch);
    const problem_t *problem = ASK(world, "distributor", stream_pull, problem, .session = 1);
    assert_string_equal(problem->code, "NOT_FOUND");
    opened = ASK(world, "distributor", stream_open, stream_opened, .session = 1,
                 .client_id = "a", .lsn = origin, .epoch = epoch);
    assert_string_equal(opened->reason, "epoch_changed");
    free(epoch);
}

static void
hands_a_change_on_to_other_clients_only(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t origin = head_of(world);
    open_stream(world, 1, "writer", origin);
    open_stream(world, 2, "reader", origin);
    assert_string_equal(pull(world, 1)->phase, "catchup_end");
    assert_string_equal(pull(world, 2)->phase, "catchup_end");
    insert_todo(world, "writer", "t1");
    await_history(world);
    assert_string_equal(pull(world, 1)->phase, "moved");
    const stream_chunk_t *chunk = pull(world, 2);
    assert_string_equal(chunk->phase, "live");
    assert_string_equal(chunk->changes[0].id, "t1");
    assert_string_equal(pull(world, 2)->phase, "idle");
}

static void
holds_no_more_than_eight_snapshots(void **state)
{
    world_t *world = *state;
    char client_id[] = "client 0";
    start_server(world);
    for (uint64_t session = 1; session <= 9; session++) {
        client_id[7] = (char) ('0' + session);
        open_stream(world, session, client_id, 0);
        assert_string_equal(pull(world, session)->phase,
                            session <= 8 ? "snapshot_begin" : "idle");
    }
    sim_tell(world->sim, world->node, "distributor", MSG_stream_close,
             &(stream_close_t){.session = 3});
    assert_string_equal(pull(world, 9)->phase, "snapshot_begin");
}

static void
begins_a_snapshot_at_a_finished_position(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t origin = head_of(world);
    open_stream(world, 1, "a", 0);
    foreign_sql(world, "INSERT INTO todo VALUES ('p', 'plain')");
    if (on_postgres())
        await_history(world);
    else
        assert_string_equal(pull(world, 1)->phase, "idle");
    sim_run_ms(world->sim, 10);
    const stream_chunk_t *chunk = pull(world, 1);
    assert_string_equal(chunk->phase, "snapshot_begin");
    assert_true(is_next(chunk->lsn, origin));
}

static void
takes_a_forgotten_snapshot_away(void **state)
{
    world_t *world = *state;
    start_server(world);
    open_stream(world, 1, "slow", 0);
    assert_string_equal(pull(world, 1)->phase, "snapshot_begin");
    sim_run_ms(world->sim, 601000);
    const problem_t *problem = ASK(world, "distributor", stream_pull, problem, .session = 1);
    assert_string_equal(problem->code, "EXPIRED");
}

static void
refuses_to_pull_without_a_stream(void **state)
{
    world_t *world = *state;
    start_server(world);
    const problem_t *problem = ASK(world, "distributor", stream_pull, problem, .session = 7);
    assert_string_equal(problem->code, "NOT_FOUND");
}

static void
remembers_where_a_client_stood_when_it_left(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t origin = head_of(world);
    open_stream(world, 1, "a", origin);
    sim_tell(world->sim, world->node, "distributor", MSG_stream_ack,
             &(stream_ack_t){.session = 1, .client_id = "a", .lsn = origin});
    sim_tell(world->sim, world->node, "distributor", MSG_stream_close,
             &(stream_close_t){.session = 1});
    sim_run_ms(world->sim, 10);
    assert_int_equal(number_of(world, "SELECT lsn FROM waybill_clients"), origin);
}

static void
answers_the_newest_position(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t origin = head_of(world);
    insert_todo(world, "w", "t1");
    await_history(world);
    const head_t *head = ASK(world, "distributor", head_get, head, .session = 5);
    assert_true(is_next(head->lsn, origin));
    assert_int_equal(head->session, 5);
}

static void
keeps_its_history_over_a_crash(void **state)
{
    world_t *world = *state;
    start_server(world);
    const uint64_t origin = head_of(world);
    insert_todo(world, "w", "t1");
    sim_crash(world->sim, world->node);
    start_server(world);
    assert_string_equal(insert_todo(world, "w", "t1"), "duplicate");
    const head_t *head = ASK(world, "distributor", head_get, head, .session = 5);
    assert_true(is_next(head->lsn, origin));
    assert_int_equal(number_of(world, "SELECT count(*) FROM change_log"), 1);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(describes_the_tables_to_whoever_opens_a_stream),
        WITH_WORLD(decides_by_the_clients_position),
        WITH_WORLD(tells_why_a_client_must_start_again),
        WITH_WORLD(begins_another_history_when_its_database_is_an_older_copy),
        WITH_WORLD(hands_a_change_on_to_other_clients_only),
        WITH_WORLD(holds_no_more_than_eight_snapshots),
        WITH_WORLD(begins_a_snapshot_at_a_finished_position),
        WITH_WORLD(takes_a_forgotten_snapshot_away),
        WITH_WORLD(refuses_to_pull_without_a_stream),
        WITH_WORLD(remembers_where_a_client_stood_when_it_left),
        WITH_WORLD(answers_the_newest_position),
        WITH_WORLD(keeps_its_history_over_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
