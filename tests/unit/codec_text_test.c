/*  The codec in letters: one line of a message, and JSON both ways.  */

#include "schemas/pack.h"
#include "schemas/plausible.h"
#include "tests/unit/codec_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
printed(carrier_t *self, message_id_t id, const void *body)
{
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);
    message_print(id, body, out);
    fclose(out);
    const char *copy = arena_text(&self->arena, line);
    free(line);
    return copy;
}

static const char *
as_json(carrier_t *self, message_id_t id, const void *body, bool mask)
{
    buffer_clear(&self->json);
    message_to_json(id, body, mask, &self->json);
    return buffer_text(&self->json);
}

static err_t
from_json(carrier_t *self, const char *json)
{
    buffer_clear(&self->packed);
    return json_to_msgpack(json, strlen(json), &self->packed, &self->fault);
}

/*  ---------------------------------------------------------------- printing  */

static void
a_line_shows_what_is_there(void **state)
{
    carrier_t *self = *state;
    verdict_t verdict = {
        .id = "c1", .verdict = "merged", .row = BYTES(0x81, 0xa1, 'a', 7), .lsn = 5};
    record_verdicts_t verdicts = {&verdict, 1};
    const char *ids[] = {"a", "b"};
    assert_string_equal(printed(self, MSG_committed, &(committed_t){0x16B3748}),
                        "committed {lsn: 0/16B3748}\n");
    assert_string_equal(printed(self, MSG_connect, &(connect_t){}), "connect {}\n");
    assert_string_equal(printed(self, MSG_retry_due, &(retry_due_t){1500}),
                        "retry_due {now: 1970-01-01T00:00:01.500Z}\n");
    assert_string_equal(printed(self, MSG_written, &(written_t){ids, 2}),
                        "written {ids: [\"a\", \"b\"]}\n");
    assert_string_equal(printed(self, MSG_parcel, &(parcel_t){1, BYTES(1, 2)}),
                        "parcel {number: 1, load: <2 bytes>}\n");
    assert_string_equal(printed(self, MSG_record_verdicts, &verdicts),
                        "record_verdicts {verdicts: [{id: \"c1\", verdict: \"merged\", "
                        "row: {\"a\":7}, lsn: 0/5}]}\n");
}

static void
a_secret_is_never_shown(void **state)
{
    carrier_t *self = *state;
    credentials_t credentials = {"eve", "hunter2"};
    assert_string_equal(printed(self, MSG_credentials, &credentials),
                        "credentials {user: \"eve\", token: ***}\n");
    assert_string_equal(as_json(self, MSG_credentials, &credentials, true),
                        "{\"user\":\"eve\",\"token\":\"***\"}");
    assert_string_equal(as_json(self, MSG_credentials, &credentials, false),
                        "{\"user\":\"eve\",\"token\":\"hunter2\"}");
}

static void
a_text_cannot_forge_a_line(void **state)
{
    carrier_t *self = *state;
    disconnect_t hostile = {
        "\"}\nerror\r\x1b[2J\x7f\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xac\\"};
    assert_string_equal(printed(self, MSG_disconnect, &hostile),
                        "disconnect {reason: \"\\\"}\\nerror\\r\\u001b[2J\\u007f\\u009b\\u2028"
                        "\\u202e\\u202c\\\\\"}\n");
}

static void
a_text_that_is_not_utf8_is_shown_all_the_same(void **state)
{
    carrier_t *self = *state;
    assert_string_equal(printed(self, MSG_disconnect, &(disconnect_t){"a\xff\xc3\xbc\xe2\x82"}),
                        "disconnect {reason: \"a\\ufffd\xc3\xbc\\ufffd\\ufffd\"}\n");
}

/*  --------------------------------------------------------------- redacting  */

static void
redacting_masks_secrets_and_strangers(void **state)
{
    carrier_t *self = *state;
    buffer_t shown = {0};
    pack_map(&self->packed, 3);
    pack_text(&self->packed, "token", 5);
    pack_blob(&self->packed, BYTES(1, 2, 3));
    pack_text(&self->packed, "user", 4);
    pack_text(&self->packed, "eve", 3);
    pack_text(&self->packed, "pin", 3); /* of a later version */
    pack_uint(&self->packed, 1234);
    assert_true(message_redact(MSG_credentials, buffer_bytes(&self->packed), &shown));
    assert_int_equal(msgpack_to_json(buffer_bytes(&shown), &self->json), OK);
    assert_string_equal(buffer_text(&self->json),
                        "{\"token\":\"***\",\"user\":\"eve\",\"pin\":\"***\"}");
    buffer_release(&shown);
}

