#include "schemas/base.h"
#include "schemas/number.h"
#include "schemas/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
finds_every_error_by_its_name(void **state)
{
    (void) state;
    for (err_t err = OK; err < ERR_COUNT; err++)
        assert_int_equal(err_named(err_name(err)), err);
    assert_int_equal(err_named("NO_SUCH_ERROR"), ERR_COUNT);
    assert_true(err_is_transient(ERR_BUSY));
    assert_false(err_is_transient(ERR_CORRUPT));
    assert_string_equal(err_text(ERR_REFUSED), "refused");
}

static void
a_fault_stays_on_one_line(void **state)
{
    (void) state;
    fault_t fault;
    assert_int_equal(fault_set(&fault, ERR_CONFIG, "key \"%s\"", "a\nb"), ERR_CONFIG);
    assert_string_equal(fault.text, "key \"a?b\"");
    assert_int_equal(fault.err, ERR_CONFIG);
    assert_int_equal(fault_set(NULL, ERR_IO, "unheard"), ERR_IO);
}

static void
a_long_fault_is_cut(void **state)
{
    (void) state;
    char text[1000];
    fault_t fault;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(fault_set(&fault, ERR_IO, "%s", text), ERR_IO);
    assert_int_equal(strlen(fault.text), sizeof(fault.text) - 1);
}

static void
a_buffer_grows_and_lends_text(void **state)
{
    (void) state;
    buffer_t buffer = {0};
    for (int i = 0; i < 1000; i++)
        buffer_add_format(&buffer, "%03d", i);
    assert_int_equal(buffer.size, 3000);
    assert_int_equal(strlen(buffer_text(&buffer)), 3000);
    assert_int_equal(buffer_bytes(&buffer).size, 3000);
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_release(&buffer);
    assert_null(buffer.data);
    buffer_release(&buffer);
}

static void
arena_pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void) state;
    arena_t arena = {0};
    for (size_t size = 0; size < 3000; size += 7) {
        uint8_t *piece = arena_new(&arena, size);
        assert_int_equal((uintptr_t) piece % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(piece[i], 0);
        memset(piece, 0xff, size);
    }
    arena_release(&arena);
}

static void
a_cleared_arena_is_used_again(void **state)
{
    (void) state;
    arena_t arena = {0};
    arena_new(&arena, 100000);
    arena_clear(&arena);
    struct arena_block *block = arena.block;
    for (int i = 0; i < 100; i++) {
        uint8_t *piece = arena_new(&arena, 1000);
        assert_int_equal(piece[999], 0);
        piece[999] = 1;
        arena_clear(&arena);
    }
    assert_ptr_equal(arena.block, block);
    arena_release(&arena);
    arena_clear(&arena);
}

static void
arena_copies_end_with_a_nul(void **state)
{
    (void) state;
    arena_t arena = {0};
    assert_string_equal(arena_text(&arena, "waybill"), "waybill");
    assert_string_equal(arena_text_of(&arena, "waybill", 3), "way");
    assert_string_equal(arena_text_of(&arena, NULL, 0), "");
    bytes_t copy = arena_bytes(&arena, (bytes_t){(const uint8_t *) "a\0b", 3});
    assert_memory_equal(copy.data, "a\0b", 3);
    arena_release(&arena);
}

static void
memory_is_copied_and_formatted(void **state)
{
    (void) state;
    char *copy = mem_text("one");
    char *text = mem_format("%s %d", copy, 2);
    assert_string_equal(text, "one 2");
    text = mem_grow(text, 1000);
    assert_string_equal(text, "one 2");
    free(text);
    free(copy);
    free(mem_new(0));
}

static void
positions_are_written_and_read(void **state)
{
    (void) state;
    char text[LSN_TEXT];
    uint64_t lsn;
    assert_string_equal(lsn_text(0x16B3748, text), "0/16B3748");
    assert_string_equal(lsn_text(UINT64_MAX, text), "FFFFFFFF/FFFFFFFF");
    assert_true(lsn_parse("FFFFFFFF/FFFFFFFF", &lsn));
    assert_true(lsn == UINT64_MAX);
    assert_true(lsn_parse("a/00000b", &lsn));
    assert_true(lsn == 0xA0000000B);
}

static void
what_is_no_position_is_refused(void **state)
{
    (void) state;
    static const char *const wrong[] = {"",      "/",    "0",     "0/",          "/0",  "0/0 ",
                                        " 0/0",  "0//",  "g/0",   "0/123456789", "0x/", "-1/0",
                                        "0/0/0", "+1/0", "0/0\n", "123456789/0"};
    uint64_t lsn;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(lsn_parse(wrong[i], &lsn));
}

static void
uuids_carry_version_variant_and_order(void **state)
{
    (void) state;
    uint8_t uuid[16];
    char text[UUID_TEXT];
    char later[UUID_TEXT];
    uuid_v7(uuid, 0x0123456789abu, UINT64_MAX, UINT64_MAX);
    assert_string_equal(uuid_text(uuid, text), "01234567-89ab-7fff-bfff-ffffffffffff");
    uuid_v7(uuid, 1, 0, 0);
    assert_string_equal(uuid_text(uuid, text), "00000000-0001-7000-8000-000000000000");
    uuid_v7(uuid, 1, 1, 0);
    assert_true(strcmp(uuid_text(uuid, later), text) > 0);
}

static const struct {
    int64_t unix_ms;
    const char *text;
} moments[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400123, "2000-02-29T00:00:00.123Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {-62167219200000, "0000-01-01T00:00:00.000Z"},
    {253402300800000, "253402300800000"},
    {-123456789012345678, "-123456789012345678"},
};

static bytes_t
bytes_of(const char *text)
{
    return (bytes_t){(const uint8_t *) text, strlen(text)};
}

