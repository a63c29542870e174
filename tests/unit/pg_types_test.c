/*  PostgreSQL's types as SQLite's values, and back.  */

#include "actors/server/postgres/types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bytes_t
bytes_of(const char *text)
{
    return (bytes_t){(const uint8_t *) text, strlen(text)};
}

/*  ----------------------------------------------------------------------------- reading  */

static value_t
read_value(pg_shape_t shape, const char *text, arena_t *arena)
{
    fault_t fault = {0};
    value_t value;
    if (pg_value_read(shape, bytes_of(text), arena, &value, &fault) != OK)
        fail_msg("%s", fault.text);
    return value;
}

static void
reads_integers(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        int64_t integer;
    } cases[] = {{"0", 0},
                 {"-32768", -32768},
                 {"4294967295", 4294967295},
                 {"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const value_t value = read_value(SHAPE_INTEGER, cases[i].text, NULL);
        assert_int_equal(value.kind, VALUE_INTEGER);
        assert_int_equal(value.integer, cases[i].integer);
    }
}

static void
reads_booleans_as_0_and_1(void **state)
{
    (void) state;
    assert_int_equal(read_value(SHAPE_BOOLEAN, "t", NULL).integer, 1);
    assert_int_equal(read_value(SHAPE_BOOLEAN, "f", NULL).integer, 0);
}

static void
reads_reals(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        double real;
    } cases[] = {{"0", 0},
                 {"0.30000000000000004", 0.1 + 0.2},
                 {"-1e-300", -1e-300},
                 {"1.7976931348623157e+308", 1.7976931348623157e308},
                 {"5e-324", 5e-324},
                 {"Infinity", HUGE_VAL},
                 {"-Infinity", -HUGE_VAL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const value_t value = read_value(SHAPE_REAL, cases[i].text, NULL);
        assert_int_equal(value.kind, VALUE_REAL);
        assert_true(value.real == cases[i].real);
    }
}

/*  SQLite would make it NULL.  */
static void
reads_what_is_no_number_as_a_text(void **state)
{
    (void) state;
    const value_t value = read_value(SHAPE_REAL, "NaN", NULL);
    assert_int_equal(value.kind, VALUE_TEXT);
    assert_int_equal(value.bytes.size, 3);
}

static void
reads_blobs(void **state)
{
    (void) state;
    arena_t arena = {0};
    const value_t value = read_value(SHAPE_BLOB, "\\x00ff1a", &arena);
    assert_int_equal(value.kind, VALUE_BLOB);
    assert_int_equal(value.bytes.size, 3);
    assert_memory_equal(value.bytes.data, "\0\xff\x1a", 3);
    const value_t empty = read_value(SHAPE_BLOB, "\\x", &arena);
    assert_int_equal(empty.kind, VALUE_BLOB);
    assert_int_equal(empty.bytes.size, 0);
    arena_release(&arena);
}

static void
refuses_what_the_database_does_not_write(void **state)
{
    (void) state;
    static const struct {
        pg_shape_t shape;
        const char *text;
    } cases[] = {
        {SHAPE_INTEGER, ""},
        {SHAPE_INTEGER, "1.0"},
        {SHAPE_INTEGER, " 1"},
        {SHAPE_INTEGER, "9223372036854775808"},
        {SHAPE_INTEGER, "abc"},
        {SHAPE_INTEGER, "00000000000000000000000000000000000000000001"},
        {SHAPE_BOOLEAN, "true"},
        {SHAPE_BOOLEAN, ""},
        {SHAPE_REAL, "nan"},
        {SHAPE_REAL, "1x"},
        {SHAPE_REAL, "inf"},
        {SHAPE_REAL, ""},
        {SHAPE_BLOB, "\\x0"},
        {SHAPE_BLOB, "\\xzz"},
        {SHAPE_BLOB, "ab"},
        {SHAPE_BLOB, ""},
    };
    arena_t arena = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        value_t value;
        fault_t fault = {0};
        assert_int_equal(
            pg_value_read(cases[i].shape, bytes_of(cases[i].text), &arena, &value, &fault),
            ERR_CORRUPT);
    }
    arena_release(&arena);
}

/*  ----------------------------------------------------------------------------- writing  */

