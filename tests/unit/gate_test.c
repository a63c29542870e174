/*  Who the listener lets in where users are known, and for how long.  */

#include "tests/unit/listener_client.h"

#include <sys/stat.h>

static char tokens[80];

static void
write_tokens(const char *text)
{
    FILE *file = fopen(tokens, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    assert_int_equal(chmod(tokens, 0600), 0);
}

static int
make_guarded(void **state)
{
    const int result = make_world(state);
    world_t *world = *state;
    (void) snprintf(tokens, sizeof tokens, "%s.tokens", world->path);
    write_tokens("ann t-ann\nbob t-bob\n");
    world->settings.auth_tokens = tokens;
    return result;
}

static int
remove_guarded(void **state)
{
    (void) unlink(tokens);
    return release_client(state);
}

static void
expect_closed(const meeting_t *meeting, const char *begin)
{
    sim_run_ms(meeting->world->sim, 1000);
    if (strncmp(client.closed, begin, strlen(begin)) != 0)
        fail_msg("%s", client.closed);
}

static void
lets_nobody_in_without_a_valid_token(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0");
    expect_closed(&meeting, "401 ");
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-eve");
    expect_closed(&meeting, "401 ");
    dial(&meeting, "ws://127.0.0.1:8787/nowhere");
    expect_closed(&meeting, "401 ");
    assert_int_equal(number_of(meeting.world, "SELECT count(*) FROM waybill_clients"), 0);
}

static void
answers_everybody_who_asks_whether_it_is_alive(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/healthz");
    expect_closed(&meeting, "200 ");
}

static void
lets_a_user_in_and_gives_the_client_id_to_nobody_else(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-ann");
    sim_run_ms(meeting.world->sim, 1000);
    assert_non_null(strstr(buffer_text(&client.types), "schema init_start"));
    assert_int_equal(number_of(meeting.world,
                               "SELECT count(*) FROM waybill_clients"
                               " WHERE client_id = 'reader' AND user_id = 'ann'"),
                     1);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-bob");
    expect_closed(&meeting, "403 ");
}

static void
refuses_changes_under_the_client_id_of_another_user(void **state)
{
    const meeting_t meeting = meet(*state);
    client_change_t made = {.id = "c", .txn = "t", .table = "todo", .operation = "delete"};
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-ann");
    sim_run_ms(meeting.world->sim, 1000);
    const problem_t *problem =
        ASK(meeting.world, "client-changes", client_changes, problem, .session = 1,
            .client_id = "reader", .changes = &made, .n_changes = 1, .user = "bob");
    assert_string_equal(problem->code, "PERMISSION_DENIED");
    problem = ASK(meeting.world, "distributor", stream_open, problem, .session = 1,
                  .client_id = "reader", .user = "bob");
    assert_string_equal(problem->code, "PERMISSION_DENIED");
}

static void
ends_a_connection_whose_token_was_taken_away(void **state)
{
    const meeting_t meeting = meet(*state);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-ann");
    sim_run_ms(meeting.world->sim, 1000);
    sim_run_ms(meeting.world->sim, 1800000);
    assert_string_equal(client.closed, "");
    write_tokens("bob t-bob\n");
    sim_run_ms(meeting.world->sim, 1800000);
    expect_closed(&meeting, "1008 ");
}

static void
learns_of_a_new_token_when_it_is_shown(void **state)
{
    const meeting_t meeting = meet(*state);
    write_tokens("ann t-ann\neve t-eve\n");
    sim_run_ms(meeting.world->sim, 2000);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-eve");
    sim_run_ms(meeting.world->sim, 1000);
    assert_string_equal(client.closed, "");
}

static void
keeps_what_it_knew_when_the_file_is_spoilt(void **state)
{
    const meeting_t meeting = meet(*state);
    write_tokens("");
    sim_run_ms(meeting.world->sim, 2000);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-eve");
    expect_closed(&meeting, "401 ");
    client.closed[0] = '\0';
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=reader&lsn=0/0&token=t-ann");
    sim_run_ms(meeting.world->sim, 1000);
    assert_string_equal(client.closed, "");
}

static void
limits_the_connections_of_one_user(void **state)
{
    world_t *world = *state;
    world->settings.limits_user_clients = 1;
    const meeting_t meeting = meet(world);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=one&lsn=0/0&token=t-ann");
    sim_run_ms(world->sim, 1000);
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=two&lsn=0/0&token=t-bob");
    sim_run_ms(world->sim, 1000);
    assert_string_equal(client.closed, "");
    dial(&meeting, "ws://127.0.0.1:8787/api/sync?clientId=three&lsn=0/0&token=t-bob");
    expect_closed(&meeting, "503 ");
}

#define GUARDED(test) cmocka_unit_test_setup_teardown(test, make_guarded, remove_guarded)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        GUARDED(lets_nobody_in_without_a_valid_token),
        GUARDED(answers_everybody_who_asks_whether_it_is_alive),
        GUARDED(lets_a_user_in_and_gives_the_client_id_to_nobody_else),
        GUARDED(refuses_changes_under_the_client_id_of_another_user),
        GUARDED(ends_a_connection_whose_token_was_taken_away),
        GUARDED(learns_of_a_new_token_when_it_is_shown),
        GUARDED(limits_the_connections_of_one_user),
        GUARDED(keeps_what_it_knew_when_the_file_is_spoilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
