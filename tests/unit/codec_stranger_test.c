/*  The codec, with bytes of a stranger: what is skipped, and what is refused.  */

#include "schemas/pack.h"
#include "tests/unit/codec_world.h"

#include <stdio.h>
#include <string.h>

static void
unknown_fields_are_skipped(void **state)
{
    carrier_t *self = *state;
    wal_grown_t got;
    const bytes_t bytes = BYTES(0x84, 0xa1, 'x', 0x92, 0x81, 1, 2, 0xc0, 0xa5, 'p', 'a', 'g',
                                'e', 's', 7, 0xd9, 1, 'y', 0xd4, 1, 2, 0xa0, 0xc3);
    assert_int_equal(read_bytes(self, MSG_wal_grown, bytes, &got), OK);
    assert_int_equal(got.pages, 7);
}

static void
fields_come_in_any_order_and_any_form(void **state)
{
    carrier_t *self = *state;
    verdicts_recorded_t got;
    const bytes_t bytes =
        BYTES(0x82, 0xd9, 6, 'p', 'a', 'r', 'k', 'e', 'd', 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0xda,
              0, 7, 'p', 'e', 'n', 'd', 'i', 'n', 'g', 0xd0, 2);
    assert_int_equal(read_bytes(self, MSG_verdicts_recorded, bytes, &got), OK);
    assert_int_equal(got.parked, 1);
    assert_int_equal(got.pending, 2);
}

static void
a_missing_required_field_is_named(void **state)
{
    carrier_t *self = *state;
    written_t got;
    assert_int_equal(read_bytes(self, MSG_written, BYTES(0x80), &got), ERR_MALFORMED);
    assert_string_equal(self->fault.text, "written: field \"ids\" is missing");
    assert_int_equal(self->fault.err, ERR_MALFORMED);
}

static void
nil_is_a_missing_field(void **state)
{
    carrier_t *self = *state;
    disconnect_t got;
    wal_grown_t grown;
    bytes_t nil_reason = BYTES(0x81, 0xa6, 'r', 'e', 'a', 's', 'o', 'n', 0xc0);
    bytes_t nil_pages = BYTES(0x81, 0xa5, 'p', 'a', 'g', 'e', 's', 0xc0);
    assert_int_equal(read_bytes(self, MSG_disconnect, nil_reason, &got), OK);
    assert_null(got.reason);
    assert_int_equal(read_bytes(self, MSG_wal_grown, nil_pages, &grown), ERR_MALFORMED);
}

static void
a_field_that_comes_twice_is_malformed(void **state)
{
    carrier_t *self = *state;
    wal_grown_t got;
    bytes_t bytes =
        BYTES(0x82, 0xa5, 'p', 'a', 'g', 'e', 's', 1, 0xa5, 'p', 'a', 'g', 'e', 's', 1);
    assert_int_equal(read_bytes(self, MSG_wal_grown, bytes, &got), ERR_MALFORMED);
    assert_string_equal(self->fault.text, "wal_grown: field \"pages\" comes twice");
}

static void
whatever_is_not_one_map_with_text_keys_is_malformed(void **state)
{
    carrier_t *self = *state;
    connect_t got;
    const bytes_t wrong[] = {{NULL, 0},
                             BYTES(0xc0),
                             BYTES(0x90),
                             BYTES(0x80, 0x80),
                             BYTES(0x81, 1, 1),
                             BYTES(0x81, 0xc4, 1, 'a', 1),
                             BYTES(0x81, 0xa1, 'a', 0xc1)};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(read_bytes(self, MSG_connect, wrong[i], &got), ERR_MALFORMED);
    assert_int_equal(read_bytes(self, MSG_connect, BYTES(0x80), &got), OK);
}

/*  Which kinds of token a kind of field takes, by the message that has only such a field.  */
static const struct {
    const char *field;
    message_id_t id;
    const char *taken;
} takers[] = {
    {"synced", MSG_status, "b"},        {"retry_in", MSG_status, "i-"},
    {"pages", MSG_wal_grown, "iu"},     {"now", MSG_retry_due, "i-t"},
    {"reason", MSG_disconnect, "sltn"}, {"load", MSG_parcel, "x"},
    {"lsn", MSG_committed, "iul"},      {"after", MSG_server_changes, "m"},
    {"ids", MSG_written, "e"},          {"changes", MSG_write, "e"},
};

