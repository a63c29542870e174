/*  The monitor page of a real agent and a real server: over sockets, with everything that a
    browser, Prometheus or a stranger would send.  */

#include "tests/integration/query.h"
#include "tests/integration/web_client.h"
#include "tests/integration/world.h"
#include "tests/unit/exposition_parser.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

#define SECRET "0123456789abcdef-of-the-page"

enum { PATIENCE_S = 60 };

static char *page;        /* HOST:PORT of the agent's */
static char *server_page; /* and of the server's */

/*  What stands behind the mark up to the end of its URL.  */
static char *
address_in(const char *text)
{
    static const char mark[] = "http://";
    const char *at = strstr(text, mark);
    assert_contains(text, mark);
    const char *begin = at ? at + strlen(mark) : "";
    return mem_format("%.*s", (int) strcspn(begin, "/"), begin);
}

static char *
read_text(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    const ssize_t size = getdelim(&text, &room, '\0', in);
    (void) fclose(in);
    return size > 0 ? text : (free(text), mem_text(""));
}

static char *
page_of(const char *run_dir)
{
    outcome_t status = RUN("status", "--run-dir", run_dir);
    assert_contains(status.out, "\nmonitor   http://127.0.0.1:");
    char *address = address_in(strstr(status.out, "\nmonitor "));
    outcome_release(&status);
    return address;
}

static int
set_up(void **state)
{
    const int result = start_world(state);
    if (result != 0)
        return result;
    char *log = read_text(world.log);
    page = page_of(world.agent_dir);
    server_page = address_in(log);
    free(log);
    return 0;
}

static int
tear_down(void **state)
{
    free(page);
    free(server_page);
    return stop_world(state);
}

/*  The body of an answer that must have that status.  */
static char *
get(const char *address, const char *path, const char *status)
{
    char *answer = web_ask(address, "GET", path);
    assert_contains(answer, status);
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    char *copy = mem_text(body + 4);
    free(answer);
    return copy;
}

static json_t *
get_json(const char *address, const char *path)
{
    char *body = get(address, path, " 200 OK");
    json_t *object = json_loads(body, 0, NULL);
    assert_non_null(object);
    free(body);
    return object;
}

static const char *
member(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/*  ---------------------------------------------------------------------------- pages  */

static void
serves_the_page_and_nothing_keeps_or_frames_it(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 200 OK\r\n",
        "\r\nContent-Security-Policy: default-src 'none'; script-src 'self';",
        "frame-ancestors 'none'\r\n",
        "\r\nCache-Control: no-store\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nX-Frame-Options: DENY\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
        "\r\nContent-Type: text/html; charset=utf-8\r\n",
        "<!DOCTYPE html>",
    };
    (void) state;
    char *answer = web_ask(page, "GET", "/");
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_contains(answer, lines[i]);
    free(answer);
    answer = web_ask(page, "GET", "/page.js");
    assert_contains(answer, "\r\nContent-Type: text/javascript; charset=utf-8\r\n");
    free(answer);
    answer = web_ask(page, "GET", "/page.css");
    assert_contains(answer, "\r\nContent-Type: text/css; charset=utf-8\r\n");
    free(answer);
}

static void
answers_head_without_a_body(void **state)
{
    static const char *const paths[] = {"/", "/metrics", "/healthz"};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char *answer = web_ask(page, "HEAD", paths[i]);
        const char *end = strstr(answer, "\r\n\r\n");
        assert_contains(answer, "HTTP/1.1 200 OK\r\n");
        assert_null(strstr(answer, "Content-Length: 0\r\n"));
        assert_true(end != NULL && end[4] == '\0');
        free(answer);
    }
}

static void
is_read_only_over_http(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        char *answer = web_ask(page, methods[i], "/api/state");
        assert_contains(answer, " 405 Method Not Allowed\r\n");
        assert_contains(answer, "\r\nAllow: GET, HEAD\r\n");
        free(answer);
    }
}

