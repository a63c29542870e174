/*  The plug-in audit, with a host that says what the test wants: a crash in the middle.  */

#include "tests/unit/loaded_plugin.h"

#include <fcntl.h>
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

static struct {
    char dir[40], path[80], older[80];
    const char *max_bytes;
    const waybill_plugin_t *plugin;
    void *state;
} world;

/*  ------------------------------------------------------------------------- the host  */

static const char *
setting(waybill_ctx_t *ctx, const char *name)
{
    (void) ctx;
    return strcmp(name, "path") == 0   ? world.path
           : strcmp(name, "keep") == 0 ? "3"
                                       : world.max_bytes;
}

static int64_t
wall_ms(waybill_ctx_t *ctx)
{
    (void) ctx;
    return 1700000000000;
}

static int
report(waybill_ctx_t *ctx, const char *why)
{
    (void) ctx;
    fail_msg("%s", why);
    return WAYBILL_FAILED;
}

static const char *
json(waybill_ctx_t *ctx, const char *type, waybill_bytes_t payload)
{
    (void) ctx;
    (void) type;
    return payload.data;
}

static const waybill_host_t host = {.struct_size = sizeof host,
                                    .setting = setting,
                                    .wall_ms = wall_ms,
                                    .fail = report,
                                    .json = json};

/*  ------------------------------------------------------------------------ the world  */

static int
make_place(void **state)
{
    (void) state;
    strcpy(world.dir, "/tmp/waybill-audit-XXXXXX");
    if (mkdtemp(world.dir) == NULL)
        return -1;
    (void) snprintf(world.path, sizeof world.path, "%s/audit", world.dir);
    (void) snprintf(world.older, sizeof world.older, "%s/audit.1", world.dir);
    world.max_bytes = "1000000";
    return 0;
}

static int
remove_place(void **state)
{
    (void) state;
    (void) unlink(world.path);
    (void) unlink(world.older);
    return rmdir(world.dir);
}

static void
start(void)
{
    world.state = calloc(1, world.plugin->state_size);
    assert_int_equal(world.plugin->start(world.state, NULL, &host), WAYBILL_OK);
}

static void
stop(void)
{
    world.plugin->stop(world.state, NULL);
    free(world.state);
}

/*  A message about three changes.  */
static void
tell(void)
{
    static const char event[] = "{\"changes\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]}";
    const waybill_incoming_t message = {
        .type = "changes_processed", .id = ID, .payload = {event, sizeof event - 1}};
    assert_int_equal(world.plugin->on_message(world.state, NULL, &message), WAYBILL_OK);
    assert_int_equal(world.plugin->settle(world.state, NULL), WAYBILL_OK);
}

/*  Ids of the changes in the file, in its order.  */
static const char *
ids_in(const char *path)
{
    static char ids[40];
    char line[1000];
    size_t n = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *change = strstr(line, "\"change\": {\"id\": \"");
        assert_non_null(change);
        ids[n++] = change[strlen("\"change\": {\"id\": \"")];
    }
    if (file)
        fclose(file);
    ids[n] = '\0';
    return ids;
}

/*  --------------------------------------------------------------------------- the tests  */

static void
a_message_that_was_half_written_is_completed(void **state)
{
    struct stat about;
    (void) state;
    start();
    tell();
    stop();
    assert_int_equal(stat(world.path, &about), 0);
    assert_int_equal(truncate(world.path, about.st_size / 2), 0); /* in the second line */
    start();
    tell();
    stop();
    assert_string_equal(ids_in(world.path), "abc");
}

static void
a_message_told_again_is_written_once(void **state)
{
    (void) state;
    start();
    tell();
    stop();
    start();
    tell();
    stop();
    assert_string_equal(ids_in(world.path), "abc");
}

static void
a_message_told_again_is_known_where_the_file_was_rotated(void **state)
{
    (void) state;
    world.max_bytes = "10";
    start();
    tell();
    stop();
    assert_string_equal(ids_in(world.older), "abc");
    start();
    tell();
    stop();
    assert_string_equal(ids_in(world.path), "");
    assert_string_equal(ids_in(world.older), "abc");
}

static void
a_crash_in_the_middle_of_rotating_harms_nothing(void **state)
{
    (void) state;
    start();
    tell();
    stop();
    assert_int_equal(rename(world.path, world.older), 0);
    start();
    tell();
    stop();
    assert_string_equal(ids_in(world.path), "");
    assert_string_equal(ids_in(world.older), "abc");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_that_was_half_written_is_completed),
        TEST(a_message_told_again_is_written_once),
        TEST(a_message_told_again_is_known_where_the_file_was_rotated),
        TEST(a_crash_in_the_middle_of_rotating_harms_nothing),
    };
    world.plugin = loaded_plugin(PLUGINS "/audit.so");
    return world.plugin == NULL || cmocka_run_group_tests(tests, NULL, NULL);
}
