#include "schemas/row.h"

#include "schemas/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

static bytes_t
bytes_of(const char *text)
{
    return (bytes_t){(const uint8_t *) text, strlen(text)};
}

/*  One column of each class.  */
static void
sample_write(buffer_t *out)
{
    row_begin(out, 5);
    row_add_name(out, "id");
    row_add(out, &(value_t){.kind = VALUE_TEXT, .bytes = bytes_of("t1")});
    row_add_name(out, "done");
    row_add(out, &(value_t){.kind = VALUE_INTEGER, .integer = INT64_MIN});
    row_add_name(out, "part");
    row_add(out, &(value_t){.kind = VALUE_REAL, .real = 0.1});
    row_add_name(out, "image");
    row_add(out, &(value_t){.kind = VALUE_BLOB, .bytes = BYTES(0, 1)});
    row_add_name(out, "gone");
    row_add(out, &(value_t){.kind = VALUE_NULL});
}

static void
every_class_survives(void **state)
{
    (void) state;
    buffer_t row = {0};
    value_t value;
    sample_write(&row);
    assert_int_equal(row_check(buffer_bytes(&row), NULL), OK);
    assert_true(row_find(buffer_bytes(&row), "done", &value));
    assert_true(value.kind == VALUE_INTEGER && value.integer == INT64_MIN);
    assert_true(row_find(buffer_bytes(&row), "part", &value));
    assert_true(value.kind == VALUE_REAL && value.real > 0.0999 && value.real < 0.1001);
    assert_true(row_find(buffer_bytes(&row), "image", &value));
    assert_true(value.kind == VALUE_BLOB && value.bytes.size == 2 && value.bytes.data[1] == 1);
    assert_true(row_find(buffer_bytes(&row), "gone", &value));
    assert_int_equal(value.kind, VALUE_NULL);
    assert_false(row_find(buffer_bytes(&row), "i", &value));
    assert_false(row_find(buffer_bytes(&row), "idx", &value));
    buffer_release(&row);
}

static void
columns_come_in_order_and_end(void **state)
{
    (void) state;
    static const char *const names[] = {"id", "done", "part", "image", "gone"};
    buffer_t row = {0};
    bytes_t name;
    value_t value;
    sample_write(&row);
    row_reader_t reader = row_read(buffer_bytes(&row));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(row_next(&reader, &name, &value));
        assert_int_equal(name.size, strlen(names[i]));
        assert_memory_equal(name.data, names[i], name.size);
    }
    assert_false(row_next(&reader, &name, &value));
    buffer_release(&row);
}

static void
a_boolean_counts_as_an_integer(void **state)
{
    (void) state;
    value_t value;
    bytes_t row = BYTES(0x81, 0xa1, 'a', 0xc3);
    assert_int_equal(row_check(row, NULL), OK);
    assert_true(row_find(row, "a", &value));
    assert_true(value.kind == VALUE_INTEGER && value.integer == 1);
}

