/*  The codec: what is packed is read back as it was, of every message.  */

#include "schemas/pack.h"
#include "tests/unit/codec_world.h"

#include <stdlib.h>
#include <string.h>

/*  {"id": "t1"}, as a row.  */
#define ROW BYTES(0x81, 0xa2, 'i', 'd', 0xa2, 't', '1')

/*  ------------------------------------------------------------------ samples  */

static client_change_t sample_client_change = {
    .id = "c1",
    .txn = "x1",
    .table = "todos",
    .operation = "insert",
    .data = {(const uint8_t *) "\x81\xa2id\xa2t1", 7},
    .updated_at = 1700000000000,
};

static server_change_t sample_server_change = {
    .table = "todos",
    .operation = "update",
    .data = {(const uint8_t *) "\x81\xa2id\xa2t1", 7},
    .lsn = 0x16B3748,
    .last = true,
};

static processed_t sample_processed = {
    .id = "c1",
    .entity_type = "todos",
    .entity_id = "t1",
    .operation = "insert",
    .result = "applied",
    .lsn = 5,
};

static change_recorded_t sample_recorded = {"c1", "todos", "t1", "insert", 1700000000000};

static server_changes_t sample_server_changes = {
    .phase = "live",
    .epoch = "e",
    .prev = 1,
    .lsn = 0x16B3748,
    .last = true,
    .changes = &sample_server_change,
    .n_changes = 1,
};

static changes_processed_t sample_changes_processed = {
    .changes = &sample_processed,
    .n_changes = 1,
    .lsn = 5,
};

static connect_t sample_connect;
static disconnect_t sample_disconnect = {.reason = "told to"};
static sync_request_t sample_sync_request;
static sync_response_t sample_sync_response = {.client_id = "a", .epoch = ""};
static problem_t sample_problem = {.code = "FULL", .message = "disk", .actor = "recorder"};
static status_t sample_status = {
    .state = "live", .lsn = 300, .pending = 2, .retry_in = -1, .synced = true};

static const struct {
    message_id_t id;
    const void *body;
    const char *hex;
} golden[] = {
#include "tests/unit/codec_golden.inc"
};

static void
to_hex(bytes_t bytes, buffer_t *hex)
{
    for (size_t i = 0; i < bytes.size; i++)
        buffer_add_format(hex, "%02x", bytes.data[i]);
}

static void
the_bytes_of_documented_messages_do_not_change(void **state)
{
    carrier_t *self = *state;
    buffer_t hex = {0};
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        buffer_clear(&self->packed);
        buffer_clear(&hex);
        message_pack(golden[i].id, golden[i].body, &self->packed);
        to_hex(buffer_bytes(&self->packed), &hex);
        assert_string_equal(buffer_text(&hex), golden[i].hex);
    }
    buffer_release(&hex);
}

/*  Packs what was unpacked: the same bytes again, so nothing was lost.  */
static void
documented_messages_survive(void **state)
{
    carrier_t *self = *state;
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        message_id_t id = golden[i].id;
        buffer_t again = {0};
        void *got = arena_new(&self->arena, schema_of(id)->size);
        buffer_clear(&self->packed);
        message_pack(id, golden[i].body, &self->packed);
        assert_int_equal(read_packed(self, id, got), OK);
        message_pack(id, got, &again);
        assert_int_equal(again.size, self->packed.size);
        assert_memory_equal(again.data, self->packed.data, again.size);
        buffer_release(&again);
    }
}

static void
a_message_cut_anywhere_is_malformed(void **state)
{
    carrier_t *self = *state;
    for (size_t i = 0; i < COUNT_OF(golden); i++) {
        message_id_t id = golden[i].id;
        void *got = arena_new(&self->arena, schema_of(id)->size);
        buffer_clear(&self->packed);
        message_pack(id, golden[i].body, &self->packed);
        for (size_t cut = 0; cut < self->packed.size; cut++) {
            uint8_t *copy = mem_new(cut); /* so that a sanitizer sees a look past the end */
            memcpy(copy, self->packed.data, cut);
            assert_int_equal(read_bytes(self, id, (bytes_t){copy, cut}, got), ERR_MALFORMED);
            free(copy);
        }
    }
}

/*  -------------------------------------------------------------- every kind  */

