/*  pgoutput_test - each message of PostgreSQL's logical replication, and what is none.  */

#include "actors/server/postgres/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) ((bytes_t){(const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})})
#define LSN 0, 0, 0, 1, 0, 0, 0x0a, 0x18
#define LATER 0, 0, 0, 1, 0, 0, 0x0a, 0x48
#define TIME 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40 /* a second after 2000 */
#define TABLE 0, 0, 0x40, 1
#define TASKS 't', 'a', 's', 'k', 's', 0
#define PUBLIC 'p', 'u', 'b', 'l', 'i', 'c', 0
#define ID 1, 'i', 'd', 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff

static const uint64_t lsn = 0x100000a18;

static arena_t arena;

static pgoutput_message_t
read(bytes_t bytes)
{
    pgoutput_message_t message;
    fault_t fault = {0};
    if (pgoutput_read(bytes, &arena, &message, &fault) != OK)
        fail_msg("%s", fault.text);
    return message;
}

static void
assert_value(const pgoutput_value_t *value, char kind, const char *text)
{
    assert_int_equal(value->kind, kind);
    assert_int_equal(value->text.size, strlen(text));
    assert_memory_equal(value->text.data, text, strlen(text));
}

static void
reads_begin(void **state)
{
    (void) state;
    const pgoutput_message_t message = read(BYTES('B', LSN, TIME, 0, 0, 2, 0xe7));
    assert_int_equal(message.kind, PGOUTPUT_BEGIN);
    assert_true(message.lsn == lsn);
    assert_true(message.time_ms == 946684801000);
    assert_int_equal(message.xid, 743);
}

static void
reads_commit(void **state)
{
    (void) state;
    const pgoutput_message_t message = read(BYTES('C', 0, LSN, LATER, TIME));
    assert_int_equal(message.kind, PGOUTPUT_COMMIT);
    assert_true(message.lsn == lsn);
    assert_true(message.end == lsn + 0x30);
    assert_true(message.time_ms == 946684801000);
}

static void
reads_a_time_before_2000(void **state)
{
    (void) state;
    const pgoutput_message_t message =
        read(BYTES('C', 0, LSN, LATER, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0xbd, 0xc0));
    assert_true(message.time_ms == 946684799000);
}

static void
reads_a_relation_with_its_columns(void **state)
{
    (void) state;
    const pgoutput_message_t message = read(
        BYTES('R', TABLE, PUBLIC, TASKS, 'd', 0, 2, ID, 0, 'n', 0, 0, 0, 6, 0xa4, 0, 0, 0, 8));
    assert_int_equal(message.kind, PGOUTPUT_RELATION);
    assert_int_equal(message.relation, 0x4001);
    assert_string_equal(message.schema, "public");
    assert_string_equal(message.table, "tasks");
    assert_int_equal(message.identity, 'd');
    assert_int_equal(message.n_columns, 2);
    assert_true(message.columns[0].key);
    assert_string_equal(message.columns[0].name, "id");
    assert_int_equal(message.columns[0].type, 25);
    assert_int_equal(message.columns[0].modifier, -1);
    assert_false(message.columns[1].key);
    assert_int_equal(message.columns[1].type, 1700);
    assert_int_equal(message.columns[1].modifier, 8);
}

static void
reads_a_relation_of_the_catalog_and_one_without_columns(void **state)
{
    (void) state;
    const pgoutput_message_t message = read(BYTES('R', TABLE, 0, TASKS, 'n', 0, 0));
    assert_string_equal(message.schema, "");
    assert_int_equal(message.n_columns, 0);
}

static void
reads_an_insert(void **state)
{
    (void) state;
    const pgoutput_message_t message =
        read(BYTES('I', TABLE, 'N', 0, 3, 't', 0, 0, 0, 2, '4', '2', 'n', 't', 0, 0, 0, 0));
    assert_int_equal(message.kind, PGOUTPUT_INSERT);
    assert_int_equal(message.relation, 0x4001);
    assert_int_equal(message.old_kind, 0);
    assert_int_equal(message.old.n, 0);
    assert_int_equal(message.fresh.n, 3);
    assert_value(&message.fresh.values[0], 't', "42");
    assert_value(&message.fresh.values[1], 'n', "");
    assert_value(&message.fresh.values[2], 't', "");
}

static void
reads_an_update_with_what_was_not_sent(void **state)
{
    (void) state;
    const pgoutput_message_t message =
        read(BYTES('U', TABLE, 'N', 0, 2, 't', 0, 0, 0, 1, '7', 'u'));
    assert_int_equal(message.kind, PGOUTPUT_UPDATE);
    assert_int_equal(message.old_kind, 0);
    assert_int_equal(message.fresh.n, 2);
    assert_value(&message.fresh.values[1], 'u', "");
}

