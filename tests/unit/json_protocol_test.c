/*  The JSON encoding of the wire protocol, field by field: scripts/NAME.script are transcripts
   of what clients of it say and get.  */

#include "tests/unit/json_script.h"

#define SCRIPT_TEST(sentence, name)                                                            \
    static void sentence(void **state)                                                         \
    {                                                                                          \
        script_play(*state, SCRIPTS, name);                                                    \
    }

SCRIPT_TEST(fills_in_what_clients_leave_out, "uploads")
SCRIPT_TEST(shows_the_row_that_won, "merged")
SCRIPT_TEST(shows_a_row_that_won_when_the_client_is_live, "held")
SCRIPT_TEST(shows_a_row_that_won_early_when_the_client_is_live, "held_early")
SCRIPT_TEST(catches_up_chunk_by_chunk_and_reminds, "catchup")
SCRIPT_TEST(answers_nonsense_and_goes_on, "nonsense")

static void
shows_each_client_what_others_do_at_once(void **state)
{
    ONLY_ON_SQLITE("there what comes in one message shares a commit, and so a position");
    script_play(*state, SCRIPTS, "live");
}

/*  Foreign keys of PostgreSQL are not in the server's cache.  */
static const char no_parents[] = "there a server does not know whose parent a row is";

static void
goes_from_nothing_to_live_page_by_page(void **state)
{
    ONLY_ON_SQLITE(no_parents);
    script_play(*state, SCRIPTS, "initial");
}

static void
puts_a_transaction_in_order(void **state)
{
    ONLY_ON_SQLITE(no_parents);
    script_play(*state, SCRIPTS, "order");
}

static void
sends_a_position_of_no_use_to_the_start(void **state)
{
    ONLY_ON_SQLITE("it takes rows out of the history, and changes tables");
    script_play(*state, SCRIPTS, "resync");
}

static void
carries_values_as_they_are_stored(void **state)
{
    ONLY_ON_SQLITE("its columns have SQLite's types; postgres/pg_round_trip has the others");
    script_play(*state, SCRIPTS, "values");
}

static table_settings_t todo;

static void
set_todo(world_t *world, const char *policy, const char *read)
{
    todo = *settings_of_table(&world->settings, "todo");
    todo.name = "todo";
    todo.tables_policy = policy;
    todo.tables_read = read;
    world->settings.tables = &todo;
    world->settings.n_tables = 1;
}

static void
takes_what_a_client_has_acknowledged_for_seen(void **state)
{
    set_todo(*state, "stale", "");
    script_play(*state, SCRIPTS, "stale");
}

/*  ----------------------------------------------------------------------- many rows  */

static json_t *
next_frame(script_t *script, size_t client)
{
    json_error_t error;
    for (int ms = 0; clients[client].read == clients[client].n && ms < SCRIPT_PATIENCE_MS;
         ms += 5)
        sim_run_ms(script->world->sim, 5);
    assert_true(clients[client].read < clients[client].n);
    return json_loads(clients[client].frames[clients[client].read++], 0, &error);
}

static void
expect_chunk(script_t *script, const char *type, size_t n, int chunk, int total)
{
    json_t *frame = next_frame(script, 0);
    const json_t *sequence = json_object_get(frame, "sequence");
    assert_string_equal(json_string_value(json_object_get(frame, "type")), type);
    assert_int_equal(json_array_size(json_object_get(frame, "changes")), n);
    assert_int_equal(json_integer_value(json_object_get(sequence, "chunk")), chunk);
    assert_int_equal(json_integer_value(json_object_get(sequence, "total")), total);
    json_decref(frame);
}

static void
write_many(world_t *world)
{
    foreign_sql(world, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                       " WHERE i < 1200) INSERT INTO todo SELECT 'm' || i, 'x' FROM n");
}

static void
cuts_a_snapshot_into_pages_of_500_rows(void **state)
{
    script_t script = {.world = *state};
    script_start(&script);
    write_many(*state);
    script_order(&script, 0, ORDER_DIAL, "ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/0");
    json_decref(next_frame(&script, 0));
    expect_chunk(&script, "srv_init_changes", 500, 1, 3);
    script_order(&script, 0, ORDER_TEXT,
                 "{\"type\":\"clt_init_received\",\"table\":\"\\\"todo\\\"\",\"chunk\":1}");
    expect_chunk(&script, "srv_init_changes", 500, 2, 3);
    script_order(&script, 0, ORDER_TEXT,
                 "{\"type\":\"clt_init_received\",\"table\":\"\\\"todo\\\"\",\"chunk\":2}");
    expect_chunk(&script, "srv_init_changes", 200, 3, 3);
}

static void
cuts_a_large_transaction_into_chunks_of_500_changes(void **state)
{
    script_t script = {.world = *state};
    script_start(&script);
    script_order(&script, 0, ORDER_DIAL,
                 "ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/20000000");
    json_decref(next_frame(&script, 0));
    json_decref(next_frame(&script, 0));
    write_many(*state);
    expect_chunk(&script, "srv_live_changes", 500, 1, 3);
    expect_chunk(&script, "srv_live_changes", 500, 2, 3);
    expect_chunk(&script, "srv_live_changes", 200, 3, 3);
    script_order(&script, 0, ORDER_TEXT,
                 "{\"type\":\"clt_catchup_request\",\"fromLSN\":\"0/20000000\"}");
    expect_chunk(&script, "srv_catchup_changes", 500, 1, 3);
}