static void
plain_kinds_survive(void **state)
{
    carrier_t *self = *state;
    change_row_t got;
    change_row_t sent = {.seq = UINT64_MAX,
                         .id = "i",
                         .entity_type = "gr\xc3\xbcn",
                         .entity_id = "",
                         .operation = "o",
                         .timestamp = INT64_MIN,
                         .state = "s",
                         .from_server = true,
                         .lsn = UINT64_MAX};
    message_pack(MSG_change_row, &sent, &self->packed);
    assert_int_equal(read_packed(self, MSG_change_row, &got), OK);
    assert_true(got.seq == UINT64_MAX && got.lsn == UINT64_MAX);
    assert_true(got.timestamp == INT64_MIN && got.from_server && !got.processed_local);
    assert_string_equal(got.entity_type, "gr\xc3\xbcn");
    assert_string_equal(got.entity_id, "");
    assert_null(got.error);
}

static void
bytes_and_bodies_point_into_the_bytes(void **state)
{
    carrier_t *self = *state;
    parcel_t parcel;
    entry_t entry;
    message_pack(MSG_parcel, &(parcel_t){7, BYTES(0, 0xff)}, &self->packed);
    assert_int_equal(read_packed(self, MSG_parcel, &parcel), OK);
    assert_int_equal(parcel.load.size, 2);
    assert_ptr_equal(parcel.load.data, self->packed.data + self->packed.size - 2);

    buffer_clear(&self->packed);
    message_pack(MSG_entry, &(entry_t){.table = "t", .operation = "o", .id = "i", .data = ROW},
                 &self->packed);
    assert_int_equal(read_packed(self, MSG_entry, &entry), OK);
    assert_memory_equal(entry.data.data, ROW.data, ROW.size);
    assert_ptr_equal(entry.data.data, self->packed.data + self->packed.size - ROW.size);
}

static void
texts_and_lists_in_lists_survive(void **state)
{
    carrier_t *self = *state;
    const char *ids[] = {"one", "", "three"};
    written_t written;
    message_pack(MSG_written, &(written_t){ids, 3}, &self->packed);
    assert_int_equal(read_packed(self, MSG_written, &written), OK);
    assert_int_equal(written.n_ids, 3);
    assert_string_equal(written.ids[1], "");
    assert_string_equal(written.ids[2], "three");

    column_t columns[] = {{.name = "id", .key = 1}, {.name = "title", .not_null = true}};
    table_schema_t tables[] = {{"todos", columns, 2}, {"empty", NULL, 0}};
    server_schema_t got;
    buffer_clear(&self->packed);
    message_pack(MSG_server_schema, &(server_schema_t){"e", tables, 2}, &self->packed);
    assert_int_equal(read_packed(self, MSG_server_schema, &got), OK);
    assert_int_equal(got.n_tables, 2);
    assert_int_equal(got.tables[1].n_columns, 0);
    assert_string_equal(got.tables[0].columns[1].name, "title");
    assert_true(got.tables[0].columns[1].not_null);
}

static void
required_zeros_are_packed_as_empty(void **state)
{
    carrier_t *self = *state;
    client_change_t got;
    message_pack(MSG_client_change, &(client_change_t){0}, &self->packed);
    assert_int_equal(read_packed(self, MSG_client_change, &got), OK);
    assert_string_equal(got.table, "");
    assert_int_equal(got.data.size, 1);
    assert_int_equal(got.data.data[0], 0x80);
}

static void
times_and_positions_are_read_as_texts_too(void **state)
{
    carrier_t *self = *state;
    processed_t got;
    retry_t retry;
    pack_map(&self->packed, 2);
    pack_text(&self->packed, "id", 2);
    pack_text(&self->packed, "c1", 2);
    pack_text(&self->packed, "next_attempt", 12);
    pack_text(&self->packed, "1970-01-01T00:00:01.5Z", 22);
    assert_int_equal(read_packed(self, MSG_retry, &retry), OK);
    assert_int_equal(retry.next_attempt, 1500);

    buffer_clear(&self->packed);
    sample_processed.lsn = 0;
    message_pack(MSG_processed, &sample_processed, &self->packed);
    sample_processed.lsn = 5;
    self->packed.data[0]++; /* one more field */
    pack_text(&self->packed, "lsn", 3);
    pack_text(&self->packed, "1/a", 3);
    assert_int_equal(read_packed(self, MSG_processed, &got), OK);
    assert_true(got.lsn == 0x10000000A);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_of_documented_messages_do_not_change),
        TEST(documented_messages_survive),
        TEST(a_message_cut_anywhere_is_malformed),
        TEST(plain_kinds_survive),
        TEST(bytes_and_bodies_point_into_the_bytes),
        TEST(texts_and_lists_in_lists_survive),
        TEST(required_zeros_are_packed_as_empty),
        TEST(times_and_positions_are_read_as_texts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