static void
moments_are_written_and_read(void **state)
{
    (void) state;
    char text[TIME_TEXT];
    int64_t unix_ms;
    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        assert_string_equal(time_text(moments[i].unix_ms, text), moments[i].text);
        assert_true(time_parse(bytes_of(text), &unix_ms));
        assert_true(unix_ms == moments[i].unix_ms);
    }
    assert_true(time_parse(bytes_of("2000-02-29T02:30:00.1239+02:30"), &unix_ms));
    assert_true(unix_ms == 951782400123);
    assert_true(time_parse(bytes_of("2000-02-28 22:00:00-02:00"), &unix_ms));
    assert_true(unix_ms == 951782400000);
}

static void
moments_are_read_as_databases_write_them(void **state)
{
    static const char *const same[] = {
        "2000-02-29 00:00:00",
        "2000-02-29T00:00:00.000",
        "2000-02-29 02:00:00+02",
        "2000-02-28 22:30:00.0-0130",
        "2000-02-29",
    };
    int64_t unix_ms;
    (void) state;
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_true(time_parse(bytes_of(same[i]), &unix_ms));
        assert_true(unix_ms == 951782400000);
    }
}

static void
what_is_no_moment_is_refused(void **state)
{
    (void) state;
    static const char *const wrong[] = {"",
                                        "today",
                                        "2001-02-29T00:00:00Z",
                                        "2000-13-01T00:00:00Z",
                                        "2000-01-01T24:00:00Z",
                                        "2000-01-01T00:00:00.Z",
                                        "2000-01-01T00:00:00Zx",
                                        "2000-01-01T",
                                        "2000-01-01T00:00:00+2",
                                        "2000-01-01T00:00:00+02:",
                                        "2000-01-01T00:00:00+024",
                                        "12-34",
                                        "9999999999999999999999"};
    int64_t unix_ms;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(time_parse(bytes_of(wrong[i]), &unix_ms));
    assert_false(time_parse((bytes_t){(const uint8_t *) "12\0", 3}, &unix_ms));
}

static void
reals_read_back_as_they_were(void **state)
{
    (void) state;
    static const double reals[] = {
        0.1, 1.0, -0.0, 1e300, 5e-324, 1.0 / 3, 123456789012345678.0};
    char text[REAL_TEXT];
    for (size_t i = 0; i < COUNT_OF(reals); i++) {
        double read = strtod(real_text(reals[i], text), NULL);
        assert_memory_equal(&read, &reals[i], sizeof(read));
        assert_non_null(strpbrk(text, ".e"));
    }
    assert_string_equal(real_text(0.1, text), "0.1");
    assert_string_equal(real_text(1, text), "1.0");
    assert_string_equal(real_text((double) -INFINITY, text), "-9e999");
    assert_string_equal(real_text((double) NAN, text), "null");
}

static void
base64_survives_every_length(void **state)
{
    (void) state;
    static const uint8_t data[] = {0xff, 0, 0x80, 1, 0xfe, 'a', 'b'};
    for (size_t size = 0; size <= sizeof(data); size++) {
        buffer_t text = {0};
        buffer_t read = {0};
        base64_write((bytes_t){data, size}, &text);
        assert_true(base64_read(buffer_bytes(&text), &read));
        assert_int_equal(read.size, size);
        if (size > 0)
            assert_memory_equal(read.data, data, size);
        buffer_release(&read);
        buffer_release(&text);
    }
}

static void
what_is_no_base64_is_refused(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "a", "ab", "abc", "ab=c", "====", "a===", "ab c", "YR==", "YWF=", "YQ==YQ==", "!!!!"};
    buffer_t out = {0};
    buffer_add_text(&out, "kept");
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(base64_read(bytes_of(wrong[i]), &out));
    assert_string_equal(buffer_text(&out), "kept");
    buffer_release(&out);
}

static void
only_utf8_without_nul_is_clean(void **state)
{
    (void) state;
    static const char *const clean[] = {"",
                                        "plain",
                                        "gr\xc3\xbc\xc3\x9f",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "eight plus letters \xc3\xbc"};
    static const char *const wrong[] = {"\x80",
                                        "\xc3",
                                        "\xc0\x80",
                                        "\xe0\x80\x80",
                                        "\xed\xa0\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xff",
                                        "12345678\xe2\x82",
                                        "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < COUNT_OF(clean); i++)
        assert_true(text_is_clean(bytes_of(clean[i])));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(text_is_clean(bytes_of(wrong[i])));
    for (size_t at = 0; at < 20; at++) {
        uint8_t text[20];
        memset(text, 'x', sizeof(text));
        text[at] = '\0';
        assert_false(text_is_clean((bytes_t){text, sizeof(text)}));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_error_by_its_name),
        cmocka_unit_test(a_fault_stays_on_one_line),
        cmocka_unit_test(a_long_fault_is_cut),
        cmocka_unit_test(a_buffer_grows_and_lends_text),
        cmocka_unit_test(arena_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_cleared_arena_is_used_again),
        cmocka_unit_test(arena_copies_end_with_a_nul),
        cmocka_unit_test(memory_is_copied_and_formatted),
        cmocka_unit_test(positions_are_written_and_read),
        cmocka_unit_test(what_is_no_position_is_refused),
        cmocka_unit_test(uuids_carry_version_variant_and_order),
        cmocka_unit_test(moments_are_written_and_read),
        cmocka_unit_test(moments_are_read_as_databases_write_them),
        cmocka_unit_test(what_is_no_moment_is_refused),
        cmocka_unit_test(reals_read_back_as_they_were),
        cmocka_unit_test(base64_survives_every_length),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(only_utf8_without_nul_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
