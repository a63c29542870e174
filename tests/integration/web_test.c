/*  Strangers at the real server: pages over HTTP, and the JSON encoding over a plain socket. */

#include "tests/integration/query.h"
#include "tests/integration/web_client.h"
#include "tests/integration/world.h"

#include <stdlib.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

/*  ------------------------------------------------------------------------- pages  */

static void
expect_page(const char *method, const char *path, const char *status, const char *part)
{
    char *answer = web_ask(world.address, method, path);
    assert_contains(answer, status);
    assert_contains(answer, part);
    free(answer);
}

static void
answers_pages_over_http(void **state)
{
    (void) state;
    expect_page("GET", "/healthz", " 200 OK", "{\"status\":\"ok\"}");
    expect_page("POST", "/api/replication/init", " 200 OK",
                "{\"success\":true,\"slotStatus\":{\"exists\":true,\"lsn\":\"0/");
    expect_page("GET", "/api/replication/init", " 200 OK", "\"pollingStarted\":true}");
    expect_page("GET", "/api/replication/lsn", "application/json",
                "{\"success\":true,\"lsn\":\"0/");
    expect_page("GET", "/api/replication/status", " 200 OK",
                "\"polling\":{\"active\":true,\"count\":");
    expect_page("GET", "/api/replication/clients", " 200 OK", "{\"clientId\":\"");
    expect_page("GET", "/metrics", " 200 OK", "\nwaybill_connections 1\n");
    expect_page("GET", "/nothing", " 404 ", "Not Found");
    expect_page("DELETE", "/api/replication/lsn", " 405 ", "Method Not Allowed");
    expect_page("GET", "/api/sync?clientId=a", " 426 ", "Upgrade");
}

/*  ------------------------------------------------------------------------ a client  */

static char *
text_in(json_t *frame, const char *name)
{
    const char *text = json_string_value(json_object_get(frame, name));
    assert_non_null(text);
    char *copy = mem_text(text);
    json_decref(frame);
    return copy;
}

/*  From nothing to live; gives the position.  */
static char *
take_all(web_client_t *client)
{
    json_decref(web_client_hear(client, "srv_init_start"));
    json_decref(web_client_hear(client, "srv_init_changes"));
    web_client_say(client, "{\"type\":\"clt_init_received\",\"messageId\":\"1\","
                           "\"table\":\"\\\"notes\\\"\",\"chunk\":1}");
    json_decref(web_client_hear(client, "srv_init_complete"));
    web_client_say(client, "{\"type\":\"clt_init_processed\",\"messageId\":\"2\"}");
    json_decref(web_client_hear(client, "srv_catchup_completed"));
    return text_in(web_client_hear(client, "srv_live_start"), "finalLSN");
}

static void
send_note(web_client_t *client, const char *message, const char *id, const char *verdict)
{
    web_client_say(
        client,
        "{\"type\":\"clt_send_changes\",\"messageId\":\"%s\",\"changes\":[{\"table\":"
        "\"notes\",\"operation\":\"insert\",\"data\":{\"id\":\"%s\",\"title\":"
        "\"from the web\"}}]}",
        message, id);
    free(text_in(web_client_hear(client, "srv_changes_received"), "messageId"));
    json_t *applied = web_client_hear(client, "srv_changes_applied");
    const json_t *result = json_array_get(json_object_get(applied, "results"), 0);
    assert_string_equal(json_string_value(json_object_get(applied, "messageId")), message);
    assert_string_equal(json_string_value(json_object_get(result, "id")), id);
    assert_string_equal(json_string_value(json_object_get(result, "verdict")), verdict);
    json_decref(applied);
}

/*  Synchronised is an agent that stands where the server stood when it asked.  */
static void
expect_at_agent(const char *id)
{
    sqlite3 *db = NULL;
    char *path = path_in(world.dir, "agent.db");
    char *sql = mem_format("SELECT count(*) FROM notes WHERE id = '%s'", id);
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", world.agent_dir);
    assert_int_equal(synced.status, 0);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(query_number(db, sql), 1);
    sqlite3_close(db);
    outcome_release(&synced);
    free(path);
    free(sql);
}

static void
converges_with_an_agent(void **state)
{
    (void) state;
    web_client_t *client = web_client_new(world.address, "clientId=web&lsn=0/0", NULL);
    free(take_all(client));
    outcome_t upsert =
        RUN("upsert", "notes", "a1", "{\"title\":\"Tea\"}", "--run-dir", world.agent_dir);
    assert_int_equal(upsert.status, 0);
    outcome_release(&upsert);
    json_t *live = web_client_hear(client, "srv_live_changes");
    const json_t *change = json_array_get(json_object_get(live, "changes"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(change, "data"), "id")), "a1");
    json_decref(live);
    send_note(client, "m1", "w1", "applied");
    expect_at_agent("w1");
    send_note(client, "m1", "w1", "duplicate");
    web_client_destroy(&client);
}

static void
catches_up_where_it_was(void **state)
{
    (void) state;
    web_client_t *client =
        web_client_new(world.address, "clientId=reader&lsn=0%2F0", "waybill.v1.json");
    char *lsn = take_all(client);
    web_client_destroy(&client);
    web_client_t *writer = web_client_new(world.address, "clientId=writer", NULL);
    send_note(writer, "m2", "w2", "applied");

    char *query = mem_format("clientId=reader&lsn=%s", lsn);
    client = web_client_new(world.address, query, NULL);
    json_t *missed = web_client_hear(client, "srv_catchup_changes");
    assert_int_equal(json_array_size(json_object_get(missed, "changes")), 1);
    char *last = text_in(missed, "lastLSN");
    web_client_say(client, "{\"type\":\"clt_catchup_received\",\"chunk\":1,\"lsn\":\"%s\"}",
                   last);
    char *final = text_in(web_client_hear(client, "srv_catchup_completed"), "finalLSN");
    assert_string_equal(final, last);
    free(final);
    free(last);
    free(query);
    free(lsn);
    web_client_destroy(&client);
    web_client_destroy(&writer);
}

static void
is_replaced_by_a_newer_connection(void **state)
{
    (void) state;
    web_client_t *older = web_client_new(world.address, "clientId=twice", NULL);
    web_client_t *newer = web_client_new(world.address, "clientId=twice", NULL);
    assert_int_equal(web_client_hear_close(older), 1000);
    free(take_all(newer));
    web_client_destroy(&newer);
    web_client_destroy(&older);
}

static void
is_closed_for_a_frame_beyond_the_limit(void **state)
{
    (void) state;
    const int size = 2 << 20;
    web_client_t *client = web_client_new(world.address, "clientId=large", NULL);
    web_client_say(client, "{\"type\":\"clt_send_changes\",\"x\":\"%*s\"}", size, "");
    assert_int_equal(web_client_hear_close(client), 1009);
    web_client_destroy(&client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_pages_over_http),
        cmocka_unit_test(converges_with_an_agent),
        cmocka_unit_test(catches_up_where_it_was),
        cmocka_unit_test(is_replaced_by_a_newer_connection),
        cmocka_unit_test(is_closed_for_a_frame_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, start_world, stop_world);
}
