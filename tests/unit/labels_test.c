/*  labels_test - whose rows are, packed and unpacked, and messages that are no labels.  */

#include "actors/server/postgres/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})

static arena_t arena;

static void
gives_back_what_was_packed(void **state)
{
    (void) state;
    const label_t labels[] = {
        {"tasks", "1", "desk", "0190-a", 1700000000000},
        {"task\"s", "[1,\"\xc3\xa9\"]", "phone", "0190-b", INT64_MIN},
        {"", "", "", "", INT64_MAX},
    };
    buffer_t out = {0};
    label_t *read = NULL;
    size_t n = 0;
    labels_pack(labels, COUNT_OF(labels), &out);
    assert_int_equal(labels_unpack(buffer_bytes(&out), &arena, &read, &n, NULL), OK);
    assert_int_equal(n, COUNT_OF(labels));
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        assert_string_equal(read[i].table, labels[i].table);
        assert_string_equal(read[i].key, labels[i].key);
        assert_string_equal(read[i].client_id, labels[i].client_id);
        assert_string_equal(read[i].change_id, labels[i].change_id);
        assert_true(read[i].updated_at == labels[i].updated_at);
    }
    buffer_release(&out);
}

static void
knows_an_empty_list(void **state)
{
    (void) state;
    buffer_t out = {0};
    label_t *read = NULL;
    size_t n = 1;
    labels_pack(NULL, 0, &out);
    assert_int_equal(labels_unpack(buffer_bytes(&out), &arena, &read, &n, NULL), OK);
    assert_int_equal(n, 0);
    buffer_release(&out);
}

static void
passes_over_what_a_later_version_adds(void **state)
{
    (void) state;
    label_t *read = NULL;
    size_t n = 0;
    const bytes_t bytes = BYTES(0x92, 0x97, 0xa1, 't', 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 7, 0x91,
                                0xc0, 0x80, 0x95, 0xa1, 'u', 0xa0, 0xa0, 0xa0, 8);
    assert_int_equal(labels_unpack(bytes, &arena, &read, &n, NULL), OK);
    assert_int_equal(n, 2);
    assert_true(read[0].updated_at == 7);
    assert_string_equal(read[1].table, "u");
}

static void
assert_refused(bytes_t bytes, const char *words)
{
    label_t *read = NULL;
    size_t n = 0;
    fault_t fault = {0};
    assert_int_equal(labels_unpack(bytes, &arena, &read, &n, &fault), ERR_PROTOCOL);
    if (strstr(fault.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, fault.text);
}

static void
refuses_labels_cut_off_anywhere(void **state)
{
    (void) state;
    const label_t label = {"tasks", "1", "desk", "0190-a", 1700000000000};
    buffer_t out = {0};
    labels_pack(&label, 1, &out);
    for (size_t size = 0; size < out.size; size++)
        assert_refused((bytes_t){out.data, size}, "logical message \"waybill\"");
    buffer_release(&out);
}

static void
refuses_what_others_may_write(void **state)
{
    (void) state;
    const struct {
        bytes_t bytes;
        const char *words;
    } cases[] = {
        {BYTES('h', 'i'), "no list of labels"},
        {BYTES(0xdd, 0xff, 0xff, 0xff, 0xff, 0x95), "no list of labels"},
        {BYTES(0x91, 0xa1, 't', 0, 0, 0, 0), "broken label"},
        {BYTES(0x91, 0x94, 0xa1, 't', 0xa1, 'k', 0xa1, 'c', 0xa1, 'i'), "broken label"},
        {BYTES(0x91, 0x95, 1, 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 7), "broken label"},
        {BYTES(0x91, 0x95, 0xa1, 0, 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 7), "broken label"},
        {BYTES(0x91, 0x95, 0xa1, 0xff, 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 7), "broken label"},
        {BYTES(0x91, 0x95, 0xa1, 't', 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 0xc0), "broken label"},
        {BYTES(0x91, 0x95, 0xa1, 't', 0xa1, 'k', 0xa1, 'c', 0xa1, 'i', 7, 7), "goes on"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(cases[i].bytes, cases[i].words);
}

static int
forget(void **state)
{
    (void) state;
    arena_release(&arena);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_packed),
        cmocka_unit_test(knows_an_empty_list),
        cmocka_unit_test(passes_over_what_a_later_version_adds),
        cmocka_unit_test(refuses_labels_cut_off_anywhere),
        cmocka_unit_test(refuses_what_others_may_write),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