static err_t
write_value(pg_shape_t shape, value_t value, char text[64])
{
    arena_t arena = {0};
    fault_t fault = {0};
    pg_parameter_t parameter;
    const err_t err = pg_value_write(shape, &value, &arena, &parameter, &fault);
    if (err == OK)
        (void) snprintf(text, 64, "%s", parameter.text != NULL ? parameter.text : "NULL");
    arena_release(&arena);
    return err;
}

static const value_t one = {.kind = VALUE_INTEGER, .integer = 1};
static const value_t seven = {.kind = VALUE_INTEGER, .integer = 7};
static const value_t half = {.kind = VALUE_REAL, .real = 0.5};
static const value_t two = {.kind = VALUE_REAL, .real = 2};
static const value_t third = {.kind = VALUE_REAL, .real = 0.1 + 0.2};
static const value_t endless = {.kind = VALUE_REAL, .real = -HUGE_VAL};
static const value_t huge = {.kind = VALUE_REAL, .real = 0x1p63};
static const value_t word = {.kind = VALUE_TEXT, .bytes = {(const uint8_t *) "word!", 4}};
static const value_t blob = {.kind = VALUE_BLOB, .bytes = {(const uint8_t *) "\0\1", 2}};
static const value_t cut = {.kind = VALUE_TEXT, .bytes = {(const uint8_t *) "a\0b", 3}};
static const value_t none = {.kind = VALUE_NULL};

static void
writes_what_a_type_reads(void **state)
{
    (void) state;
    const struct {
        pg_shape_t shape;
        const value_t *value;
        const char *text;
    } cases[] = {
        {SHAPE_INTEGER, &seven, "7"},        {SHAPE_INTEGER, &two, "2"},
        {SHAPE_INTEGER, &word, "word"},      {SHAPE_INTEGER, &none, "NULL"},
        {SHAPE_BOOLEAN, &one, "1"},          {SHAPE_BOOLEAN, &word, "word"},
        {SHAPE_REAL, &seven, "7"},           {SHAPE_REAL, &third, "0.30000000000000004"},
        {SHAPE_REAL, &endless, "-Infinity"}, {SHAPE_REAL, &word, "word"},
        {SHAPE_BLOB, &word, "word"},         {SHAPE_TEXT, &seven, "7"},
        {SHAPE_TEXT, &half, "0.5"},          {SHAPE_TEXT, &third, "0.30000000000000004"},
        {SHAPE_TEXT, &word, "word"},         {SHAPE_TEXT, &none, "NULL"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[64];
        assert_int_equal(write_value(cases[i].shape, *cases[i].value, text), OK);
        assert_string_equal(text, cases[i].text);
    }
}

static void
refuses_what_cannot_be_meant(void **state)
{
    (void) state;
    const struct {
        pg_shape_t shape;
        const value_t *value;
    } cases[] = {
        {SHAPE_INTEGER, &half}, {SHAPE_INTEGER, &endless}, {SHAPE_INTEGER, &huge},
        {SHAPE_INTEGER, &blob}, {SHAPE_BOOLEAN, &seven},   {SHAPE_BOOLEAN, &half},
        {SHAPE_REAL, &blob},    {SHAPE_BLOB, &seven},      {SHAPE_BLOB, &half},
        {SHAPE_TEXT, &blob},    {SHAPE_TEXT, &cut},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[64];
        assert_int_equal(write_value(cases[i].shape, *cases[i].value, text),
                         ERR_INVALID_CHANGE);
    }
}

static void
writes_blobs_as_their_bytes(void **state)
{
    (void) state;
    fault_t fault = {0};
    pg_parameter_t parameter;
    assert_int_equal(pg_value_write(SHAPE_BLOB, &blob, NULL, &parameter, &fault), OK);
    assert_true(parameter.binary);
    assert_int_equal(parameter.length, 2);
    assert_memory_equal(parameter.text, "\0\1", 2);
    const value_t empty = {.kind = VALUE_BLOB};
    assert_int_equal(pg_value_write(SHAPE_BLOB, &empty, NULL, &parameter, &fault), OK);
    assert_non_null(parameter.text);
    assert_int_equal(parameter.length, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_booleans_as_0_and_1),
        cmocka_unit_test(reads_reals),
        cmocka_unit_test(reads_what_is_no_number_as_a_text),
        cmocka_unit_test(reads_blobs),
        cmocka_unit_test(refuses_what_the_database_does_not_write),
        cmocka_unit_test(writes_what_a_type_reads),
        cmocka_unit_test(refuses_what_cannot_be_meant),
        cmocka_unit_test(writes_blobs_as_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