static void
reads_an_update_with_the_old_key_or_row(void **state)
{
    (void) state;
    static const char kinds[] = "KO";
    for (size_t i = 0; i < strlen(kinds); i++) {
        const pgoutput_message_t message =
            read(BYTES('U', TABLE, (uint8_t) kinds[i], 0, 1, 't', 0, 0, 0, 1, '7', 'N', 0, 1,
                       't', 0, 0, 0, 1, '8'));
        assert_int_equal(message.old_kind, kinds[i]);
        assert_value(&message.old.values[0], 't', "7");
        assert_value(&message.fresh.values[0], 't', "8");
    }
}

static void
reads_a_delete(void **state)
{
    (void) state;
    const pgoutput_message_t message =
        read(BYTES('D', TABLE, 'K', 0, 2, 't', 0, 0, 0, 1, '7', 'n'));
    assert_int_equal(message.kind, PGOUTPUT_DELETE);
    assert_int_equal(message.old_kind, 'K');
    assert_int_equal(message.old.n, 2);
    assert_int_equal(message.fresh.n, 0);
    assert_value(&message.old.values[0], 't', "7");
}

static void
reads_a_truncate_of_several_tables(void **state)
{
    (void) state;
    const pgoutput_message_t message = read(BYTES('T', 0, 0, 0, 2, 3, TABLE, 0, 0, 0x40, 9));
    assert_int_equal(message.kind, PGOUTPUT_TRUNCATE);
    assert_true(message.cascade);
    assert_true(message.restart_identity);
    assert_int_equal(message.n_relations, 2);
    assert_int_equal(message.relations[0], 0x4001);
    assert_int_equal(message.relations[1], 0x4009);
}

static void
reads_a_logical_message(void **state)
{
    (void) state;
    const pgoutput_message_t message =
        read(BYTES('M', 1, LSN, 'w', 'a', 'y', 0, 0, 0, 0, 3, 'a', 0, 'b'));
    assert_int_equal(message.kind, PGOUTPUT_MESSAGE);
    assert_true(message.transactional);
    assert_true(message.lsn == lsn);
    assert_string_equal(message.prefix, "way");
    assert_int_equal(message.content.size, 3);
    assert_memory_equal(message.content.data, "a\0b", 3);
    assert_false(read(BYTES('M', 0, LSN, 0, 0, 0, 0, 0)).transactional);
}

static void
passes_over_origins_and_types(void **state)
{
    (void) state;
    assert_int_equal(read(BYTES('O', LSN, 'x', 0)).kind, PGOUTPUT_OTHER);
    assert_int_equal(read(BYTES('Y', TABLE, PUBLIC, TASKS)).kind, PGOUTPUT_OTHER);
}

/*  One of each kind, with everything that it may have.  */
static const bytes_t *
one_of_each(size_t *n)
{
    static bytes_t each[16];
    const bytes_t messages[] = {
        BYTES('B', LSN, TIME, 0, 0, 2, 0xe7),
        BYTES('C', 0, LSN, LATER, TIME),
        BYTES('R', TABLE, PUBLIC, TASKS, 'd', 0, 1, ID),
        BYTES('I', TABLE, 'N', 0, 2, 't', 0, 0, 0, 2, '4', '2', 'n'),
        BYTES('U', TABLE, 'N', 0, 2, 't', 0, 0, 0, 1, '7', 'u'),
        BYTES('U', TABLE, 'K', 0, 1, 'n', 'N', 0, 1, 't', 0, 0, 0, 1, '8'),
        BYTES('D', TABLE, 'O', 0, 1, 't', 0, 0, 0, 1, '7'),
        BYTES('T', 0, 0, 0, 1, 0, TABLE),
        BYTES('M', 1, LSN, 'w', 0, 0, 0, 0, 1, 'a'),
        BYTES('O', LSN, 'x', 0),
        BYTES('Y', TABLE, PUBLIC, TASKS),
    };
    *n = COUNT_OF(messages);
    for (size_t i = 0; i < *n; i++)
        each[i] = arena_bytes(&arena, messages[i]);
    return each;
}

