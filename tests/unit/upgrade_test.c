/*  The border of the server: who may connect, and how what was sent is counted.  */

#include "actors/server/upgrade.h"
#include "actors/server/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
judges_what_a_peer_asks_for(void **state)
{
    static const char none[] = "";
    static const char ours[] = "other, waybill.v1";
    static const struct {
        const char *path, *query, *protocol;
        bool upgrade;
        int status;
    } cases[] = {
        {"/api/sync", "clientId=a", ours, true, 101},
        {"/api/sync/ws", "lsn=1%2Fa&clientId=a%20b", ours, true, 101},
        {"/api/sync", "clientId=a&lsn=1/A", none, true, 101},
        {"/api/sync", "clientId=a", "waybill.v1.json", true, 101},
        {"/api/sync", "", ours, true, 400},
        {"/api/sync", "clientId=", ours, true, 400},
        {"/api/sync", "clientId=%00", ours, true, 400},
        {"/api/sync", "clientId=%zz", ours, true, 400},
        {"/api/sync", "clientId=%f", ours, true, 400},
        {"/api/sync", "clientId=%ff", ours, true, 400},
        {"/api/sync", "clientId=a&lsn=x", ours, true, 400},
        {"/api/sync", "clientId=a&lsn=123456789/0", ours, true, 400},
        {"/api/sync", "clientId=a&lsn=", ours, true, 400},
        {"/api/sync", "clientId=a", ours, false, 426},
        {"/healthz", "", none, false, 200},
        {"/api/health", "", none, false, 200},
        {"/api/replication/init", "", none, false, 200},
        {"/metrics", "", none, false, 200},
        {"/", "", none, false, 404},
    };
    (void) state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        visitor_t visitor = {0};
        net_answer_t answer = {0};
        const net_upgrade_t upgrade = {
            .upgrade = cases[i].upgrade,
            .method = "GET",
            .path = cases[i].path,
            .query = cases[i].query,
            .protocol = cases[i].protocol,
        };
        upgrade_judge(&upgrade, &visitor, &answer);
        if (answer.status != cases[i].status)
            fail_msg("%s?%s: %d", cases[i].path, cases[i].query, answer.status);
    }
}

static void
takes_client_ids_of_128_bytes_and_no_longer(void **state)
{
    char query[160] = "clientId=";
    visitor_t visitor = {0};
    net_answer_t answer = {0};
    const net_upgrade_t upgrade = {
        .upgrade = true,
        .method = "GET",
        .path = "/api/sync",
        .query = query,
        .protocol = "waybill.v1",
    };
    (void) state;
    memset(query + strlen(query), 'x', 128);
    upgrade_judge(&upgrade, &visitor, &answer);
    assert_int_equal(answer.status, 101);
    assert_int_equal(strlen(visitor.client_id), 128);
    query[strlen(query)] = 'x';
    upgrade_judge(&upgrade, &visitor, &answer);
    assert_int_equal(answer.status, 400);
}

static int
status_of(const char *method, const char *path)
{
    visitor_t visitor = {0};
    net_answer_t answer = {0};
    const net_upgrade_t upgrade = {
        .method = method, .path = path, .query = "", .protocol = "", .origin = ""};
    upgrade_judge(&upgrade, &visitor, &answer);
    return answer.status;
}

static void
answers_each_page_by_its_methods_only(void **state)
{
    (void) state;
    assert_int_equal(status_of("POST", "/api/replication/init"), 200);
    assert_int_equal(status_of("POST", "/api/replication/lsn"), 405);
    assert_int_equal(status_of("DELETE", "/healthz"), 405);
    assert_int_equal(status_of("POST", "/nothing"), 404);
}

static void
lets_in_browsers_from_the_listed_origins_only(void **state)
{
    static const char list[] = "https://a.example  http://localhost:3000";
    (void) state;
    assert_true(upgrade_allows(list, "https://a.example"));
    assert_true(upgrade_allows(list, "http://localhost:3000"));
    assert_true(upgrade_allows(list, ""));
    assert_true(upgrade_allows("", "https://evil.example"));
    assert_false(upgrade_allows(list, "https://a.example.evil"));
    assert_false(upgrade_allows(list, "http://localhost:300"));
    assert_false(upgrade_allows(list, "null"));
}

static void
counts_parts_of_a_transaction_one_by_one(void **state)
{
    window_t window = {0};
    (void) state;
    window_add(&window, 5);
    window_add(&window, 5);
    window_add(&window, 6);
    window_add(&window, 7);
    window_take(&window, 5);
    assert_int_equal(window_count(&window), 3);
    window_take(&window, 6);
    assert_int_equal(window_count(&window), 1);
    window_take(&window, 6);
    assert_int_equal(window_count(&window), 1);
    window_release(&window);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_what_a_peer_asks_for),
        cmocka_unit_test(answers_each_page_by_its_methods_only),
        cmocka_unit_test(lets_in_browsers_from_the_listed_origins_only),
        cmocka_unit_test(takes_client_ids_of_128_bytes_and_no_longer),
        cmocka_unit_test(counts_parts_of_a_transaction_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
