#include "schemas/wire.h"

#include "schemas/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct line {
    buffer_t bytes, read;
    arena_t arena;
    wire_t wire;
    fault_t fault;
} line_t;

static int
set_up(void **state)
{
    *state = mem_new(sizeof(line_t));
    return 0;
}

static int
tear_down(void **state)
{
    line_t *self = *state;
    buffer_release(&self->bytes);
    buffer_release(&self->read);
    arena_release(&self->arena);
    free(self);
    return 0;
}

static const frame_t frame = {.message_id = "m1", .timestamp = 1500, .client_id = "phone"};

static err_t
read_bytes(line_t *self, bytes_t bytes)
{
    return wire_unpack(bytes, &self->arena, &self->wire, &self->fault);
}

static err_t
read_json(line_t *self, const char *json)
{
    bytes_t text = {(const uint8_t *) json, strlen(json)};
    return wire_from_json(text, &self->read, &self->arena, &self->wire, &self->fault);
}

static void
check_heartbeat(const line_t *self)
{
    const clt_heartbeat_t *heartbeat = self->wire.body;
    assert_int_equal(self->wire.id, MSG_clt_heartbeat);
    assert_string_equal(self->wire.frame.type, "clt_heartbeat");
    assert_string_equal(self->wire.frame.message_id, "m1");
    assert_int_equal(self->wire.frame.timestamp, 1500);
    assert_string_equal(self->wire.frame.client_id, "phone");
    assert_string_equal(heartbeat->state, "live");
    assert_true(heartbeat->lsn == 0x100000002 && heartbeat->active);
}

static void
a_frame_survives_as_bytes(void **state)
{
    line_t *self = *state;
    wire_pack(MSG_clt_heartbeat, &frame, &(clt_heartbeat_t){"live", 0x100000002, true},
              &self->bytes);
    assert_int_equal(read_bytes(self, buffer_bytes(&self->bytes)), OK);
    check_heartbeat(self);
}

static void
a_frame_survives_as_json(void **state)
{
    line_t *self = *state;
    wire_to_json(MSG_clt_heartbeat, &frame, &(clt_heartbeat_t){"live", 0x100000002, true},
                 &self->bytes);
    assert_string_equal(buffer_text(&self->bytes),
                        "{\"type\":\"clt_heartbeat\",\"messageId\":\"m1\","
                        "\"timestamp\":1500,\"clientId\":\"phone\","
                        "\"state\":\"live\",\"lsn\":\"1/2\",\"active\":true}");
    assert_int_equal(read_json(self, buffer_text(&self->bytes)), OK);
    check_heartbeat(self);
}

static void
one_frame_is_one_map(void **state)
{
    line_t *self = *state;
    static const char golden[] = "\x82\xa4type\xb2"
                                 "clt_init_processed\xa9messageId\xa1x";
    wire_pack(MSG_clt_init_processed, &(frame_t){.message_id = "x"}, &(clt_init_processed_t){},
              &self->bytes);
    assert_int_equal(self->bytes.size, sizeof(golden) - 1);
    assert_memory_equal(self->bytes.data, golden, sizeof(golden) - 1);
}

static void
a_message_without_fields_is_read(void **state)
{
    line_t *self = *state;
    assert_int_equal(read_json(self, "{\"type\":\"clt_init_processed\"}"), OK);
    assert_int_equal(self->wire.id, MSG_clt_init_processed);
    wire_to_json(MSG_clt_init_processed, &(frame_t){0}, &(clt_init_processed_t){},
                 &self->bytes);
    assert_string_equal(buffer_text(&self->bytes), "{\"type\":\"clt_init_processed\"}");
}

static void
numbers_for_times_and_positions_are_read_too(void **state)
{
    line_t *self = *state;
    assert_int_equal(read_json(self,
                               "{\"type\":\"clt_heartbeat\",\"messageId\":\"m1\","
                               "\"timestamp\":1500,\"clientId\":\"phone\",\"state\":\"live\","
                               "\"lsn\":4294967298,\"active\":true,\"error\":null}"),
                     OK);
    check_heartbeat(self);
}

static void
changes_travel_with_their_rows(void **state)
{
    line_t *self = *state;
    assert_int_equal(
        read_json(self,
                  "{\"type\":\"clt_send_changes\",\"changes\":[{\"id\":\"c\",\"txn\":\"x\","
                  "\"table\":\"todos\",\"operation\":\"insert\",\"data\":{\"id\":\"t1\"},"
                  "\"updated_at\":\"1970-01-01T00:00:00Z\"}]}"),
        OK);
    const clt_send_changes_t *sent = self->wire.body;
    assert_int_equal(sent->n_changes, 1);
    assert_memory_equal(sent->changes[0].data.data, "\x81\xa2id\xa2t1", 7);
}

