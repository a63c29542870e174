/*  What a file must be to be loaded, and what becomes of one that is not.  */

#include "runtime/plugin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 60000, SHORT_MS = 1500 };

static const char *
file_of(const char *name)
{
    static char file[512];
    snprintf(file, sizeof file, "%s/%s.so", PLUGINS, name);
    return file;
}

/*  Inspects it; the fault must have each of the texts in it.  */
static void
refuses(const char *name, uint32_t limit_ms, const char *const *texts)
{
    arena_t arena = {0};
    fault_t fault = {0};
    plugin_manifest_t manifest;
    assert_int_equal(plugin_inspect(&(plugin_look_t){WAYBILL, file_of(name), limit_ms}, &arena,
                                    &manifest, &fault),
                     ERR_CONFIG);
    for (; *texts; texts++)
        if (strstr(fault.text, *texts) == NULL)
            fail_msg("\"%s\" is not in: %s", *texts, fault.text);
    arena_release(&arena);
}
#define REFUSES(name, ...) refuses(name, LONG_MS, (const char *const[]){__VA_ARGS__, NULL})

static void
one_that_fits_says_what_it_is(void **state)
{
    (void) state;
    arena_t arena = {0};
    fault_t fault = {0};
    plugin_manifest_t manifest = {0};
    assert_int_equal(plugin_inspect(&(plugin_look_t){WAYBILL, file_of("settings"), LONG_MS},
                                    &arena, &manifest, &fault),
                     OK);
    assert_string_equal(manifest.name, "strange");
    assert_string_equal(manifest.version, "1");
    assert_string_equal(manifest.abi, "1.0");
    assert_int_equal(manifest.n_settings, 3);
    assert_string_equal(manifest.settings[1].kind, "number");
    assert_null(manifest.settings[0].preset);
    arena_release(&arena);
}

static void
what_must_be_equal_is_told_with_both_values(void **state)
{
    (void) state;
    REFUSES("wrong_magic", "magic is 314c5057 here, and 12345678 in the file",
            "Build it again");
    REFUSES("wrong_major", "major is 1 here, and 2 in the file");
    REFUSES("wrong_minor", "minor is 0 here, and 7, which is newer, in the file");
    REFUSES("wrong_size", "struct_size is ", " here, and 16 in the file");
    REFUSES("wrong_build", "build is p8,l8,s8,o1234 here, and p4,l4,s4,o1234 in the file");
    REFUSES("wrong_all", "major is", "minor is", "build is");
}

static void
a_file_without_the_symbol_is_told(void **state)
{
    (void) state;
    REFUSES("no_symbol", "waybill_plugin_v1");
}

static void
one_that_crashes_hangs_or_ends_while_it_is_looked_at_is_a_message(void **state)
{
    (void) state;
    REFUSES("crash", "it crashed (SIGSEGV)");
    REFUSES("wild", "it crashed (SIGSEGV)");
    REFUSES("exit", "it ended by itself (status 0)");
    refuses("hang", SHORT_MS, (const char *const[]){"within 1.5 s", NULL});
}

static void
one_may_say_no_itself(void **state)
{
    (void) state;
    REFUSES("unwilling", "does not want to run here");
}

static void
texts_and_tables_are_looked_at(void **state)
{
    (void) state;
    REFUSES("no_start", "start: it is missing");
    REFUSES("bad_name", "field name");
    REFUSES("bad_way", "messages[0]", "way 77");
    REFUSES("bad_type", "messages[0]", "unheard_of");
    REFUSES("bad_class", "messages[0]", "pong", "REPLY");
    REFUSES("endless", "does not end it within 128 rows");
    REFUSES("bad_preset", "settings[0]", "port is \"many\"");
    REFUSES("bad_setting", "settings[0]", "not file");
}

static void
a_program_that_cannot_look_is_a_message(void **state)
{
    (void) state;
    arena_t arena = {0};
    fault_t fault = {0};
    plugin_manifest_t manifest;
    assert_int_equal(plugin_inspect(&(plugin_look_t){"/no/such", file_of("fine"), LONG_MS},
                                    &arena, &manifest, &fault),
                     ERR_IO);
    assert_non_null(strstr(fault.text, "/no/such"));
    arena_release(&arena);
}

/*  --------------------------------------------------------------------------- files  */

static void
a_file_that_others_could_write_is_refused(void **state)
{
    (void) state;
    REFUSES("../no_such_file", "No such file");
    assert_int_equal(chmod(file_of("bad_name"), 0775), 0);
    REFUSES("bad_name", "others could write it");
    assert_int_equal(chmod(file_of("bad_name"), 0755), 0);
    REFUSES("../plugins", "No such file");
}

/*  ------------------------------------------------------------------------- settings  */

static err_t
order(const plugin_value_t *values, size_t n, fault_t *fault)
{
    plugin_t *plugin = NULL;
    const plugin_order_t wanted = {.name = "strange",
                                   .file = file_of("settings"),
                                   .isolation = PLUGIN_THREAD,
                                   .settings = values,
                                   .n_settings = n};
    err_t err = plugin_new(WAYBILL, &wanted, &plugin, fault);
    plugin_destroy(&plugin);
    return err;
}

static void
settings_are_held_against_the_manifest(void **state)
{
    (void) state;
    fault_t fault = {0};
    const plugin_value_t fine[] = {{"url", "here"}, {"loud", "true"}};
    const plugin_value_t unknown[] = {{"url", "here"}, {"colour", "red"}};
    const plugin_value_t wrong[] = {{"url", "here"}, {"port", "eighty"}};
    assert_int_equal(order(fine, 2, &fault), OK);
    assert_int_equal(order(unknown, 2, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "plugins.strange.colour"));
    assert_int_equal(order(wrong, 2, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "port is \"eighty\""));
    assert_int_equal(order(NULL, 0, &fault), ERR_CONFIG);
    assert_non_null(strstr(fault.text, "plugins.strange.url: it must be given"));
}

static void
names_of_the_bus_are_not_given_away(void **state)
{
    (void) state;
    fault_t fault = {0};
    plugin_t *plugin = NULL;
    const char *const names[] = {"ipc", "tap", "supervisor", "", "A b", "a/b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const plugin_order_t wanted = {.name = names[i], .file = file_of("fine")};
        assert_int_equal(plugin_new(WAYBILL, &wanted, &plugin, &fault), ERR_CONFIG);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_fits_says_what_it_is),
        cmocka_unit_test(what_must_be_equal_is_told_with_both_values),
        cmocka_unit_test(a_file_without_the_symbol_is_told),
        cmocka_unit_test(one_that_crashes_hangs_or_ends_while_it_is_looked_at_is_a_message),
        cmocka_unit_test(one_may_say_no_itself),
        cmocka_unit_test(texts_and_tables_are_looked_at),
        cmocka_unit_test(a_program_that_cannot_look_is_a_message),
        cmocka_unit_test(a_file_that_others_could_write_is_refused),
        cmocka_unit_test(settings_are_held_against_the_manifest),
        cmocka_unit_test(names_of_the_bus_are_not_given_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
