/*  The plug-in webhook, with a host that says what the test wants, and a server that is not
    there.  */

#include "tests/unit/loaded_plugin.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka wants these first. */
#include <setjmp.h>

#include <cmocka.h>

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

enum { TEXT = 1000, TURNS = 10000 };

static struct {
    char dir[40], queue[80], secret[80];
    const char *url;
    char said[TEXT], logged[TEXT];
    struct pollfd watched;
    int timers; /* bits of those that are armed */
    const waybill_plugin_t *plugin;
    void *state;
} world;

/*  ------------------------------------------------------------------------- the host  */

static const char *
setting(waybill_ctx_t *ctx, const char *name)
{
    (void) ctx;
    return strcmp(name, "url") == 0           ? world.url
           : strcmp(name, "queue") == 0       ? world.queue
           : strcmp(name, "secret_file") == 0 ? world.secret
                                              : "60000";
}

static int64_t
wall_ms(waybill_ctx_t *ctx)
{
    (void) ctx;
    return 1700000000000;
}

static uint64_t
any_number(waybill_ctx_t *ctx)
{
    (void) ctx;
    return 4;
}

static int
take_failure(waybill_ctx_t *ctx, const char *why)
{
    (void) ctx;
    (void) snprintf(world.said, sizeof world.said, "%s", why);
    return WAYBILL_FAILED;
}

static void
take_line(waybill_ctx_t *ctx, int level, const char *text)
{
    (void) ctx;
    (void) level;
    (void) snprintf(world.logged, sizeof world.logged, "%s", text);
}

static int
after(waybill_ctx_t *ctx, uint64_t timer, uint64_t ms)
{
    (void) ctx;
    (void) ms;
    world.timers |= 1 << timer;
    return WAYBILL_OK;
}

static int
cancel(waybill_ctx_t *ctx, uint64_t timer)
{
    (void) ctx;
    world.timers &= ~(1 << timer);
    return WAYBILL_OK;
}

static int
watch(waybill_ctx_t *ctx, int fd, int events)
{
    const int in = events & WAYBILL_READABLE ? POLLIN : 0;
    const int out = events & WAYBILL_WRITABLE ? POLLOUT : 0;
    (void) ctx;
    world.watched = (struct pollfd){.fd = events ? fd : -1, .events = (short) (in | out)};
    return WAYBILL_OK;
}

static const char *
json(waybill_ctx_t *ctx, const char *type, waybill_bytes_t payload)
{
    (void) ctx;
    (void) type;
    return payload.data;
}

static const waybill_host_t host = {
    .struct_size = sizeof host,
    .setting = setting,
    .wall_ms = wall_ms,
    .random = any_number,
    .fail = take_failure,
    .log = take_line,
    .after = after,
    .cancel = cancel,
    .watch = watch,
    .json = json,
};

/*  ------------------------------------------------------------------------ the world  */

static int
make_place(void **state)
{
    (void) state;
    strcpy(world.dir, "/tmp/waybill-webhook-XXXXXX");
    if (mkdtemp(world.dir) == NULL)
        return -1;
    (void) snprintf(world.queue, sizeof world.queue, "%s/queue", world.dir);
    world.secret[0] = world.said[0] = world.logged[0] = '\0';
    world.watched.fd = -1;
    world.timers = 0;
    world.state = calloc(1, world.plugin->state_size);
    return 0;
}

static int
remove_place(void **state)
{
    (void) state;
    world.plugin->stop(world.state, NULL);
    free(world.state);
    (void) unlink(world.queue);
    if (world.secret[0])
        (void) unlink(world.secret);
    return rmdir(world.dir);
}

/*  Lets libcurl work until it has logged something.  */
static void
work(void)
{
    enum { CURL = 1, PAUSE_MS = 10 };
    for (int turn = 0; turn < TURNS && world.logged[0] == '\0'; turn++) {
        const int ready = poll(&world.watched, 1, PAUSE_MS);
        if (ready > 0)
            world.plugin->on_fd(world.state, NULL, world.watched.fd,
                                WAYBILL_READABLE | WAYBILL_WRITABLE);
        else if (world.timers & 1 << CURL)
            world.plugin->on_timer(world.state, NULL, CURL);
    }
}

/*  --------------------------------------------------------------------------- the tests  */

static void
what_lets_people_in_is_not_logged(void **state)
{
    const waybill_incoming_t message = {
        .type = "changes_processed", .id = ID, .payload = {"{}", 2}};
    (void) state;
    world.url = "http://me:myword@127.0.0.1:1/hooks/T0KEN?key=kkk";
    assert_int_equal(world.plugin->start(world.state, NULL, &host), WAYBILL_OK);
    assert_int_equal(world.plugin->on_message(world.state, NULL, &message), WAYBILL_OK);
    assert_int_equal(world.plugin->settle(world.state, NULL), WAYBILL_OK);
    work();
    assert_non_null(strstr(world.logged, "http://127.0.0.1:1 did not take event " ID));
    assert_null(strstr(world.logged, "myword"));
    assert_null(strstr(world.logged, "T0KEN"));
    assert_null(strstr(world.logged, "kkk"));
}

static void
a_pipe_is_no_secret(void **state)
{
    (void) state;
    world.url = "http://127.0.0.1:1/";
    (void) snprintf(world.secret, sizeof world.secret, "%s/secret", world.dir);
    assert_int_equal(mkfifo(world.secret, 0600), 0);
    assert_int_equal(world.plugin->start(world.state, NULL, &host), WAYBILL_FAILED);
    assert_non_null(strstr(world.said, "secret_file"));
}

static void
a_secret_that_is_too_large_is_refused_rather_than_cut(void **state)
{
    (void) state;
    world.url = "http://127.0.0.1:1/";
    (void) snprintf(world.secret, sizeof world.secret, "%s/secret", world.dir);
    FILE *file = fopen(world.secret, "w");
    assert_non_null(file);
    (void) fprintf(file, "%5000d", 1);
    (void) fclose(file);
    assert_int_equal(chmod(world.secret, 0600), 0);
    assert_int_equal(world.plugin->start(world.state, NULL, &host), WAYBILL_FAILED);
    assert_non_null(strstr(world.said, "secret_file"));
}

static void
only_a_url_of_http_is_taken(void **state)
{
    (void) state;
    world.url = "file:///etc/passwd";
    assert_int_equal(world.plugin->start(world.state, NULL, &host), WAYBILL_FAILED);
    assert_non_null(strstr(world.said, "url: "));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_lets_people_in_is_not_logged),
        TEST(a_pipe_is_no_secret),
        TEST(a_secret_that_is_too_large_is_refused_rather_than_cut),
        TEST(only_a_url_of_http_is_taken),
    };
    world.plugin = loaded_plugin(PLUGINS "/webhook.so");
    return world.plugin == NULL || cmocka_run_group_tests(tests, NULL, NULL);
}
