/*  The listener: what a client is sent and answered.  */

#include "tests/unit/listener_client.h"

static void
begins_with_the_schema_and_waits_for_each_page(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, url);
    expect_types(&meeting, "schema init_start init_changes");
    SEND_FRAME(&meeting, clt_init_received, .chunk = 1);
    expect_types(&meeting, "init_complete catchup_completed live_start");
}

static void
tells_a_live_client_of_each_transaction(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "writer", "t1");
    insert_todo(*state, "writer", "t2");
    expect_types(&meeting, "live_changes live_changes");
}

static void
moves_the_position_of_whoever_wrote_it(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "reader", "t1");
    expect_types(&meeting, "lsn_update");
}

static void
sends_no_more_than_a_window_unacknowledged(void **state)
{
    world_t *world = *state;
    world->settings.stream_window = 2;
    const meeting_t meeting = meet_live(world);
    insert_todo(world, "writer", "t1");
    insert_todo(world, "writer", "t2");
    insert_todo(world, "writer", "t3");
    expect_types(&meeting, "live_changes live_changes");
    SEND_FRAME(&meeting, clt_changes_received, .last_lsn = ORIGIN + 1);
    expect_types(&meeting, "live_changes");
}

static void
answers_changes_at_once_and_again_when_decided(void **state)
{
    const meeting_t meeting = meet_live(*state);
    static const uint8_t row[] = "\x81\xa2id\xa1z";
    client_change_t made = {
        .id = "c1",
        .txn = "t",
        .table = "todo",
        .operation = "insert",
        .updated_at = 1,
        .data = {row, sizeof row - 1},
    };
    SEND_FRAME(&meeting, clt_send_changes, .changes = &made, .n_changes = 1);
    sim_run_ms(meeting.world->sim, 1000);
    /*  The decision and the moved position may come in either order.  */
    assert_int_equal(strncmp(buffer_text(&client.types), "changes_received ", 17), 0);
    assert_non_null(strstr(buffer_text(&client.types), "changes_applied"));
    assert_int_equal(number_of(*state, "SELECT count(*) FROM todo WHERE id = 'z'"), 1);
    assert_int_equal(
        number_of(*state, "SELECT count(*) FROM change_log WHERE client_id = 'reader'"), 1);
}

static void
answers_a_heartbeat_with_the_position(void **state)
{
    const meeting_t meeting = meet_live(*state);
    SEND_FRAME(&meeting, clt_heartbeat, .lsn = ORIGIN);
    expect_types(&meeting, "heartbeat");
}

static void
catches_up_from_where_it_is_asked_to(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_todo(*state, "writer", "t1");
    expect_types(&meeting, "live_changes");
    SEND_FRAME(&meeting, clt_catchup_request, .from_lsn = ORIGIN);
    expect_types(&meeting, "catchup_changes catchup_completed live_start");
}

static void
complains_about_nonsense_and_goes_on(void **state)
{
    const meeting_t meeting = meet_live(*state);
    buffer_clear(&client.outgoing);
    buffer_add_text(&client.outgoing, "\xdd\x7f\xff\xff\xff");
    sim_tell(meeting.world->sim, meeting.node, "client", MSG_parcel, &(parcel_t){0});
    expect_types(&meeting, "error");
    SEND_FRAME(&meeting, clt_heartbeat, .lsn = ORIGIN);
    expect_types(&meeting, "heartbeat");
}

static void
ignores_frames_that_are_not_a_clients(void **state)
{
    const meeting_t meeting = meet_live(*state);
    SEND_FRAME(&meeting, srv_heartbeat, .lsn = 1);
    expect_types(&meeting, "");
    assert_string_equal(client.closed, "");
}

static void
sends_a_client_from_another_history_to_the_start(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/20000009");
    expect_types(&meeting, "schema resync_required init_start init_changes");
}

static void
knows_where_a_client_from_another_history_stands_afterwards(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/20000009");
    expect_types(&meeting, "schema resync_required init_start init_changes");
    SEND_FRAME(&meeting, clt_init_received, .chunk = 1);
    expect_types(&meeting, "init_complete catchup_completed live_start");
    send_frame(&meeting, MSG_clt_init_processed, &(clt_init_processed_t){});
    sim_run_ms(meeting.world->sim, 10000);
    assert_int_equal(number_of(*state, "SELECT lsn FROM waybill_clients"), ORIGIN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(begins_with_the_schema_and_waits_for_each_page),
        WITH_WORLD(tells_a_live_client_of_each_transaction),
        WITH_WORLD(moves_the_position_of_whoever_wrote_it),
        WITH_WORLD(sends_no_more_than_a_window_unacknowledged),
        WITH_WORLD(answers_changes_at_once_and_again_when_decided),
        WITH_WORLD(answers_a_heartbeat_with_the_position),
        WITH_WORLD(catches_up_from_where_it_is_asked_to),
        WITH_WORLD(complains_about_nonsense_and_goes_on),
        WITH_WORLD(ignores_frames_that_are_not_a_clients),
        WITH_WORLD(sends_a_client_from_another_history_to_the_start),
        WITH_WORLD(knows_where_a_client_from_another_history_stands_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
