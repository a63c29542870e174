/*  The listener: what a client may not cost it, by its size, its slowness or its number.  */

#include "tests/unit/listener_client.h"

/*  Changes of a large row, older than the server's: each answer gives the row back.  */
static void
send_older(const meeting_t *meeting, int number)
{
    static const uint8_t row[] = "\x82\xa2id\xa3"
                                 "big\xa5title\xa1x";
    char ids[3][16];
    client_change_t changes[COUNT_OF(ids)];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        (void) snprintf(ids[i], sizeof ids[i], "c%d-%zu", number, i);
        changes[i] = (client_change_t){
            .id = ids[i],
            .txn = ids[i],
            .table = "todo",
            .operation = "update",
            .updated_at = 1,
            .data = {row, sizeof row - 1},
        };
    }
    SEND_FRAME(meeting, clt_send_changes, .changes = changes, .n_changes = COUNT_OF(changes));
}

static void
insert_large_row(world_t *world, const char *bytes)
{
    char *sql = mem_format("INSERT INTO todo VALUES ('big', hex(zeroblob(%s / 2)))", bytes);
    foreign_sql(world, sql);
    free(sql);
}

static void
answers_with_large_rows_in_several_frames(void **state)
{
    const meeting_t meeting = meet_live(*state);
    insert_large_row(*state, "200000");
    send_older(&meeting, 1);
    sim_run_ms(meeting.world->sim, 1000);
    const char *types = buffer_text(&client.types);
    for (int i = 0; i < 3; i++) {
        types = strstr(types, "changes_applied");
        assert_non_null(types);
        types++;
    }
}

static void
does_not_read_from_a_client_that_reads_no_answers(void **state)
{
    enum { FRAMES = 40 };
    world_t *world = *state;
    const meeting_t meeting = meet_live(world);
    insert_large_row(world, "800000");
    sim_tell(world->sim, meeting.node, "client", MSG_connect, &(connect_t){});
    for (int i = 0; i < FRAMES; i++) {
        send_older(&meeting, i);
        sim_run_ms(world->sim, 100);
    }
    const int64_t decided = number_of(world, "SELECT count(*) FROM client_changes");
    assert_true(decided > 0 && decided < FRAMES * 3);
    sim_tell(world->sim, meeting.node, "client", MSG_connect, &(connect_t){});
    sim_run_ms(world->sim, 60000);
    assert_int_equal(number_of(world, "SELECT count(*) FROM client_changes"), FRAMES * 3);
}

static void
closes_the_older_connection_of_a_client(void **state)
{
    const meeting_t meeting = meet_live(*state);
    dial(&meeting, url);
    expect_types(&meeting, "schema init_start init_changes");
    assert_string_equal(client.closed, "1000 Replaced by new connection");
}

static void
turns_clients_away_when_it_is_full(void **state)
{
    world_t *world = *state;
    world->settings.limits_clients = 1;
    const meeting_t meeting = meet_live(world);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=other&lsn=0/0");
    expect_types(&meeting, "");
    assert_int_equal(strncmp(client.closed, "503", 3), 0);
}

static void
does_not_read_from_a_client_that_changes_too_much(void **state)
{
    enum { FRAMES = 20 };
    world_t *world = *state;
    world->settings.limits_changes_per_s = 3;
    const meeting_t meeting = meet_live(world);
    insert_large_row(world, "100");
    for (int i = 0; i < FRAMES; i++) {
        send_older(&meeting, i);
        sim_run_ms(world->sim, 50);
    }
    sim_run_ms(world->sim, 4000);
    const int64_t decided = number_of(world, "SELECT count(*) FROM client_changes");
    assert_in_range(decided, 12, 27);
    sim_run_ms(world->sim, 30000);
    assert_int_equal(number_of(world, "SELECT count(*) FROM client_changes"), FRAMES * 3);
    assert_string_equal(client.closed, "");
}

static void
does_not_read_from_a_client_that_sends_too_many_bytes(void **state)
{
    enum { FRAMES = 20 };
    world_t *world = *state;
    world->settings.limits_bytes_per_s = 500; /* a frame of send_older() has about 275 */
    const meeting_t meeting = meet_live(world);
    insert_large_row(world, "100");
    for (int i = 0; i < FRAMES; i++) {
        send_older(&meeting, i);
        sim_run_ms(world->sim, 50);
    }
    const int64_t decided = number_of(world, "SELECT count(*) FROM client_changes");
    assert_in_range(decided, 3, FRAMES * 3 / 2);
    sim_run_ms(world->sim, 60000);
    assert_int_equal(number_of(world, "SELECT count(*) FROM client_changes"), FRAMES * 3);
    assert_string_equal(client.closed, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(answers_with_large_rows_in_several_frames),
        WITH_WORLD(does_not_read_from_a_client_that_reads_no_answers),
        WITH_WORLD(closes_the_older_connection_of_a_client),
        WITH_WORLD(turns_clients_away_when_it_is_full),
        WITH_WORLD(does_not_read_from_a_client_that_changes_too_much),
        WITH_WORLD(does_not_read_from_a_client_that_sends_too_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
