/*  The first frame of every message: what goes in comes out, and nothing else is believed.  */

#include "bus/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static envelope_t
sample(void)
{
    return (envelope_t){
        .kind = ENVELOPE_REQ,
        .type = "outbox_fetch",
        .hash = 0xdeadbeef,
        .from = "connection-manager",
        .to = "recorder",
        .id = {1, 2, 3},
        .cause = {4},
        .trace = {5},
        .epoch = 1700000000000,
        .seq = 77,
        .sent_ns = UINT64_MAX,
        .deadline_ns = 300,
        .key = "a key of more than thirty-one characters",
        .flags = FLAG_REDELIVERED | FLAG_CONFLATE,
        .attempt = 2,
        .hop = 9,
    };
}

static err_t
unpack(const uint8_t *data, size_t size, envelope_t *envelope)
{
    static envelope_names_t names;
    /* A block of exactly that size, so that a byte read too far is caught. */
    uint8_t *exact = mem_grow(NULL, size + 1);
    memcpy(exact, data, size);
    err_t err = envelope_unpack((bytes_t){exact, size}, envelope, &names);
    free(exact);
    return err;
}

static void
everything_survives(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    assert_int_equal(unpack(frame, size, &out), OK);
    assert_string_equal(out.type, in.type);
    assert_string_equal(out.from, in.from);
    assert_string_equal(out.to, in.to);
    assert_string_equal(out.key, in.key);
    assert_memory_equal(out.id, in.id, 16);
    assert_true(uuid_is_zero(out.corr));
    assert_memory_equal(out.cause, in.cause, 16);
    assert_memory_equal(out.trace, in.trace, 16);
    assert_int_equal(out.kind, in.kind);
    assert_int_equal(out.hash, in.hash);
    assert_int_equal(out.epoch, in.epoch);
    assert_int_equal(out.seq, in.seq);
    assert_true(out.sent_ns == in.sent_ns);
    assert_int_equal(out.deadline_ns, in.deadline_ns);
    assert_int_equal(out.flags, in.flags);
    assert_int_equal(out.attempt, in.attempt);
    assert_int_equal(out.hop, in.hop);
}

static void
a_frame_cut_anywhere_is_refused(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(unpack(frame, cut, &out), ERR_MALFORMED);
}

static void
bytes_behind_the_frame_are_refused(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM + 1];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    frame[size] = 0;
    assert_int_equal(unpack(frame, size + 1, &out), ERR_MALFORMED);
}

/*  Whatever one byte is changed to, the reader answers and reads nothing beyond the end.  */
static void
no_changed_byte_harms_the_reader(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    size_t refused = 0;
    for (size_t at = 0; at < size; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = frame[at];
            frame[at] = (uint8_t) value;
            refused += unpack(frame, size, &out) != OK;
            frame[at] = kept;
        }
    assert_true(refused > size);
}

static void
a_higher_version_is_refused(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    frame[3] = ENVELOPE_VERSION + 1;
    assert_int_equal(unpack(frame, size, &out), ERR_MALFORMED);
}

/*  Its attempt is the byte before the hop and the extensions.  */
static void
a_number_may_have_a_signed_form_if_it_is_not_negative(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame) - 3;
    memcpy(frame + size, "\xd1\x00\x05\x09\x80", 5);
    assert_int_equal(unpack(frame, size + 5, &out), OK);
    assert_int_equal(out.attempt, 5);
    memcpy(frame + size, "\xd1\xff\xfb\x09\x80", 5);
    assert_int_equal(unpack(frame, size + 5, &out), ERR_MALFORMED);
}

static void
an_unknown_kind_is_refused(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    frame[4] = ENVELOPE_KIND_COUNT;
    assert_int_equal(unpack(frame, size, &out), ERR_MALFORMED);
}

/*  The last byte of a packed envelope is its empty map of extensions.  */
static void
an_unknown_extension_is_skipped_unless_it_must_be_understood(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM + 16];
    envelope_t in = sample(), out;
    size_t size = envelope_pack(&in, frame);
    static const uint8_t optional[] = {0x82, 0xa1, 'x', 0x91, 0x01, 0xa1, 'y', 0xc3};
    memcpy(frame + size - 1, optional, sizeof optional);
    assert_int_equal(unpack(frame, size - 1 + sizeof optional, &out), OK);
    static const uint8_t demanded[] = {0x82, 0xa1, 'x', 0x91, 0x01, 0xa2, '!', 'y', 0xc3};
    memcpy(frame + size - 1, demanded, sizeof demanded);
    assert_int_equal(unpack(frame, size - 1 + sizeof demanded, &out), ERR_MALFORMED);
}

static void
a_name_that_is_too_long_or_holds_a_nul_is_refused(void **state)
{
    (void) state;
    uint8_t frame[ENVELOPE_ROOM];
    envelope_t in = sample(), out;
    char name[NAME_ROOM + 1];
    memset(name, 'n', NAME_ROOM);
    name[NAME_ROOM] = '\0';
    in.type = name;
    size_t size = envelope_pack(&in, frame);
    assert_int_equal(unpack(frame, size, &out), OK);
    frame[6] = NAME_ROOM - 1; /* the length of the text that follows */
    assert_int_equal(unpack(frame, size, &out), ERR_MALFORMED);
    frame[6] = NAME_ROOM;
    frame[10] = '\0';
    assert_int_equal(unpack(frame, size, &out), ERR_MALFORMED);
}

static void
every_kind_has_a_lane(void **state)
{
    (void) state;
    assert_int_equal(envelope_lane(ENVELOPE_REQ), LANE_lo);
    assert_int_equal(envelope_lane(ENVELOPE_EVT), LANE_lo);
    assert_int_equal(envelope_lane(ENVELOPE_REP), LANE_hi);
    assert_int_equal(envelope_lane(ENVELOPE_CREDIT), LANE_hi);
    assert_string_equal(envelope_kind_name(ENVELOPE_NAK), "NAK");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_survives),
        cmocka_unit_test(a_frame_cut_anywhere_is_refused),
        cmocka_unit_test(bytes_behind_the_frame_are_refused),
        cmocka_unit_test(no_changed_byte_harms_the_reader),
        cmocka_unit_test(a_higher_version_is_refused),
        cmocka_unit_test(a_number_may_have_a_signed_form_if_it_is_not_negative),
        cmocka_unit_test(an_unknown_kind_is_refused),
        cmocka_unit_test(an_unknown_extension_is_skipped_unless_it_must_be_understood),
        cmocka_unit_test(a_name_that_is_too_long_or_holds_a_nul_is_refused),
        cmocka_unit_test(every_kind_has_a_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