/*  As one position.  */
static void
write_sealed(script_t *script)
{
    write_many(script->world);
    backend_follow(&script->world->backend);
    sim_run_ms(script->world->sim, 20);
}

static void
does_not_tell_by_the_number_of_chunks_what_may_not_be_read(void **state)
{
    script_t script = {.world = *state};
    set_todo(*state, "row", "CAST(substr(id, 2) AS INTEGER) <= 600");
    script_start(&script);
    write_sealed(&script);
    /* The rule itself has taken a position, in a file one of its own. */
    script_order(&script, 0, ORDER_DIAL,
                 either("ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/20000001",
                        "ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/20000000"));
    expect_chunk(&script, "srv_catchup_changes", 500, 1, 2);
    script_order(&script, 0, ORDER_TEXT,
                 "{\"type\":\"clt_catchup_received\",\"chunk\":1,\"lsn\":\"0/20000001\"}");
    expect_chunk(&script, "srv_catchup_changes", 100, 2, 2);
}

/*  Changes of the rows 1 to n, all of which come too late.  */
static void
send_losers(script_t *script, int n)
{
    buffer_t frame = {0};
    buffer_add_text(&frame, "{\"type\":\"clt_send_changes\",\"changes\":[");
    for (int i = 1; i <= n; i++)
        buffer_add_format(&frame,
                          "%s{\"table\":\"todo\",\"operation\":\"update\",\"data\":{\"id\":"
                          "\"m%d\",\"title\":\"lost\"},\"updated_at\":\"2001-01-01\"}",
                          i > 1 ? "," : "", i);
    buffer_add_text(&frame, "]}");
    script_order(script, 0, ORDER_TEXT, buffer_text(&frame));
    sim_run_ms(script->world->sim, 1000);
    buffer_release(&frame);
}

static bool
has_got(const script_client_t *client, const char *text)
{
    for (size_t i = 0; i < client->n; i++)
        if (strstr(client->frames[i], text) != NULL)
            return true;
    return false;
}

static void
begins_anew_with_a_client_that_sends_and_takes_nothing_of_its_catchup(void **state)
{
    script_t script = {.world = *state};
    script_start(&script);
    write_sealed(&script);
    script_order(&script, 0, ORDER_DIAL,
                 "ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/20000000");
    expect_chunk(&script, "srv_catchup_changes", 500, 1, 3);
    send_losers(&script, 600);
    send_losers(&script, 600);
    assert_false(has_got(&clients[0], "too_many_conflicts"));
    send_losers(&script, 1200);
    assert_true(has_got(&clients[0], "too_many_conflicts"));
    assert_true(has_got(&clients[0], "srv_init_changes"));
}

/*  So that what it sends next is not decided before what it sent first.  */
static void
ends_the_connection_of_a_client_whose_changes_were_put_off(void **state)
{
    script_t script = {.world = *state};
    script_start(&script);
    script_order(&script, 0, ORDER_DIAL,
                 "ws://127.0.0.1:8787/api/sync?clientId=phone&lsn=0/20000000");
    json_decref(next_frame(&script, 0));
    json_decref(next_frame(&script, 0));
    void *lock = backend_lock(&script.world->backend);
    send_losers(&script, 1);
    script_expect_close(&script, &clients[0],
                        "1013 The server could not decide: try again later");
    backend_unlock(lock);
}

#define WITH_SCRIPT(test) cmocka_unit_test_setup_teardown(test, make_world, script_release)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRIPT(goes_from_nothing_to_live_page_by_page),
        WITH_SCRIPT(shows_each_client_what_others_do_at_once),
        WITH_SCRIPT(fills_in_what_clients_leave_out),
        WITH_SCRIPT(shows_the_row_that_won),
        WITH_SCRIPT(shows_a_row_that_won_when_the_client_is_live),
        WITH_SCRIPT(shows_a_row_that_won_early_when_the_client_is_live),
        WITH_SCRIPT(catches_up_chunk_by_chunk_and_reminds),
        WITH_SCRIPT(sends_a_position_of_no_use_to_the_start),
        WITH_SCRIPT(answers_nonsense_and_goes_on),
        WITH_SCRIPT(carries_values_as_they_are_stored),
        WITH_SCRIPT(takes_what_a_client_has_acknowledged_for_seen),
        WITH_SCRIPT(does_not_tell_by_the_number_of_chunks_what_may_not_be_read),
        WITH_SCRIPT(begins_anew_with_a_client_that_sends_and_takes_nothing_of_its_catchup),
        WITH_SCRIPT(ends_the_connection_of_a_client_whose_changes_were_put_off),
        WITH_SCRIPT(puts_a_transaction_in_order),
        WITH_SCRIPT(cuts_a_snapshot_into_pages_of_500_rows),
        WITH_SCRIPT(cuts_a_large_transaction_into_chunks_of_500_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