static void
tells_the_state_that_status_tells(void **state)
{
    (void) state;
    outcome_t status = RUN("status", "--json", "--run-dir", world.agent_dir);
    json_t *told = json_loads(status.out, 0, NULL);
    json_t *agent = get_json(page, "/api/state");
    json_t *server = get_json(server_page, "/api/state");
    json_t *shown = json_object_get(agent, "status");
    assert_non_null(told);
    assert_string_equal(member(agent, "role"), "agent");
    assert_string_equal(member(agent, "run_dir"), world.agent_dir);
    assert_int_equal(json_integer_value(json_object_get(agent, "pid")), world.agent->pid);
    assert_string_equal(member(shown, "state"), "live");
    assert_string_equal(member(shown, "client_id"), member(told, "client_id"));
    assert_string_equal(member(shown, "monitor"), member(told, "monitor"));
    assert_string_equal(member(server, "role"), "server");
    assert_string_equal(member(json_object_get(server, "server"), "listen"), world.address);
    json_t *clients = get_json(server_page, "/api/clients");
    json_t *client = json_array_get(json_object_get(clients, "clients"), 0);
    assert_string_equal(member(client, "client_id"), member(told, "client_id"));
    assert_string_equal(member(client, "address"), "127.0.0.1");
    assert_string_equal(member(client, "state"), "live");
    json_decref(clients);
    json_decref(told);
    json_decref(agent);
    json_decref(server);
    outcome_release(&status);
}

static void
speaks_as_prometheus_reads(void **state)
{
    const char *const pages[] = {page, server_page};
    static const char *const roles[] = {"agent", "server"};
    (void) state;
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        char *answer = web_ask(pages[i], "GET", "/metrics");
        char *series =
            mem_format("waybill_info{role=\"%s\",version=\"%s\"}", roles[i], WAYBILL_VERSION);
        const char *text = strstr(answer, "\r\n\r\n") + 4;
        assert_contains(answer,
                        "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
        assert_true(check_exposition(text) > 100);
        assert_int_equal((int) value_of(text, series), 1);
        assert_int_equal((int) value_of(text, "waybill_actor_ready{actor=\"monitor\"}"), 1);
        free(answer);
        free(series);
    }
}

/*  What was written before this is counted, on both sides.  */
static void
counts_what_was_synchronised(void **state)
{
    (void) state;
    outcome_t written = RUN("upsert", "--wait", "--run-dir", world.agent_dir, "notes", "c1",
                            "{\"title\":\"c\"}");
    assert_int_equal(written.status, 0);
    char *agent = get(page, "/metrics", " 200 OK");
    char *server = get(server_page, "/metrics", " 200 OK");
    assert_true(value_of(agent, "waybill_changes_recorded_total") >= 1);
    assert_true(value_of(agent, "waybill_record_seconds_count") >= 1);
    assert_true(value_of(agent, "waybill_record_seconds_sum") > 0);
    assert_true(value_of(agent, "waybill_actor_handler_seconds_count{actor=\"recorder\"}")
                >= 1);
    assert_int_equal((int) value_of(agent, "waybill_connected"), 1);
    assert_true(value_of(server, "waybill_client_changes_total{verdict=\"applied\"}") >= 1);
    assert_int_equal((int) value_of(server, "waybill_clients"), 1);
    free(agent);
    free(server);
    outcome_release(&written);
}

static void
tells_supervisors_that_it_works(void **state)
{
    (void) state;
    char *healthy = get(page, "/healthz", " 200 OK");
    char *ready = get(page, "/readyz", " 200 OK");
    char *accepting = get(server_page, "/readyz", " 200 OK");
    assert_string_equal(healthy, "ok\n");
    assert_contains(ready, "connected to the server: live\n");
    assert_string_equal(accepting, "ready: clients are accepted\n");
    free(healthy);
    free(ready);
    free(accepting);
}

/*  ------------------------------------------------------------------------- strangers  */