static void
what_sqlite_cannot_hold_is_refused(void **state)
{
    (void) state;
    const bytes_t rows[] = {
        BYTES(0x81, 0xa1, 'a', 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0), /* over INT64_MAX */
        BYTES(0x81, 0xa1, 'a', 0x90),                            /* a list */
        BYTES(0x81, 0xa1, 'a', 0x80),                            /* a map */
        BYTES(0x81, 0xa1, 'a', 0xd4, 1, 2),                      /* an extension */
        BYTES(0x81, 0xa1, 'a', 0xa1, 0xff),                      /* a text, but not UTF-8 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fault_t fault = {0};
        assert_int_equal(row_check(rows[i], &fault), ERR_MALFORMED);
        assert_non_null(strstr(fault.text, "\"a\""));
    }
}

static void
what_is_no_row_is_refused(void **state)
{
    (void) state;
    const bytes_t rows[] = {
        {NULL, 0},
        BYTES(0xc0),
        BYTES(0x91, 1),
        BYTES(0x81, 1, 2),          /* a name that is no text */
        BYTES(0x80, 0x80),          /* something follows */
        BYTES(0x82, 0xa1, 'a', 1),  /* cut off */
        BYTES(0xdf, 0x7f, 0, 0, 0), /* claims */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(row_check(rows[i], NULL), ERR_MALFORMED);
}

static void
a_column_that_comes_twice_is_named(void **state)
{
    (void) state;
    fault_t fault;
    bytes_t row = BYTES(0x83, 0xa2, 'a', 'b', 1, 0xa1, 'c', 1, 0xa2, 'a', 'b', 1);
    assert_int_equal(row_check(row, &fault), ERR_MALFORMED);
    assert_string_equal(fault.text, "column \"ab\" comes twice");
}

/*  So many columns with names of their own, but the last is named as the first.  */
static void
wide_row(buffer_t *out, size_t n_columns)
{
    char name[24];
    row_begin(out, n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        snprintf(name, sizeof(name), "c%zu", i + 1 < n_columns ? i : 0);
        row_add_name(out, name);
        row_add(out, &(value_t){.kind = VALUE_NULL});
    }
}

static void
wide_rows_are_checked_too(void **state)
{
    (void) state;
    fault_t fault;
    buffer_t row = {0};
    wide_row(&row, 30000);
    assert_int_equal(row_check(buffer_bytes(&row), &fault), ERR_MALFORMED);
    assert_string_equal(fault.text, "column \"c0\" comes twice");
    buffer_clear(&row);
    wide_row(&row, 40000);
    assert_int_equal(row_check(buffer_bytes(&row), &fault), ERR_MALFORMED);
    assert_non_null(strstr(fault.text, "32767"));
    buffer_release(&row);
}

static void
an_empty_row_is_a_row(void **state)
{
    (void) state;
    bytes_t name;
    value_t value;
    bytes_t row = BYTES(0x80);
    assert_int_equal(row_check(row, NULL), OK);
    row_reader_t reader = row_read(row);
    assert_false(row_next(&reader, &name, &value));
}

static void
values_become_texts_for_keys(void **state)
{
    (void) state;
    arena_t arena = {0};
    value_t integer = {.kind = VALUE_INTEGER, .integer = -42};
    value_t text = {.kind = VALUE_TEXT, .bytes = bytes_of("key")};
    value_t real = {.kind = VALUE_REAL, .real = 2};
    value_t blob = {.kind = VALUE_BLOB, .bytes = BYTES(0xab, 1)};
    value_t null = {.kind = VALUE_NULL};
    assert_string_equal(value_text(&integer, &arena), "-42");
    assert_string_equal(value_text(&text, &arena), "key");
    assert_string_equal(value_text(&real, &arena), "2.0");
    assert_string_equal(value_text(&blob, &arena), "AB01");
    assert_string_equal(value_text(&null, &arena), "");
    arena_release(&arena);
}

static void
integers_of_every_width_survive(void **state)
{
    (void) state;
    static const int64_t integers[] = {
        0,   127, 128,  255,  256,    65535,  65536,     INT32_MAX, INT64_MAX, -1,
        -32, -33, -128, -129, -32768, -32769, INT32_MIN, INT64_MIN, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(integers); i++) {
        buffer_t out = {0};
        token_t token;
        pack_int(&out, integers[i]);
        cursor_t cursor = cursor_of(buffer_bytes(&out));
        assert_true(cursor_next(&cursor, &token));
        assert_true(token.kind == TOKEN_INT && token.integer == integers[i]);
        assert_int_equal(cursor_left(&cursor), 0);
        buffer_release(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_survives),
        cmocka_unit_test(columns_come_in_order_and_end),
        cmocka_unit_test(a_boolean_counts_as_an_integer),
        cmocka_unit_test(what_sqlite_cannot_hold_is_refused),
        cmocka_unit_test(what_is_no_row_is_refused),
        cmocka_unit_test(a_column_that_comes_twice_is_named),
        cmocka_unit_test(wide_rows_are_checked_too),
        cmocka_unit_test(an_empty_row_is_a_row),
        cmocka_unit_test(values_become_texts_for_keys),
        cmocka_unit_test(integers_of_every_width_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
