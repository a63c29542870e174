/*  Strangers at the monitor page of a real agent: every row of page_rows.h, and floods. After
    each, a page that behaves is served and the agent records; at the end it has not grown, its
    log tells no secret and it stops as asked.  */

#include "tests/hostile/page_rows.h"
#include "tests/integration/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

enum { GROWTH_KB = 200 * 1024, OP_TEXT = 1, FINAL = 0x80, FLOOD = 150 };

static const char question[] = "{\"ask\":77,\"do\":\"unfollow\"}";

static struct {
    char *dir, *run, *address;
    process_t *agent;
    int page; /* one that behaves */
} place;

/*  -------------------------------------------------------------------------- the agent  */

static void
note_address(void)
{
    static const char mark[] = "\nmonitor   http://";
    outcome_t status = RUN("status", "--run-dir", place.run);
    const char *at = strstr(status.out, mark);
    assert_non_null(at);
    at += strlen(mark);
    place.address = mem_format("%.*s", (int) strcspn(at, "/"), at);
    outcome_release(&status);
}

static int
open_page(void)
{
    static const char request[] = "GET /api/events HTTP/1.1\r\n" HOME UPGRADE "\r\n";
    const int fd = stranger_connect(place.address);
    stranger_send(fd, (bytes_t){(const uint8_t *) request, sizeof request - 1});
    assert_int_equal(stranger_read_head(fd), 101);
    return fd;
}

static void
start(void)
{
    place.dir = directory_new();
    place.run = path_in(place.dir, "run");
    place.agent = start_agent(place.dir, "ws://127.0.0.1:1/api/sync", NULL);
    assert_true(process_await_ready(place.agent));
    note_address();
    place.page = open_page();
}

/*  What comes after a question that a connection which stays answers. The counts that come
    between have the word by which a rejected change is known elsewhere.  */
static ending_t
await_ending(int fd)
{
    buffer_t frame = {0};
    stranger_frame(&frame, FINAL | OP_TEXT,
                   (bytes_t){(const uint8_t *) question, sizeof question - 1});
    stranger_send(fd, buffer_bytes(&frame));
    buffer_release(&frame);
    const ending_t ending = stranger_read_ending(fd, "\"answer\"", "\"ask\":77");
    return ending.fate == FATE_REJECTED ? (ending_t){.fate = FATE_STAYS} : ending;
}

static void
expect_well(const char *after)
{
    if (await_ending(place.page).fate != FATE_STAYS)
        fail_msg("after \"%s\" a page that behaves is not served", after);
}

static void
expect_recording(void)
{
    outcome_t written = RUN("status", "--run-dir", place.run);
    assert_int_equal(written.status, 0);
    outcome_release(&written);
}

static void
stop(void)
{
    char *path = path_in(place.dir, "log"), *log = NULL;
    size_t room = 0;
    (void) close(place.page);
    expect_recording();
    assert_int_equal(process_end(place.agent, SIGTERM), 0);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_true(getdelim(&log, &room, '\0', in) > 0);
    (void) fclose(in);
    if (strstr(log, "Sanitizer") || strstr(log, "runtime error"))
        fail_msg("%s", log);
    free(log);
    free(path);
    free(place.address);
    free(place.run);
    process_destroy(&place.agent);
    directory_destroy(&place.dir);
}

/*  --------------------------------------------------------------------------- the rows  */

static ending_t
speak(const page_row_t *row, const buffer_t *bytes)
{
    buffer_t frames = {0};
    if (row->kind == REQUEST) {
        const int fd = stranger_connect(place.address);
        stranger_send(fd, buffer_bytes(bytes));
        const int status = stranger_read_head(fd);
        (void) close(fd);
        return status == 0 ? (ending_t){.fate = FATE_GONE} : (ending_t){FATE_STATUS, status};
    }
    const int fd = open_page();
    if (row->kind == JSON)
        stranger_frame(&frames, FINAL | OP_TEXT, buffer_bytes(bytes));
    else
        buffer_add(&frames, bytes->data, bytes->size);
    stranger_send(fd, buffer_bytes(&frames));
    buffer_release(&frames);
    const ending_t ending = row->ending.fate == FATE_LEFT ? row->ending : await_ending(fd);
    (void) close(fd);
    return ending;
}

static bool
meet(const page_row_t *row)
{
    buffer_t bytes = {0};
    page_row_fill(row, &bytes);
    const ending_t ending = speak(row, &bytes);
    buffer_release(&bytes);
    const bool good = ending.fate == row->ending.fate && ending.number == row->ending.number;
    if (!good)
        print_error("%s: fate %d %d, not %d %d\n", row->name, (int) ending.fate, ending.number,
                    (int) row->ending.fate, row->ending.number);
    expect_well(row->name);
    return good;
}

static void
meets_every_bad_input_as_it_must(void **state)
{
    size_t wrong = 0;
    (void) state;
    start();
    const long before = process_resident_kb(place.agent);
    for (size_t i = 0; i < COUNT_OF(page_rows); i++)
        wrong += !meet(&page_rows[i]);
    assert_int_equal(wrong, 0);
    assert_true(process_resident_kb(place.agent) < before + GROWTH_KB);
    stop();
}

/*  -------------------------------------------------------------------------- in numbers  */

static void
goes_on_while_its_page_is_flooded(void **state)
{
    int fds[FLOOD];
    (void) state;
    start();
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = stranger_connect(place.address);
    expect_well("so many connections");
    expect_recording();
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        (void) close(fds[i]);
    expect_well("so many connections that are gone");
    stop();
}

static void
hangs_up_on_a_page_that_asks_without_end(void **state)
{
    buffer_t frames = {0};
    (void) state;
    start();
    const int fd = open_page();
    for (int i = 0; i < 5000; i++)
        stranger_frame(&frames, FINAL | OP_TEXT,
                       (bytes_t){(const uint8_t *) "{}", strlen("{}")});
    stranger_send(fd, buffer_bytes(&frames));
    const ending_t ending = stranger_read_ending(fd, "\"answer\"", "\"ask\":77");
    assert_true(ending.fate == FATE_CLOSED || ending.fate == FATE_GONE);
    (void) close(fd);
    buffer_release(&frames);
    expect_recording();
    stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meets_every_bad_input_as_it_must),
        cmocka_unit_test(goes_on_while_its_page_is_flooded),
        cmocka_unit_test(hangs_up_on_a_page_that_asks_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