static void
expect_status(const char *address, const char *target, const char *lines, const char *status)
{
    char *request = mem_format("GET %s HTTP/1.1\r\n%s\r\n", target, lines);
    char *answer = web_ask_whole(address, request);
    if (strstr(answer, status) == NULL)
        fail_msg("%s%s: not %s but %.40s", target, lines, status, answer);
    assert_null(strstr(answer, "Access-Control"));
    free(request);
    free(answer);
}

#define UPGRADE                                                                                \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void
knows_no_strange_host_and_no_strange_origin(void **state)
{
    (void) state;
    expect_status(page, "/api/state", "Host: evil.example\r\n", " 403 ");
    expect_status(page, "/", "Host: evil.example\r\n", " 403 ");
    expect_status(page, "/metrics", "", " 403 ");
    expect_status(page, "/api/state", "Host: localhost:9\r\n", " 200 ");
    expect_status(page, "/api/state", "Host: localhost:9\r\nOrigin: http://evil.example\r\n",
                  " 403 ");
    expect_status(page, "/api/events",
                  "Host: localhost:9\r\nOrigin: http://evil.example\r\n" UPGRADE, " 403 ");
    expect_status(page, "/api/events", "Host: evil.example\r\n" UPGRADE, " 403 ");
    expect_status(page, "/api/state", "Host: localhost:9\r\n" UPGRADE, " 404 ");
    expect_status(page, "/api/events", "Host: localhost:9\r\n", " 426 ");
}

/*  ---------------------------------------------------------------------------- events  */

