#include "schemas/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
every_message_is_found_by_its_name(void **state)
{
    (void) state;
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        assert_int_equal(message_named(schema_of(id)->name), id);
    assert_int_equal(message_named("error"), MSG_problem);
    assert_int_equal(message_named(""), MSG_COUNT);
    assert_int_equal(message_named("no_such_message"), MSG_COUNT);
    assert_string_equal(class_name(schema_of(MSG_connect)->class), "COMMAND");
}

/*  Computed apart from this code, from names, kinds, flags and the hashes of elements.  */
static void
a_hash_covers_all_of_the_shape(void **state)
{
    (void) state;
    assert_int_equal(schema_hash(MSG_connect), 0xf8e2abfbu);
    assert_int_equal(schema_hash(MSG_change_recorded), 0x3c2b877au);
    assert_int_equal(schema_hash(MSG_retry), 0xc97dd5b4u);
    assert_int_equal(schema_hash(MSG_retry_schedule), 0x96c0e42au);
    assert_int_equal(schema_hash(MSG_credentials), 0xf6ce1235u);
}

static void
no_two_messages_share_a_hash(void **state)
{
    (void) state;
    for (message_id_t id = 0; id < MSG_COUNT; id++)
        for (message_id_t other = 0; other < id; other++)
            assert_int_not_equal(schema_hash(id), schema_hash(other));
}

/*  What the walkers rely on.  */
static void
check_field(const field_t *field, message_id_t owner)
{
    assert_int_equal(field->name_size, strlen(field->name));
    assert_true(field->name_size < 32);
    if (field->kind != KIND_LIST && field->kind != KIND_ONE)
        return;
    /* An event may be listed as well, as the lines of the log are. */
    const message_class_t class = schema_of(field->element)->class;
    assert_true(class == CLASS_RECORD || class == CLASS_EVENT);
    assert_true(field->element < owner);
}

static void
declarations_keep_to_their_limits(void **state)
{
    (void) state;
    for (message_id_t id = 0; id < MSG_COUNT; id++) {
        const schema_t *schema = schema_of(id);
        assert_true(schema->n_fields <= 64);
        for (size_t i = 0; i < schema->n_fields; i++)
            check_field(&schema->fields[i], id);
    }
}

static void
no_message_of_the_wire_takes_a_name_of_the_frame(void **state)
{
    (void) state;
    const schema_t *frame = schema_of(MSG_frame);
    for (message_id_t id = 0; id < MSG_COUNT; id++) {
        const schema_t *schema = schema_of(id);
        if (schema->class != CLASS_WIRE || id == MSG_frame)
            continue;
        for (size_t i = 0; i < schema->n_fields * frame->n_fields; i++)
            assert_string_not_equal(schema->fields[i / frame->n_fields].name,
                                    frame->fields[i % frame->n_fields].name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_found_by_its_name),
        cmocka_unit_test(a_hash_covers_all_of_the_shape),
        cmocka_unit_test(no_two_messages_share_a_hash),
        cmocka_unit_test(declarations_keep_to_their_limits),
        cmocka_unit_test(no_message_of_the_wire_takes_a_name_of_the_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
