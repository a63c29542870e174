#include "schemas/plausible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

static void
accepts_each_shape_and_says_where_it_ends(void **state)
{
    (void) state;
    const bytes_t values[] = {
        BYTES(0x07),
        BYTES(0xff),
        BYTES(0xc0),
        BYTES(0xc3),
        BYTES(0xcc, 1),
        BYTES(0xcd, 1, 2),
        BYTES(0xd2, 1, 2, 3, 4),
        BYTES(0xcb, 0, 0, 0, 0, 0, 0, 0, 0),
        BYTES(0xca, 0, 0, 0, 0),
        BYTES(0xa2, 'a', 'b'),
        BYTES(0xd9, 1, 'a'),
        BYTES(0xda, 0, 1, 'a'),
        BYTES(0xdb, 0, 0, 0, 1, 'a'),
        BYTES(0xc4, 2, 0, 0),
        BYTES(0xc5, 0, 1, 0),
        BYTES(0xc6, 0, 0, 0, 1, 0),
        BYTES(0xc7, 1, 5, 0),
        BYTES(0xd4, 5, 0),
        BYTES(0xd8, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        BYTES(0x92, 1, 2),
        BYTES(0xdc, 0, 1, 7),
        BYTES(0xdd, 0, 0, 0, 1, 7),
        BYTES(0x81, 0xa1, 'a', 0x90),
        BYTES(0xde, 0, 1, 1, 2),
        BYTES(0xdf, 0, 0, 0, 1, 1, 2),
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        size_t used = 0;
        assert_true(plausible(values[i], &used));
        assert_int_equal(used, values[i].size);
        for (size_t cut = 0; cut < values[i].size; cut++)
            assert_false(plausible((bytes_t){values[i].data, cut}, &used));
    }
}

static void
stops_behind_the_first_value(void **state)
{
    (void) state;
    size_t used = 0;
    assert_true(plausible(BYTES(0x91, 1, 2, 3), &used));
    assert_int_equal(used, 2);
}

static void
refuses_claims_that_the_bytes_cannot_keep(void **state)
{
    (void) state;
    const bytes_t lies[] = {
        BYTES(0xdd, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xdf, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xdb, 0xff, 0xff, 0xff, 0xff, 'a'),
        BYTES(0xc6, 0xff, 0xff, 0xff, 0xff),
        BYTES(0xc9, 0xff, 0xff, 0xff, 0xff, 1),
        BYTES(0x92, 0x93, 1, 2, 3),
        BYTES(0x82, 1, 2, 3),
        BYTES(0x9f, 0x9f, 0x9f),
    };
    size_t used;
    for (size_t i = 0; i < COUNT_OF(lies); i++)
        assert_false(plausible(lies[i], &used));
}

static void
refuses_what_is_not_msgpack(void **state)
{
    (void) state;
    size_t used;
    assert_false(plausible(BYTES(0xc1), &used));
    assert_false(plausible((bytes_t){NULL, 0}, &used));
}

static bool
nested_is_plausible(uint8_t tag, size_t levels)
{
    uint8_t bytes[200];
    size_t size = 0;
    size_t used;
    for (size_t i = 0; i < levels; i++) {
        bytes[size++] = tag;
        if (tag == 0x81)
            bytes[size++] = 0;
    }
    bytes[size++] = 0xc0;
    return plausible((bytes_t){bytes, size}, &used);
}

static void
counts_levels_of_lists_and_maps(void **state)
{
    (void) state;
    assert_true(nested_is_plausible(0x91, PLAUSIBLE_DEPTH));
    assert_false(nested_is_plausible(0x91, PLAUSIBLE_DEPTH + 1));
    assert_true(nested_is_plausible(0x81, PLAUSIBLE_DEPTH));
    assert_false(nested_is_plausible(0x81, PLAUSIBLE_DEPTH + 1));
}

static void
counts_levels_not_containers(void **state)
{
    (void) state;
    uint8_t bytes[103] = {0xdc, 0, 100};
    size_t used;
    memset(bytes + 3, 0x90, 100);
    assert_true(plausible((bytes_t){bytes, sizeof(bytes)}, &used));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_each_shape_and_says_where_it_ends),
        cmocka_unit_test(stops_behind_the_first_value),
        cmocka_unit_test(refuses_claims_that_the_bytes_cannot_keep),
        cmocka_unit_test(refuses_what_is_not_msgpack),
        cmocka_unit_test(counts_levels_of_lists_and_maps),
        cmocka_unit_test(counts_levels_not_containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