static bool
is_true(json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void
expect_granted(web_client_t *client, const char *wish)
{
    web_client_say(client, "{\"ask\":1,%s}", wish);
    json_t *answer = web_client_hear(client, "answer");
    if (!is_true(answer, "ok"))
        fail_msg("%s: %s", wish, member(answer, "message"));
    json_decref(answer);
}

static void
tells_what_happens_as_it_happens(void **state)
{
    (void) state;
    web_client_t *client = web_client_new_at(page, "/api/events");
    json_decref(web_client_hear(client, "state"));
    json_decref(web_client_hear(client, "stats"));
    outcome_t written = RUN("upsert", "--run-dir", world.agent_dir, "notes", "m1",
                            "{\"title\":\"from the test\"}");
    if (written.status != 0)
        fail_msg("%s", written.err);
    json_t *processed = web_client_hear(client, "processed");
    json_t *change = json_array_get(json_object_get(processed, "changes"), 0);
    assert_string_equal(member(change, "entity_id"), "m1");
    json_decref(processed);
    json_decref(web_client_hear(client, "stats"));
    outcome_release(&written);
    web_client_destroy(&client);
}

static bool
is_type(json_t *frame, const char *type)
{
    return strcmp(member(frame, "type"), type) == 0;
}

static bool
is_the_question(json_t *frame)
{
    return is_type(frame, "message") && strcmp(member(frame, "to"), "service") == 0
           && strcmp(member(frame, "name"), "status_get") == 0;
}

/*  Each thread begins to tell when it hears that somebody watches: some time after that was
    granted, and others maybe earlier. So asks until it is shown.  */
static json_t *
ask_until_it_is_shown(web_client_t *client)
{
    for (int asked = 0; asked < PATIENCE_S; asked++) {
        outcome_t status = RUN("status", "--run-dir", world.agent_dir);
        outcome_release(&status);
        for (bool over = false; !over;) {
            json_t *frame = web_client_hear(client, NULL);
            if (is_the_question(frame))
                return frame;
            over = is_type(frame, "stats"); /* once in a second */
            json_decref(frame);
        }
    }
    fail_msg("status_get is not shown");
    return NULL;
}

static void
shows_the_messages_that_are_followed(void **state)
{
    (void) state;
    web_client_t *client = web_client_new_at(page, "/api/events");
    json_decref(web_client_hear(client, "state"));
    expect_granted(client, "\"do\":\"follow\",\"type\":\"status*\",\"actor\":\"service\"");
    json_t *message = ask_until_it_is_shown(client);
    assert_string_equal(member(message, "point"), "recv");
    assert_non_null(json_object_get(message, "body"));
    expect_granted(client, "\"do\":\"unfollow\"");
    json_decref(message);
    web_client_destroy(&client);
}

/*  Not one byte of it is read; the agent goes on as if it were not there.  */
static void
does_not_wait_for_a_page_that_does_not_read(void **state)
{
    enum { LINES = 3000 };
    buffer_t input = {0};
    (void) state;
    web_client_t *client = web_client_new_at(page, "/api/events");
    web_client_say(client, "{\"ask\":1,\"do\":\"follow\"}");
    for (int i = 0; i < LINES; i++)
        buffer_add_format(&input,
                          "{\"changes\":[{\"table\":\"notes\",\"operation\":\"upsert\","
                          "\"id\":\"n%d\",\"data\":{\"title\":\"what takes some room\"}}]}\n",
                          i);
    outcome_t written =
        run_verb(buffer_text(&input),
                 (const char *const[]){"apply", "--run-dir", world.agent_dir, "-", NULL});
    if (written.status != 0)
        fail_msg("%s", written.err);
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", world.agent_dir);
    assert_int_equal(synced.status, 0);
    char *healthy = get(page, "/healthz", " 200 OK");
    free(healthy);
    outcome_release(&written);
    outcome_release(&synced);
    buffer_release(&input);
    web_client_destroy(&client);
}

/*  ------------------------------------------------------------------- as it is configured  */

typedef struct loner {
    char *dir, *log, *run;
    process_t *agent;
} loner_t;

static process_t *
start_with(const char *dir, const char *log, const char *monitor)
{
    char *config = path_in(dir, "agent.conf");
    char *text = mem_format("agent\n    db = \"%s/agent.db\"\n    server = \"%s\"\n"
                            "process\n    run_dir = \"%s/run\"\nmonitor\n%s",
                            dir, world.url, dir, monitor);
    write_file(config, text);
    process_t *agent =
        process_new(log, NULL, (const char *const[]){"agent", "--config", config, NULL});
    free(config);
    free(text);
    return agent;
}

/*  An agent of its own, with that in its section `monitor`.  */
static loner_t PRINTF_LIKE(1, 2) start_loner(const char *format, ...)
{
    loner_t self = {.dir = directory_new()};
    char *monitor = NULL;
    va_list arguments;
    self.log = path_in(self.dir, "log");
    self.run = path_in(self.dir, "run");
    char *token = path_in(self.dir, "token");
    write_file(token, SECRET "\n");
    assert_int_equal(chmod(token, 0600), 0);
    va_start(arguments, format);
    assert_true(vasprintf(&monitor, format, arguments) >= 0);
    va_end(arguments);
    char *whole = mem_format(strstr(monitor, "TOKEN") ? "%s    token_file = \"%s\"\n" : "%s",
                             monitor, token);
    self.agent = start_with(self.dir, self.log, whole);
    free(token);
    free(monitor);
    free(whole);
    return self;
}

static void
stop_loner(loner_t *self, int status)
{
    assert_int_equal(process_end(self->agent, status == 0 ? SIGTERM : 0), status);
    process_destroy(&self->agent);
    free(self->log);
    free(self->run);
    directory_destroy(&self->dir);
}

static void
asks_for_the_token_and_never_tells_it(void **state)
{
    static const char bearer[] = "Host: localhost\r\nAuthorization: Bearer " SECRET "\r\n";
    (void) state;
    loner_t loner = start_loner("    listen = \"127.0.0.1:0\"\n# TOKEN\n");
    assert_true(process_await_ready(loner.agent));
    char *address = page_of(loner.run);
    static const char *const guarded[] = {"/api/state", "/api/stats", "/metrics"};
    for (size_t i = 0; i < COUNT_OF(guarded); i++) {
        expect_status(address, guarded[i], "Host: localhost\r\n", " 401 ");
        expect_status(address, guarded[i], "Host: localhost\r\nAuthorization: Bearer no\r\n",
                      " 401 ");
        expect_status(address, guarded[i], bearer, " 200 ");
    }
    expect_status(address, "/api/state?token=" SECRET, "Host: localhost\r\n", " 200 ");
    expect_status(address, "/", "Host: localhost\r\n", " 200 ");
    expect_status(address, "/healthz", "Host: localhost\r\n", " 200 ");
    expect_status(address, "/readyz", "Host: localhost\r\n", " 200 ");
    expect_status(address, "/api/events", "Host: localhost\r\n" UPGRADE, " 401 ");
    expect_status(address, "/api/events?token=no", "Host: localhost\r\n" UPGRADE, " 401 ");
    web_client_t *client = web_client_new_at(address, "/api/events?token=" SECRET);
    json_decref(web_client_hear(client, "state"));
    web_client_destroy(&client);
    char *log = read_text(loner.log);
    assert_null(strstr(log, SECRET));
    free(log);
    free(address);
    stop_loner(&loner, 0);
}

static void
goes_on_without_a_page_where_the_port_is_taken(void **state)
{
    (void) state;
    loner_t loner = start_loner("    listen = \"%s\"\n", page);
    assert_true(process_await_ready(loner.agent));
    outcome_t synced = RUN("status", "--wait", "synced", "--run-dir", loner.run);
    assert_int_equal(synced.status, 0);
    assert_null(strstr(synced.out, "monitor "));
    char *log = read_text(loner.log);
    assert_contains(log, "warning monitor there is no monitor page: ");
    assert_contains(log, "the port is taken");
    free(log);
    outcome_release(&synced);
    stop_loner(&loner, 0);
}

static void
has_no_page_where_it_is_off(void **state)
{
    (void) state;
    loner_t loner = start_loner("    listen = \"off\"\n");
    assert_true(process_await_ready(loner.agent));
    outcome_t status = RUN("status", "--run-dir", loner.run);
    assert_int_equal(status.status, 0);
    assert_null(strstr(status.out, "monitor "));
    outcome_release(&status);
    outcome_t tree = RUN("tap", "tree", "--run-dir", loner.run);
    assert_contains(tree.out, "recorder");
    assert_null(strstr(tree.out, "monitor"));
    outcome_release(&tree);
    stop_loner(&loner, 0);
}

static void
does_not_start_open_to_other_machines(void **state)
{
    (void) state;
    loner_t loner = start_loner("    listen = \"0.0.0.0:0\"\n");
    assert_false(process_await_ready(loner.agent));
    char *log = read_text(loner.log);
    assert_contains(log, "name a file with a token in monitor.token_file");
    free(log);
    stop_loner(&loner, 2);
}

static void
does_not_start_with_an_address_that_is_none(void **state)
{
    (void) state;
    loner_t loner = start_loner("    listen = \"localhost\"\n");
    assert_false(process_await_ready(loner.agent));
    char *log = read_text(loner.log);
    assert_contains(log, "monitor.listen");
    free(log);
    stop_loner(&loner, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_the_page_and_nothing_keeps_or_frames_it),
        cmocka_unit_test(answers_head_without_a_body),
        cmocka_unit_test(is_read_only_over_http),
        cmocka_unit_test(tells_the_state_that_status_tells),
        cmocka_unit_test(speaks_as_prometheus_reads),
        cmocka_unit_test(counts_what_was_synchronised),
        cmocka_unit_test(tells_supervisors_that_it_works),
        cmocka_unit_test(knows_no_strange_host_and_no_strange_origin),
        cmocka_unit_test(tells_what_happens_as_it_happens),
        cmocka_unit_test(shows_the_messages_that_are_followed),
        cmocka_unit_test(does_not_wait_for_a_page_that_does_not_read),
        cmocka_unit_test(asks_for_the_token_and_never_tells_it),
        cmocka_unit_test(goes_on_without_a_page_where_the_port_is_taken),
        cmocka_unit_test(has_no_page_where_it_is_off),
        cmocka_unit_test(does_not_start_open_to_other_machines),
        cmocka_unit_test(does_not_start_with_an_address_that_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