static void
a_record_in_a_message_is_an_object(void **state)
{
    line_t *self = *state;
    sequence_t place = {.table = "\"todos\"", .chunk = 2, .total = 3};
    const srv_init_changes_t page = {.sequence = &place};
    wire_to_json(MSG_srv_init_changes, &(frame_t){0}, &page, &self->bytes);
    assert_string_equal(buffer_text(&self->bytes),
                        "{\"type\":\"srv_init_changes\",\"changes\":[],\"sequence\":"
                        "{\"table\":\"\\\"todos\\\"\",\"chunk\":2,\"total\":3}}");
    assert_int_equal(read_json(self, buffer_text(&self->bytes)), OK);
    const srv_init_changes_t *read = self->wire.body;
    assert_string_equal(read->sequence->table, "\"todos\"");
    assert_true(read->sequence->chunk == 2 && read->sequence->total == 3);
}

static void
a_record_that_must_be_there_is_missed(void **state)
{
    line_t *self = *state;
    assert_int_equal(read_json(self, "{\"type\":\"srv_init_changes\",\"changes\":[]}"),
                     ERR_MALFORMED);
    assert_non_null(strstr(self->fault.text, "sequence"));
    assert_int_equal(read_json(self, "{\"type\":\"srv_init_changes\",\"changes\":[],"
                                     "\"sequence\":[{\"chunk\":1}]}"),
                     ERR_MALFORMED);
}

static void
an_unknown_type_is_told_from_damage(void **state)
{
    line_t *self = *state;
    static const char *const types[] = {"clt_changes_ack", "frame", "connect", "verdict", ""};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char *json = mem_format("{\"type\":\"%s\"}", types[i]);
        assert_int_equal(read_json(self, json), ERR_UNKNOWN);
        assert_string_equal(self->wire.frame.type, types[i]);
        free(json);
    }
}

static void
damage_is_refused(void **state)
{
    line_t *self = *state;
    static const char *const wrong[] = {"{}",
                                        "[]",
                                        "{\"type\":7}",
                                        "{\"type\":\"clt_heartbeat\"}",
                                        "{\"type\":\"a\",\"messageId\":7}",
                                        "nonsense"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        self->fault = (fault_t){0};
        assert_int_equal(read_json(self, wrong[i]), ERR_MALFORMED);
        assert_true(self->fault.text[0] != '\0');
        assert_null(self->wire.body);
    }
}

static void
a_frame_cut_anywhere_is_malformed(void **state)
{
    line_t *self = *state;
    wire_pack(MSG_clt_heartbeat, &frame, &(clt_heartbeat_t){"live", 5, true}, &self->bytes);
    for (size_t cut = 0; cut < self->bytes.size; cut++)
        assert_int_equal(read_bytes(self, (bytes_t){self->bytes.data, cut}), ERR_MALFORMED);
    buffer_add(&self->bytes, "", 1);
    assert_int_equal(read_bytes(self, buffer_bytes(&self->bytes)), ERR_MALFORMED);
}

static void
a_lie_gets_no_memory(void **state)
{
    line_t *self = *state;
    pack_map(&self->bytes, 2);
    pack_text(&self->bytes, "type", 4);
    pack_text(&self->bytes, "clt_send_changes", 16);
    pack_text(&self->bytes, "changes", 7);
    buffer_add(&self->bytes, "\xdd\x7f\xff\xff\xff", 5);
    assert_int_equal(read_bytes(self, buffer_bytes(&self->bytes)), ERR_MALFORMED);
    assert_null(self->arena.block);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_frame_survives_as_bytes),
        TEST(a_frame_survives_as_json),
        TEST(one_frame_is_one_map),
        TEST(a_message_without_fields_is_read),
        TEST(numbers_for_times_and_positions_are_read_too),
        TEST(changes_travel_with_their_rows),
        TEST(a_record_in_a_message_is_an_object),
        TEST(a_record_that_must_be_there_is_missed),
        TEST(an_unknown_type_is_told_from_damage),
        TEST(damage_is_refused),
        TEST(a_frame_cut_anywhere_is_malformed),
        TEST(a_lie_gets_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
