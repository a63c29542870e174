/*  table_rows_test - rows that come as logical messages, and messages that are none.  */

#include "actors/server/postgres/table_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static arena_t arena;

static table_row_t
read(const char *text)
{
    table_row_t row = {0};
    fault_t fault = {0};
    const bytes_t content = {(const uint8_t *) text, strlen(text)};
    if (table_row_read(content, &arena, &row, &fault) != OK)
        fail_msg("%s", fault.text);
    return row;
}

static void
assert_text(const pgoutput_value_t *value, const char *text)
{
    assert_int_equal(value->kind, 't');
    assert_int_equal(value->text.size, strlen(text));
    assert_memory_equal(value->text.data, text, strlen(text));
}

static void
reads_plain_values(void **state)
{
    (void) state;
    const table_row_t row = read("{key,tasks,id,7,title,Tea}");
    assert_string_equal(row.token, "key");
    assert_string_equal(row.table, "tasks");
    assert_int_equal(row.n, 2);
    assert_string_equal(row.columns[0], "id");
    assert_text(&row.values[0], "7");
    assert_string_equal(row.columns[1], "title");
    assert_text(&row.values[1], "Tea");
}

static void
tells_null_from_its_word_and_from_nothing(void **state)
{
    (void) state;
    const table_row_t row = read("{k,t,a,NULL,b,\"NULL\",c,\"\"}");
    assert_int_equal(row.values[0].kind, 'n');
    assert_text(&row.values[1], "NULL");
    assert_text(&row.values[2], "");
}

static void
reads_quoted_values(void **state)
{
    (void) state;
    const table_row_t row = read("{k,\"my tasks\",\"a,b\",\"{\\\"x\\\": \\\\n}\"}");
    assert_string_equal(row.table, "my tasks");
    assert_string_equal(row.columns[0], "a,b");
    assert_text(&row.values[0], "{\"x\": \\n}");
}

static void
a_table_alone_says_that_its_rows_follow(void **state)
{
    (void) state;
    assert_int_equal(read("{key,tasks}").n, 0);
}

static void
refuses_what_is_no_row(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "",
        "{}",
        "tasks",
        "{k,tasks",
        "{k,tasks}x",
        "{k}",
        "{NULL,t}",
        "{\"\",t}",
        "{k,t,a}",
        "{k,t,a,1",
        "{k,t,a,1,}",
        "{k,t,,1}",
        "{k,NULL,a,1}",
        "{k,\"\",a,1}",
        "{k,t,NULL,1}",
        "{k,t,\"\",1}",
        "{k,t,a,\"1}",
        "{k,t,a,\"1\\",
        "{k,t,a,{1}}",
        "{k,t,a,1\"}",
        "{k,t,a,\"1\"2}",
        "[0:1]={k,t}",
        "{k,t,a,1,b}",
        "{k,t,a,\xff}",
        " {k,t,a,1}",
        "{k,t,a,b\\c}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        table_row_t row;
        fault_t fault = {0};
        const bytes_t content = {(const uint8_t *) texts[i], strlen(texts[i])};
        if (table_row_read(content, &arena, &row, &fault) != ERR_PROTOCOL)
            fail_msg("%s was read", texts[i]);
        assert_non_null(strstr(fault.text, "waybill-row"));
    }
}

static void
refuses_a_nul(void **state)
{
    (void) state;
    table_row_t row;
    const bytes_t content = {(const uint8_t *) "{k,t,a,\0}", 9};
    assert_int_equal(table_row_read(content, &arena, &row, NULL), ERR_PROTOCOL);
}

static void
refuses_more_columns_than_a_table_can_have(void **state)
{
    (void) state;
    buffer_t text = {0};
    buffer_add_text(&text, "{k,t");
    for (int i = 0; i < PGOUTPUT_COLUMNS; i++)
        buffer_add_text(&text, ",a,1");
    buffer_add_text(&text, "}");
    assert_int_equal(read(buffer_text(&text)).n, PGOUTPUT_COLUMNS);
    text.size--;
    buffer_add_text(&text, ",a,1}");
    table_row_t row;
    assert_int_equal(table_row_read(buffer_bytes(&text), &arena, &row, NULL), ERR_PROTOCOL);
    buffer_release(&text);
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
        cmocka_unit_test(reads_plain_values),
        cmocka_unit_test(tells_null_from_its_word_and_from_nothing),
        cmocka_unit_test(reads_quoted_values),
        cmocka_unit_test(a_table_alone_says_that_its_rows_follow),
        cmocka_unit_test(refuses_what_is_no_row),
        cmocka_unit_test(refuses_a_nul),
        cmocka_unit_test(refuses_more_columns_than_a_table_can_have),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