static void
assert_refused(bytes_t bytes, const char *words)
{
    pgoutput_message_t message;
    fault_t fault = {0};
    assert_int_equal(pgoutput_read(bytes, &arena, &message, &fault), ERR_PROTOCOL);
    assert_int_equal(fault.err, ERR_PROTOCOL);
    if (strstr(fault.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, fault.text);
}

static void
refuses_each_message_cut_off_anywhere(void **state)
{
    (void) state;
    size_t n;
    const bytes_t *each = one_of_each(&n);
    for (size_t i = 0; i < n; i++)
        for (size_t size = 1; size < each[i].size; size++)
            assert_refused((bytes_t){each[i].data, size}, "which ends in its ");
}

static void
refuses_each_message_with_bytes_too_many(void **state)
{
    (void) state;
    size_t n;
    const bytes_t *each = one_of_each(&n);
    for (size_t i = 0; i < n; i++) {
        uint8_t *longer = arena_new(&arena, each[i].size + 1);
        memcpy(longer, each[i].data, each[i].size);
        assert_refused((bytes_t){longer, each[i].size + 1}, "message with 1 bytes too many");
    }
}

static void
names_the_message_and_what_is_wrong_in_it(void **state)
{
    (void) state;
    const struct {
        bytes_t bytes;
        const char *words;
    } cases[] = {
        {{NULL, 0}, "empty"},
        {BYTES('S', 0, 0, 0, 1, 1), "unknown kind 0x53"},
        {BYTES(0), "unknown kind 0x00"},
        {BYTES(0xff), "unknown kind 0xff"},
        {BYTES('C', 1, LSN, LATER, TIME), "Commit message, impossible in its flags"},
        {BYTES('R', TABLE, PUBLIC, 0, 'd', 0, 0), "Relation message, impossible in its table"},
        {BYTES('R', TABLE, PUBLIC, TASKS, 'x', 0, 0), "impossible in its replica identity"},
        {BYTES('R', TABLE, PUBLIC, TASKS, 'd', 0, 1, 2, 'i', 0, 0, 0, 0, 25, 0, 0, 0, 0),
         "impossible in its flags of a column"},
        {BYTES('R', TABLE, PUBLIC, TASKS, 'd', 0, 1, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0),
         "ends in its columns"},
        {BYTES('R', TABLE, PUBLIC, TASKS, 'd', 0, 1, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0),
         "impossible in its name of a column"},
        {BYTES('I', TABLE, 'K', 0, 0), "Insert message, impossible in its kind of row"},
        {BYTES('I', TABLE, 'N', 0, 1, 'b', 0, 0, 0, 0), "impossible in its row"},
        {BYTES('I', TABLE, 'N', 0, 1, 't', 0xff, 0xff, 0xff, 0xff, 'x'), "ends in its row"},
        {BYTES('I', TABLE, 'N', 0xff, 0xff, 'n'), "ends in its row"},
        {BYTES('U', TABLE, 'K', 0, 0, 'K', 0, 0), "Update message, impossible in its kind"},
        {BYTES('D', TABLE, 'N', 0, 0), "Delete message, impossible in its kind of row"},
        {BYTES('D', TABLE, 'K', 0, 1, 'x'), "impossible in its old row"},
        {BYTES('T', 0, 0, 0, 1, 4, TABLE), "Truncate message, impossible in its options"},
        {BYTES('T', 0xff, 0xff, 0xff, 0xff, 0, TABLE), "Truncate message, which ends in its"},
        {BYTES('M', 2, LSN, 'w', 0, 0, 0, 0, 0), "Message message, impossible in its flags"},
        {BYTES('M', 0, LSN, 'w', 0, 0xff, 0xff, 0xff, 0xff), "ends in its content"},
        {BYTES('Y', TABLE, PUBLIC, 0), "Type message, impossible in its name"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_refused(cases[i].bytes, cases[i].words);
}

static void
refuses_more_columns_than_a_table_can_have(void **state)
{
    (void) state;
    static uint8_t wide[8 + PGOUTPUT_COLUMNS + 1] = {'I', TABLE, 'N', 1664 >> 8, 1664 & 255};
    memset(wide + 8, 'n', sizeof(wide) - 8);
    assert_int_equal(read((bytes_t){wide, sizeof(wide) - 1}).fresh.n, PGOUTPUT_COLUMNS);
    wide[7]++;
    assert_refused((bytes_t){wide, sizeof(wide)}, "impossible in its row");
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
        cmocka_unit_test(reads_begin),
        cmocka_unit_test(reads_commit),
        cmocka_unit_test(reads_a_time_before_2000),
        cmocka_unit_test(reads_a_relation_with_its_columns),
        cmocka_unit_test(reads_a_relation_of_the_catalog_and_one_without_columns),
        cmocka_unit_test(reads_an_insert),
        cmocka_unit_test(reads_an_update_with_what_was_not_sent),
        cmocka_unit_test(reads_an_update_with_the_old_key_or_row),
        cmocka_unit_test(reads_a_delete),
        cmocka_unit_test(reads_a_truncate_of_several_tables),
        cmocka_unit_test(reads_a_logical_message),
        cmocka_unit_test(passes_over_origins_and_types),
        cmocka_unit_test(refuses_each_message_cut_off_anywhere),
        cmocka_unit_test(refuses_each_message_with_bytes_too_many),
        cmocka_unit_test(names_the_message_and_what_is_wrong_in_it),
        cmocka_unit_test(refuses_more_columns_than_a_table_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