static const struct {
    char name;
    bytes_t value;
} values[] = {
    {'b', {(const uint8_t *) "\xc3", 1}},
    {'i', {(const uint8_t *) "\x05", 1}},
    {'-', {(const uint8_t *) "\xff", 1}},
    {'u', {(const uint8_t *) "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9}},
    {'r', {(const uint8_t *) "\xca\0\0\0\0", 5}},
    {'s', {(const uint8_t *) "\xa3one", 4}},
    {'l',
     {(const uint8_t *) "\xa3"
                        "0/5",
      4}},
    {'t',
     {(const uint8_t *) "\xb4"
                        "1970-01-01T00:00:01Z",
      21}},
    {'n', {(const uint8_t *) "\xa0", 1}},
    {'z', {(const uint8_t *) "\xa1\0", 2}},
    {'8', {(const uint8_t *) "\xa1\x80", 2}},
    {'x', {(const uint8_t *) "\xc4\1a", 3}},
    {'m', {(const uint8_t *) "\x80", 1}},
    {'e', {(const uint8_t *) "\x90", 1}},
    {'o', {(const uint8_t *) "\x91\x05", 2}},
    {'w', {(const uint8_t *) "\xd4\1\1", 3}},
};

/*  Whether the fault complains of that very field, not of others that are missing.  */
static bool
refuses(carrier_t *self, size_t taker, size_t value)
{
    char must_be[64];
    const schema_t *schema = schema_of(takers[taker].id);
    const char *field = takers[taker].field;
    void *got = arena_new(&self->arena, schema->size);
    buffer_clear(&self->packed);
    pack_map(&self->packed, 1);
    pack_text(&self->packed, field, strlen(field));
    buffer_add(&self->packed, values[value].value.data, values[value].value.size);
    snprintf(must_be, sizeof(must_be), "field \"%s\" must be", field);
    if (read_packed(self, takers[taker].id, got) == OK)
        return false;
    return strstr(self->fault.text, must_be) || strstr(self->fault.text, "entry:");
}

static void
each_kind_takes_its_own_values_only(void **state)
{
    carrier_t *self = *state;
    for (size_t i = 0; i < COUNT_OF(takers); i++)
        for (size_t j = 0; j < COUNT_OF(values); j++) {
            bool takes = strchr(takers[i].taken, values[j].name) != NULL;
            if (refuses(self, i, j) == takes)
                fail_msg("%s and value %c", takers[i].field, values[j].name);
        }
}

static void
claims_that_cannot_be_true_get_no_memory(void **state)
{
    carrier_t *self = *state;
    written_t written;
    write_t write;
    uint8_t bytes[1000] = {0x81, 0xa7, 'c', 'h', 'a', 'n', 'g', 'e', 's', 0xdc, 0x03, 0xd0};
    assert_int_equal(read_bytes(self, MSG_written,
                                BYTES(0x81, 0xa3, 'i', 'd', 's', 0xdd, 0xff, 0xff, 0xff, 0xff),
                                &written),
                     ERR_MALFORMED);
    /* 976 entries could be there if an entry took one byte */
    assert_int_equal(read_bytes(self, MSG_write, (bytes_t){bytes, sizeof(bytes)}, &write),
                     ERR_MALFORMED);
    assert_null(self->arena.block);
}

/*  Bytes of {"after": {"": {"": ...}}} with so many levels in all, then the rest.  */
static err_t
read_nested(carrier_t *self, const char *field, unsigned levels)
{
    server_changes_t got;
    server_changes_t sent = {.phase = "snapshot", .epoch = "e"};
    buffer_clear(&self->packed);
    message_pack(MSG_server_changes, &sent, &self->packed);
    self->packed.data[0]++;
    pack_text(&self->packed, field, strlen(field));
    for (unsigned i = 1; i < levels; i++)
        buffer_add(&self->packed, "\x81\xa0", 2);
    pack_nil(&self->packed);
    return read_packed(self, MSG_server_changes, &got);
}

static void
nesting_is_counted_from_the_outside(void **state)
{
    carrier_t *self = *state;
    assert_int_equal(read_nested(self, "after", 32), OK);
    assert_int_equal(read_nested(self, "after", 33), ERR_MALFORMED);
    assert_int_equal(read_nested(self, "unknown", 32), OK);
    assert_int_equal(read_nested(self, "unknown", 33), ERR_MALFORMED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(unknown_fields_are_skipped),
        TEST(fields_come_in_any_order_and_any_form),
        TEST(a_missing_required_field_is_named),
        TEST(nil_is_a_missing_field),
        TEST(a_field_that_comes_twice_is_malformed),
        TEST(whatever_is_not_one_map_with_text_keys_is_malformed),
        TEST(each_kind_takes_its_own_values_only),
        TEST(claims_that_cannot_be_true_get_no_memory),
        TEST(nesting_is_counted_from_the_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
