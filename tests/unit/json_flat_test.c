/*  The short way to read JSON: whatever it takes, it takes as the long way does.  */

#include "schemas/codec.h"
#include "schemas/json_flat.h"

#include <string.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bytes_t
bytes_of(const char *text)
{
    return (bytes_t){(const uint8_t *) text, strlen(text)};
}

/*  An object inside of another is always read the long way; in front of it stand three bytes of
    msgpack: a map of one, and its name.  */
static bool
read_long(const char *json, buffer_t *out)
{
    buffer_t nested = {0};
    buffer_add_format(&nested, "{\"x\":%s}", json);
    const err_t err = json_to_msgpack(buffer_text(&nested), nested.size, out, NULL);
    buffer_release(&nested);
    return err == OK;
}

static void
both_ways_read_the_same(void **state)
{
    (void) state;
    static const char *const rows[] = {
        "{\"a\":1}",
        "{ \"id\" : \"item-1\" ,\n\t\"n\" : -12 , \"none\" : null }",
        "{\"\":\"\",\"text\":\"Grüße, 日本\"}",
        "{\"least\":-999999999999999999,\"most\":999999999999999999,\"zero\":0}",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buffer_t flat = {0}, nested = {0};
        assert_true(json_flat_to_msgpack(bytes_of(rows[i]), &flat));
        assert_true(read_long(rows[i], &nested));
        assert_int_equal(flat.size + 3, nested.size);
        assert_memory_equal(flat.data, nested.data + 3, flat.size);
        buffer_release(&flat);
        buffer_release(&nested);
    }
}

static void
leaves_everything_else_to_the_long_way(void **state)
{
    (void) state;
    static const char *const others[] = {
        "",
        "{",
        "{}",
        "[1]",
        "1",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1}x",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":01}",
        "{\"a\":-0}",
        "{\"a\":- 1}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":true}",
        "{\"a\":nul}",
        "{\"a\":[1]}",
        "{\"a\":{\"$blob\":\"AA==\"}}",
        "{\"a\":1234567890123456789}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"b\n\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"b}",
        "{a:1}",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        buffer_t out = {0};
        if (json_flat_to_msgpack(bytes_of(others[i]), &out))
            fail_msg("%s was taken", others[i]);
        assert_int_equal(out.size, 0);
        buffer_release(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_read_the_same),
        cmocka_unit_test(leaves_everything_else_to_the_long_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