static void
a_damaged_secret_is_not_shown_in_part(void **state)
{
    carrier_t *self = *state;
    buffer_t shown = {0};
    message_pack(MSG_credentials, &(credentials_t){"eve", "hunter2"}, &self->packed);
    for (size_t cut = 0; cut < self->packed.size; cut++) {
        buffer_clear(&shown);
        assert_true(message_redact(MSG_credentials, (bytes_t){self->packed.data, cut}, &shown));
        assert_int_equal(shown.size, 1);
        assert_int_equal(shown.data[0], 0x80);
    }
    buffer_release(&shown);
}

static void
without_secrets_nothing_is_redacted(void **state)
{
    carrier_t *self = *state;
    assert_false(message_redact(MSG_connect, BYTES(0x80), &self->packed));
    assert_false(message_redact(MSG_server_changes, BYTES(0x80), &self->packed));
    assert_int_equal(self->packed.size, 0);
}

/*  -------------------------------------------------------------------- JSON  */

static void
json_carries_every_kind_there_and_back(void **state)
{
    carrier_t *self = *state;
    static const char json[] =
        "{\"phase\":\"live\",\"epoch\":\"\xc3\xbc\",\"prev\":\"0/1\",\"lsn\":\"1/"
        "A\",\"last\":true,"
        "\"after\":{\"i\":9223372036854775807,\"n\":-1,\"r\":0.5,\"z\":null,\"t\":"
        "\"a\\u0000b\","
        "\"b\":{\"$blob\":\"AAE=\"}},\"changes\":[{\"table\":\"t\",\"operation\":\"update\","
        "\"data\":{},\"lsn\":\"0/2\",\"updated_at\":\"2023-11-14T22:13:20.000Z\"}]}";
    server_changes_t got;
    assert_int_equal(from_json(self, json), OK);
    assert_int_equal(message_unpack(MSG_server_changes, buffer_bytes(&self->packed),
                                    &self->arena, &got, &self->fault),
                     OK);
    assert_true(got.lsn == 0x10000000A);
    assert_true(got.changes[0].updated_at == 1700000000000);
    assert_string_equal(as_json(self, MSG_server_changes, &got, true), json);
}

static void
bytes_are_blobs_in_json(void **state)
{
    carrier_t *self = *state;
    parcel_t got;
    assert_string_equal(as_json(self, MSG_parcel, &(parcel_t){1, BYTES(0, 1, 0xff)}, false),
                        "{\"number\":1,\"load\":{\"$blob\":\"AAH/\"}}");
    assert_int_equal(from_json(self, buffer_text(&self->json)), OK);
    assert_int_equal(message_unpack(MSG_parcel, buffer_bytes(&self->packed), &self->arena, &got,
                                    &self->fault),
                     OK);
    assert_memory_equal(got.load.data, BYTES(0, 1, 0xff).data, 3);
}

static void
json_reals_stay_reals_and_integers_integers(void **state)
{
    carrier_t *self = *state;
    assert_int_equal(
        from_json(self, "{\"a\":1,\"b\":1.0,\"c\":1e300,\"d\":-9223372036854775808}"), OK);
    assert_int_equal(msgpack_to_json(buffer_bytes(&self->packed), &self->json), OK);
    assert_string_equal(buffer_text(&self->json),
                        "{\"a\":1,\"b\":1.0,\"c\":1e+300,\"d\":-9223372036854775808}");
}

static void
json_has_words_for_blobs_and_infinity(void **state)
{
    carrier_t *self = *state;
    assert_int_equal(from_json(self, "{\"a\":{\"$blob\":\"AP8=\"},\"b\":{\"$hex\":\"00fF\"},"
                                     "\"c\":{\"$real\":\"Inf\"},\"d\":{\"$real\":\"-Inf\"}}"),
                     OK);
    assert_int_equal(msgpack_to_json(buffer_bytes(&self->packed), &self->json), OK);
    assert_string_equal(buffer_text(&self->json),
                        "{\"a\":{\"$blob\":\"AP8=\"},\"b\":{\"$blob\":\"AP8=\"},"
                        "\"c\":{\"$real\":\"Inf\"},\"d\":{\"$real\":\"-Inf\"}}");
}

static void
a_row_may_have_a_column_named_like_such_a_word(void **state)
{
    carrier_t *self = *state;
    static const char json[] = "{\"$blob\":\"AP8=\"}";
    assert_int_equal(from_json(self, json), OK);
    assert_int_equal(msgpack_to_json(buffer_bytes(&self->packed), &self->json), OK);
    assert_string_equal(buffer_text(&self->json), json);
    assert_int_equal(self->packed.data[0], 0x81);
}

static void
wrong_json_is_refused_with_a_reason(void **state)
{
    carrier_t *self = *state;
    static const struct {
        const char *json, *reason;
    } wrong[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"7", "not JSON"},
        {"{} {}", "not JSON"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{\"a\":9223372036854775808}", "too big"},
        {"{\"a\":\"\x80\"}", "not JSON"},
        {"{\"a\":{\"$blob\":\"A\"}}", "base64"},
        {"{\"a\":{\"$hex\":\"0\"}}", "hex"},
        {"{\"a\":{\"$hex\":\"0g\"}}", "hex"},
        {"{\"a\":{\"$real\":\"NaN\"}}", "Inf"},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        self->fault = (fault_t){0};
        assert_int_equal(from_json(self, wrong[i].json), ERR_MALFORMED);
        assert_non_null(strstr(self->fault.text, wrong[i].reason));
        assert_int_equal(self->packed.size, 0);
    }
}

/*  {"a":{"a": ... 1}}, so many levels.  */
static err_t
nested_json(carrier_t *self, size_t levels)
{
    buffer_t json = {0};
    for (size_t i = 0; i < levels; i++)
        buffer_add_text(&json, i % 2 == 0 ? "{\"a\":" : "[");
    buffer_add_text(&json, "1");
    for (size_t i = levels; i > 0; i--)
        buffer_add_text(&json, i % 2 == 1 ? "}" : "]");
    err_t err = from_json(self, buffer_text(&json));
    buffer_release(&json);
    return err;
}

static void
deep_json_is_refused(void **state)
{
    carrier_t *self = *state;
    size_t used;
    assert_int_equal(nested_json(self, PLAUSIBLE_DEPTH), OK);
    assert_true(plausible(buffer_bytes(&self->packed), &used));
    assert_int_equal(msgpack_to_json(buffer_bytes(&self->packed), &self->json), OK);
    assert_int_equal(nested_json(self, PLAUSIBLE_DEPTH + 1), ERR_MALFORMED);
    assert_int_equal(nested_json(self, 100000), ERR_MALFORMED);
}

static void
msgpack_without_a_json_form_is_refused(void **state)
{
    carrier_t *self = *state;
    const bytes_t wrong[] = {BYTES(0x81, 1, 1), BYTES(0xd4, 1, 1), BYTES(0x81, 0xa1, 'a'),
                             BYTES(0xc1)};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(msgpack_to_json(wrong[i], &self->json), ERR_MALFORMED);
        assert_int_equal(self->json.size, 0);
    }
}

static void
plain_values_have_a_json_form(void **state)
{
    carrier_t *self = *state;
    static const struct {
        bytes_t value;
        const char *json;
    } plain[] = {
        {{(const uint8_t *) "\xc0", 1}, "null"},
        {{(const uint8_t *) "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9}, "18446744073709551615"},
        {{(const uint8_t *) "\xca\x3f\x80\0\0", 5}, "1.0"},
        {{(const uint8_t *) "\xcb\x7f\xf0\0\0\0\0\0\0", 9}, "{\"$real\":\"Inf\"}"},
        {{(const uint8_t *) "\x93\x90\x80\xc2", 4}, "[[],{},false]"},
        {{(const uint8_t *) "\x92\x91\x01\x81\xa1\x61\x92\x02\x03", 9}, "[[1],{\"a\":[2,3]}]"},
    };
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        buffer_clear(&self->json);
        assert_int_equal(msgpack_to_json(plain[i].value, &self->json), OK);
        assert_string_equal(buffer_text(&self->json), plain[i].json);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_shows_what_is_there),
        TEST(a_secret_is_never_shown),
        TEST(a_text_cannot_forge_a_line),
        TEST(a_text_that_is_not_utf8_is_shown_all_the_same),
        TEST(redacting_masks_secrets_and_strangers),
        TEST(a_damaged_secret_is_not_shown_in_part),
        TEST(without_secrets_nothing_is_redacted),
        TEST(json_carries_every_kind_there_and_back),
        TEST(bytes_are_blobs_in_json),
        TEST(json_reals_stay_reals_and_integers_integers),
        TEST(json_has_words_for_blobs_and_infinity),
        TEST(a_row_may_have_a_column_named_like_such_a_word),
        TEST(wrong_json_is_refused_with_a_reason),
        TEST(deep_json_is_refused),
        TEST(msgpack_without_a_json_form_is_refused),
        TEST(plain_values_have_a_json_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
